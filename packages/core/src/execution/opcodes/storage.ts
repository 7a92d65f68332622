/** Persistent and transient storage, and logs. */

import type { Hex } from "../../base/bytes.ts";
import type { Slot } from "../account-state.ts";
import type { Frame } from "../frame.ts";
import { type Control, GO_ON, OUT_OF_GAS, STATIC_STATE_CHANGE } from "../halts.ts";
import type { Machine } from "../machine.ts";
import type { StorageRules } from "../rules.ts";
import { bounded, type Word, wordToHex } from "../word.ts";
import { chargeSlot } from "./access.ts";

const LOG_BYTE_GAS = 8;

export function load(m: Machine, f: Frame): Control {
  const slot = m.world.slot(f.account, f.pop());
  if (!chargeSlot(m, f, slot)) return OUT_OF_GAS;
  f.push(slot.value);
  return GO_ON;
}

function storePrice(rules: StorageRules, { original, value: present }: Slot, value: Word): number {
  if (!rules.isNet) return present === 0 && value !== 0 ? rules.set : rules.reset;
  if (present === value || original !== present) return rules.again;
  return original === 0 ? rules.set : rules.reset;
}

/** Change of the refund counter by a write. */
function storeRefund(rules: StorageRules, { original, value: present }: Slot, value: Word): number {
  const { clearRefund, set, reset, again, isNet } = rules;
  if (!isNet) return present !== 0 && value === 0 ? clearRefund : 0;
  if (present === value) return 0;
  if (original === present) return original !== 0 && value === 0 ? clearRefund : 0;
  let refund = 0;
  if (original !== 0 && present === 0) refund -= clearRefund;
  if (original !== 0 && value === 0) refund += clearRefund;
  if (original === value) refund += (original === 0 ? set : reset) - again;
  return refund;
}

export function store(m: Machine, f: Frame): Control {
  if (f.isStatic) return STATIC_STATE_CHANGE;
  const rules = m.rules.storage;
  if (f.gas <= rules.sentry && f.reserve === 0 && rules.sentry > 0) return OUT_OF_GAS;
  const slot = m.world.slot(f.account, f.pop());
  const value = f.pop();
  const isCold = rules.cold > 0 && !m.world.warmSlot(slot);
  if (!f.charge(storePrice(rules, slot, value) + (isCold ? rules.cold : 0))) return OUT_OF_GAS;
  m.refund += storeRefund(rules, slot, value);
  if (slot.value !== value) m.world.setSlot(slot, value);
  return GO_ON;
}

/** EIP-1153. */
export function loadTransient(m: Machine, f: Frame): Control {
  f.push(m.world.transient(f.account, f.pop()));
  return GO_ON;
}

export function storeTransient(m: Machine, f: Frame): Control {
  if (f.isStatic) return STATIC_STATE_CHANGE;
  const key = f.pop();
  m.world.setTransient(f.account, key, f.pop());
  return GO_ON;
}

export const log =
  (count: number) =>
  (m: Machine, f: Frame): Control => {
    if (f.isStatic) return STATIC_STATE_CHANGE;
    const offset = f.pop();
    const size = f.pop();
    if (!f.charge(LOG_BYTE_GAS * bounded(size)) || !f.expand(offset, size)) return OUT_OF_GAS;
    const topics: Hex[] = [];
    for (let i = 0; i < count; i++) topics.push(wordToHex(f.pop()));
    const entry = { address: f.account.address, topics, data: f.read(offset, size) };
    m.logs.push(entry);
    m.tracer?.log?.(entry);
    return GO_ON;
  };
