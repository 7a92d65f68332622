import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { createAddress } from "@counterpart/core/chain/address";
import { encodeBlock } from "@counterpart/core/chain/block";
import type { Block } from "@counterpart/core/chain/types";
import { addSeal } from "@counterpart/core/consensus/poa";
import { currentCrypto, keccak256, signDigest, useCrypto } from "@counterpart/core/crypto/crypto";
import type { Store, StoreWrite } from "@counterpart/core/ports/store";
import { createMemoryStore } from "../store/memory-store.ts";
import {
  accountOf,
  chainOf,
  createFaultyExecutor,
  creationOf,
  keyOf,
  openTestEngine,
  sealAll,
  transactionOf,
} from "./engine.test-support.ts";
import { accountKey, storageKey } from "./rows.ts";

/** Creation code of a contract that counts its calls in slot 0, from 1. */
const COUNTER = hexToBytes("0x60015f55675f546001015f55005f5260086018f3");
const counter = createAddress(accountOf(1), 0n);
const slot0 = `0x${"00".repeat(32)}` as const;

/** A contract in block 1, calls of it in those after it. */
async function blocksUpTo(number: number): Promise<readonly Block[]> {
  const engine = openTestEngine({ sealer: 9 });
  await sealAll(engine, [creationOf(1, 0, COUNTER)]);
  for (let nonce = 1; nonce < number; nonce++) {
    await sealAll(engine, [transactionOf(1, nonce, { to: counter, value: 0n })]);
  }
  return chainOf(engine);
}

const threeBlocks = async () => (await blocksUpTo(3)) as readonly [Block, Block, Block];

test("a block that execution contradicts twice is refused, and what speaks for and against it is kept", async () => {
  const [first, second] = await threeBlocks();
  let executions = 0;
  const executor = createFaultyExecutor((number) => {
    if (number === 2) executions++;
    return number === 2;
  });
  const engine = openTestEngine({ executor });
  const { invalid, added } = await engine.import([first, second]);
  const { hash } = second.header;
  const refused = { hash, number: 2 };
  const message = "block 2: stateRoot is not what execution gives";
  assert.deepEqual([added, invalid], [1, [{ hash, code: "INVALID_BLOCK", message, refused }]]);
  assert.deepEqual([engine.head().hash, executions], [first.header.hash, 2]);
  const kept = engine.refused(hash);
  assert.deepEqual([kept?.header, kept?.encoded, kept?.message], [second.header, encodeBlock(second), message]);
  assert.notEqual(kept?.computed?.stateRoot, second.header.stateRoot);
  assert.equal(kept?.computed?.gasUsed, second.header.gasUsed);
  assert.deepEqual(
    kept?.outcomes.map(({ transaction, receipt }) => [transaction, receipt.status]),
    [[second.transactions[0]?.hash, 1]],
  );
});

test("what descends from a refused block names it", async () => {
  const [first, second, third] = await threeBlocks();
  const engine = openTestEngine({ executor: createFaultyExecutor((number) => number === 2) });
  const together = await engine.import([first, second, third]);
  const refused = { hash: second.header.hash, number: 2 };
  assert.deepEqual(
    together.invalid.map((fault) => [fault.hash, fault.refused]),
    [second, third].map(({ header }) => [header.hash, refused]),
  );
  const [again] = (await engine.import([third])).invalid;
  assert.deepEqual([again?.hash, again?.code, again?.refused], [third.header.hash, "INVALID_BLOCK", refused]);
});

test("what is refused after it was held aside is held no more", async () => {
  const blocks = await blocksUpTo(4);
  const store = createMemoryStore();
  const engine = openTestEngine({ store, executor: createFaultyExecutor((number) => number === 2) });
  for (const nonce of [0, 1, 2]) await sealAll(engine, [transactionOf(2, nonce)]);
  const aside = () => store.range("side", { limit: 9 }).map(({ key }) => bytesToHex(key));
  await engine.import(blocks.slice(0, 2));
  assert.equal(aside().length, 2);
  assert.equal((await engine.import(blocks.slice(2))).invalid.length, 3);
  assert.deepEqual(aside(), [blocks[0]?.header.hash]);
  assert.equal(engine.header(blocks[1]?.header.hash ?? assert.fail()), undefined);
});

