/** Random programs that call each other, made of a seed: the same each time. */

import { bigIntToFixedBytes, bytesToBigInt, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import type { Dice } from "./dice.test-support.ts";
import { randomPrecompileInput } from "./precompile-inputs.test-support.ts";

const WORDS: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 5n, 7n, 8n, 31n, 32n, 33n, 64n, 127n, 128n, 255n, 256n, 257n],
  ...[31n, 32n, 52n, 53n, 63n, 64n, 127n, 128n, 159n, 160n, 192n, 255n].flatMap((bits) => [
    2n ** bits - 1n,
    2n ** bits,
  ]),
  ...[1n, 2n, 31n, 255n, 2n ** 31n, 2n ** 53n, 2n ** 255n].map((value) => 2n ** 256n - value),
  0x0123456789abcdef_0123456789abcdef_fedcba9876543210_00112233445566ffn,
];

/** Arithmetic by how many words it takes. */
const TERNARY = [0x08, 0x09];
const BINARY = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0a, 0x0b, 0x10, 0x11, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1b,
  0x1c, 0x1d,
];
const UNARY = [0x15, 0x19, 0x1e];
const SHOWING = [
  0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x4a, 0x58, 0x59,
  0x5a,
];
const OF_ACCOUNTS = [0x31, 0x3b, 0x3f];
/** SLOAD and TLOAD; SSTORE and TSTORE. */
const LOADS = [0x54, 0x5c];
const STORES = [0x55, 0x5d];
const CALLS = [0xf1, 0xf1, 0xf2, 0xf4, 0xfa];

const op = (...codes: number[]): Uint8Array => new Uint8Array(codes);

function push(value: bigint): Uint8Array {
  const size = Math.max(1, Math.ceil(value.toString(16).length / 2));
  return concatBytes(op(0x5f + size), bigIntToFixedBytes(value, size));
}

const pushes = (...values: readonly bigint[]): Uint8Array => concatBytes(...values.map(push));

/** A word by a PUSH of any size that the fork has. */
function pushAny(dice: Dice, { has }: Surroundings): Uint8Array {
  const size = dice.below(33);
  if (size === 0) return has(0x5f) ? op(0x5f) : push(0n);
  return concatBytes(op(0x5f + size), bigIntToFixedBytes(dice.pick(WORDS) & (2n ** BigInt(8 * size) - 1n), size));
}

/** Puts bytes into memory, a word at a time. */
export function stored(bytes: Uint8Array, offset: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 32) {
    const chunk = new Uint8Array(32);
    chunk.set(bytes.subarray(at, at + 32));
    parts.push(pushes(bytesToBigInt(chunk), BigInt(offset + at)), op(0x52));
  }
  return concatBytes(...parts);
}

/** What programs may call and look at. */
export interface Surroundings {
  readonly targets: readonly Hex[];
  /** Precompiles of the fork by the number that is their address. */
  readonly precompiles: readonly number[];
  /** How deep programs that create may create programs that do. */
  readonly nesting: number;
  /** Whether programs may run until their gas is used up. */
  readonly mayLoop: boolean;
  /** Whether the fork has an opcode. */
  readonly has: (code: number) => boolean;
}

/** One of some opcodes that the fork has. */
const pickOp = (dice: Dice, { has }: Surroundings, codes: readonly number[]): number => dice.pick(codes.filter(has));

type Piece = (dice: Dice, surroundings: Surroundings) => Uint8Array;

const word = (dice: Dice): bigint => dice.pick(WORDS);
const offset = (dice: Dice): bigint => {
  const kind = dice.below(150);
  return kind === 0 ? word(dice) : BigInt(dice.below(kind < 4 ? 100_000 : 160));
};
const small = (dice: Dice): bigint => BigInt(dice.below(4));
const target = (dice: Dice, { targets }: Surroundings): bigint => BigInt(dice.pick(targets));

/** Stores whatever an expression leaves, so that it is seen in the end. */
const kept = (dice: Dice, expression: Uint8Array): Uint8Array =>
  dice.below(3) === 0
    ? concatBytes(expression, push(small(dice)), op(0x55))
    : concatBytes(expression, push(offset(dice)), op(0x52));

