import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { createAddress } from "@counterpart/core/chain/address";
import { type AnyBlock, decodeAnyBlock, encodeAnyBlock } from "@counterpart/core/chain/any-block";
import type { AnyHeader } from "@counterpart/core/chain/any-header";
import { EMPTY_OMMERS_HASH, ZERO_HASH } from "@counterpart/core/chain/header";
import type { AnyUnsignedTransaction } from "@counterpart/core/chain/transaction-fields";
import { decodeRlp, encodeRlp, type RlpItem } from "@counterpart/core/codec/rlp";
import {
  type Content,
  createForeignChain,
  foreignGenesis,
  resealed,
  signAny,
} from "@counterpart/core/consensus/foreign-chain.test-support";
import { privateKeyToAddress } from "@counterpart/core/crypto/crypto";
import { createMemoryStore } from "../store/memory-store.ts";
import { createChainImport } from "./chain-import.ts";
import { createAnyChainReader } from "./chain-reader.ts";
import { readContractCount } from "./contract-index.ts";
import { silentLogger } from "./engine.test-support.ts";
import { createImportedEngine } from "./imported-engine.ts";
import { encodedBlocks } from "./stored-blocks.ts";

const KEY = new Uint8Array(32).fill(1);
const SENDER = privateKeyToAddress(KEY);
const CONFIG = { homesteadBlock: 0, byzantiumBlock: 5, eip150Block: 5, eip155Block: 5, eip158Block: 5 };
const ALLOC = { [SENDER]: { balance: "0xffffffffffffffffffff" } };
const GENESIS = foreignGenesis(CONFIG, ALLOC);
const CLOCK = { now: () => 0, setTimer: () => () => {} };

const signed = (nonce: number, more: Partial<AnyUnsignedTransaction> = {}): Uint8Array =>
  signAny(
    {
      type: 0,
      nonce: BigInt(nonce),
      gasLimit: 200_000n,
      maxFeePerGas: 1n,
      maxPriorityFeePerGas: 1n,
      value: 0n,
      data: new Uint8Array(0),
      ...more,
    },
    KEY,
  );

/** SSTORE(0, 1); the code left is CALLER SELFDESTRUCT. */
const CREATION = signed(0, { data: hexToBytes("0x60016000556133ff6000526002601ef3") });
const CONTRACT = createAddress(SENDER, 0n);
const REMOVAL = signed(1, { to: CONTRACT });

async function sealed(contents: readonly Content[]): Promise<Uint8Array[]> {
  const chain = createForeignChain(GENESIS);
  const blocks: Uint8Array[] = [];
  for (const content of contents) blocks.push(encodeAnyBlock(await chain.seal(content)));
  return blocks;
}

const BLOCKS = await sealed([
  {},
  { transactions: [CREATION] },
  {},
  { transactions: [REMOVAL, signed(2, { to: CONTRACT, value: 3n })] },
  {},
  { transactions: [signed(3, { to: SENDER }), signed(4, { data: hexToBytes("0x60016000556133ff6000526002601ef3") })] },
]);

function open(store = createMemoryStore(), blocksPerWrite = 2) {
  return { store, chain: createChainImport({ store, genesis: GENESIS, clock: CLOCK, blocksPerWrite }) };
}

