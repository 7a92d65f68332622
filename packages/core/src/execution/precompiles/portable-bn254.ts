/** The curve bn254 on @noble, in pure JavaScript. */

import { weierstrass } from "@noble/curves/abstract/weierstrass.js";
import { bn254 } from "@noble/curves/bn254.js";
import { bigIntToFixedBytes, bytesToBigInt, concatBytes } from "../../base/bytes.ts";
import type { PairingCurve } from "../../crypto/curves.ts";

const { Fp, Fp2, Fp12, Fr } = bn254.fields;
/**
 * The library's group with an endomorphism that the library does not use: (x, y) → (β·x, y) multiplies by a cube root λ of
 * one. A product then takes half as long. β and λ fit together; the pairs (a, b) are short ones with a + b·λ = 0. Source:
 * Gallant, Lambert and Vanstone (CRYPTO 2001).
 */
const G1 = weierstrass(bn254.G1.Point.CURVE(), {
  Fp,
  Fn: Fr,
  allowInfinityPoint: true,
  endo: {
    beta: 0x59e26bcea0d48bacd4f263f1acdb5c4f5763473177fffffen,
    basises: [
      [0x89d3256894d213e3n, -0x6f4d8248eeb859fc8211bbeb7d4f1128n],
      [0x6f4d8248eeb859fd0be4e1541221250bn, 0x89d3256894d213e3n],
    ],
  },
});
const G2 = bn254.G2.Point;
type G1Point = typeof G1.BASE;
type G2Point = typeof G2.BASE;
type Lines = ReturnType<typeof bn254.utils.calcPairingPrecomputes>;
type Product = typeof Fp12.ONE;

const FIELD_BYTES = 32;

const coordinate = (bytes: Uint8Array, index: number): bigint =>
  bytesToBigInt(bytes.subarray(index * FIELD_BYTES, (index + 1) * FIELD_BYTES));

const first: PairingCurve<G1Point, G2Point>["first"] = {
  zero: G1.ZERO,
  fromAffine(coordinates) {
    const [x, y] = [coordinate(coordinates, 0), coordinate(coordinates, 1)];
    if (x === 0n && y === 0n) return G1.ZERO;
    const point = G1.fromAffine({ x, y });
    point.assertValidity();
    return point;
  },
  toAffine(point) {
    if (point.is0()) return new Uint8Array(2 * FIELD_BYTES);
    const { x, y } = point.toAffine();
    return concatBytes(bigIntToFixedBytes(x, FIELD_BYTES), bigIntToFixedBytes(y, FIELD_BYTES));
  },
  isZero: (point) => point.is0(),
  add: (a, b) => a.add(b),
  // All points of the curve are.
  isInSubgroup: () => true,
  sumOfProducts: (points, factors) =>
    points.reduce(
      (sum, point, at) => sum.add(point.multiplyUnsafe(bytesToBigInt(factors[at] as Uint8Array) % Fr.ORDER)),
      G1.ZERO,
    ),
};

const second: PairingCurve<G1Point, G2Point>["second"] = {
  fromAffine(coordinates) {
    const [x0, x1, y0, y1] = [0, 1, 2, 3].map((index) => coordinate(coordinates, index)) as [
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    if (x0 === 0n && x1 === 0n && y0 === 0n && y1 === 0n) return G2.ZERO;
    const [x, y] = [Fp2.create({ c0: x0, c1: x1 }), Fp2.create({ c0: y0, c1: y1 })];
    if (!Fp2.eql(Fp2.sqr(y), Fp2.add(Fp2.mul(Fp2.sqr(x), x), G2.CURVE().b))) {
      throw new RangeError("not a point of the curve");
    }
    return G2.fromAffine({ x, y });
  },
  isZero: (point) => point.is0(),
  isInSubgroup: (point) => point.isTorsionFree(),
};

export const PORTABLE_BN254: PairingCurve<G1Point, G2Point, Lines, Product> = {
  first,
  second,
  one: Fp12.ONE,
  prepare: bn254.utils.calcPairingPrecomputes,
  // Unlike the library's pairing it checks no point.
  millerLoop: (pairs) =>
    bn254.millerLoopBatch(
      pairs.map(([point, lines]) => {
        const { x, y } = point.toAffine();
        return [lines, x, y];
      }),
    ),
  multiply: (a, b) => Fp12.mul(a, b),
  isOne: (product) => Fp12.eql(Fp12.finalExponentiate(product), Fp12.ONE),
};
