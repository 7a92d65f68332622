/**
 * Rounds of BLAKE2b (RFC 7693, section 3.2) as a WebAssembly module, which rotates words of 64 bits in one instruction:
 * one gas pays for a round, and numbers of 32 bits take thirty times as long for it. The module is assembled here, from a
 * loop of one round whose sixteen words of state are its local variables.
 */

/** Where the module's memory has the sixteen words of state, and after them a row of the message for each round. */
export const STATE_OFFSET = 0;
export const MESSAGE_OFFSET = 128;
/** Rows of the message: the order in which rounds take its words repeats after ten. */
export const ROWS = 10;
export const ROW_BYTES = 128;

const WORDS = 16;
/** Parameters and local variables of the function, by number; those after them are the words of state. */
const ROUNDS = 0;
const ROW = 1;
const FIRST_WORD = 2;

const I32 = 0x7f;
const I64 = 0x7e;
const OP = {
  loop: 0x03,
  end: 0x0b,
  branchIf: 0x0d,
  select: 0x1b,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  load: 0x29,
  store: 0x37,
  i32: 0x41,
  i64: 0x42,
  notEqual: 0x47,
  add32: 0x6a,
  subtract32: 0x6b,
  add: 0x7c,
  xor: 0x85,
  rotateRight: 0x8a,
} as const;
const NO_RESULT = 0x40;
/** Of a word's address: two to the power of three. */
const ALIGNMENT = 3;

/** A number as LEB128 has it; none here is negative or needs a bit for its sign. */
function leb(value: number): number[] {
  return value < 0x80 ? [value] : [0x80 | (value & 0x7f), ...leb(value >> 7)];
}

const sized = (bytes: readonly number[]): number[] => [...leb(bytes.length), ...bytes];
const section = (id: number, ...content: readonly number[]): number[] => [id, ...sized(content)];
const named = (name: string): number[] => sized([...name].map((letter) => letter.charCodeAt(0)));

const load = (offset: number): number[] => [OP.load, ALIGNMENT, ...leb(offset)];
const wordOf = (index: number): number => FIRST_WORD + index;

/** a += b + the word of the message at `offset` in the row */
const addWords = (a: number, b: number, offset: number): number[] => [
  ...[OP.get, a, OP.get, b, OP.add],
  ...[OP.get, ROW, ...load(MESSAGE_OFFSET + offset), OP.add, OP.set, a],
];

/** x = (x ^ y) >>> bits, y having been added to before */
const turn = (x: number, y: number, bits: number): number[] => [
  ...[OP.get, x, OP.get, y, OP.xor, OP.i64, bits, OP.rotateRight, OP.set, x],
];

const addTo = (c: number, d: number): number[] => [OP.get, c, OP.get, d, OP.add, OP.set, c];

/** The mixing function G (RFC 7693, section 3.1) on four words, with the next two of the row. */
function mix(words: readonly number[], at: number): number[] {
  const [a, b, c, d] = words.map(wordOf) as [number, number, number, number];
  return [
    ...[...addWords(a, b, 16 * at), ...turn(d, a, 32), ...addTo(c, d), ...turn(b, c, 24)],
    ...[...addWords(a, b, 16 * at + 8), ...turn(d, a, 16), ...addTo(c, d), ...turn(b, c, 63)],
  ];
}

/** The words that the eight mixings of a round work on: columns, then diagonals. */
const MIXED: readonly (readonly number[])[] = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
];

const words = (each: (index: number) => readonly number[]): number[] =>
  Array.from({ length: WORDS }, (_, index) => each(index)).flat();

const NEXT_ROW = [
  ...[OP.get, ROW, OP.i32, ...leb(ROW_BYTES), OP.add32, OP.tee, ROW, OP.i32, 0],
  ...[OP.get, ROW, OP.i32, ...leb(ROWS * ROW_BYTES), OP.notEqual, OP.select, OP.set, ROW],
];
const UNTIL_NONE_IS_LEFT = [OP.get, ROUNDS, OP.i32, 1, OP.subtract32, OP.tee, ROUNDS, OP.branchIf, 0];

const BODY = [
  ...[1, WORDS, I64],
  ...words((index) => [OP.i32, STATE_OFFSET, ...load(8 * index), OP.set, wordOf(index)]),
  ...[OP.loop, NO_RESULT, ...MIXED.flatMap(mix), ...NEXT_ROW, ...UNTIL_NONE_IS_LEFT, OP.end],
  ...words((index) => [OP.i32, STATE_OFFSET, OP.get, wordOf(index), OP.store, ALIGNMENT, ...leb(8 * index)]),
  ...[OP.get, ROW, OP.end],
];

const MODULE = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, 1, 0x60, 2, I32, I32, 1, I32),
  ...section(3, 1, 0),
  ...section(5, 1, 1, 1, 1),
  ...section(7, 2, ...named("memory"), 2, 0, ...named("mix"), 0, 0),
  ...section(10, 1, ...sized(BODY)),
]);

export interface Blake2fModule {
  readonly memory: Uint8Array<ArrayBuffer>;
  /**
   * Works rounds, at least one, into the state in memory.
   * @param row offset of the first round's row after `MESSAGE_OFFSET`
   * @returns that of the next round's
   */
  readonly mix: (rounds: number, row: number) => number;
}

/** @throws where the surroundings forbid WebAssembly */
export function createBlake2fModule(): Blake2fModule {
  const { memory, mix: work } = new WebAssembly.Instance(new WebAssembly.Module(MODULE)).exports;
  return { memory: new Uint8Array((memory as WebAssembly.Memory).buffer), mix: work as Blake2fModule["mix"] };
}
