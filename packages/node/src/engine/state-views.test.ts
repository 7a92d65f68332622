import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bigIntToFixedBytes, concatBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { encodeAccount } from "@counterpart/core/chain/account";
import { createAddress } from "@counterpart/core/chain/address";
import type { SealedHeader, Transaction } from "@counterpart/core/chain/types";
import { encodeRlp } from "@counterpart/core/codec/rlp";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import { proveKey, verifyProof } from "@counterpart/core/trie/proof";
import { proveRange, verifyRange } from "@counterpart/core/trie/range-proof";
import { createMemoryStore } from "../store/memory-store.ts";
import {
  accountOf,
  chainOf,
  createManualClock,
  creationOf,
  openTestEngine,
  sealAll,
  transactionOf,
} from "./engine.test-support.ts";
import type { StateView } from "./state-view.ts";
import { createStateViews, VIEW_LIMITS } from "./state-views.ts";
import type { Engine } from "./types.ts";

const LOWEST = new Uint8Array(32);

/** Creation of a contract that writes calldata[32] into slot calldata[0]. */
const WRITER = hexToBytes("0x666020355f3555005f5260076019f3");
const WRITER_ADDRESS = createAddress(accountOf(1), 0n);

const word = (value: number): Uint8Array => bigIntToFixedBytes(BigInt(value), 32);
const store = (nonce: number, slot: number, value: number): Transaction =>
  transactionOf(1, nonce, { to: WRITER_ADDRESS, value: 0n, data: concatBytes(word(slot), word(value)) });

/** Everything in a view, with every page proven against the header. */
function contentOf(view: StateView) {
  const accounts = [...view.accounts(LOWEST)];
  assert.equal(
    verifyRange(
      view.header.stateRoot,
      LOWEST,
      accounts,
      proveRange(view.accountNodes, view.header.stateRoot, LOWEST, accounts.at(-1)?.key),
    ),
    false,
  );
  const key = keccak256(hexToBytes(WRITER_ADDRESS));
  const account = view.account(key);
  const slots = [...view.slots(key, LOWEST)];
  if (account !== undefined) {
    const nodes = view.storageNodes(key);
    const entries = slots.map((slot) => ({ key: slot.key, value: encodeRlp(slot.value) }));
    const proof = proveRange(nodes, account.storageRoot, LOWEST, entries.at(-1)?.key);
    assert.equal(verifyRange(account.storageRoot, LOWEST, entries, proof), false);
    assert.deepEqual(
      verifyProof(view.header.stateRoot, key, proveKey(view.accountNodes, view.header.stateRoot, key)),
      encodeAccount(account),
    );
  }
  return { root: view.header.stateRoot, accounts, slots };
}

/** Seals a block of one transaction at a time, with what the state is after each. */
async function grow(engine: Engine, blocks: number, from = 1): Promise<Map<Hex, ReturnType<typeof contentOf>>> {
  const contents = new Map<Hex, ReturnType<typeof contentOf>>();
  for (let nonce = from; nonce < from + blocks; nonce++) {
    // Slots come, change and go again.
    await sealAll(engine, [
      store(nonce, nonce % 5, nonce % 3 === 0 ? 0 : nonce),
      transactionOf(2 + (nonce % 6), Math.floor((nonce - from) / 6)),
    ]);
    contents.set(engine.head().hash, contentOf(engine.stateAt(engine.head().hash, "peer")));
  }
  return contents;
}

