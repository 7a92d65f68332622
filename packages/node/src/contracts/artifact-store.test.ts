import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytesToHex, type Hex, utf8ToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { createAddress } from "@counterpart/core/chain/address";
import { keccak256, signDigest } from "@counterpart/core/crypto/crypto";
import { artifactRecordHash, signArtifact, UPDATED_AT_MAX } from "@counterpart/core/sync/artifact";
import { mergeArtifacts } from "@counterpart/core/sync/artifact.test-support";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import fc from "fast-check";
import { accountOf, keyOf } from "../engine/engine.test-support.ts";
import type { ContractEntry, Snapshot } from "../engine/types.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { type ArtifactStore, createArtifactStore } from "./artifact-store.ts";
import { createArtifactTable, ROWS_PER_ADDRESS_MAX } from "./artifact-table.ts";

const CHAIN = { chainId: 31337, genesisHash: bytesToHex(keccak256(utf8ToBytes("genesis"))) };
const ZERO_HASH: Hex = `0x${"00".repeat(32)}`;
const codeHash = (n: number): Hex => bytesToHex(keccak256(new Uint8Array([n])));
const childAddress = (n: number): Hex => `0x${n.toString(16).padStart(40, "0")}`;

/** A top-level contract of the account with this key number. */
function entryOf(owner: number, nonce: number, code = 1): ContractEntry {
  return {
    address: createAddress(accountOf(owner), BigInt(nonce)),
    owner: accountOf(owner),
    creationNonce: BigInt(nonce),
    codeHash: codeHash(code),
    created: { number: 1, hash: ZERO_HASH, timestamp: 0 },
    updated: { number: 1, hash: ZERO_HASH, timestamp: 0 },
    updateSequence: 1,
    genesis: false,
  };
}

function childOf(owner: number, n: number): ContractEntry {
  const { creationNonce: _, ...entry } = entryOf(owner, 0);
  return { ...entry, address: childAddress(n) };
}

function recordOf(entry: ContractEntry, signer: number, updatedAt: number, name = "x"): ArtifactRecord {
  const { address, codeHash: code, creationNonce } = entry;
  const nonce = creationNonce === undefined ? {} : { creationNonce };
  return signArtifact({ address, codeHash: code, ...nonce, updatedAt, content: { name } }, CHAIN, (digest) =>
    signDigest(digest, keyOf(signer)),
  );
}

/** Contracts that come and go as a test wants. */
function openStore(entries: readonly ContractEntry[], database = createMemoryStore()) {
  const head = new Map(entries.map((entry) => [entry.address, entry]));
  const snapshot = (): Snapshot => ({
    head: undefined as never,
    account: () => undefined,
    storage: () => 0n,
    heldCode: () => undefined,
    code: () => new Uint8Array(0),
    contract: (address) => head.get(address),
    hashedContract: () => undefined,
    done() {},
  });
  const table = createArtifactTable(database);
  const store = createArtifactStore(table, { ...CHAIN, snapshot, adoption: { isUnderway: false } });
  const move = (next: readonly ContractEntry[]): void => {
    const before = [...head.keys()];
    head.clear();
    for (const entry of next) head.set(entry.address, entry);
    store.review([...head.keys(), ...before]);
  };
  return { store, table, database, move };
}

const digestOf = (records: readonly ArtifactRecord[]): bigint =>
  records.reduce((digest, record) => digest ^ BigInt(artifactRecordHash(record)), 0n);

function shows(store: ArtifactStore, records: readonly ArtifactRecord[]): void {
  const { count, digest } = store.summary();
  assert.equal(count, records.length);
  assert.equal(BigInt(digest), digestOf(records));
  assert.equal(digest.length, 66);
}