const refusal =
  (code: string, words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof CodedError && error.code === code && words.test(error.message);

/** The encoding of a block with one of its parts replaced, and a header that commits to it. */
function replaced(block: AnyBlock, index: number, part: RlpItem, header: Partial<AnyHeader>): Uint8Array {
  const list = decodeRlp(encodeAnyBlock({ ...block, header: resealed(block.header, header) })) as RlpItem[];
  list[index] = part;
  return encodeRlp(list);
}

describe("importing a chain", () => {
  it("takes every block, and gives the same blocks back", async () => {
    const { store, chain } = open();
    for (const block of BLOCKS) assert.equal((await chain.add(block)).isHeld, false);
    chain.flush();
    assert.equal(createAnyChainReader(store).head().number, 6);
    assert.deepEqual([...encodedBlocks(store, 1, 6)], BLOCKS);
    const [genesis] = encodedBlocks(store, 0, 0);
    assert.equal(decodeAnyBlock(genesis as Uint8Array).header.hash, createAnyChainReader(store).canonicalHash(0));
  });

  it("reads the state of every block, also where a contract was removed with what it stored", async () => {
    const { store, chain } = open();
    for (const block of BLOCKS) await chain.add(block);
    chain.flush();
    const engine = createImportedEngine({ store, schedule: GENESIS.schedule, clock: CLOCK, logger: silentLogger });
    const read = (number: number) =>
      engine.readAt(engine.header(number)?.hash as Hex, (state) => ({
        account: state.account(CONTRACT),
        slot: state.storage(CONTRACT, ZERO_HASH),
      }));
    assert.equal((await read(1)).account, undefined);
    assert.equal((await read(2)).slot, 1n);
    assert.equal((await read(3)).account?.balance, 0n);
    const after = await read(4);
    assert.deepEqual([after.account?.balance, after.slot], [3n, 0n]);
    for (const number of [0, 1, 2, 3, 4, 5, 6]) {
      const { header } = engine.stateAt(engine.header(number)?.hash as Hex, "caller");
      assert.equal(header.number, number);
    }
    assert.equal(readContractCount(store), 1);
    assert.equal(engine.snapshot().contract(CONTRACT), undefined);
    assert.equal(engine.snapshot().contract(createAddress(SENDER, 4n))?.created?.number, 6);
  });

  it("keeps the blocks before one that is refused, and takes the right one afterwards", async () => {
    const { store, chain } = open();
    for (const block of BLOCKS.slice(0, 3)) await chain.add(block);
    const fourth = decodeAnyBlock(BLOCKS[3] as Uint8Array);
    const ommer = decodeRlp(BLOCKS[0] as Uint8Array) as RlpItem[];
    const refused = (block: Uint8Array, words: RegExp, code = "INVALID_BLOCK"): Promise<void> =>
      assert.rejects(chain.add(block), refusal(code, words));
    const wrong = (header: Partial<AnyHeader>): Uint8Array =>
      encodeAnyBlock({ ...fourth, header: resealed(fourth.header, header) });
    await refused(wrong({ stateRoot: ZERO_HASH }), /^block 4: state root/);
    await refused(wrong({ receiptsRoot: ZERO_HASH }), /^block 4: receipts root/);
    await refused(wrong({ difficulty: 5n }), /^header 4: difficulty is 5/, "INVALID_HEADER");
    await refused(wrong({ ommersHash: ZERO_HASH }), /^block 4: its ommers/);
    await refused(wrong({ transactionsRoot: ZERO_HASH }), /^block 4: its transactions/);
    await refused(replaced(fourth, 2, [ommer[0] as RlpItem], { ommersHash: EMPTY_OMMERS_HASH }), /its ommers/);
    await refused(BLOCKS[4] as Uint8Array, /^block 5 follows block 3/);
    await refused(encodeAnyBlock({ ...fourth, header: resealed(fourth.header, { number: 3 }) }), /^block 3 is 0x/);
    await refused(new Uint8Array([0xc0]), /^after block 3 there is no block/, "INVALID_CHAIN_FILE");
    chain.flush();
    assert.equal(createAnyChainReader(store).head().number, 3);
    for (const block of BLOCKS.slice(3)) await chain.add(block);
    chain.flush();
    assert.deepEqual([...encodedBlocks(store, 1, 6)], BLOCKS);
  });

  it("goes on where it was written last, and passes over what is held", async () => {
    const first = open();
    for (const block of BLOCKS.slice(0, 5)) await first.chain.add(block);
    assert.equal(createAnyChainReader(first.store).head().number, 4);
    const second = open(first.store);
    assert.equal(second.chain.head().number, 4);
    const held: boolean[] = [];
    for (const block of BLOCKS) held.push((await second.chain.add(block)).isHeld);
    second.chain.flush();
    assert.deepEqual(held, [true, true, true, true, false, false]);
    assert.deepEqual([...encodedBlocks(second.store, 1, 6)], BLOCKS);
  });

  it("writes after so many blocks or so long, whichever is first", async () => {
    let now = 0;
    const store = createMemoryStore();
    const chain = createChainImport({ store, genesis: GENESIS, clock: { now: () => now }, blocksPerWrite: 100 });
    await chain.add(BLOCKS[0] as Uint8Array);
    assert.equal(createAnyChainReader(store).head().number, 0);
    now = 5_000;
    await chain.add(BLOCKS[1] as Uint8Array);
    assert.equal(createAnyChainReader(store).head().number, 2);
  });

  it("takes no other genesis and no other rules into a store that has some", () => {
    const { store } = open();
    const refused = (genesis: ReturnType<typeof foreignGenesis>, words: RegExp): void =>
      assert.throws(() => createChainImport({ store, genesis, clock: CLOCK }), refusal("INVALID_GENESIS", words));
    refused(foreignGenesis(CONFIG, {}), /another genesis/);
    refused(foreignGenesis({ ...CONFIG, byzantiumBlock: 6 }, ALLOC), /other rules/);
  });
});

describe("an imported chain", () => {
  it("seals nothing, takes no transactions, and says so", async () => {
    const { store } = open();
    const engine = createImportedEngine({ store, schedule: GENESIS.schedule, clock: CLOCK, logger: silentLogger });
    assert.equal(engine.refusal()?.code, "READ_ONLY");
    await assert.rejects(engine.submit({} as never, "local"), refusal("READ_ONLY", /imported/));
    assert.equal(engine.pool.nextNonce(SENDER), 0n);
  });

  it("runs calls under the rules of the block that is named", async () => {
    const { store, chain } = open();
    for (const block of BLOCKS) await chain.add(block);
    chain.flush();
    const engine = createImportedEngine({ store, schedule: GENESIS.schedule, clock: CLOCK, logger: silentLogger });
    // RETURNDATASIZE is an opcode from Byzantium on.
    const message = { from: SENDER, data: hexToBytes("0x3d60005260206000f3"), value: 0n, gasLimit: 100_000 };
    const at = (number: number) => engine.call(message, {}, engine.header(number)?.hash as Hex);
    assert.equal((await at(4)).status, "halted");
    assert.equal((await at(5)).status, "success");
    assert.equal((await engine.call(message)).status, "success");
  });

  it("gives what became of each transaction, with the root between transactions before Byzantium", async () => {
    const { store, chain } = open();
    for (const block of BLOCKS) await chain.add(block);
    chain.flush();
    const engine = createImportedEngine({ store, schedule: GENESIS.schedule, clock: CLOCK, logger: silentLogger });
    const fourth = engine.block(4);
    const status = engine.transaction(fourth?.transactions[1]?.hash as Hex);
    assert.ok(status?.status === "included");
    assert.deepEqual([status.blockNumber, status.index, status.confirmations], [4, 1, 3]);
    assert.notEqual(status.receipt.stateRoot, undefined);
    assert.equal(engine.receipts(engine.header(6)?.hash as Hex)?.[0]?.status, 1);
    assert.equal(engine.transaction(ZERO_HASH), undefined);
  });
});
