/** Hashing, and copies into memory. */

import { EMPTY_BYTES } from "../../base/bytes.ts";
import { keccak256 } from "../../crypto/crypto.ts";
import type { Frame } from "../frame.ts";
import { type Control, GO_ON, OUT_OF_GAS, OUT_OF_RANGE } from "../halts.ts";
import { HASHED_BYTES, hashOfWords } from "../hashed-words.ts";
import type { Machine } from "../machine.ts";
import { bounded, isLess, type Word, wordOf } from "../word.ts";
import { accountAt, chargeAccount } from "./access.ts";

const COPY_WORD_GAS = 3;
const HASH_WORD_GAS = 6;

export const wordsOf = (size: Word): number => Math.ceil(bounded(size) / 32);

export function hash(_m: Machine, f: Frame): Control {
  const offset = f.pop();
  const size = f.pop();
  if (!f.charge(HASH_WORD_GAS * wordsOf(size)) || !f.expand(offset, size)) return OUT_OF_GAS;
  f.push(
    size === HASHED_BYTES ? hashOfWords(f.memory, f.view, Number(offset)) : wordOf(keccak256(f.peek(offset, size))),
  );
  return GO_ON;
}

/** Copies bytes to memory that has room; beyond the end of the source are zeros. */
function copyTo(f: Frame, to: Word, source: Uint8Array, from: Word, size: Word): void {
  if (size === 0) return;
  const start = Number(to);
  const end = start + Number(size);
  const present = isLess(from, source.length)
    ? source.subarray(Number(from), Number(from) + Number(size))
    : EMPTY_BYTES;
  f.memory.set(present, start);
  f.memory.fill(0, start + present.length, end);
}

/** A copy of `source` as the three words on the stack say. */
function copy(f: Frame, source: Uint8Array): Control {
  const to = f.pop();
  const from = f.pop();
  const size = f.pop();
  if (!f.charge(COPY_WORD_GAS * wordsOf(size)) || !f.expand(to, size)) return OUT_OF_GAS;
  copyTo(f, to, source, from, size);
  return GO_ON;
}

export const copyCalldata = (_m: Machine, f: Frame): Control => copy(f, f.input);
export const copyCode = (_m: Machine, f: Frame): Control => copy(f, f.code.bytes);

export function copyAccountCode(m: Machine, f: Frame): Control {
  const account = accountAt(m, f.pop());
  if (!chargeAccount(m, f, account)) return OUT_OF_GAS;
  return copy(f, m.world.code(account).bytes);
}

/** EIP-211: reading beyond the end is an exceptional halt. */
export function copyReturnData(_m: Machine, f: Frame): Control {
  const from = f.stack[f.sp - 2] as Word;
  const size = f.stack[f.sp - 3] as Word;
  if (bounded(from) + bounded(size) > f.returnData.length) return OUT_OF_RANGE;
  return copy(f, f.returnData);
}

/** MCOPY (EIP-5656). */
export function copyMemory(_m: Machine, f: Frame): Control {
  const to = f.pop();
  const from = f.pop();
  const size = f.pop();
  const reach = isLess(to, from) ? from : to;
  if (!f.charge(COPY_WORD_GAS * wordsOf(size)) || !f.expand(reach, size)) return OUT_OF_GAS;
  if (size !== 0) f.memory.copyWithin(Number(to), Number(from), Number(from) + Number(size));
  return GO_ON;
}

export function storeByte(_m: Machine, f: Frame): Control {
  const offset = f.pop();
  const value = f.pop();
  if (!f.expand(offset, 1)) return OUT_OF_GAS;
  f.memory[Number(offset)] = Number(typeof value === "number" ? value % 256 : BigInt.asUintN(8, value));
  return GO_ON;
}
