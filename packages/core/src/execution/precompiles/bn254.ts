/** Addition, multiplication and the pairing check on bn254 (EIP-196, EIP-197; prices of EIP-1108). */

import { weierstrass } from "@noble/curves/abstract/weierstrass.js";
import { bn254 } from "@noble/curves/bn254.js";
import { bigIntToFixedBytes, bytesToBigInt, concatBytes } from "../../base/bytes.ts";
import { atOnce, inSteps, padded, truth } from "./steps.ts";
import type { Precompile } from "./types.ts";

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

const FIELD_BYTES = 32;
const POINT_BYTES = 2 * FIELD_BYTES;
const PAIR_BYTES = 6 * FIELD_BYTES;

function coordinate(bytes: Uint8Array, index: number): bigint {
  const value = bytesToBigInt(bytes.subarray(index * FIELD_BYTES, (index + 1) * FIELD_BYTES));
  if (value >= Fp.ORDER) throw new RangeError("a coordinate is not in the field");
  return value;
}

/** All points of the curve are in the group. */
function readG1(bytes: Uint8Array): G1Point {
  const [x, y] = [coordinate(bytes, 0), coordinate(bytes, 1)];
  if (x === 0n && y === 0n) return G1.ZERO;
  const point = G1.fromAffine({ x, y });
  point.assertValidity();
  return point;
}

/** The imaginary part of a coordinate comes first. */
function readG2(bytes: Uint8Array): G2Point {
  const [x1, x0, y1, y0] = [0, 1, 2, 3].map((index) => coordinate(bytes, index)) as [bigint, bigint, bigint, bigint];
  if (x0 === 0n && x1 === 0n && y0 === 0n && y1 === 0n) return G2.ZERO;
  const point = G2.fromAffine({ x: Fp2.create({ c0: x0, c1: x1 }), y: Fp2.create({ c0: y0, c1: y1 }) });
  point.assertValidity();
  return point;
}

function writeG1(point: G1Point): Uint8Array {
  if (point.is0()) return new Uint8Array(POINT_BYTES);
  const { x, y } = point.toAffine();
  return concatBytes(bigIntToFixedBytes(x, FIELD_BYTES), bigIntToFixedBytes(y, FIELD_BYTES));
}

function add(input: Uint8Array): Uint8Array {
  const bytes = padded(input, 2 * POINT_BYTES);
  return writeG1(readG1(bytes).add(readG1(bytes.subarray(POINT_BYTES))));
}

function multiply(input: Uint8Array): Uint8Array {
  const bytes = padded(input, POINT_BYTES + 32);
  return writeG1(readG1(bytes).multiplyUnsafe(bytesToBigInt(bytes.subarray(POINT_BYTES)) % Fr.ORDER));
}

/** A pairing before its last exponentiation, which a product needs once. Unlike the library's it checks no point. */
function millerLoop(g1: G1Point, g2: G2Point) {
  const { x, y } = g1.toAffine();
  return bn254.millerLoopBatch([[bn254.utils.calcPairingPrecomputes(g2), x, y]]);
}

/** Whether the product of the pairings is one, a pair a step. */
function* checkPairing(input: Uint8Array): Generator<void, Uint8Array | undefined> {
  if (input.length % PAIR_BYTES !== 0) return undefined;
  let product = Fp12.ONE;
  for (let offset = 0; offset < input.length; offset += PAIR_BYTES) {
    const [g1, g2] = [readG1(input.subarray(offset)), readG2(input.subarray(offset + POINT_BYTES))];
    // A pair with a point at infinity is one.
    if (!g1.is0() && !g2.is0()) product = Fp12.mul(product, millerLoop(g1, g2));
    yield;
  }
  return truth(Fp12.eql(Fp12.finalExponentiate(product), Fp12.ONE));
}

const addition = (gas: number): Precompile => atOnce(() => gas, add);
const multiplication = (gas: number): Precompile => atOnce(() => gas, multiply);
const pairing = (base: number, pair: number): Precompile =>
  inSteps(({ length }) => base + pair * Math.floor(length / PAIR_BYTES), checkPairing);

export const BN254_ADD = addition(500);
export const BN254_MUL = multiplication(40_000);
export const BN254_PAIRING = pairing(100_000, 80_000);
/** EIP-1108. */
export const BN254_ADD_ISTANBUL = addition(150);
export const BN254_MUL_ISTANBUL = multiplication(6_000);
export const BN254_PAIRING_ISTANBUL = pairing(45_000, 34_000);