describe("the state of a recent block", () => {
  test("is what it was when that block was the head, proofs and all", async () => {
    const database = createMemoryStore();
    const engine = openTestEngine({ store: database });
    await sealAll(engine, [creationOf(1, 0, WRITER)]);
    const contents = await grow(engine, 12);
    for (const [hash, content] of contents) assert.deepEqual(contentOf(engine.stateAt(hash, "peer")), content);
    // Without any view kept from before: each is made of the changes alone.
    const again = openTestEngine({ store: database });
    for (const [hash, content] of contents) assert.deepEqual(contentOf(again.stateAt(hash, "peer")), content);
  });

  test("stays the same while the chain grows, is written over and reorganised", async () => {
    const engine = openTestEngine({ sealer: 101 });
    await sealAll(engine, [creationOf(1, 0, WRITER)]);
    const rival = openTestEngine({ sealer: 102 });
    await rival.import(chainOf(engine));
    const pivot = engine.head().hash;
    const before = contentOf(engine.stateAt(pivot, "peer"));
    await grow(engine, 6);
    assert.deepEqual(contentOf(engine.stateAt(pivot, "peer")), before);
    await grow(rival, 9);
    await engine.import(chainOf(rival));
    assert.equal(engine.head().hash, rival.head().hash);
    assert.deepEqual(contentOf(engine.stateAt(pivot, "peer")), before);
    assert.deepEqual(
      contentOf(engine.stateAt(rival.head().hash, "peer")),
      contentOf(rival.stateAt(rival.head().hash, "peer")),
    );
  });

  test("gives pages from any key on", async () => {
    const engine = openTestEngine();
    await sealAll(engine, [creationOf(1, 0, WRITER)]);
    for (let slot = 0; slot < 40; slot += 10) {
      await sealAll(
        engine,
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((i) => store(slot + i, slot + i, 7)),
      );
    }
    const pivot = engine.head().hash;
    const key = keccak256(hexToBytes(WRITER_ADDRESS));
    const all = [...engine.stateAt(pivot, "peer").slots(key, LOWEST)];
    assert.equal(all.length, 40);
    for (let slot = 1; slot <= 40; slot += 2)
      await sealAll(engine, [store(40 + (slot + 1) / 2, slot, slot % 4 === 1 ? 0 : 9)]);
    for (const [index, { key: start }] of all.entries()) {
      assert.deepEqual([...engine.stateAt(pivot, "peer").slots(key, start)], all.slice(index));
    }
    assert.ok([...engine.stateAt(engine.head().hash, "peer").slots(key, LOWEST)].length < 40);
  });

  test("is held for 256 blocks and for 15 minutes, whichever is more, and only of the chain's own blocks", async () => {
    const clock = createManualClock();
    const engine = openTestEngine({ clock });
    await sealAll(engine, [transactionOf(1, 0)]);
    const first = engine.head().hash;
    for (let nonce = 1; nonce <= 300; nonce++) await sealAll(engine, [transactionOf(1, nonce)]);
    assert.equal(engine.stateAt(first, "peer").header.hash, first);
    clock.advance(16 * 60 * 1_000);
    assert.throws(() => engine.stateAt(first, "peer"), { code: "PRUNED" });
    const recent = engine.header(engine.head().number - 255);
    assert.ok(recent !== undefined);
    assert.equal(engine.stateAt(recent.hash, "peer").header.hash, recent.hash);
    assert.throws(() => engine.stateAt(`0x${"12".repeat(32)}`, "peer"), { code: "BLOCK_NOT_FOUND" });
  });

  test("is not given when more has changed since than may be taken back at once", async () => {
    const database = createMemoryStore();
    const engine = openTestEngine({ store: database });
    await sealAll(engine, [creationOf(1, 0, WRITER)]);
    const pivot = engine.head();
    await grow(engine, 4);
    const changesMax = 10;
    const views = createStateViews(database, { ...VIEW_LIMITS, changesMax });
    assert.throws(() => views.at(pivot, engine.head(), 0), { code: "PRUNED" });
    const before = engine.header(engine.head().number - 1);
    assert.ok(before !== undefined);
    assert.equal(views.at(before, engine.head(), 0).header.hash, before.hash);
  });

  test("gives way to those that were read later, by their number and by what they hold", async () => {
    const database = createMemoryStore();
    const engine = openTestEngine({ store: database });
    await sealAll(engine, [creationOf(1, 0, WRITER)]);
    await grow(engine, 4);
    const headers = [1, 2, 3].map((number) => engine.header(number) as SealedHeader);
    for (const limits of [
      { ...VIEW_LIMITS, viewsMax: 2 },
      { ...VIEW_LIMITS, bytesMax: 1 },
    ]) {
      const views = createStateViews(database, limits);
      const read = (header: SealedHeader) => views.at(header, engine.head(), 0);
      const [first, second, third] = headers as [SealedHeader, SealedHeader, SealedHeader];
      const before = read(first);
      read(second);
      read(third);
      assert.notEqual(read(first), before);
      if (limits.viewsMax === 2) assert.equal(read(third), read(third));
    }
  });
});
