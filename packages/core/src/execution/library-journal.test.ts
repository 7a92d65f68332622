import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bytesToHex, type Hex } from "../base/bytes.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT } from "../trie/ordered.ts";
import { slotOf } from "./fixtures.test-support.ts";
import { createStateJournal, type StateJournal } from "./library-journal.test-support.ts";
import { createMemoryState, type MemoryState } from "./memory-state.test-support.ts";

const A: Hex = `0x${"aa".repeat(20)}`;
const B: Hex = `0x${"bb".repeat(20)}`;
const ONE = slotOf(1n);
const TWO = slotOf(2n);
const CODE = new Uint8Array([0x60, 0x00]);

function account(balance: bigint, nonce = 0n) {
  return { nonce, balance, codeHash: EMPTY_CODE_HASH, storageRoot: EMPTY_TRIE_ROOT };
}

function stateWith(address: Hex, slots: ReadonlyMap<Hex, bigint>): MemoryState {
  const state = createMemoryState();
  const codeHash = keccak256Hex(CODE);
  state.apply({
    accounts: new Map([[address, { nonce: 1n, balance: 7n, codeHash }]]),
    storage: new Map([[address, slots]]),
    codes: new Map([[codeHash, CODE]]),
  });
  return state;
}

describe("the state journal", () => {
  it("reads through to the state beneath, and its own writes first", () => {
    const journal = createStateJournal(stateWith(A, new Map([[ONE, 5n]])));
    assert.equal(journal.account(A)?.balance, 7n);
    assert.equal(journal.storage(A, ONE), 5n);
    assert.deepEqual(journal.code(A), CODE);
    journal.setStorage(A, TWO, 6n);
    assert.deepEqual([journal.storage(A, ONE), journal.storage(A, TWO)], [5n, 6n]);
    assert.equal(journal.account(B), undefined);
    assert.equal(journal.code(B).length, 0);
  });

  it("gives nothing when everything ends as it began", () => {
    const journal = createStateJournal(stateWith(A, new Map([[ONE, 5n]])));
    const before = journal.account(A);
    journal.setStorage(A, ONE, 6n);
    journal.setStorage(A, ONE, 5n);
    journal.setStorage(A, TWO, 0n);
    journal.setAccount(A, account(1n));
    journal.setAccount(A, before);
    journal.setAccount(B, account(1n));
    journal.clearStorage(B);
    journal.setAccount(B, undefined);
    assert.deepEqual(journal.changes(), { accounts: new Map(), storage: new Map(), codes: new Map() });
  });

  it("gives new code only when an account holds it", () => {
    const journal = createStateJournal(createMemoryState());
    journal.checkpoint();
    journal.setCode(A, CODE);
    journal.revert();
    assert.equal(journal.changes().codes.size, 0);
    journal.setCode(B, CODE);
    assert.deepEqual([...journal.changes().codes], [[keccak256Hex(CODE), CODE]]);
    assert.deepEqual([...journal.changes().accounts.keys()], [B]);
  });

  it("remembers the value that a slot had when the transaction began", () => {
    const journal = createStateJournal(stateWith(A, new Map([[ONE, 5n]])));
    journal.setStorage(A, ONE, 6n);
    journal.setStorage(A, ONE, 7n);
    assert.equal(journal.originalStorage(A, ONE), 5n);
    journal.endTransaction();
    assert.equal(journal.originalStorage(A, ONE), 7n);
    journal.checkpoint();
    journal.setStorage(A, ONE, 8n);
    journal.revert();
    journal.setStorage(A, ONE, 9n);
    assert.equal(journal.originalStorage(A, ONE), 7n);
  });

  it("hides what a removed account stored", () => {
    const journal = createStateJournal(createMemoryState());
    journal.setAccount(A, account(1n));
    journal.setStorage(A, ONE, 5n);
    journal.checkpoint();
    journal.clearStorage(A);
    journal.setAccount(A, undefined);
    assert.equal(journal.storage(A, ONE), 0n);
    journal.revert();
    assert.equal(journal.storage(A, ONE), 5n);
    assert.equal(journal.account(A)?.balance, 1n);
  });

  it("does not clear storage that it cannot enumerate", () => {
    const journal = createStateJournal(stateWith(A, new Map([[ONE, 5n]])));
    assert.throws(() => journal.clearStorage(A), /cannot be cleared/);
  });

  it("comes back to a mark over any number of open checkpoints", () => {
    const journal = createStateJournal(createMemoryState());
    journal.checkpoint();
    journal.setAccount(A, account(1n));
    const mark = journal.mark();
    journal.checkpoint();
    journal.setAccount(A, account(2n));
    journal.checkpoint();
    journal.setStorage(A, ONE, 1n);
    journal.restore(mark);
    assert.equal(journal.account(A)?.balance, 1n);
    assert.equal(journal.storage(A, ONE), 0n);
    journal.revert();
    assert.equal(journal.account(A), undefined);
    assert.throws(() => journal.revert(), /no checkpoint/);
  });

  it("undoes exactly what was done since the checkpoint", () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 30 }), (list) => {
        const journal = createStateJournal(createMemoryState());
        const saved: string[] = [];
        for (const step of list) {
          if (typeof step !== "string") perform(journal, step);
          else control(journal, step, saved);
        }
      }),
      { numRuns: 300 },
    );
  });
});

const writes = fc.record({
  kind: fc.constantFrom("account" as const, "storage" as const, "storage" as const, "code" as const, "clear" as const),
  address: fc.constantFrom(A, B),
  slot: fc.constantFrom(ONE, TWO),
  value: fc.nat(3),
});
const steps = fc.oneof(
  { arbitrary: writes, weight: 3 },
  { arbitrary: fc.constantFrom("checkpoint" as const, "commit" as const, "revert" as const), weight: 2 },
);

interface Write {
  readonly kind: "account" | "storage" | "code" | "clear";
  readonly address: Hex;
  readonly slot: Hex;
  readonly value: number;
}

function perform(journal: StateJournal, { kind, address, slot, value }: Write): void {
  if (kind === "account") journal.setAccount(address, account(BigInt(value)));
  if (kind === "storage") journal.setStorage(address, slot, BigInt(value));
  if (kind === "code") journal.setCode(address, new Uint8Array(value));
  if (kind === "clear") journal.clearStorage(address);
}

/** Everything that can be read, as text. */
function look(journal: StateJournal): string {
  const views = [A, B].map((address) => {
    const { nonce, balance, codeHash } = journal.account(address) ?? {};
    const slots = [ONE, TWO].map((slot) => journal.storage(address, slot));
    return [nonce, balance, codeHash, bytesToHex(journal.code(address)), ...slots].join();
  });
  return views.join("|");
}

/** Opens or ends a checkpoint, if there is one; after a revert everything is as it was saved. */
function control(journal: StateJournal, step: "checkpoint" | "commit" | "revert", saved: string[]): void {
  if (step === "checkpoint") {
    saved.push(look(journal));
    journal.checkpoint();
    return;
  }
  const expected = saved.pop();
  if (expected === undefined) return;
  if (step === "commit") {
    journal.commit();
  } else {
    journal.revert();
    assert.equal(look(journal), expected);
  }
}