describe("merging a record", () => {
  it("refuses one whose creation nonce is left out or another, though its owner signed it", () => {
    const entry = entryOf(1, 3);
    const { store } = openStore([entry, childOf(1, 9)]);
    const { creationNonce: _, ...nonceless } = entry;
    assert.equal(store.merge(recordOf(nonceless, 1, 5)).outcome, "refused");
    assert.equal(store.merge(recordOf({ ...entry, creationNonce: 4n }, 1, 5)).outcome, "refused");
    assert.equal(store.merge(recordOf({ ...childOf(1, 9), creationNonce: 0n }, 1, 5)).outcome, "refused");
    assert.equal(store.summary().count, 0);
    assert.equal(store.merge(recordOf(entry, 1, 5)).outcome, "added");
  });

  it("adds, replaces by a newer one, ignores older and equal ones", () => {
    const entry = entryOf(1, 0);
    const { store } = openStore([entry]);
    shows(store, []);
    assert.deepEqual(store.merge(recordOf(entry, 1, 5)), { outcome: "added" });
    assert.deepEqual(store.merge(recordOf(entry, 1, 5)), { outcome: "equal" });
    assert.deepEqual(store.merge(recordOf(entry, 1, 4)), { outcome: "older" });
    assert.deepEqual(store.merge(recordOf(entry, 1, 6)), { outcome: "replaced" });
    assert.deepEqual(store.merge(recordOf(entry, 1, 5)), { outcome: "older" });
    shows(store, [recordOf(entry, 1, 6)]);
  });

  it("keeps nothing of a contract that is not at the head, or has other code there", () => {
    const entry = entryOf(1, 0);
    const { store, database } = openStore([entryOf(1, 0, 2)]);
    assert.deepEqual(store.merge(recordOf(entry, 1, 5)), { outcome: "unknown-contract" });
    assert.deepEqual(store.merge(recordOf(entryOf(1, 9), 1, 5)), { outcome: "unknown-contract" });
    assert.deepEqual(database.range("artifacts", { limit: 9 }), []);
    shows(store, []);
  });

  it("refuses what the owner did not sign, whatever its date", () => {
    const [entry, child] = [entryOf(1, 0), childOf(1, 7)];
    const { owner: _, ...ownerless } = childOf(1, 8);
    const { store, database } = openStore([entry, child, { ...ownerless, genesis: true }]);
    const far = Number.MAX_SAFE_INTEGER;
    const { creationNonce, ...cut } = recordOf(entry, 1, far);
    const forged: ArtifactRecord[] = [
      recordOf(entry, 2, far),
      recordOf(child, 2, far),
      recordOf(childOf(1, 8), 1, far),
      cut,
      { ...recordOf(child, 1, far), ...(creationNonce !== undefined && { creationNonce }) },
      { ...recordOf(entry, 1, 5), content: recordOf(entry, 1, 5, "swapped").content },
      { ...recordOf(entry, 1, 5), updatedAt: far },
    ];
    for (const record of forged) assert.equal(store.merge(record).outcome, "refused");
    assert.deepEqual(database.range("artifacts", { limit: 9 }), []);
    assert.equal(store.merge(recordOf(child, 1, 5)).outcome, "added");
  });

  it("takes a date far ahead from the owner, which only the owner can pass", () => {
    const entry = entryOf(1, 0);
    const { store } = openStore([entry]);
    const far = UPDATED_AT_MAX - 1;
    store.merge(recordOf(entry, 1, far));
    assert.equal(store.merge(recordOf(entry, 1, far + 1)).outcome, "replaced");
    assert.equal(store.merge(recordOf(entry, 1, far + 2)).outcome, "refused");
  });

  it("ends with the same artifacts for any order and duplication of arrival", () => {
    const entries = [entryOf(1, 0), entryOf(1, 1), childOf(2, 7)];
    const signers = [1, 1, 2];
    const pool = entries.flatMap((entry, i) =>
      [1, 2, 2].flatMap((updatedAt) =>
        ["a", "b"].map((name) => recordOf(entry, signers[i] as number, updatedAt, name)),
      ),
    );
    const expected = entries.map(({ address }) =>
      pool.filter((record) => record.address === address).reduce(mergeArtifacts),
    );
    const arrivals = fc.shuffledSubarray([...pool, ...pool], { minLength: pool.length * 2 });
    fc.assert(
      fc.property(arrivals, (records) => {
        const { store } = openStore(entries);
        for (const record of records) store.merge(record);
        shows(store, expected);
      }),
      { numRuns: 10 },
    );
  });
});

describe("the feed of changes", () => {
  it("has each visible artifact once, at the place of its last change", () => {
    const entries = [entryOf(1, 0), entryOf(1, 1), entryOf(1, 2)];
    const { store } = openStore(entries);
    const [a, b, c] = entries.map((entry) => recordOf(entry, 1, 5));
    assert.ok(a && b && c);
    for (const record of [a, b, c]) store.merge(record);
    const { sequence } = store.summary();
    assert.deepEqual(
      store.since(0, 10).map(({ record }) => record),
      [a, b, c],
    );
    const newer = recordOf(entryOf(1, 0), 1, 6);
    store.merge(newer);
    assert.deepEqual(
      store.since(0, 10).map(({ record }) => record),
      [b, c, newer],
    );
    assert.deepEqual(store.since(sequence, 10), [{ sequence: sequence + 1, record: newer }]);
    assert.deepEqual(store.since(store.summary().sequence, 10), []);
  });

  it("is read in pages of any size without a gap, past hidden ones", () => {
    const entries = Array.from({ length: 12 }, (_, nonce) => entryOf(1, nonce));
    const { store, move } = openStore(entries);
    const records = entries.map((entry) => recordOf(entry, 1, 5));
    for (const record of records) store.merge(record);
    move(entries.filter((_, i) => i % 3 === 0));
    for (const limit of [1, 2, 3, 100]) {
      const read: ArtifactRecord[] = [];
      let from = 0;
      for (let page = store.since(from, limit); page.length > 0; page = store.since(from, limit)) {
        assert.ok(page.length <= limit);
        read.push(...page.map(({ record }) => record));
        from = page.at(-1)?.sequence ?? from;
      }
      assert.deepEqual(
        read,
        records.filter((_, i) => i % 3 === 0),
      );
    }
  });
});

