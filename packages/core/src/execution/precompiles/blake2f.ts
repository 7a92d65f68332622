/**
 * The compression function F of BLAKE2b with any number of rounds (RFC 7693, section 3.2; EIP-152), in steps: sixteen
 * million rounds, which one transaction can pay for, take seconds. A 64-bit word is two elements of a Uint32Array, the
 * low half first.
 */

import { inSteps } from "./steps.ts";

/** What the precompile takes: rounds (4 bytes, big-endian), h (64), m (128), t (16), f (1). */
const BLAKE2F_INPUT_BYTES = 213;
const STATE = { offset: 4, words: 16 };
const MESSAGE = { offset: 68, words: 32 };
const COUNTER = { offset: 196, words: 4 };
const FINAL_FLAG_OFFSET = 212;

/** Rounds of one step: about a millisecond. */
const ROUNDS_PER_STEP = 1_024;

const IV = new Uint32Array([
  0xf3bcc908, 0x6a09e667, 0x84caa73b, 0xbb67ae85, 0xfe94f82b, 0x3c6ef372, 0x5f1d36f1, 0xa54ff53a, 0xade682d1,
  0x510e527f, 0x2b3e6c1f, 0x9b05688c, 0xfb41bd6b, 0x1f83d9ab, 0x137e2179, 0x5be0cd19,
]);

/** RFC 7693, section 2.7: the order in which each of ten rounds takes the words of the message. */
const SIGMA = [
  "0123456789abcdef",
  "ea489fd61c02b753",
  "b8c052fdae367194",
  "7931dcbe265a40f8",
  "905724afe1bc683d",
  "2c6a0b834d75fe19",
  "c51fed4a0763928b",
  "db7ec13950f4862a",
  "6fe9b308c2d714a5",
  "a2847615fb9e3cd0",
].map((row) => Uint8Array.from(row, (digit) => Number.parseInt(digit, 16)));

/** v[a] += from[b] */
function add(v: Uint32Array, a: number, from: Uint32Array, b: number): void {
  const low = (v[a] as number) + (from[b] as number);
  v[a] = low;
  v[a + 1] = (v[a + 1] as number) + (from[b + 1] as number) + (low > 0xffffffff ? 1 : 0);
}

/** v[a] = (v[a] ^ v[b]) >>> by, a rotation by less than 32. */
function xorRotate(v: Uint32Array, a: number, b: number, by: number): void {
  const low = (v[a] as number) ^ (v[b] as number);
  const high = (v[a + 1] as number) ^ (v[b + 1] as number);
  v[a] = (low >>> by) ^ (high << (32 - by));
  v[a + 1] = (high >>> by) ^ (low << (32 - by));
}

/** v[a] = (v[a] ^ v[b]) >>> by, a rotation by 32 or more. */
function xorSwapRotate(v: Uint32Array, a: number, b: number, by: number): void {
  const low = (v[a + 1] as number) ^ (v[b + 1] as number);
  const high = (v[a] as number) ^ (v[b] as number);
  if (by === 32) {
    v[a] = low;
    v[a + 1] = high;
    return;
  }
  v[a] = (low >>> (by - 32)) ^ (high << (64 - by));
  v[a + 1] = (high >>> (by - 32)) ^ (low << (64 - by));
}

/** The mixing function G (RFC 7693, section 3.1) on four words, given by their number, with two of the message. */
function mix(v: Uint32Array, words: readonly [number, number, number, number], m: Uint32Array, x: number, y: number) {
  const [a, b, c, d] = words;
  add(v, a, v, b);
  add(v, a, m, x);
  xorSwapRotate(v, d, a, 32);
  add(v, c, v, d);
  xorRotate(v, b, c, 24);
  add(v, a, v, b);
  add(v, a, m, y);
  xorRotate(v, d, a, 16);
  add(v, c, v, d);
  xorSwapRotate(v, b, c, 63);
}

/** The words that the eight mixings of a round work on: columns, then diagonals. */
const MIXED = (
  [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
  ] as const
).map(([a, b, c, d]) => [2 * a, 2 * b, 2 * c, 2 * d] as const);

function round(v: Uint32Array, m: Uint32Array, number: number): void {
  const order = SIGMA[number % SIGMA.length] as Uint8Array;
  for (let at = 0; at < MIXED.length; at++) {
    const words = MIXED[at] as (typeof MIXED)[number];
    mix(v, words, m, 2 * (order[2 * at] as number), 2 * (order[2 * at + 1] as number));
  }
}

function wordsOf(view: DataView, { offset, words }: { readonly offset: number; readonly words: number }): Uint32Array {
  return Uint32Array.from({ length: words }, (_, at) => view.getUint32(offset + 4 * at, true));
}

const roundsOf = (input: Uint8Array): number => new DataView(input.buffer, input.byteOffset).getUint32(0);

/** Whether the input has its length and a final block flag of 0 or 1. */
const isInput = (input: Uint8Array): boolean =>
  input.length === BLAKE2F_INPUT_BYTES && (input[FINAL_FLAG_OFFSET] as number) <= 1;

function* compress(input: Uint8Array): Generator<void, Uint8Array | undefined> {
  if (!isInput(input)) return undefined;
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  const [h, m, t] = [wordsOf(view, STATE), wordsOf(view, MESSAGE), wordsOf(view, COUNTER)];
  const v = Uint32Array.from([...h, ...IV]);
  t.forEach((word, at) => {
    v[24 + at] = (v[24 + at] as number) ^ word;
  });
  const inverted = input[FINAL_FLAG_OFFSET] === 1 ? 0xffffffff : 0;
  for (const at of [28, 29]) v[at] = (v[at] as number) ^ inverted;
  const rounds = view.getUint32(0);
  for (let number = 0; number < rounds; number++) {
    if (number % ROUNDS_PER_STEP === ROUNDS_PER_STEP - 1) yield;
    round(v, m, number);
  }
  const output = new DataView(new ArrayBuffer(4 * STATE.words));
  h.forEach((word, at) => {
    output.setUint32(4 * at, word ^ (v[at] as number) ^ (v[at + 16] as number), true);
  });
  return new Uint8Array(output.buffer);
}

/** A gas for each round. */
export const BLAKE2F = inSteps((input) => (isInput(input) ? roundsOf(input) : 0), compress);
