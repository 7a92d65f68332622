import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "../base/bytes.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT } from "../trie/types.ts";
import {
  type AccountEdit,
  type IrregularState,
  joinChanges,
  NOTHING_SET,
  overState,
  setAccounts,
} from "./irregular-state.ts";
import type { AccountChange, StateChanges, StateReader } from "./types.ts";

const [ANN, BOB]: [Hex, Hex] = [`0x${"a1".repeat(20)}`, `0x${"b2".repeat(20)}`];
const slot = (n: number): Hex => `0x${n.toString(16).padStart(64, "0")}`;
const CODE = new Uint8Array([0x60, 0x01]);
const ROOT: Hex = `0x${"cd".repeat(32)}`;

/** Ann has 5 wei and stores 1 in slot 1; Bob is nobody. */
const state: StateReader = {
  account: (address) =>
    address === ANN ? { nonce: 3n, balance: 5n, codeHash: EMPTY_CODE_HASH, storageRoot: ROOT } : undefined,
  storage: (address, at) => (address === ANN && at === slot(1) ? 1n : 0n),
  code: () => new Uint8Array(0),
};
const setAccount = (set: IrregularState, on: StateReader, address: Hex, edit: AccountEdit): IrregularState =>
  setAccounts(set, on, [[address, edit]]);
const setSlot = (set: IrregularState, on: StateReader, address: Hex, at: Hex, value: bigint): IrregularState =>
  setAccount(set, on, address, { slots: new Map([[at, value]]) });
const account = (fields: Partial<AccountChange>): AccountChange => ({
  nonce: 0n,
  balance: 0n,
  codeHash: EMPTY_CODE_HASH,
  ...fields,
});
const changes = (fields: Partial<StateChanges> = {}): StateChanges => ({
  accounts: new Map(),
  storage: new Map(),
  codes: new Map(),
  ...fields,
});

test("where nothing is set, the state is what it was, and so are the changes", () => {
  const over = overState(state, NOTHING_SET);
  assert.deepEqual([over.account(ANN), over.storage(ANN, slot(1))], [state.account(ANN), 1n]);
  const some = changes({ accounts: new Map([[BOB, account({ balance: 1n })]]) });
  assert.deepEqual(joinChanges(NOTHING_SET, some), some);
});

test("a field that is set leaves the others as they are", () => {
  const rich = setAccount(NOTHING_SET, state, ANN, { balance: 9n });
  const coded = setAccount(rich, overState(state, rich), ANN, { code: CODE });
  const over = overState(state, coded);
  assert.deepEqual(over.account(ANN), { nonce: 3n, balance: 9n, codeHash: keccak256Hex(CODE), storageRoot: ROOT });
  assert.deepEqual(over.code(keccak256Hex(CODE)), CODE);
  assert.equal(NOTHING_SET.accounts.size, 0, "what was set before is not changed");
});

test("an account without anything is none, unless it stores something", () => {
  const made = setAccount(NOTHING_SET, state, BOB, { balance: 1n });
  const gone = setAccount(made, overState(state, made), BOB, { balance: 0n });
  assert.equal(gone.accounts.get(BOB), null);
  assert.equal(overState(state, gone).account(BOB), undefined);
  const storing = setSlot(NOTHING_SET, state, BOB, slot(1), 7n);
  assert.deepEqual(storing.accounts.get(BOB), account({}));
  assert.deepEqual(overState(state, storing).account(BOB), { ...account({}), storageRoot: EMPTY_TRIE_ROOT });
  assert.equal(overState(state, storing).storage(BOB, slot(1)), 7n);
  const emptied = setAccount(NOTHING_SET, state, ANN, { balance: 0n, nonce: 0n });
  assert.deepEqual(emptied.accounts.get(ANN), account({}), "what it stores is kept");
});

test("transactions come after what was set, slot by slot", () => {
  const set = setSlot(setSlot(NOTHING_SET, state, ANN, slot(1), 2n), state, ANN, slot(2), 3n);
  const later = changes({
    accounts: new Map([[BOB, account({ nonce: 1n })]]),
    storage: new Map([[ANN, new Map([[slot(2), 4n]])]]),
  });
  const joined = joinChanges(set, later);
  assert.deepEqual(
    [...(joined.storage.get(ANN) ?? [])],
    [
      [slot(1), 2n],
      [slot(2), 4n],
    ],
  );
  assert.deepEqual([...joined.accounts.keys()], [ANN, BOB]);
});

test("what was set of an account that transactions removed is gone with it", () => {
  const set = setSlot(NOTHING_SET, state, BOB, slot(1), 2n);
  const joined = joinChanges(set, changes({ accounts: new Map([[BOB, null]]) }));
  assert.equal(joined.accounts.get(BOB), null);
  assert.equal(joined.storage.has(BOB), false);
});
