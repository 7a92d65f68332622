import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, type Hex, hexToBytes, utf8ToBytes } from "@counterpart/core/base/bytes";
import {
  hashTypedData,
  parseTransaction,
  recoverMessageAddress,
  recoverTransactionAddress,
  recoverTypedDataAddress,
  type TransactionSerialized,
} from "viem";
import { accountOf, creationOf, openTestEngine, writerCode } from "../../engine/engine.test-support.ts";
import { createFakeBackend, openTestApi, sealingEngine, type TestApi } from "../fake-backend.test-support.ts";
import { ask, fails, OWN, STRANGER } from "./asking.test-support.ts";

interface Shown {
  readonly type: string;
  readonly nonce: string;
  readonly gas: string;
  readonly from: string;
  readonly maxFeePerGas?: string;
  readonly gasPrice: string;
}

const send = (api: TestApi, fields: object) =>
  ask<Hex>(api, "eth_sendTransaction", { from: OWN, to: STRANGER, ...fields });
const shown = (api: TestApi, hash: Hex) => ask<Shown>(api, "eth_getTransactionByHash", hash);

test("what a wallet leaves out of a transaction is filled in, and its type follows from its fees", async () => {
  const api = await openTestApi();
  assert.deepEqual(await ask(api, "eth_accounts"), [OWN]);
  const authorization = { chainId: "0x7a69", address: STRANGER, nonce: "0x0", yParity: "0x0", r: "0x1", s: "0x1" };
  const accessList = [{ address: STRANGER, storageKeys: [] }];
  const cases: readonly (readonly [object, string])[] = [
    [{ value: "0x1" }, "0x2"],
    [{ maxFeePerGas: "0x5", maxPriorityFeePerGas: "0x2" }, "0x2"],
    [{ gasPrice: "0x3" }, "0x0"],
    [{ type: "0x0" }, "0x0"],
    [{ gasPrice: "0x3", accessList }, "0x1"],
    [{ type: "0x1" }, "0x1"],
    [{ accessList }, "0x2"],
    [{ authorizationList: [authorization] }, "0x4"],
  ];
  for (const [at, [fields, type]] of cases.entries()) {
    const hash = await send(api, fields);
    const transaction = await shown(api, hash);
    assert.deepEqual(
      [transaction.type, transaction.from, Number(transaction.nonce)],
      [type, OWN, at],
      JSON.stringify(fields),
    );
    const receipt = await ask<{ status: string; gasUsed: string }>(api, "eth_getTransactionReceipt", hash);
    assert.equal(receipt.status, "0x1");
    assert.ok(Number(transaction.gas) >= Number(receipt.gasUsed));
  }
  assert.equal((await shown(api, await send(api, { gas: "0x7530" }))).gas, "0x7530");
});

test("requests of an account at the same time get consecutive nonces", async () => {
  const api = await openTestApi();
  const hashes = await Promise.all(Array.from({ length: 20 }, () => send(api, { value: "0x1" })));
  const nonces = await Promise.all(hashes.map(async (hash) => Number((await shown(api, hash)).nonce)));
  assert.deepEqual(
    nonces.sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, at) => at),
  );
});

test("a nonce that is given is used, also for a replacement", async () => {
  const engine = openTestEngine();
  const api = await openTestApi({}, createFakeBackend(engine));
  const first = await send(api, { nonce: "0x0" });
  const second = await send(api, { nonce: "0x0", maxPriorityFeePerGas: "0x1", maxFeePerGas: "0x1" });
  assert.notEqual(first, second);
  assert.equal(await ask(api, "eth_getTransactionByHash", first), null);
  await fails(api, -32000, /replacement transaction underpriced/, "eth_sendTransaction", {
    from: OWN,
    to: STRANGER,
    nonce: "0x0",
  });
});

