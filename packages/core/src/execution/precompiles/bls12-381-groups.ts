/**
 * Multiplication in the groups of BLS12-381 by their endomorphisms. Multiplying by the curve's parameter x, of which six
 * bits are set, is the same as applying an endomorphism, up to the sign; so a factor of 255 bits becomes two of 128 in G1
 * and four of 64 in G2, which share one chain of doublings, and so does the proof that a point is in its subgroup. Sources:
 * Galbraith, Lin and Scott (ePrint 2008/194), Scott (ePrint 2021/1130). Factors are public: time may depend on them.
 */

import { mulAddUnsafe } from "@noble/curves/abstract/curve.js";
import { psiFrobenius } from "@noble/curves/abstract/tower.js";
import { bls12_381 } from "@noble/curves/bls12-381.js";

const G1 = bls12_381.G1.Point;
const G2 = bls12_381.G2.Point;
const { Fp, Fp2 } = bls12_381.fields;
export type G1Point = typeof G1.BASE;
export type G2Point = typeof G2.BASE;

/** |x|; x is negative. Its bits are 63, 62, 60, 57, 48 and 16. */
const X = 0xd201000000010000n;
const X_SQUARED = X * X;
/** Doublings between two bits of |x|, and below the last of them. */
const DOUBLINGS = [1, 2, 3, 9, 32, 16];
/** A cube root of one in the field. */
const BETA = 0x5f19672fdf76ce51ba69c6076a0f77eaddb3a93be6f89688de17d813620a00022e01fffffffefffen;

/** [|x|]P, whatever the order of the point. */
function timesX<P extends { double(): P; add(other: P): P }>(point: P): P {
  let product = point;
  for (const [at, count] of DOUBLINGS.entries()) {
    for (let i = 0; i < count; i++) product = product.double();
    if (at < DOUBLINGS.length - 1) product = product.add(point);
  }
  return product;
}

/** φ(P) = −[x²]P in the subgroup. */
const phi = (point: G1Point): G1Point => new G1(Fp.mul(point.X, BETA), point.Y, point.Z);

let frobenius: ReturnType<typeof psiFrobenius> | undefined;

/** ψ(P) = −[|x|]P in the subgroup. */
function psi(point: G2Point): G2Point {
  // Takes some milliseconds, for whoever uses it.
  frobenius ??= psiFrobenius(Fp, Fp2, Fp2.div(Fp2.ONE, Fp2.NONRESIDUE));
  return frobenius.G2psi(G2, point);
}

export const isInG1 = (point: G1Point): boolean => timesX(timesX(point)).negate().equals(phi(point));
export const isInG2 = (point: G2Point): boolean => timesX(point).negate().equals(psi(point));

/** Sum of the products of points of the subgroup and factors below its order. */
export function sumOfProductsInG1(points: readonly G1Point[], factors: readonly bigint[]): G1Point {
  const parts = points.flatMap((point) => [point, phi(point).negate()]);
  const digits = factors.flatMap((factor) => [factor % X_SQUARED, factor / X_SQUARED]);
  return mulAddUnsafe(G1, parts, digits);
}

/** The same in G2. */
export function sumOfProductsInG2(points: readonly G2Point[], factors: readonly bigint[]): G2Point {
  const parts = points.flatMap((point) => {
    const once = psi(point).negate();
    const twice = psi(once).negate();
    return [point, once, twice, psi(twice).negate()];
  });
  const digits = factors.flatMap((factor) => [
    factor % X,
    (factor / X) % X,
    (factor / X_SQUARED) % X,
    factor / (X_SQUARED * X),
  ]);
  return mulAddUnsafe(G2, parts, digits);
}