const arithmetic: Piece = (dice, surroundings) => {
  const kind = dice.below(10);
  if (kind === 0)
    return kept(dice, concatBytes(pushes(word(dice), word(dice), word(dice)), op(pickOp(dice, surroundings, TERNARY))));
  if (kind < 3) return kept(dice, concatBytes(push(word(dice)), op(pickOp(dice, surroundings, UNARY))));
  const deep = dice.below(2) === 0 ? concatBytes(push(word(dice)), op(pickOp(dice, surroundings, BINARY))) : op();
  return kept(dice, concatBytes(pushes(word(dice), word(dice)), op(pickOp(dice, surroundings, BINARY)), deep));
};

const environment: Piece = (dice, surroundings) => {
  const kind = dice.below(4);
  if (kind === 0)
    return kept(dice, concatBytes(push(target(dice, surroundings)), op(pickOp(dice, surroundings, OF_ACCOUNTS))));
  if (kind === 1)
    return kept(dice, concatBytes(push(offset(dice)), op(pickOp(dice, surroundings, [0x35, 0x40, 0x49, 0x51]))));
  return kept(dice, op(pickOp(dice, surroundings, SHOWING)));
};

const memory: Piece = (dice, surroundings) => {
  const copy = pushes(offset(dice), offset(dice), offset(dice));
  const kind = dice.below(6);
  if (kind === 0) return kept(dice, concatBytes(pushes(offset(dice), offset(dice)), op(0x20)));
  if (kind === 1) return concatBytes(pushes(word(dice), offset(dice)), op(0x53));
  if (kind === 2) return concatBytes(copy, push(target(dice, surroundings)), op(0x3c));
  if (kind === 3 && surroundings.has(0x3e)) {
    const range = dice.below(4) === 0 ? pushes(BigInt(dice.below(40)), small(dice)) : op(0x3d, 0x60, 0);
    return concatBytes(range, push(offset(dice)), op(0x3e));
  }
  return concatBytes(copy, op(pickOp(dice, surroundings, [0x37, 0x39, 0x5e])));
};

const storage: Piece = (dice, surroundings) => {
  const kind = dice.below(5);
  if (kind === 0) return kept(dice, concatBytes(push(small(dice)), op(pickOp(dice, surroundings, LOADS))));
  if (kind === 1) return concatBytes(pushes(small(dice), small(dice)), op(pickOp(dice, surroundings, STORES)));
  if (kind === 2) return concatBytes(pushes(word(dice), word(dice)), op(0x55));
  return concatBytes(pushes(small(dice), small(dice)), op(0x55));
};

const logging: Piece = (dice) => {
  const topics = dice.below(5);
  const words = Array.from({ length: topics }, () => word(dice));
  return concatBytes(pushes(...words, offset(dice), offset(dice)), op(0xa0 + topics));
};

/** Gas for a call: all, half, some, or more than there is. All of it each time would soon be used up. */
function callGas(dice: Dice): Uint8Array {
  const kind = dice.below(12);
  if (kind < 3) return op(0x5a);
  if (kind < 6) return op(0x60, 0x02, 0x5a, 0x04);
  if (kind < 7) return push(dice.pick([0n, 1n, 2_300n, 9_000n, 2n ** 53n, 2n ** 64n, 2n ** 256n - 1n]));
  return push(BigInt(dice.below(kind < 10 ? 60_000 : 300_000)));
}

const callValue = (dice: Dice): bigint => {
  const kind = dice.below(40);
  return kind === 0 ? word(dice) : kind < 13 ? 1n : 0n;
};

const calling: Piece = (dice, surroundings) => {
  const code = pickOp(dice, surroundings, CALLS);
  const ranges = pushes(offset(dice), offset(dice), offset(dice), offset(dice));
  const value = code === 0xf1 || code === 0xf2 ? push(callValue(dice)) : op();
  return kept(dice, concatBytes(ranges, value, push(target(dice, surroundings)), callGas(dice), op(code)));
};

/** Calls a precompile with an input that is valid more often than not, and looks at what it gives. */
const precompiling: Piece = (dice, surroundings) => {
  const { number, input } = randomPrecompileInput(dice, surroundings.precompiles);
  const code = pickOp(dice, surroundings, CALLS);
  const at = 32 * dice.below(3);
  const ranges = pushes(BigInt(dice.below(300)), offset(dice), BigInt(input.length), BigInt(at));
  const value = code === 0xf1 || code === 0xf2 ? push(BigInt(dice.below(8) === 0 ? 1 : 0)) : op();
  const call = concatBytes(ranges, value, push(BigInt(number)), callGas(dice), op(code));
  const size = surroundings.has(0x3d) ? kept(dice, op(0x3d)) : op();
  return concatBytes(stored(input, at), kept(dice, call), size);
};