test("of what was refused the last 16 are kept", async () => {
  const [first, second] = await threeBlocks();
  const engine = openTestEngine();
  await engine.import([first]);
  const extraData = second.header.extraData.subarray(0, 32);
  const hashes: Hex[] = [];
  for (let at = 0; at < 17; at++) {
    const draft = { ...second.header, extraData, stateRoot: bytesToHex(new Uint8Array(32).fill(at)) };
    const header = addSeal(draft, (digest) => signDigest(digest, keyOf(9)));
    assert.equal((await engine.import([{ ...second, header }])).invalid[0]?.code, "INVALID_BLOCK");
    hashes.push(header.hash);
  }
  assert.deepEqual(
    hashes.map((hash) => engine.refused(hash) !== undefined),
    hashes.map((_, at) => at > 0),
  );
});

test("a block that a second execution confirms is taken: the machine was at fault, and the usual cryptography is back", async () => {
  const blocks = await threeBlocks();
  const usual = { ...currentCrypto(), name: "usual" };
  const names: string[] = [];
  const executor = createFaultyExecutor((number) => {
    if (number !== 2) return false;
    names.push(currentCrypto().name);
    return names.length === 1;
  });
  const engine = openTestEngine({ executor });
  const before = currentCrypto();
  useCrypto(usual);
  try {
    const { invalid } = await engine.import(blocks);
    assert.deepEqual([invalid, engine.head().hash], [[], blocks[2].header.hash]);
    assert.deepEqual([names, currentCrypto()], [["usual", "portable"], usual]);
  } finally {
    useCrypto(before);
  }
});

test("a transaction that cannot be executed here is evidence, too: without a computed header", async () => {
  const [first, second] = await threeBlocks();
  const transactions = [transactionOf(2, 5)];
  const sealer = keyOf(9);
  const { extraData } = second.header;
  const header = addSeal({ ...second.header, extraData: extraData.subarray(0, 32) }, (d) => signDigest(d, sealer));
  const engine = openTestEngine();
  const { invalid } = await engine.import([first, { header, transactions }]);
  assert.match(invalid[0]?.message ?? "", /^block 2: transaction 0x/);
  const kept = engine.refused(header.hash);
  assert.deepEqual([kept?.computed, kept?.outcomes], [undefined, []]);
});

const damages: Readonly<Record<string, StoreWrite>> = {
  "a slot": { table: "storage", key: storageKey(accountKey(counter), slot0), value: new Uint8Array([7]) },
  "an account": { table: "accounts", key: accountKey(counter), value: null },
  "a trie": { table: "accountNodes", key: new Uint8Array(1), value: null },
};

for (const [what, damage] of Object.entries(damages)) {
  test(`${what} that does not fit the rest is this node's damage, and nobody's bad block`, async () => {
    const [first, second] = await threeBlocks();
    const store: Store = createMemoryStore();
    const damaged: unknown[] = [];
    await openTestEngine({ store }).import([first]);
    const { table, key } = damage;
    const sound = store.get(table, key) ?? null;
    store.write([damage]);
    // What an engine has in memory it does not read again.
    const engine = openTestEngine({ store, onDamage: (error) => damaged.push(error.code) });
    await assert.rejects(engine.import([second]), (error) => isCodedError(error, "STORE_CORRUPT"));
    assert.deepEqual([damaged, engine.refused(second.header.hash)], [["STORE_CORRUPT"], undefined]);
    store.write([{ table, key, value: sound }]);
    assert.deepEqual((await engine.import([second])).invalid, []);
    assert.equal(engine.head().hash, second.header.hash);
  });
}

test("code without its hash is this node's damage", async () => {
  const [first, second] = await threeBlocks();
  const store: Store = createMemoryStore();
  const engine = openTestEngine({ store });
  await engine.import([first]);
  const snapshot = engine.snapshot();
  const code = snapshot.code(snapshot.account(counter)?.codeHash ?? "0x");
  snapshot.done();
  store.write([{ table: "codes", key: keccak256(code), value: hexToBytes("0x00") }]);
  await assert.rejects(engine.import([second]), (error) => isCodedError(error, "STORE_CORRUPT"));
});
