import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import type { Block, SealedHeader, Transaction } from "@counterpart/core/chain/types";
import { addSeal, draftHeader } from "@counterpart/core/consensus/poa";
import { signDigest } from "@counterpart/core/crypto/crypto";
import { createAdmission } from "./admission.ts";
import { accountOf, keyOf, openTestEngine, START_MS } from "./engine.test-support.ts";

const genesis = openTestEngine().head();
let salt = 0;

/** A well-sealed block without transactions, each with another hash. */
function childOf(parent: SealedHeader): Block {
  const vanity = new Uint8Array(32);
  new DataView(vanity.buffer).setUint32(0, ++salt);
  const draft = draftHeader({ parent, coinbase: accountOf(9), timestamp: parent.timestamp, vanity });
  return { header: addSeal(draft, (digest) => signDigest(digest, keyOf(9))), transactions: [] };
}

function branch(length: number, from: SealedHeader = genesis): Block[] {
  const blocks: Block[] = [];
  for (let tip = from; blocks.length < length; tip = (blocks.at(-1) as Block).header) blocks.push(childOf(tip));
  return blocks;
}

/** An admission whose admitted blocks are held, as the engine holds them. */
function createHolding(sideBlocksMax: number, signers: readonly Hex[] = []) {
  const held = new Map<Hex, SealedHeader>([[genesis.hash, genesis]]);
  const dropped = { count: 0 };
  const admission = createAdmission({
    rules: { signers },
    header: (hash) => held.get(hash),
    isCanonical: (hash) => hash === genesis.hash,
    sideBlocksMax,
    onOrphanDropped: () => void dropped.count++,
  });
  const admit = (blocks: readonly Block[]) => {
    const result = admission.admit(blocks, START_MS);
    for (const { header } of result.blocks) held.set(header.hash, header);
    for (const { hash } of result.evicted) held.delete(hash);
    return result;
  };
  return { admission, admit, dropped };
}

test("a full tree never keeps a block whose parent it gave up", () => {
  const { admission, admit } = createHolding(60);
  const trunk = branch(20);
  const leaves = Array.from({ length: 40 }, () => childOf((trunk.at(-1) as Block).header));
  admit([...trunk, ...leaves]);
  // A fork that is longer in the end, but whose first blocks are the worst tips while it comes in.
  const fork = branch(30);
  for (let at = 0; at < fork.length; at += 7) {
    const { evicted } = admit(fork.slice(at, at + 7));
    assert.ok(admission.tree.size <= 60);
    assert.ok(evicted.every(({ hash }) => !admission.tree.has(hash)));
    const best = admission.tree.best();
    assert.equal(admission.tree.path(best?.hash ?? "0x")[0]?.parentHash, genesis.hash);
  }
});

test("orphans wait for their parents, in any order, within a bound", () => {
  const { admission, admit } = createHolding(1_000);
  const blocks = branch(10);
  const { orphans } = admit(blocks.slice(1).reverse());
  assert.equal(orphans.length, 9);
  assert.equal(admit(blocks.slice(0, 1)).blocks.length, 10);
  assert.equal(admission.tree.best()?.number, 10);
  const many = branch(600);
  admit(many.slice(1));
  // The first to come were the first to go, so nothing connects to the missing block's child.
  assert.equal(admit(many.slice(0, 1)).blocks.length, 1);
});

test("orphans are bounded in bytes too, each counts once, and one that is taken counts no more", () => {
  const { admit, dropped } = createHolding(1_000);
  const heavy = (block: Block): Block => {
    return { ...block, transactions: [{ raw: new Uint8Array(6 * 1024 * 1024) } as Transaction] };
  };
  const [first, ...others] = branch(4) as [Block, Block, Block, Block];
  admit(others.slice(0, 2).map(heavy));
  admit(others.slice(0, 2).map(heavy));
  assert.equal(dropped.count, 0);
  admit(others.slice(2).map(heavy));
  assert.equal(dropped.count, 1);
  assert.equal(admit([first]).blocks.length, 1);
  assert.equal(admit(others.slice(0, 1)).blocks.length, 3);
  admit(branch(3).slice(1).map(heavy));
  assert.equal(dropped.count, 1);
});

test("a block whose header is against the rules is not kept, and neither is what comes after it", () => {
  const { admission, admit } = createHolding(1_000, [accountOf(8)]);
  const { orphans, faults } = admit(branch(2));
  assert.deepEqual([faults.map(({ code }) => code), orphans.length, admission.tree.size], [["INVALID_HEADER"], 1, 0]);
});

test("a block that is held is passed over, whether it comes again later or at once", () => {
  const { admit } = createHolding(1_000);
  const [block] = branch(1) as [Block];
  assert.deepEqual(admit([block, block]).blocks, [block]);
  assert.deepEqual(admit([block]), { blocks: [], orphans: [], faults: [], evicted: [] });
});

test("of blocks that could not be written those that are held all the same stay in the tree", () => {
  const { admission, admit } = createHolding(1_000);
  const [held, lost] = branch(2) as [Block, Block];
  admit([held]);
  admission.admit([lost], START_MS);
  admission.forget([held, lost]);
  assert.deepEqual([admission.tree.has(held.header.hash), admission.tree.has(lost.header.hash)], [true, false]);
});

test("descendants of a condemned block are refused, also those that come later", () => {
  const { admission, admit } = createHolding(1_000);
  const blocks = branch(5);
  admit(blocks.slice(0, 3));
  assert.equal(admission.condemn((blocks[1] as Block).header).length, 2);
  const { faults } = admit(blocks.slice(1));
  assert.deepEqual(
    faults.map(({ code }) => code),
    Array(4).fill("INVALID_BLOCK"),
  );
  assert.equal(admission.tree.best()?.number, 1);
});