/** Words on the stack, which are doubled, swapped and worked on until one is left. */
const stacking: Piece = (dice, surroundings) => {
  const parts: Uint8Array[] = [];
  let height = 1 + dice.below(18);
  for (let i = 0; i < height; i++) parts.push(pushAny(dice, surroundings));
  for (let steps = dice.below(14); steps > 0; steps--) {
    const kind = dice.below(6);
    if (kind < 2) {
      parts.push(op(0x80 + dice.below(Math.min(16, height))));
      height++;
    } else if (kind < 4 && height > 1) {
      parts.push(op(0x90 + dice.below(Math.min(16, height - 1))));
    } else if (kind < 5 && height > 1) {
      parts.push(op(pickOp(dice, surroundings, BINARY)));
      height--;
    } else {
      parts.push(op(pickOp(dice, surroundings, UNARY)));
    }
  }
  for (; height > 1; height--) parts.push(op(dice.pick([0x01, 0x03, 0x18, 0x18, 0x50])));
  return kept(dice, concatBytes(...parts));
};

const INITCODES: readonly Uint8Array[] = [
  ...["0x600160005560106000f3", "0x6001600055600060006000fd", "0x60ef60005360016000f3", "0x33ff", "0x60016000556000ff"],
  "0x305b600a600c60003960206000f35b6001600054016000553360ff",
  // Code of the most bytes there may be, and of one more.
  ...["0x6160006000f3", "0x6160016000f3"],
].map((code) => hexToBytes(code as Hex));

/** Runs a program, then deploys another: what follows the first. */
function deploying(dice: Dice, surroundings: Surroundings): Uint8Array {
  const inner = { ...surroundings, nesting: surroundings.nesting - 1 };
  const prelude = dice.below(3) === 0 ? arithmetic(dice, inner) : storage(dice, inner);
  const runtime = createProgram(dice, inner, 3);
  const start = prelude.length + 13;
  const size = op(0x61, runtime.length >> 8, runtime.length & 255);
  const copy = concatBytes(size, op(0x80, 0x61, start >> 8, start & 255, 0x60, 0, 0x39, 0x60, 0, 0xf3));
  return concatBytes(prelude, copy, runtime);
}

/** Creates from its own making, or from what is in memory; calls what it created. */
const creating: Piece = (dice, surroundings) => {
  const { has, nesting } = surroundings;
  const code = nesting > 0 && dice.below(2) === 0 ? deploying(dice, surroundings) : dice.pick(INITCODES);
  const store = dice.below(5) === 0 ? op() : stored(code, 0);
  const isSalted = dice.below(2) === 0 && has(0xf5);
  const salt = isSalted ? push(small(dice)) : op();
  const value = dice.below(30) === 0 ? word(dice) : BigInt(dice.below(4) === 0 ? 1 : 0);
  const size = dice.below(40) === 0 ? 49_152n + small(dice) : BigInt(code.length);
  const created = concatBytes(store, salt, pushes(size, 0n, value), op(isSalted ? 0xf5 : 0xf0));
  if (dice.below(2) === 0) return kept(dice, created);
  const call = concatBytes(pushes(32n, offset(dice), 32n, 0n, small(dice)), op(0x85, 0x5a, 0xf1, 0x50));
  return kept(dice, concatBytes(created, call));
};

/** Ways to fail: among them stacks that are too small, and jumps to where there is no JUMPDEST. */
const FAILURES = [
  [0xfe],
  [0x0c],
  [0x56],
  [0x57],
  [0x50],
  [0x60, 0x03, 0x56],
  [0x60, 0x01, 0x61, 0xff, 0xff, 0x57],
  [0x9f],
];

const ending = (dice: Dice, surroundings: Surroundings, start: number): Uint8Array => {
  const kind = dice.below(60);
  // Until the gas is used up, where that is not too long, and until the stack is full.
  if (kind === 0 && surroundings.mayLoop) return op(0x5b, 0x61, start >> 8, start & 255, 0x56);
  if (kind === 1) return op(0x5b, 0x30, 0x61, start >> 8, start & 255, 0x56);
  if (kind < 20) return concatBytes(pushes(offset(dice), offset(dice)), op(0xf3));
  if (kind < 30 && surroundings.has(0xfd)) return concatBytes(pushes(offset(dice), offset(dice)), op(0xfd));
  if (kind < 36) return concatBytes(push(target(dice, surroundings)), op(0xff));
  if (kind < 40) return op(...dice.pick([...FAILURES, [dice.below(256)]]));
  return op(0x00);
};

