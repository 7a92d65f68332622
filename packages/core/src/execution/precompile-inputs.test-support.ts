/** Inputs of precompiled contracts, made of a seed: most of them valid, others spoilt. */

import { bls12_381 } from "@noble/curves/bls12-381.js";
import { bn254 } from "@noble/curves/bn254.js";
import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bigIntToFixedBytes, bytesToBigInt, concatBytes } from "../base/bytes.ts";
import { keccak256, signDigest } from "../crypto/crypto.ts";
import type { Dice } from "./dice.test-support.ts";

const fields = (bytes: number, ...values: readonly bigint[]): Uint8Array =>
  concatBytes(...values.map((value) => bigIntToFixedBytes(value, bytes)));

/** A few of a kind, each made once. */
function pool<T>(size: number, make: (index: number) => T): (dice: Dice) => T {
  const made: T[] = [];
  return (dice) => {
    const index = dice.below(size);
    made[index] ??= make(index);
    return made[index] as T;
  };
}

const { Fr, Fp } = bls12_381.fields;
/** The point at infinity, then multiples of the generator; the last but one is the negative of the first. */
const factorOf = (index: number, order: bigint): bigint => [0n, 1n, 2n, 3n, order - 1n, order - 7n][index] as bigint;
const POINTS = 6;

const g1 = pool(POINTS, (index) => {
  if (index === 0) return new Uint8Array(128);
  const { x, y } = bls12_381.G1.Point.BASE.multiply(factorOf(index, Fr.ORDER)).toAffine();
  return fields(64, x, y);
});
const g2 = pool(POINTS, (index) => {
  if (index === 0) return new Uint8Array(256);
  const { x, y } = bls12_381.G2.Point.BASE.multiply(factorOf(index, Fr.ORDER)).toAffine();
  return fields(64, x.c0, x.c1, y.c0, y.c1);
});
const bnG1 = pool(POINTS, (index) => {
  if (index === 0) return new Uint8Array(64);
  const { x, y } = bn254.G1.Point.BASE.multiply(factorOf(index, bn254.fields.Fr.ORDER)).toAffine();
  return fields(32, x, y);
});
const bnG2 = pool(POINTS, (index) => {
  if (index === 0) return new Uint8Array(128);
  const { x, y } = bn254.G2.Point.BASE.multiply(factorOf(index, bn254.fields.Fr.ORDER)).toAffine();
  return fields(32, x.c1, x.c0, y.c1, y.c0);
});
/** Points of y² = x³ + 4 with the first x there is: outside of the subgroup. */
const outside = pool(3, (index) => {
  let x = BigInt(1 + 20 * index);
  while (Fp.pow(x ** 3n + 4n, (Fp.ORDER - 1n) / 2n) !== 1n) x++;
  return fields(64, x, Fp.sqrt(x ** 3n + 4n));
});
const recovered = pool(4, (index) => {
  const digest = keccak256(Uint8Array.of(index));
  const signature = signDigest(digest, keccak256(Uint8Array.of(100 + index)));
  return concatBytes(digest, fields(32, 27n + BigInt(signature[64] as number)), signature.subarray(0, 64));
});
const onP256 = pool(4, (index) => {
  const [digest, key] = [keccak256(Uint8Array.of(index)), keccak256(Uint8Array.of(50 + index))];
  const signature = p256.sign(digest, key, { prehash: false, format: "compact", lowS: false });
  return concatBytes(digest, signature, p256.getPublicKey(key, false).subarray(1));
});
/** The constant polynomial: its commitment is y·G1, and its proof for any z the point at infinity. */
const openings = pool(3, (index) => {
  const y = BigInt(index + 2);
  const commitment = bls12_381.G1.Point.BASE.multiply(y).toBytes();
  const hash = sha256(commitment);
  hash[0] = 1;
  return concatBytes(hash, fields(32, 9n, y), commitment, Uint8Array.of(0xc0), new Uint8Array(47));
});

const bytesOf = (dice: Dice, size: number): Uint8Array => Uint8Array.from({ length: size }, () => dice.below(256));
const joined = (dice: Dice, countMax: number, each: () => Uint8Array): Uint8Array =>
  concatBytes(...Array.from({ length: 1 + dice.below(countMax) }, each));
