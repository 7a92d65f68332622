/** What code may know of its message, of accounts and of the block. */

import { EMPTY_CODE_HASH } from "../../chain/header.ts";
import type { Frame } from "../frame.ts";
import { type Control, GO_ON, OUT_OF_GAS } from "../halts.ts";
import type { Machine } from "../machine.ts";
import { hexToWord, normal, type Word } from "../word.ts";
import { accountAt, chargeAccount } from "./access.ts";

/** An opcode that only puts a word on the stack. */
export const showing =
  (read: (m: Machine, f: Frame) => Word) =>
  (m: Machine, f: Frame): Control => {
    f.push(read(m, f));
    return GO_ON;
  };

export function balance(m: Machine, f: Frame): Control {
  const account = accountAt(m, f.pop());
  if (!chargeAccount(m, f, account)) return OUT_OF_GAS;
  f.push(normal(account.balance));
  return GO_ON;
}

export function codeSize(m: Machine, f: Frame): Control {
  const account = accountAt(m, f.pop());
  if (!chargeAccount(m, f, account)) return OUT_OF_GAS;
  f.push(m.world.code(account).bytes.length);
  return GO_ON;
}

/** EIP-1052: zero for what does not exist. */
export function codeHash(m: Machine, f: Frame): Control {
  const account = accountAt(m, f.pop());
  if (!chargeAccount(m, f, account)) return OUT_OF_GAS;
  const isAbsent = m.rules.clearsEmpty ? account.isEmpty : !account.exists;
  f.push(isAbsent ? 0 : account.codeHash === EMPTY_CODE_HASH ? EMPTY_CODE_WORD : hexToWord(account.codeHash));
  return GO_ON;
}

const EMPTY_CODE_WORD = hexToWord(EMPTY_CODE_HASH);
const BLOCK_HASHES = 256;

export function blockHash(m: Machine, f: Frame): Control {
  const wanted = f.pop();
  const { number, hashOf } = m.block;
  const isKnown = typeof wanted === "number" && wanted < number && wanted >= number - BLOCK_HASHES;
  const found = isKnown ? hashOf(wanted) : undefined;
  f.push(found === undefined ? 0 : hexToWord(found));
  return GO_ON;
}

/** EIP-4844. */
export function blobHash(m: Machine, f: Frame): Control {
  const index = f.pop();
  const found = typeof index === "number" ? m.blobHashes[index] : undefined;
  f.push(found === undefined ? 0 : hexToWord(found));
  return GO_ON;
}