const PIECES: readonly Piece[] = [
  ...[arithmetic, arithmetic, arithmetic, stacking, stacking, environment, environment, memory, memory],
  ...[storage, storage, storage, logging, calling, calling, creating, precompiling],
];
/** What may be done a thousand calls deep. */
const SHALLOW_PIECES: readonly Piece[] = [arithmetic, stacking, environment, memory, storage, logging];

/** An odd value of a slot, as one, or an even one, as zero. */
const parity = (dice: Dice): Uint8Array => concatBytes(push(small(dice)), op(0x54, 0x60, 0x01, 0x16));
const jumpTarget = (at: number): Uint8Array => op(0x61, at >> 8, at & 255);

/** Jumps over `body` when the value of a slot is odd. */
function maybe(dice: Dice, start: number, body: Uint8Array): Uint8Array {
  const test = parity(dice);
  return concatBytes(test, jumpTarget(start + test.length + 4 + body.length), op(0x57), body, op(0x5b));
}

/** The same by a destination that is computed. */
function dispatched(dice: Dice, start: number, body: Uint8Array): Uint8Array {
  const test = parity(dice);
  const first = start + test.length + 9;
  const choose = concatBytes(test, jumpTarget(body.length + 1), op(0x02), jumpTarget(first), op(0x01, 0x56));
  return concatBytes(choose, op(0x5b), body, op(0x5b));
}

/** Runs `body` a few times. */
function repeated(dice: Dice, start: number, body: Uint8Array): Uint8Array {
  const count = 1 + dice.below(5);
  const at = start + 2;
  const tail = concatBytes(op(0x60, 0x01, 0x90, 0x03, 0x80), jumpTarget(at), op(0x57, 0x50));
  return concatBytes(op(0x60, count), op(0x5b), body, tail);
}

/** Jumps over bytes that are no code; at times the last is a PUSH, which takes the JUMPDEST for its number. */
function skipping(dice: Dice, start: number): Uint8Array {
  const junk = Uint8Array.from({ length: dice.below(6) }, () => dice.pick([0x5b, 0x0c, 0xfe, 0xef, dice.below(0x60)]));
  const last = dice.below(12) === 0 ? op(0x60) : op();
  return concatBytes(jumpTarget(start + 4 + junk.length + last.length), op(0x56), junk, last, op(0x5b));
}

function placed(dice: Dice, surroundings: Surroundings, pieces: readonly Piece[], start: number): Uint8Array {
  const form = dice.below(14);
  if (form === 0) return skipping(dice, start);
  const body = dice.pick(pieces)(dice, surroundings);
  if (form === 1) return maybe(dice, start, body);
  if (form === 2) return dispatched(dice, start, body);
  return form < 5 ? repeated(dice, start, body) : body;
}

function statements(dice: Dice, surroundings: Surroundings, pieces: readonly Piece[], code: Uint8Array, most: number) {
  let all = code;
  for (let left = 1 + dice.below(most); left > 0; left--) {
    all = concatBytes(all, placed(dice, surroundings, pieces, all.length));
    if (dice.below(40) === 0) all = concatBytes(all, ending(dice, surroundings, all.length));
  }
  return concatBytes(all, ending(dice, surroundings, all.length));
}

/** Code of a contract, of at most so many statements. Now and then no program at all, but bytes. */
export function createProgram(dice: Dice, surroundings: Surroundings, statementsMax = 14): Uint8Array {
  if (dice.below(40) === 0) return Uint8Array.from({ length: dice.below(80) }, () => dice.below(256));
  return statements(dice, surroundings, PIECES, op(), statementsMax);
}

/** Code that calls itself with all the gas there is, as deep as it can, and does something on the way back. */
export function createRecursion(dice: Dice, surroundings: Surroundings): Uint8Array {
  const code = pickOp(dice, surroundings, [0xf1, 0xf1, 0xf2, 0xf4, 0xfa]);
  const value = code === 0xf1 || code === 0xf2 ? push(0n) : op();
  const call = concatBytes(pushes(32n, 0n, 32n, 0n), value, op(0x30, 0x5a, code));
  const creation = concatBytes(pushes(0n, 0n, 0n), op(0xf0));
  const more = dice.below(2) === 0 ? kept(dice, creation) : op();
  return statements(dice, surroundings, SHALLOW_PIECES, concatBytes(kept(dice, call), more), 2);
}
