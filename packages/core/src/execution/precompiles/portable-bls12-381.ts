/** The curve BLS12-381 on @noble, in pure JavaScript. */

import { bls12_381 } from "@noble/curves/bls12-381.js";
import { bigIntToFixedBytes, bytesToBigInt, concatBytes } from "../../base/bytes.ts";
import type { Bls12, Group } from "../../crypto/curves.ts";
import {
  type G1Point,
  type G2Point,
  isInG1,
  isInG2,
  sumOfProductsInG1,
  sumOfProductsInG2,
} from "./bls12-381-groups.ts";

const G1 = bls12_381.G1.Point;
const G2 = bls12_381.G2.Point;
const { Fp, Fp2, Fp12, Fr } = bls12_381.fields;
type Lines = ReturnType<typeof bls12_381.utils.calcPairingPrecomputes>;
type Product = typeof Fp12.ONE;

const FIELD_BYTES = 48;

const element = (bytes: Uint8Array, index: number): bigint =>
  bytesToBigInt(bytes.subarray(index * FIELD_BYTES, (index + 1) * FIELD_BYTES));
const pairOf = (bytes: Uint8Array, index: number) =>
  Fp2.create({ c0: element(bytes, index), c1: element(bytes, index + 1) });
const written = (...elements: readonly bigint[]): Uint8Array =>
  concatBytes(...elements.map((value) => bigIntToFixedBytes(value, FIELD_BYTES)));
const factorsOf = (factors: readonly Uint8Array[]): bigint[] =>
  factors.map((factor) => bytesToBigInt(factor) % Fr.ORDER);

const first: Group<G1Point> = {
  zero: G1.ZERO,
  fromAffine(coordinates) {
    const [x, y] = [element(coordinates, 0), element(coordinates, 1)];
    if (x === 0n && y === 0n) return G1.ZERO;
    if (!Fp.eql(Fp.sqr(y), Fp.add(Fp.mul(Fp.sqr(x), x), G1.CURVE().b))) {
      throw new RangeError("not a point of the curve");
    }
    return G1.fromAffine({ x, y });
  },
  toAffine(point) {
    if (point.is0()) return new Uint8Array(2 * FIELD_BYTES);
    const { x, y } = point.toAffine();
    return written(x, y);
  },
  isZero: (point) => point.is0(),
  add: (a, b) => a.add(b),
  isInSubgroup: isInG1,
  sumOfProducts: (points, factors) => sumOfProductsInG1(points, factorsOf(factors)),
};

const second: Group<G2Point> = {
  zero: G2.ZERO,
  fromAffine(coordinates) {
    const [x, y] = [pairOf(coordinates, 0), pairOf(coordinates, 2)];
    if (Fp2.is0(x) && Fp2.is0(y)) return G2.ZERO;
    if (!Fp2.eql(Fp2.sqr(y), Fp2.add(Fp2.mul(Fp2.sqr(x), x), G2.CURVE().b))) {
      throw new RangeError("not a point of the curve");
    }
    return G2.fromAffine({ x, y });
  },
  toAffine(point) {
    if (point.is0()) return new Uint8Array(4 * FIELD_BYTES);
    const { x, y } = point.toAffine();
    return written(x.c0, x.c1, y.c0, y.c1);
  },
  isZero: (point) => point.is0(),
  add: (a, b) => a.add(b),
  isInSubgroup: isInG2,
  sumOfProducts: (points, factors) => sumOfProductsInG2(points, factorsOf(factors)),
};

/** The library takes one element of the field of its group, whatever its types say. */
const mapToG1 = bls12_381.G1.mapToCurve as unknown as (element: bigint) => G1Point;
const mapToG2 = bls12_381.G2.mapToCurve as unknown as (element: readonly [bigint, bigint]) => G2Point;

export const PORTABLE_BLS12_381: Bls12<G1Point, G2Point, Lines, Product> = {
  first,
  second,
  one: Fp12.ONE,
  prepare: bls12_381.utils.calcPairingPrecomputes,
  // Unlike the library's pairing it checks no point.
  millerLoop: (pairs) =>
    bls12_381.millerLoopBatch(
      pairs.map(([point, lines]) => {
        const { x, y } = point.toAffine();
        return [lines, x, y];
      }),
    ),
  multiply: (a, b) => Fp12.mul(a, b),
  isOne: (product) => Fp12.eql(Fp12.finalExponentiate(product), Fp12.ONE),
  // The library reads points of the subgroup alone.
  decompress: (bytes) => G1.fromBytes(bytes),
  mapToFirst: (bytes) => mapToG1(element(bytes, 0)),
  mapToSecond: (bytes) => mapToG2([element(bytes, 0), element(bytes, 1)]),
};
