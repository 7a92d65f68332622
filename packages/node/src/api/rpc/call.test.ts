import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { decodeAccount } from "@counterpart/core/chain/account";
import { createAddress } from "@counterpart/core/chain/address";
import { keccak256, keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { Clock } from "@counterpart/core/ports/runtime";
import { verifyProof } from "@counterpart/core/trie/proof";
import { immediateTimersOnly, openTestEngine, transactionOf } from "../../engine/engine.test-support.ts";
import { createFakeBackend, openTestApi, type TestApi } from "../fake-backend.test-support.ts";
import { ask, fails, LOGGER, OWN, openLogs, STRANGER, word } from "./asking.test-support.ts";
import { RPC_LIMITS } from "./limits.ts";

/** Answers with the gas that is left. */
const GAS_LEFT = "0x5a5f5260205ff3";
/** Answers with slot 3. */
const READ_SLOT_3 = "0x60035460005260206000f3";
/** Counts from 8,192 down, which takes some 210,000 gas. */
const COUNT_DOWN = "0x6120005b600190038060035700";

async function openChain(blocks: number): Promise<TestApi> {
  const api = await openTestApi();
  for (let nonce = 0; nonce < blocks; nonce++) await api.engine.submit(transactionOf(1, nonce), "local");
  return api;
}

test("code and storage are read, absent ones as empty", async () => {
  const { api } = await openLogs([]);
  assert.equal(await ask(api, "eth_getCode", LOGGER, "latest"), "0x60003560006000a100");
  assert.equal(await ask(api, "eth_getCode", STRANGER, "latest"), "0x");
  assert.equal(await ask(api, "eth_getStorageAt", LOGGER, "0x0", "latest"), word(0));
});

test("a call answers with its output, and a revert with its data", async () => {
  const api = await openTestApi();
  // PUSH1 42, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN as creation code: its output is the code it would leave.
  assert.equal(await ask(api, "eth_call", { data: "0x602a5f5260205ff3" }), word(42));
  const reverted = await api.rpc("eth_call", { data: "0x602a5f5260205ffd" });
  assert.deepEqual(reverted.error, { code: 3, message: "execution reverted", data: word(42) });
  await fails(api, -32000, /invalid opcode/i, "eth_call", { data: "0xfe" });
  await fails(api, -32000, /out of gas/, "eth_call", { data: "0x5b5f56", gas: "0x100000" });
  assert.equal(await ask(api, "eth_call", { to: STRANGER, input: "0x12", data: "0x12" }), "0x");
});

test("a contract that the sender's own code creates has the address that its transaction makes", async () => {
  const api = await openTestApi();
  // Answers with the address of an empty contract that it creates.
  const overrides = { [STRANGER]: { code: "0x5f5f5ff05f5260205ff3", nonce: "0x3", balance: "0x1" } };
  const made = `0x${createAddress(STRANGER, 4n).slice(2).padStart(64, "0")}`;
  for (const value of ["0x0", "0x1"]) {
    assert.equal(await ask(api, "eth_call", { from: STRANGER, to: STRANGER, value }, "latest", overrides), made);
  }
});

test("a call runs in the block that was named: the head, or the one that would be sealed now", async () => {
  const api = await openChain(1);
  // NUMBER, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN
  const number = { data: "0x435f5260205ff3" };
  assert.equal(await ask(api, "eth_call", number, "latest"), word(1));
  assert.equal(await ask(api, "eth_call", number, "pending"), word(2));
});

test("wrong calls are refused with the reason", async () => {
  const api = await openTestApi();
  await fails(api, -32602, /"data" and "input"/, "eth_call", { to: OWN, data: "0x01", input: "0x02" });
  await fails(api, -32602, /both gasPrice/, "eth_call", { to: OWN, gasPrice: "0x1", maxFeePerGas: "0x1" });
  await fails(api, -32602, /to: /, "eth_call", { to: "0x12" });
  await fails(api, -32602, /authorization without/, "eth_estimateGas", { to: OWN, authorizationList: [{}] });
  await fails(
    api,
    -32000,
    /^err: insufficient funds for gas \* price \+ value: address 0x7777\w+ have 0 want 1 \(supplied gas 50000000\)$/,
    "eth_call",
    { from: STRANGER, to: OWN, value: "0x1" },
  );
  await fails(api, -32000, /insufficient funds/, "eth_estimateGas", { from: STRANGER, to: OWN, value: "0x1" });
  const tooLow = /^err: intrinsic gas too low: have 20999, want 21000 \(supplied gas 20999\)$/;
  await fails(api, -32000, tooLow, "eth_call", { to: OWN, gas: "0x5207" });
  await fails(api, -32000, /chainId does not match node's \(have=7, want=/, "eth_call", { to: OWN, chainId: "0x7" });
  assert.equal(await ask(api, "eth_call", { to: OWN }, "latest", {}, {}), "0x");
});

test("gas is estimated: enough, and little more", async () => {
  const { api, engine } = await openLogs([5]);
  assert.equal(await ask(api, "eth_estimateGas", { from: OWN, to: STRANGER, value: "0x1" }), "0x5208");
  // Less than any transaction needs is no limit.
  for (const gas of ["0x0", "0x5207", "0x5208"]) {
    assert.equal(await ask(api, "eth_estimateGas", { from: OWN, to: STRANGER, gas }), "0x5208");
  }
  const data = word(9);
  const estimate = Number(await ask<string>(api, "eth_estimateGas", { from: OWN, to: LOGGER, data }));
  const transaction = transactionOf(1, 2, {
    to: LOGGER,
    value: 0n,
    data: hexToBytes(data),
    gasLimit: BigInt(estimate),
  });
  await engine.submit(transaction, "local");
  await engine.seal();
  const status = engine.transaction(transaction.hash);
  assert.ok(status?.status === "included" && status.receipt.status === 1);
  assert.ok(estimate <= status.receipt.gasUsed * 1.02);
  const reverted = await api.rpc("eth_estimateGas", { data: "0x602a5f5260205ffd" });
  assert.deepEqual(reverted.error, { code: 3, message: "execution reverted", data: word(42) });
});

test("a proof has the account, its slots in the order and form they were asked for, and nodes that hash up", async () => {
  const api = await openChain(1);
  const proof = await ask<Record<string, unknown>>(api, "eth_getProof", OWN, ["0x0", word(1)], "latest");
  assert.deepEqual([proof.address, proof.nonce, proof.balance], [OWN, "0x1", `0x${(10n ** 20n - 1n).toString(16)}`]);
  const nodes = proof.accountProof as string[];
  assert.equal(keccak256Hex(hexToBytes(nodes[0] as string)), api.engine.head().stateRoot);
  const slots = proof.storageProof as { key: string; value: string }[];
  assert.deepEqual(
    slots.map(({ key, value }) => [key, value]),
    [
      ["0x0", "0x0"],
      [word(1), "0x0"],
    ],
  );
  const absent = await ask<Record<string, unknown>>(api, "eth_getProof", STRANGER, [], "latest");
  assert.deepEqual([absent.nonce, absent.balance, absent.storageProof], ["0x0", "0x0", []]);
  assert.ok((absent.accountProof as string[]).length > 0);
  await fails(
    api,
    -32602,
    /more than 1024/,
    "eth_getProof",
    OWN,
    Array.from({ length: 1025 }, () => "0x0"),
    "latest",
  );
});

test("every method that runs calls cuts their gas to what the operator set", async () => {
  const gasMax = 100_000;
  const api = await openTestApi({ rpcLimits: { ...RPC_LIMITS, gasMax } });
  const overrides = { [STRANGER]: { code: GAS_LEFT } };
  const asked = { to: STRANGER, gas: "0x1000000" };
  const called = Number(await ask<string>(api, "eth_call", asked, "latest", overrides));
  assert.ok(called > 70_000 && called < gasMax, `${called}`);
  const traced = await ask<{ gas: string }>(api, "debug_traceCall", asked, "latest", {
    stateOverrides: overrides,
    tracer: "callTracer",
  });
  assert.equal(Number(traced.gas), gasMax);
  const calls = [asked, asked].map((call) => ({ ...call, gas: "0x186a0" }));
  const blocks = await ask<{ calls: { returnData: string }[] }[]>(api, "eth_simulateV1", {
    blockStateCalls: [{ stateOverrides: overrides, calls }],
  });
  const [first, second] = blocks[0]?.calls.map(({ returnData }) => Number(returnData)) ?? [];
  assert.equal(first, called);
  assert.ok(second !== undefined && second < gasMax - 2 * 21_000, "calls of a simulation share it");
});

test("all attempts of an estimate have the time of one call together", async () => {
  let now = 1_770_000_000_000;
  const clock: Clock = {
    now() {
      now += 100;
      return now;
    },
    setTimer: immediateTimersOnly,
  };
  const api = await openTestApi({ clock });
  const overrides = { [STRANGER]: { code: COUNT_DOWN } };
  assert.equal(await ask(api, "eth_call", { to: STRANGER }, "latest", overrides), "0x", "one attempt has time enough");
  const estimate = ["eth_estimateGas", { to: STRANGER }, "latest", overrides] as const;
  await fails(api, -32000, /execution aborted \(timeout = 5s\)/, ...estimate);
});

test("proofs and simulations have what was set by hand, as balances and slots have, before and after the next block", async () => {
  const engine = openTestEngine({ development: true });
  const api = await openTestApi({}, createFakeBackend(engine));
  const slot = word(3);
  const parent = engine.head();
  engine.development?.detach("test");
  await engine.development?.setAccount(STRANGER, { balance: 5n, code: hexToBytes(READ_SLOT_3) });
  await engine.development?.setSlot(STRANGER, slot, 9n);
  const simulated = await ask<{ stateRoot: string; calls: { status: string; returnData: string }[] }[]>(
    api,
    "eth_simulateV1",
    { blockStateCalls: [{ calls: [{ from: STRANGER, to: STRANGER, value: "0x5" }] }, {}] },
  );
  assert.deepEqual(
    simulated[0]?.calls.map(({ status, returnData }) => [status, returnData]),
    [["0x1", word(9)]],
  );

  interface Proof {
    readonly accountProof: readonly Hex[];
    readonly balance: string;
    readonly storageHash: Hex;
    readonly storageProof: readonly { readonly value: string; readonly proof: readonly Hex[] }[];
  }
  const proven = async (at: string) => {
    const proof = await ask<Proof>(api, "eth_getProof", STRANGER, [slot], at);
    const [top, entry] = [hexToBytes(proof.accountProof[0] ?? "0x"), proof.storageProof[0]];
    const bytes = (nodes: readonly Hex[]) => nodes.map((node) => hexToBytes(node));
    const root = keccak256Hex(top);
    const leaf = verifyProof(root, keccak256(hexToBytes(STRANGER)), bytes(proof.accountProof));
    const account = leaf && decodeAccount(leaf);
    const value = verifyProof(proof.storageHash, keccak256(hexToBytes(slot)), bytes(entry?.proof ?? []));
    return { root, shown: [proof.balance, entry?.value], proven: [account?.balance, value && bytesToHex(value)] };
  };
  const before = await proven("latest");
  assert.deepEqual(
    [before.shown, before.proven],
    [
      ["0x5", "0x9"],
      [5n, "0x09"],
    ],
  );
  assert.equal(await ask(api, "eth_getBalance", STRANGER, "latest"), "0x5");
  assert.notEqual(before.root, parent.stateRoot, "no block has it yet");
  assert.deepEqual((await proven(parent.hash)).shown, before.shown);

  await engine.development?.mine();
  const after = await proven("latest");
  assert.equal(after.root, engine.head().stateRoot);
  assert.deepEqual(after.shown, before.shown);
  assert.deepEqual((await ask<Proof>(api, "eth_getProof", STRANGER, [slot], "0x0")).balance, "0x0");
});
