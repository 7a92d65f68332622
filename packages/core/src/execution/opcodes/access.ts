/** What the first access to an account or slot costs (EIP-2929). */

import type { AccountState, Slot } from "../account-state.ts";
import type { Frame } from "../frame.ts";
import type { Machine } from "../machine.ts";
import { addressWord, type Word } from "../word.ts";

export const accountAt = (m: Machine, word: Word): AccountState => m.world.accountAt(addressWord(word));

/** Charges for access to an account, and makes it warm. Gives whether there was enough gas. */
export function chargeAccount(m: Machine, f: Frame, account: AccountState): boolean {
  const { warmAccess, coldAccount } = m.rules;
  if (warmAccess === 0) return true;
  return f.charge(m.world.warm(account) ? warmAccess : coldAccount);
}

/** The same for a slot. */
export function chargeSlot(m: Machine, f: Frame, slot: Slot): boolean {
  const { warmAccess, coldSlot } = m.rules;
  if (warmAccess === 0) return true;
  return f.charge(m.world.warmSlot(slot) ? warmAccess : coldSlot);
}
