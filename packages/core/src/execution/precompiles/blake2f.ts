/**
 * The compression function F of BLAKE2b with any number of rounds (RFC 7693, section 3.2; EIP-152), in steps: sixteen
 * million rounds, which one transaction can pay for, take a third of a second.
 */

import {
  type Blake2fModule,
  createBlake2fModule,
  MESSAGE_OFFSET,
  ROW_BYTES,
  ROWS,
  STATE_OFFSET,
} from "./blake2f-module.ts";
import { finish } from "./steps.ts";
import type { Precompile } from "./types.ts";

/** What the precompile takes: rounds (4 bytes, big-endian), h (64), m (128), t (16), f (1). */
const INPUT_BYTES = 213;
const HASH = { start: 4, end: 68 };
const MESSAGE = { start: 68, end: 196 };
const COUNTER = { start: 196, end: 212 };
const FINAL_FLAG_OFFSET = 212;
const HASH_BYTES = 64;
const STATE_BYTES = 128;
/** Of the words 12 to 15 of the state, of which the counter is worked into two and the flag into the third. */
const COUNTER_STATE_OFFSET = 96;
const FLAG_STATE_OFFSET = 112;

/** Rounds of one step: about a millisecond. */
const ROUNDS_PER_STEP = 32_768;

/** The initial value, as a state of no hash has it. */
const IV = stateOfIv([
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
]);

function stateOfIv(words: readonly bigint[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(STATE_BYTES));
  words.forEach((word, at) => {
    view.setBigUint64(HASH_BYTES + 8 * at, word, true);
  });
  return new Uint8Array(view.buffer);
}

/** RFC 7693, section 2.7: the order in which each of ten rounds takes the words of the message. */
const ORDER = [
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
].flatMap((row) => Array.from(row, (digit) => Number.parseInt(digit, 16)));

let shared: Blake2fModule | undefined;

const roundsOf = (input: Uint8Array): number => new DataView(input.buffer, input.byteOffset).getUint32(0);

/** Whether the input has its length and a final block flag of 0 or 1. */
const isInput = (input: Uint8Array): boolean =>
  input.length === INPUT_BYTES && (input[FINAL_FLAG_OFFSET] as number) <= 1;

function stateOf(input: Uint8Array): Uint8Array {
  const state = IV.slice();
  state.set(input.subarray(HASH.start, HASH.end));
  const invert = (offset: number, byte: number): void => {
    state[offset] = (state[offset] as number) ^ byte;
  };
  for (let at = COUNTER.start; at < COUNTER.end; at++) {
    invert(COUNTER_STATE_OFFSET + at - COUNTER.start, input[at] as number);
  }
  if (input[FINAL_FLAG_OFFSET] === 1) for (let at = 0; at < 8; at++) invert(FLAG_STATE_OFFSET + at, 0xff);
  return state;
}

/** The words of the message in the order of each round. */
function rowsOf(input: Uint8Array): Uint8Array {
  const halves = new Uint32Array(input.slice(MESSAGE.start, MESSAGE.end).buffer);
  const rows = new Uint32Array((ROWS * ROW_BYTES) / 4);
  for (let at = 0; at < ORDER.length; at++) {
    const word = 2 * (ORDER[at] as number);
    rows[2 * at] = halves[word] as number;
    rows[2 * at + 1] = halves[word + 1] as number;
  }
  return new Uint8Array(rows.buffer);
}

/** Others may use the module between two steps: each brings along what it works on. */
function* mixed(state: Uint8Array, rows: Uint8Array, rounds: number): Generator<void, Uint8Array> {
  shared ??= createBlake2fModule();
  let row = 0;
  for (let left = rounds; left > 0; left -= ROUNDS_PER_STEP) {
    if (left < rounds) yield;
    shared.memory.set(state, STATE_OFFSET);
    shared.memory.set(rows, MESSAGE_OFFSET);
    row = shared.mix(Math.min(left, ROUNDS_PER_STEP), row);
    state.set(shared.memory.subarray(STATE_OFFSET, STATE_OFFSET + STATE_BYTES));
  }
  return state;
}

function* compress(input: Uint8Array): Generator<void, Uint8Array | undefined> {
  if (!isInput(input)) return undefined;
  const state = yield* mixed(stateOf(input), rowsOf(input), roundsOf(input));
  const half = (at: number): number => (state[at] as number) ^ (state[at + HASH_BYTES] as number);
  return input.slice(HASH.start, HASH.end).map((byte, at) => byte ^ half(at));
}

/** A gas for each round. A module that cannot be made is no judgement on the input: it throws. */
export const BLAKE2F: Precompile = {
  gas: (input) => (isInput(input) ? roundsOf(input) : 0),
  steps: compress,
  run: (input) => finish(compress(input)),
};
