/** Random programs that call each other, made of a seed: the same each time. */

import { bigIntToFixedBytes, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";

/** A small generator of numbers (mulberry32). */
export interface Dice {
  /** At least 0, below `end`. */
  below(end: number): number;
  pick<T>(list: readonly T[]): T;
}

export function createDice(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number): number => Math.floor(next() * end);
  return { below, pick: (list) => list[below(list.length)] as (typeof list)[number] };
}

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
const CALLS = [0xf1, 0xf1, 0xf2, 0xf4, 0xfa];

const op = (...codes: number[]): Uint8Array => new Uint8Array(codes);

function push(value: bigint): Uint8Array {
  const size = Math.max(1, Math.ceil(value.toString(16).length / 2));
  return concatBytes(op(0x5f + size), bigIntToFixedBytes(value, size));
}

const pushes = (...values: readonly bigint[]): Uint8Array => concatBytes(...values.map(push));

/** What programs may call and look at. */
export interface Surroundings {
  readonly targets: readonly Hex[];
  /** Whether the fork has an opcode. */
  readonly has: (code: number) => boolean;
}

/** One of some opcodes that the fork has. */
const pickOp = (dice: Dice, { has }: Surroundings, codes: readonly number[]): number => dice.pick(codes.filter(has));

type Piece = (dice: Dice, surroundings: Surroundings) => Uint8Array;

const word = (dice: Dice): bigint => dice.pick(WORDS);
const offset = (dice: Dice): bigint => BigInt(dice.below(dice.below(50) === 0 ? 100_000 : 160));
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
  if (kind === 3 && surroundings.has(0x3e))
    return concatBytes(pushes(BigInt(dice.below(40)), small(dice), offset(dice)), op(0x3e));
  return concatBytes(copy, op(pickOp(dice, surroundings, [0x37, 0x39, 0x5e])));
};

const storage: Piece = (dice, surroundings) => {
  const kind = dice.below(5);
  if (kind === 0) return kept(dice, concatBytes(push(small(dice)), op(pickOp(dice, surroundings, [0x54, 0x5c]))));
  if (kind === 1) return concatBytes(pushes(small(dice), small(dice)), op(pickOp(dice, surroundings, [0x5d, 0x55])));
  if (kind === 2) return concatBytes(pushes(word(dice), word(dice)), op(0x55));
  return concatBytes(pushes(small(dice), small(dice)), op(0x55));
};

const logging: Piece = (dice) => {
  const topics = dice.below(5);
  const words = Array.from({ length: topics }, () => word(dice));
  return concatBytes(pushes(...words, offset(dice), offset(dice)), op(0xa0 + topics));
};

const calling: Piece = (dice, surroundings) => {
  const code = pickOp(dice, surroundings, CALLS);
  const ranges = pushes(offset(dice), offset(dice), offset(dice), offset(dice));
  const value = code === 0xf1 || code === 0xf2 ? push(BigInt(dice.below(3) === 0 ? 1 : 0)) : op();
  const gas = dice.below(3) === 0 ? push(BigInt(dice.below(60_000))) : op(0x5a);
  return kept(dice, concatBytes(ranges, value, push(target(dice, surroundings)), gas, op(code)));
};

/** Creates from its own code, or from what is in memory. */
const creating: Piece = (dice, { has }) => {
  const initcode = dice.pick([
    "0x600160005560106000f3",
    "0x6001600055600060006000fd",
    "0x60ef60005360016000f3",
    "0x33ff",
    "0x60016000556000ff",
    "0x305b600a600c60003960206000f35b6001600054016000553360ff",
  ] as const);
  const code = hexToBytes(initcode);
  const store =
    dice.below(4) === 0 ? op() : concatBytes(push(BigInt(`0x${initcode.slice(2).padEnd(64, "0")}`)), op(0x60, 0, 0x52));
  const isSalted = dice.below(2) === 0 && has(0xf5);
  const salt = isSalted ? push(small(dice)) : op();
  const value = BigInt(dice.below(4) === 0 ? 1 : 0);
  return kept(dice, concatBytes(store, salt, pushes(BigInt(code.length), 0n, value), op(isSalted ? 0xf5 : 0xf0)));
};

const ending: Piece = (dice, surroundings) => {
  const kind = dice.below(12);
  if (kind < 3) return concatBytes(pushes(offset(dice), offset(dice)), op(0xf3));
  if (kind < 5 && surroundings.has(0xfd)) return concatBytes(pushes(offset(dice), offset(dice)), op(0xfd));
  if (kind === 5) return concatBytes(push(target(dice, surroundings)), op(0xff));
  if (kind === 6) return op(dice.pick([0xfe, 0x0c, 0x5b, 0x56, 0x57, 0x50, dice.below(256)]));
  return op(0x00);
};

const PIECES: readonly Piece[] = [
  ...[arithmetic, arithmetic, arithmetic, environment, memory, storage, storage, logging, calling, calling, creating],
];

/** Jumps over `body` when the value of a slot is odd. */
function maybe(dice: Dice, start: number, body: Uint8Array): Uint8Array {
  const test = concatBytes(push(small(dice)), op(0x54, 0x60, 0x01, 0x16));
  const end = start + test.length + 4 + body.length;
  return concatBytes(test, op(0x61, end >> 8, end & 255, 0x57), body, op(0x5b));
}

/** Runs `body` a few times. */
function repeated(dice: Dice, start: number, body: Uint8Array): Uint8Array {
  const count = 1 + dice.below(5);
  const at = start + 2;
  const tail = op(0x60, 0x01, 0x90, 0x03, 0x80, 0x61, at >> 8, at & 255, 0x57, 0x50);
  return concatBytes(op(0x60, count), op(0x5b), body, tail);
}

/** Code of a contract. */
export function createProgram(dice: Dice, surroundings: Surroundings): Uint8Array {
  let code: Uint8Array = op();
  const pieces = 1 + dice.below(14);
  for (let i = 0; i < pieces; i++) {
    const body = dice.pick(PIECES)(dice, surroundings);
    const form = dice.below(8);
    const piece = form === 0 ? maybe(dice, code.length, body) : form === 1 ? repeated(dice, code.length, body) : body;
    code = concatBytes(code, piece);
    if (dice.below(40) === 0) code = concatBytes(code, ending(dice, surroundings));
  }
  return concatBytes(code, ending(dice, surroundings));
}
