/** Accounts and slots that a message touches, as an access list names them (EIP-2930): for `eth_createAccessList`. */

import type { Hex } from "../../base/bytes.ts";
import type { AccessListEntry } from "../../chain/types.ts";
import type { Tracer } from "../tracer.ts";
import { addressWord, type Word, wordToAddress, wordToHex } from "../word.ts";

const SLOAD = 0x54;
const SSTORE = 0x55;
/** BALANCE, EXTCODESIZE, EXTCODECOPY, EXTCODEHASH, SELFDESTRUCT: the account is on top of the stack. */
const LOOKING: ReadonlySet<number> = new Set([0x31, 0x3b, 0x3c, 0x3f, 0xff]);
/** CALL, CALLCODE, DELEGATECALL, STATICCALL: it is the second. */
const CALLING: ReadonlySet<number> = new Set([0xf1, 0xf2, 0xf4, 0xfa]);

export interface AccessListTracer {
  readonly tracer: Tracer;
  /** In the order in which they were first touched, those that the tracer began with first. */
  list(): AccessListEntry[];
}

/**
 * @param known what the list begins with
 * @param isWarm whether an account is warm without a list: it is in it only with slots
 */
export function createAccessListTracer(
  known: readonly AccessListEntry[],
  isWarm: (address: Hex) => boolean,
): AccessListTracer {
  const found = new Map<Hex, Set<Hex>>();
  const touch = (address: Hex): Set<Hex> => {
    const slots = found.get(address) ?? new Set();
    found.set(address, slots);
    return slots;
  };
  const touchAccount = (stacked: Word): void => {
    const address = wordToAddress(addressWord(stacked));
    if (!isWarm(address)) touch(address);
  };
  for (const { address, storageKeys } of known) {
    const slots = touch(address);
    for (const key of storageKeys) slots.add(key);
  }
  const tracer: Tracer = {
    step({ opcode, frame: { stack, sp, account } }) {
      if ((opcode === SLOAD || opcode === SSTORE) && sp >= 1) {
        touch(account.address).add(wordToHex(stack[sp - 1] as Word));
      } else if (LOOKING.has(opcode) && sp >= 1) touchAccount(stack[sp - 1] as Word);
      else if (CALLING.has(opcode) && sp >= 5) touchAccount(stack[sp - 2] as Word);
    },
  };
  const list = (): AccessListEntry[] =>
    [...found].map(([address, storageKeys]) => ({ address, storageKeys: [...storageKeys] }));
  return { tracer, list };
}
