import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { keccak256, keccak256Hex, privateKeyToAddress } from "@counterpart/core/crypto/crypto";
import { createMPT, type MerklePatriciaTrie } from "@ethereumjs/mpt";
import { RLP } from "@ethereumjs/rlp";
import { createLegacyTx, createTx } from "@ethereumjs/tx";
import { Account } from "@ethereumjs/util";
import { codeOf, fixturesOf, runSuites } from "./testing/vectors.ts";

const STATE_FILE = "ethereum-tests/GeneralStateTests/stOwn/a.json";
const TRANSACTION_FILE = "ethereum-tests/TransactionTests/ttOwn/a.json";

const KEY = keccak256(new Uint8Array([1]));
const SENDER = privateKeyToAddress(KEY);
const CONTRACT: Hex = `0x${"c0".repeat(20)}`;
const COINBASE: Hex = `0x${"2a".repeat(20)}`;
const ETHER = 10n ** 18n;
/** slot 0 = calldata[0], logged without topics. */
const CODE: Hex = "0x6000358060005560005260206000a000";
const ONE: Hex = `0x${"1".padStart(64, "0")}`;

const PRE = {
  [SENDER]: { balance: "0x0de0b6b3a7640000", code: "0x", nonce: "0x00", storage: {} },
  [CONTRACT]: { balance: "0x00", code: CODE, nonce: "0x01", storage: { "0x01": "0x05" } },
};
const ENV = {
  currentBaseFee: "0x0a",
  currentCoinbase: COINBASE,
  currentDifficulty: "0x020000",
  currentExcessBlobGas: "0x00",
  currentGasLimit: "0xff112233445566",
  currentNumber: "0x01",
  currentRandom: "0x020000",
  currentTimestamp: "0x03e8",
};
const TRANSACTION = {
  data: [ONE, "0x"],
  gasLimit: ["0x0186a0", "0x5000"],
  gasPrice: "0x0c",
  nonce: "0x00",
  sender: SENDER,
  to: CONTRACT,
  value: ["0x00", "0x0de0b6b3a7640000"],
};
const FIRST = { data: 0, gas: 0, value: 0 };

type Accounts = readonly (readonly [
  address: Hex,
  nonce: bigint,
  balance: bigint,
  code: Hex,
  slots: Record<Hex, Hex>,
])[];

async function put(trie: MerklePatriciaTrie, key: Uint8Array, value: Uint8Array): Promise<void> {
  await trie.put(keccak256(key), value);
}

/** As the library has it. */
async function rootOf(accounts: Accounts): Promise<Hex> {
  const state = await createMPT();
  for (const [address, nonce, balance, code, slots] of accounts) {
    const storage = await createMPT();
    for (const [slot, value] of Object.entries(slots)) {
      await put(storage, hexToBytes(`0x${slot.slice(2).padStart(64, "0")}`), RLP.encode(hexToBytes(value)));
    }
    const account = new Account(nonce, balance, storage.root(), keccak256(hexToBytes(code)));
    await put(state, hexToBytes(address), account.serialize());
  }
  return `0x${Buffer.from(state.root()).toString("hex")}`;
}

const LOGS_HASH = keccak256Hex(RLP.encode([[hexToBytes(CONTRACT), [], hexToBytes(ONE)]]));
const NO_LOGS_HASH = keccak256Hex(RLP.encode([]));

/** The state after the first transaction: what it cost is worked out by hand from the prices of the fork. */
async function rootAfter(gasUsed: bigint, tip: bigint): Promise<Hex> {
  return rootOf([
    [SENDER, 1n, ETHER - 12n * gasUsed, "0x", {}],
    [CONTRACT, 1n, 0n, CODE, { "0x00": "0x01", "0x01": "0x05" }],
    [COINBASE, 0n, tip * gasUsed, "0x", {}],
  ]);
}

const rootBefore = (): Promise<Hex> =>
  rootOf([
    [SENDER, 0n, ETHER, "0x", {}],
    [CONTRACT, 1n, 0n, CODE, { "0x01": "0x05" }],
  ]);

/** Intrinsic gas, then code: eight cheap steps and a word of memory, a log of 32 bytes, and a new value in a slot. */
const GAS = { Cancun: 21_140n + 27n + 631n + 22_100n, Frontier: 21_192n + 27n + 631n + 20_000n };

const vectorOf = (post: object, change: object = {}) => ({
  env: ENV,
  pre: PRE,
  transaction: TRANSACTION,
  post,
  ...change,
});