describe("following the head", () => {
  it("shows exactly the records whose contract is there with their code and owner", () => {
    const [first, second] = [entryOf(1, 0, 1), entryOf(1, 0, 2)];
    const { store, move } = openStore([first]);
    const old = recordOf(first, 1, 5);
    store.merge(old);
    move([second]);
    shows(store, []);
    const fresh = recordOf(second, 1, 4);
    assert.equal(store.merge(fresh).outcome, "added");
    shows(store, [fresh]);
    move([first]);
    shows(store, [old]);
    assert.deepEqual(store.visible(first.address)?.record, old);
    assert.equal(store.held(first.address).length, 2);
    move([]);
    shows(store, []);
    assert.equal(store.visible(first.address), undefined);
  });

  it("shows nothing of what another creation with the same nonce and code was called, however new", () => {
    const created = (by: number): ContractEntry => ({ ...entryOf(1, 0), creationTransaction: codeHash(by) });
    const { store, move } = openStore([created(1)]);
    const lost = recordOf(created(1), 1, 9, "lost");
    store.merge(lost);
    move([created(2)]);
    shows(store, []);
    const own = recordOf(created(2), 1, 5, "own");
    assert.equal(store.merge(own).outcome, "added");
    shows(store, [own]);
    move([entryOf(1, 0)]);
    shows(store, [own]);
  });

  it("keeps the records of two owners of one child apart, whose branches decide who it was", () => {
    const [mine, theirs] = [childOf(1, 7), childOf(2, 7)];
    const { store, move } = openStore([mine]);
    store.merge(recordOf(mine, 1, 5));
    assert.equal(store.merge(recordOf(theirs, 2, 9)).outcome, "refused");
    move([theirs]);
    assert.equal(store.merge(recordOf(theirs, 2, 4)).outcome, "added");
    move([mine]);
    shows(store, [recordOf(mine, 1, 5)]);
  });

  it("keeps no more rows of an address than the limit, and drops the hidden ones", () => {
    const { store, table, move } = openStore([]);
    for (let code = 0; code < ROWS_PER_ADDRESS_MAX + 4; code++) {
      const entry = entryOf(1, 0, code);
      move([entry]);
      store.merge(recordOf(entry, 1, 5));
      shows(store, [recordOf(entry, 1, 5)]);
    }
    const { address } = entryOf(1, 0);
    assert.equal(table.page(undefined, 100).length, ROWS_PER_ADDRESS_MAX);
    assert.equal(table.feed(0, 100).length, ROWS_PER_ADDRESS_MAX);
    assert.ok(store.visible(address));
  });

  it("goes on after a restart where it was, in step with the head of then", () => {
    const [a, b] = [entryOf(1, 0), entryOf(1, 1)];
    const { store, database } = openStore([a, b]);
    store.merge(recordOf(a, 1, 5));
    store.merge(recordOf(b, 1, 5));
    assert.deepEqual(openStore([a, b], database).store.summary(), store.summary());
    shows(openStore([a], database).store, [recordOf(a, 1, 5)]);
    const back = openStore([a, b], database).store;
    shows(back, [recordOf(a, 1, 5), recordOf(b, 1, 5)]);
    assert.ok(back.summary().sequence > store.summary().sequence);
  });

  it("catches up with more rows than one read takes", () => {
    const entries = Array.from({ length: 300 }, (_, nonce) => childOf(1, nonce));
    const signed = recordOf(childOf(1, 0), 1, 5);
    const { table, database } = openStore([]);
    const rows = entries.map((entry, i) => {
      const record = { ...signed, address: entry.address };
      const recordHash = artifactRecordHash(record);
      return { record, recordHash, owner: accountOf(1), sequence: i + 1, visible: i % 2 === 0 };
    });
    table.write({ put: rows });
    const { store } = openStore(entries, database);
    shows(
      store,
      rows.map(({ record }) => record),
    );
    assert.equal(store.summary().sequence, 450);
    assert.equal(store.since(0, 1_000).length, 300);
  });
});

describe("the stored rows", () => {
  it("are known to be damaged when they are", () => {
    const entry = entryOf(1, 0);
    const { store, table, database } = openStore([entry]);
    store.merge(recordOf(entry, 1, 5));
    const [row] = database.range("artifacts", { limit: 1 });
    assert.ok(row);
    for (let at = 0; at < row.value.length; at++) {
      const damaged = row.value.slice();
      damaged[at] = (damaged[at] as number) ^ 0x20;
      database.write([{ table: "artifacts", key: row.key, value: damaged }]);
      let read: ReturnType<typeof table.page> = [];
      try {
        read = table.page(undefined, 1);
      } catch (error) {
        assert.ok(isCodedError(error, "STORE_CORRUPT"), String(error));
      }
      // Owner and sequence are not covered by the record's hash; everything that is signed is.
      for (const { record } of read) assert.deepEqual(record, recordOf(entry, 1, 5));
    }
  });
});
