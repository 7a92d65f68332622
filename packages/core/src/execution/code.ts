/** Code ready to be executed, and a cache of it that is bounded in bytes. */

import type { Hex } from "../base/bytes.ts";
import { isDelegation } from "../chain/account.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { type Word, wordOf } from "./word.ts";

const DELEGATION_PREFIX_BYTES = 3;
const JUMPDEST = 0x5b;
const PUSH1 = 0x60;
const PUSH32 = 0x7f;
/** So many zeros follow the code: its end is a STOP, and an immediate that is cut off reads as zeros. */
const PADDING = 33;

/** Marks each JUMPDEST that is not part of a PUSH. */
function findJumpDestinations(padded: Uint8Array, size: number): Uint8Array {
  const marks = new Uint8Array(size);
  for (let pc = 0; pc < size; pc++) {
    const op = padded[pc] as number;
    if (op === JUMPDEST) marks[pc] = 1;
    else if (op >= PUSH1 && op <= PUSH32) pc += op - PUSH1 + 1;
  }
  return marks;
}

export class Code {
  readonly hash: Hex;
  readonly bytes: Uint8Array;
  readonly padded: Uint8Array;
  #jumpDestinations: Uint8Array | undefined;
  readonly #constants = new Map<number, Word>();

  /** @param hash of the code; initcode, which nobody looks up, needs none */
  constructor(hash: Hex, bytes: Uint8Array) {
    this.hash = hash;
    this.padded = new Uint8Array(bytes.length + PADDING);
    this.padded.set(bytes);
    this.bytes = this.padded.subarray(0, bytes.length);
  }

  /** Whose code stands in for this one (EIP-7702). */
  get delegate(): Word | undefined {
    return isDelegation(this.bytes) ? wordOf(this.bytes.subarray(DELEGATION_PREFIX_BYTES)) : undefined;
  }

  get jumpDestinations(): Uint8Array {
    this.#jumpDestinations ??= findJumpDestinations(this.padded, this.bytes.length);
    return this.#jumpDestinations;
  }

  /** The immediate of `size` bytes at `offset`, kept because it costs time to make a BigInt. */
  constant(offset: number, size: number): Word {
    const known = this.#constants.get(offset);
    if (known !== undefined) return known;
    const word = wordOf(this.padded.subarray(offset, offset + size));
    this.#constants.set(offset, word);
    return word;
  }
}

export const NO_CODE = new Code(EMPTY_CODE_HASH, new Uint8Array(0));

/** Bytes that one code takes: itself, its jump destinations and, at worst, a constant in each 33 bytes. */
const FOOTPRINT_FACTOR = 8;
const FOOTPRINT_BASE = 512;
const footprint = (code: Code): number => FOOTPRINT_BASE + FOOTPRINT_FACTOR * code.bytes.length;

/** Codes by hash, the least recently used going first. What does not have its hash is given, but not kept. */
export class CodeCache {
  readonly #codes = new Map<Hex, Code>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(hash: Hex, load: (hash: Hex) => Uint8Array): Code {
    const known = this.#codes.get(hash);
    if (known === undefined) return this.#load(hash, load);
    this.#codes.delete(hash);
    this.#codes.set(hash, known);
    return known;
  }

  #load(hash: Hex, load: (hash: Hex) => Uint8Array): Code {
    const bytes = load(hash);
    const code = new Code(hash, bytes);
    // A damaged store must not be remembered beyond its repair.
    return keccak256Hex(bytes) === hash ? this.#add(code) : code;
  }

  #add(code: Code): Code {
    this.#codes.set(code.hash, code);
    this.#bytes += footprint(code);
    for (const [hash, oldest] of this.#codes) {
      if (this.#bytes <= this.#bytesMax || hash === code.hash) break;
      this.#codes.delete(hash);
      this.#bytes -= footprint(oldest);
    }
    return code;
  }
}