const scalar = (dice: Dice, order: bigint): bigint =>
  dice.pick([0n, 1n, 2n, 7n, order - 1n, order, order + 1n, 2n ** 128n, 2n ** 256n - 1n, 0x1234567890abcdefn ** 4n]) %
  2n ** 256n;
const fieldElement = (dice: Dice): bigint => bytesToBigInt(keccak256(bytesOf(dice, 2))) ** 2n % Fp.ORDER;

function exponentiation(dice: Dice): Uint8Array {
  const length = (): number => dice.pick([0, 1, 1, 2, 8, 9, 31, 32, 33, 64, 65]);
  const [base, exponent, modulus] = [length(), length(), length()];
  const odd = dice.below(20) === 0 ? [dice.pick([2n ** 64n, 1_024n, 1_025n, 2n ** 255n]), 0n, 1n] : undefined;
  const lengths = odd ?? [base, exponent, modulus].map(BigInt);
  return concatBytes(fields(32, ...lengths), bytesOf(dice, base + exponent + modulus));
}

type Inputs = (dice: Dice) => Uint8Array;

const hashed: Inputs = (dice) => bytesOf(dice, dice.below(200));
const compression: Inputs = (dice) =>
  concatBytes(fields(4, BigInt(dice.below(30))), bytesOf(dice, 208), Uint8Array.of(dice.below(9) === 0 ? 2 : 1));

/** By number: how often each is asked for, and what it takes. Pairings take milliseconds, and are rare. */
const INPUTS: Readonly<Record<number, readonly [weight: number, inputs: Inputs]>> = {
  1: [30, recovered],
  2: [20, hashed],
  3: [20, hashed],
  4: [20, hashed],
  5: [40, exponentiation],
  6: [16, (dice) => concatBytes(bnG1(dice), bnG1(dice))],
  7: [10, (dice) => concatBytes(bnG1(dice), fields(32, scalar(dice, bn254.fields.Fr.ORDER)))],
  8: [1, (dice) => joined(dice, 2, () => concatBytes(bnG1(dice), bnG2(dice)))],
  9: [20, compression],
  10: [1, openings],
  11: [16, (dice) => concatBytes(g1(dice), dice.below(6) === 0 ? outside(dice) : g1(dice))],
  12: [2, (dice) => joined(dice, 3, () => concatBytes(g1(dice), fields(32, scalar(dice, Fr.ORDER))))],
  13: [12, (dice) => concatBytes(g2(dice), g2(dice))],
  14: [1, (dice) => joined(dice, 2, () => concatBytes(g2(dice), fields(32, scalar(dice, Fr.ORDER))))],
  15: [1, (dice) => joined(dice, 2, () => concatBytes(dice.below(8) === 0 ? outside(dice) : g1(dice), g2(dice)))],
  16: [4, (dice) => fields(64, fieldElement(dice))],
  17: [1, (dice) => fields(64, fieldElement(dice), fieldElement(dice))],
  256: [10, onP256],
};

function spoilt(dice: Dice, input: Uint8Array): Uint8Array {
  const kind = dice.below(16);
  if (kind === 0) return input.subarray(0, dice.below(input.length + 1));
  if (kind === 1) return concatBytes(input, bytesOf(dice, 1 + dice.below(40)));
  if (kind > 3 || input.length === 0) return input;
  const copy = input.slice();
  copy[dice.below(copy.length)] = dice.below(256);
  return copy;
}

/** One of some precompiles, and an input for it. */
export function randomPrecompileInput(
  dice: Dice,
  precompiles: readonly number[],
): { readonly number: number; readonly input: Uint8Array } {
  const weightOf = (number: number): number => INPUTS[number]?.[0] ?? 0;
  let left = dice.below(precompiles.reduce((sum, number) => sum + weightOf(number), 0));
  const number = precompiles.find((each) => {
    left -= weightOf(each);
    return left < 0;
  }) as number;
  const inputs = INPUTS[number]?.[1] as Inputs;
  return { number, input: spoilt(dice, inputs(dice)) };
}
