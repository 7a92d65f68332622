/**
 * Pairing checks over bn254 (EIP-197) and BLS12-381 (EIP-2537), a pair a step: a transaction can pay for hundreds, a
 * few milliseconds each. Each generator returns whether the product of the pairings is one and throws for what is no
 * point of its group.
 */

import { bls12_381 } from "@noble/curves/bls12-381.js";
import { bn254 } from "@noble/curves/bn254.js";
import { bytesToBigInt } from "../base/bytes.ts";

type Fp12 = ReturnType<typeof bn254.pairing>;

/** How a curve writes its points: coordinates of the field, each of `fieldBytes`. */
interface Encoding {
  readonly curve: typeof bn254 | typeof bls12_381;
  readonly fieldBytes: number;
  /** Order of the halves of an element c0 + c1·u in the input. */
  readonly halves: readonly ["c0", "c1"] | readonly ["c1", "c0"];
}

const BN254: Encoding = { curve: bn254, fieldBytes: 32, halves: ["c1", "c0"] };
const BLS12_381: Encoding = { curve: bls12_381, fieldBytes: 64, halves: ["c0", "c1"] };

/** Coordinates of one pair: two of the point of G1, four of that of G2. */
const COORDINATES = 6;

function* coordinatesOf(pair: Uint8Array, { curve, fieldBytes }: Encoding): Iterable<bigint> {
  for (let offset = 0; offset < pair.length; offset += fieldBytes) {
    const value = bytesToBigInt(pair.subarray(offset, offset + fieldBytes));
    if (value >= curve.fields.Fp.ORDER) throw new RangeError("a coordinate is not in the field");
    yield value;
  }
}

/** The Miller loop of one pair; nothing where one of its points is at infinity, which pairs to one. */
function millerLoop(pair: Uint8Array, encoding: Encoding): Fp12 | undefined {
  const { curve, halves } = encoding;
  const [x, y, ...four] = [...coordinatesOf(pair, encoding)] as [bigint, bigint, bigint, bigint, bigint, bigint];
  const element = (first: bigint, second: bigint) =>
    curve.fields.Fp2.create(halves[0] === "c0" ? { c0: first, c1: second } : { c0: second, c1: first });
  const [G1, G2] = [curve.G1.Point, curve.G2.Point];
  const g1 = x === 0n && y === 0n ? G1.ZERO : G1.fromAffine({ x, y });
  const isInfinite = four.every((value) => value === 0n);
  const g2 = isInfinite ? G2.ZERO : G2.fromAffine({ x: element(four[0], four[1]), y: element(four[2], four[3]) });
  for (const point of [g1, g2]) if (!point.is0()) point.assertValidity();
  return g1.is0() || g2.is0() ? undefined : curve.pairing(g1, g2, false);
}

function* check(input: Uint8Array, encoding: Encoding): Generator<void, boolean> {
  const { Fp12 } = encoding.curve.fields;
  const pairBytes = COORDINATES * encoding.fieldBytes;
  let product = Fp12.ONE;
  for (let offset = 0; offset < input.length; offset += pairBytes) {
    const factor = millerLoop(input.subarray(offset, offset + pairBytes), encoding);
    if (factor !== undefined) product = Fp12.mul(product, factor);
    yield;
  }
  return Fp12.eql(Fp12.finalExponentiate(product), Fp12.ONE);
}

/** @param input pairs of 192 bytes, none left over */
export const checkBn254Pairing = (input: Uint8Array): Generator<void, boolean> => check(input, BN254);

/** @param input pairs of 384 bytes, none left over */
export const checkBls12Pairing = (input: Uint8Array): Generator<void, boolean> => check(input, BLS12_381);