describe("a vector of GeneralStateTests", () => {
  test("passes when state and logs are those of its fork", async () => {
    const cancun = { hash: await rootAfter(GAS.Cancun, 2n), indexes: FIRST, logs: LOGS_HASH };
    const frontier = { hash: await rootAfter(GAS.Frontier, 12n), indexes: FIRST, logs: LOGS_HASH };
    assert.equal(await codeOf(STATE_FILE, vectorOf({ Cancun: [cancun] })), 0);
    assert.equal(await codeOf(STATE_FILE, vectorOf({ Frontier: [frontier] })), 0);
    assert.equal(await codeOf(STATE_FILE, vectorOf({ Cancun: [frontier] })), 1);
    assert.equal(await codeOf(STATE_FILE, vectorOf({ Frontier: [cancun] })), 1);
    const { lines } = await runSuites(
      fixturesOf({ [STATE_FILE]: { vector: vectorOf({ Cancun: [cancun, cancun], Frontier: [frontier] }) } }),
      "GeneralStateTests",
    );
    assert.deepEqual(lines, ["GeneralStateTests: 3 passed, 0 failed, 0 skipped"]);
  });

  test("fails when the root, the logs or the transaction are others", async () => {
    const right = { hash: await rootAfter(GAS.Cancun, 2n), indexes: FIRST, logs: LOGS_HASH };
    for (const wrong of [
      { hash: await rootAfter(GAS.Cancun + 1n, 2n) },
      { logs: NO_LOGS_HASH },
      { indexes: { ...FIRST, data: 1 } },
      { expectException: "TransactionException.NONCE_TOO_HIGH" },
    ]) {
      assert.equal(await codeOf(STATE_FILE, vectorOf({ Cancun: [{ ...right, ...wrong }] })), 1, JSON.stringify(wrong));
    }
    const poorer = { ...PRE, [SENDER]: { ...PRE[SENDER], balance: "0x10" } };
    assert.equal(await codeOf(STATE_FILE, vectorOf({ Cancun: [right] }, { pre: poorer })), 1);
  });

  test("passes when a transaction that must be refused is, and has changed nothing", async () => {
    const refused = { hash: await rootBefore(), logs: NO_LOGS_HASH, expectException: "TransactionException" };
    for (const indexes of [
      { ...FIRST, gas: 1 },
      { ...FIRST, value: 1 },
    ]) {
      assert.equal(await codeOf(STATE_FILE, vectorOf({ Cancun: [{ ...refused, indexes }] })), 0);
      const hash = await rootAfter(GAS.Cancun, 2n);
      assert.equal(await codeOf(STATE_FILE, vectorOf({ Cancun: [{ ...refused, indexes, hash }] })), 1);
    }
  });

  test("is skipped for a fork that there is not, and fails when it is malformed", async () => {
    const post = { hash: await rootBefore(), indexes: FIRST, logs: NO_LOGS_HASH };
    const { code, lines } = await runSuites(
      fixturesOf({ [STATE_FILE]: { vector: vectorOf({ Atlantis: [post] }) } }),
      "GeneralStateTests",
    );
    assert.equal(code, 0);
    assert.equal(lines.at(-1), "GeneralStateTests: 0 passed, 0 failed, 1 skipped");
    for (const malformed of [
      null,
      {},
      vectorOf({}),
      vectorOf({ Cancun: [{}] }),
      vectorOf({ Cancun: [post] }, { pre: 1 }),
    ]) {
      assert.equal(await codeOf(STATE_FILE, malformed), 1, JSON.stringify(malformed));
    }
  });
});

const hexOf = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString("hex")}`;

describe("a vector of TransactionTests", () => {
  const fields = { nonce: 1n, gasLimit: 50_000n, gasPrice: 3n, to: CONTRACT, value: 1n, data: hexToBytes("0x0001") };
  const legacy = createLegacyTx(fields).sign(KEY);
  const meaning = { hash: hexOf(legacy.hash()), sender: SENDER, intrinsicGas: "0x521c" };
  const refused = { exception: "TransactionException.TYPE_NOT_SUPPORTED", intrinsicGas: "0x00" };
  const txbytes = hexOf(legacy.serialize());

  test("passes when the encoding is what its fork says", async () => {
    assert.equal(await codeOf(TRANSACTION_FILE, { txbytes, result: { Cancun: meaning } }), 0);
    // Before Istanbul a byte that is not zero costs 68 gas.
    assert.equal(
      await codeOf(TRANSACTION_FILE, { txbytes, result: { Byzantium: { ...meaning, intrinsicGas: "0x5250" } } }),
      0,
    );
    const typed = createTx({ ...fields, type: 1, chainId: 1n }).sign(KEY);
    const result = { Istanbul: refused };
    assert.equal(await codeOf(TRANSACTION_FILE, { txbytes: hexOf(typed.serialize()), result }), 0);
    assert.equal(await codeOf(TRANSACTION_FILE, { txbytes: "0x", result: { Cancun: refused } }), 0);
  });

  test("fails when it is another, or is accepted though it must not be", async () => {
    for (const wrong of [{ hash: `0x${"00".repeat(32)}` }, { sender: CONTRACT }, { intrinsicGas: "0x5208" }]) {
      assert.equal(await codeOf(TRANSACTION_FILE, { txbytes, result: { Cancun: { ...meaning, ...wrong } } }), 1);
    }
    assert.equal(await codeOf(TRANSACTION_FILE, { txbytes, result: { Cancun: refused } }), 1);
    assert.equal(await codeOf(TRANSACTION_FILE, { txbytes: `${txbytes}00`, result: { Cancun: meaning } }), 1);
  });

  test("fails when it is malformed", async () => {
    for (const malformed of [null, { txbytes }, { txbytes, result: {} }, { result: { Cancun: meaning } }]) {
      assert.equal(await codeOf(TRANSACTION_FILE, malformed), 1, JSON.stringify(malformed));
    }
  });
});
