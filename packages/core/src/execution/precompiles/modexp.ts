/** Exponentiation with a modulus (EIP-198), with the prices of EIP-198, 2565 and 7883 and the limit of EIP-7823. */

import { bigIntToFixedBytes, bytesToBigInt, EMPTY_BYTES } from "../../base/bytes.ts";
import { inSteps, padded } from "./steps.ts";
import type { Precompile } from "./types.ts";

/** EIP-7823. */
const OSAKA_LENGTH_MAX = 1_024n;
const HEADER_BYTES = 96;
const WORD_BYTES = 32;
/** Of the exponent, that are taken together. */
const WINDOW_BITS = 4;
/** Square of the bytes of the modulus by multiplications in a step: about a millisecond. */
const WORK_PER_STEP = 4_000_000;
/** What a multiplication costs besides, in the same measure. */
const WORK_PER_PRODUCT = 2_000;

interface Lengths {
  readonly base: bigint;
  readonly exponent: bigint;
  readonly modulus: bigint;
}

function lengthsOf(input: Uint8Array): Lengths {
  const header = padded(input, HEADER_BYTES);
  const at = (index: number): bigint => bytesToBigInt(header.subarray(index * WORD_BYTES, (index + 1) * WORD_BYTES));
  return { base: at(0), exponent: at(1), modulus: at(2) };
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const wordsOf = (bytes: bigint): bigint => (bytes + 7n) / 8n;

/** What the exponent counts as: its bits, those beyond the first 32 bytes by the length alone. */
function iterations(input: Uint8Array, { base, exponent }: Lengths, perByte: bigint): bigint {
  // Where the base is longer than any input, the exponent lies behind its end and is zero.
  const start = HEADER_BYTES + Number(base > BigInt(input.length) ? BigInt(input.length) : base);
  const headBytes = Number(exponent < 32n ? exponent : 32n);
  const head = bytesToBigInt(padded(input.subarray(start), headBytes));
  const bits = BigInt(head === 0n ? 0 : head.toString(2).length - 1);
  const tail = exponent > 32n ? perByte * (exponent - 32n) : 0n;
  return larger(tail + bits, 1n);
}

function complexityOf198(length: bigint): bigint {
  if (length <= 64n) return length ** 2n;
  if (length <= 1_024n) return length ** 2n / 4n + 96n * length - 3_072n;
  return length ** 2n / 16n + 480n * length - 199_680n;
}

function gas198(input: Uint8Array): number {
  const lengths = lengthsOf(input);
  return Number((complexityOf198(larger(lengths.base, lengths.modulus)) * iterations(input, lengths, 8n)) / 20n);
}

function gas2565(input: Uint8Array): number {
  const lengths = lengthsOf(input);
  const complexity = wordsOf(larger(lengths.base, lengths.modulus)) ** 2n;
  return Math.max(200, Number((complexity * iterations(input, lengths, 8n)) / 3n));
}

function gas7883(input: Uint8Array): number {
  const lengths = lengthsOf(input);
  const longest = larger(lengths.base, lengths.modulus);
  const complexity = longest <= 32n ? 16n : 2n * wordsOf(longest) ** 2n;
  return Math.max(500, Number(complexity * iterations(input, lengths, 16n)));
}

/** Bits of a number, most significant first, four at a time. */
function windowsOf(exponent: Uint8Array): Uint8Array {
  const windows = new Uint8Array((exponent.length * 8) / WINDOW_BITS);
  for (let at = 0; at < exponent.length; at++) {
    windows[2 * at] = (exponent[at] as number) >> WINDOW_BITS;
    windows[2 * at + 1] = (exponent[at] as number) & 15;
  }
  const first = windows.findIndex((window) => window !== 0);
  return first === -1 ? EMPTY_BYTES : windows.subarray(first);
}

/** base ^ exponent modulo `modulus`, which is above 1. */
function* power(base: bigint, exponent: Uint8Array, modulus: bigint, modulusBytes: number): Generator<void, bigint> {
  const work = WORK_PER_PRODUCT + modulusBytes ** 2;
  const productsPerStep = Math.max(1, Math.floor(WORK_PER_STEP / work));
  const powers = [1n];
  for (let at = 1; at < 1 << WINDOW_BITS; at++) powers.push(((powers[at - 1] as bigint) * base) % modulus);
  yield;
  let [result, products] = [1n, 0];
  for (const window of windowsOf(exponent)) {
    for (let bit = 0; bit < WINDOW_BITS; bit++) result = (result * result) % modulus;
    if (window !== 0) result = (result * (powers[window] as bigint)) % modulus;
    products += WINDOW_BITS + 1;
    if (products < productsPerStep) continue;
    products = 0;
    yield;
  }
  return result;
}

/** @param lengthMax of each of the three numbers; longer ones are no input */
function* exponentiate(input: Uint8Array, lengthMax: bigint | undefined): Generator<void, Uint8Array | undefined> {
  const lengths = lengthsOf(input);
  const { base, exponent, modulus } = lengths;
  if (lengthMax !== undefined && larger(larger(base, modulus), exponent) > lengthMax) return undefined;
  // Whatever else is as long as it may be, as it costs nothing then.
  if (modulus === 0n) return EMPTY_BYTES;
  const [baseBytes, exponentBytes, modulusBytes] = [Number(base), Number(exponent), Number(modulus)];
  const part = (offset: number, size: number): Uint8Array => padded(input.subarray(HEADER_BYTES + offset), size);
  const divisor = bytesToBigInt(part(baseBytes + exponentBytes, modulusBytes));
  if (divisor <= 1n) return new Uint8Array(modulusBytes);
  const number = bytesToBigInt(part(0, baseBytes)) % divisor;
  const result = yield* power(number, part(baseBytes, exponentBytes), divisor, modulusBytes);
  return bigIntToFixedBytes(result, modulusBytes);
}

const modexp = (gas: Precompile["gas"], lengthMax?: bigint): Precompile =>
  inSteps(gas, (input) => exponentiate(input, lengthMax));

export const MODEXP = modexp(gas198);
/** EIP-2565. */
export const MODEXP_BERLIN = modexp(gas2565);
/** EIP-7823 and EIP-7883. */
export const MODEXP_OSAKA = modexp(gas7883, OSAKA_LENGTH_MAX);