test("what cannot be sent is refused in the words of other clients", async () => {
  const api = await openTestApi();
  const base = { from: OWN, to: STRANGER };
  const refused: readonly (readonly [object, number, RegExp])[] = [
    [{ to: STRANGER }, -32602, /missing value for required field "from"/],
    [{ ...base, from: STRANGER }, -32000, /unknown account/],
    [{ ...base, gasPrice: "0x1", maxFeePerGas: "0x1" }, -32602, /both gasPrice and \(maxFeePerGas or/],
    [{ ...base, maxFeePerGas: "0x1", maxPriorityFeePerGas: "0x2" }, -32602, /maxFeePerGas \(1\) < maxPriority/],
    [{ ...base, data: "0x01", input: "0x02" }, -32602, /both "data" and "input" are set and not equal/],
    [{ from: OWN }, -32602, /contract creation without any data provided/],
    [{ ...base, chainId: "0x1" }, -32000, /chainId does not match node's \(have=1, want=31337\)/],
    [{ ...base, type: "0x3" }, -32602, /blob transactions \(type 3\) are not accepted/],
    [{ ...base, type: "0x7" }, -32602, /unknown transaction type 7/],
    [{ ...base, value: `0x${"f".repeat(60)}` }, -32000, /insufficient funds/],
    [{ ...base, nonce: "0xffff" }, -32000, /nonce too high/],
  ];
  for (const [fields, code, message] of refused) await fails(api, code, message, "eth_sendTransaction", fields);
  assert.equal(api.engine.head().number, 0);
  await fails(api, -32602, /invalid argument 0/, "eth_sendTransaction", []);
});

test("a transaction whose code reverts is not sent without a gas limit, and is with one", async () => {
  const api = await openTestApi();
  const revert = { from: OWN, data: "0x60006000fd" };
  await fails(api, 3, /execution reverted/, "eth_sendTransaction", revert);
  assert.equal(api.engine.head().number, 0);
  const hash = await ask<Hex>(api, "eth_sendTransaction", { ...revert, gas: "0x186a0" });
  assert.equal((await ask<{ status: string }>(api, "eth_getTransactionReceipt", hash)).status, "0x0");
});

test("a replica sends nothing", async () => {
  const engine = sealingEngine(openTestEngine());
  const { refusal } = openTestEngine({ replica: "all" });
  const api = await openTestApi({}, createFakeBackend({ ...engine, refusal }));
  await fails(api, -32000, /replica takes no transactions/, "eth_sendTransaction", { from: OWN, to: STRANGER });
});

test("a signed transaction is the sender's and is not sent", async () => {
  const api = await openTestApi();
  const raw = await ask<TransactionSerialized>(api, "eth_signTransaction", { from: OWN, to: STRANGER, value: "0x7" });
  assert.equal((await recoverTransactionAddress({ serializedTransaction: raw })).toLowerCase(), OWN);
  const { to, value, chainId, nonce } = parseTransaction(raw);
  assert.deepEqual([to, value, chainId, nonce ?? 0], [STRANGER, 7n, 31_337, 0]);
  assert.equal(api.engine.head().number, 0);
  await ask(api, "eth_sendRawTransaction", raw);
  assert.equal(api.engine.head().number, 1);
});

test("what a wallet that signs itself leaves out is filled in for it", async () => {
  const api = await openTestApi();
  await send(api, { value: "0x1" });
  const { tx } = await ask<{ tx: object }>(api, "eth_fillTransaction", { from: OWN, to: STRANGER, value: "0x7" });
  const common = { chainId: "0x7a69", nonce: "0x1", to: STRANGER, value: "0x7", input: "0x", gas: "0x5208" };
  const fees = { gasPrice: "0x0", maxFeePerGas: "0x0", maxPriorityFeePerGas: "0x0" };
  assert.deepEqual(tx, { ...common, ...fees, type: "0x2", accessList: [] });
  const legacy = { from: STRANGER, to: OWN, gasPrice: "0x3", gas: "0x7530", nonce: "0x9", data: "0x01" };
  assert.deepEqual(await ask(api, "eth_fillTransaction", legacy), {
    tx: {
      type: "0x0",
      chainId: "0x7a69",
      nonce: "0x9",
      to: OWN,
      gas: "0x7530",
      gasPrice: "0x3",
      value: "0x0",
      input: "0x01",
    },
  });
  await fails(api, 3, /^execution reverted/, "eth_fillTransaction", { from: OWN, data: "0x5f5ffd" });
  await fails(api, -32602, /required field "from"/, "eth_fillTransaction", { to: OWN });
  assert.equal(api.engine.head().number, 1);
});

test("messages are signed as personal ones, whichever method asks", async () => {
  const api = await openTestApi();
  const message = bytesToHex(utf8ToBytes("Über 100 €"));
  const signature = await ask<Hex>(api, "personal_sign", message, OWN, "ignored");
  assert.equal(signature, await ask(api, "eth_sign", OWN, message));
  assert.match(signature, /(1b|1c)$/);
  assert.equal((await recoverMessageAddress({ message: "Über 100 €", signature })).toLowerCase(), OWN);
  await fails(api, -32000, /unknown account/, "personal_sign", message, STRANGER);
  await fails(api, -32000, /unknown account/, "eth_sign", STRANGER, message);
  await fails(api, -32602, /invalid argument 1/, "eth_sign", OWN, "text");
});

const PERMIT = {
  domain: { name: "Coin", version: "1", chainId: 31_337, verifyingContract: STRANGER },
  types: {
    Permit: [
      { name: "owner", type: "address" },
      { name: "value", type: "uint256" },
    ],
  },
  primaryType: "Permit",
  message: { owner: OWN, value: "123456789012345678901234567890" },
} as const;

test("typed data is signed as an object and as text, with all digits of a number in text", async () => {
  const api = await openTestApi();
  const signature = await ask<Hex>(api, "eth_signTypedData_v4", OWN, PERMIT);
  const typed = { ...PERMIT, message: { ...PERMIT.message, value: BigInt(PERMIT.message.value) } };
  assert.equal((await recoverTypedDataAddress({ ...typed, signature })).toLowerCase(), OWN);
  assert.ok(hashTypedData(typed));
  const text = JSON.stringify(PERMIT);
  assert.equal(await ask(api, "eth_signTypedData_v4", OWN, text), signature);
  const exact = text.replace(`"${PERMIT.message.value}"`, PERMIT.message.value);
  assert.notEqual(exact, text);
  assert.equal(await ask(api, "eth_signTypedData_v3", OWN, exact), signature);
});

test("typed data that does not fit its types is refused with the reason", async () => {
  const api = await openTestApi();
  const bad = { ...PERMIT, message: { owner: OWN, value: "-1" } };
  await fails(api, -32602, /argument 1: typed data: -1 is no uint256/, "eth_signTypedData_v4", OWN, bad);
  await fails(api, -32602, /typed data needs types and primaryType/, "eth_signTypedData_v4", OWN, {});
  await fails(api, -32602, /invalid argument 1/, "eth_signTypedData_v4", OWN, "{");
  await fails(api, -32000, /unknown account/, "eth_signTypedData_v4", accountOf(5), PERMIT);
});

test("a contract is created and used through the node's account", async () => {
  const api = await openTestApi();
  const { data } = creationOf(1, 0, writerCode(1));
  const hash = await ask<Hex>(api, "eth_sendTransaction", { from: OWN, data: bytesToHex(data) });
  const { contractAddress } = await ask<{ contractAddress: Hex }>(api, "eth_getTransactionReceipt", hash);
  const word = (value: number) => value.toString(16).padStart(64, "0");
  await send(api, { to: contractAddress, input: `0x${word(3)}${word(9)}` });
  const stored = await ask<Hex>(api, "eth_getStorageAt", contractAddress, "0x3");
  assert.equal(hexToBytes(stored)[31], 9);
});

test("a base fee so high that its double is no number of 256 bits is told as what cannot be paid", async () => {
  const engine = openTestEngine({ development: true });
  const api = await openTestApi({}, createFakeBackend(engine));
  engine.development?.setNext({ baseFeePerGas: 2n ** 255n });
  await fails(api, -32000, /^insufficient funds/, "eth_sendTransaction", { from: OWN, to: STRANGER });
});
