import assert from "node:assert/strict";
import { test } from "node:test";
import { transactionOf } from "../../engine/engine.test-support.ts";
import { openTestApi, type TestApi } from "../fake-backend.test-support.ts";
import { ask, fails, LOGGER, OWN, openLogs, STRANGER, word } from "./asking.test-support.ts";

const OTHER = `0x${"99".repeat(20)}`;
const IDENTITY = `0x${"4".padStart(40, "0")}`;
const SHA256 = `0x${"2".padStart(40, "0")}`;
/** SLOAD(CALLDATALOAD(0)) */
const READ_SLOT = "0x5f35545f5260205ff3";
/** SELFBALANCE */
const OWN_BALANCE = "0x475f5260205ff3";

/** Code that answers one opcode's word. */
const showing = (opcode: string): string => `0x${opcode}5f5260205ff3`;

const callWith = (api: TestApi, overrides: object, call: object, block: object = {}) =>
  ask(api, "eth_call", call, "latest", overrides, block);

test("a call sees the code, balance and nonce that it was given, and nobody else does", async () => {
  const api = await openTestApi();
  const overrides = { [OTHER]: { code: OWN_BALANCE, balance: "0x1234" } };
  assert.equal(await callWith(api, overrides, { to: OTHER }), word(0x1234));
  assert.equal(await ask(api, "eth_getCode", OTHER, "latest"), "0x");
  // CREATE of nothing: its address follows from the nonce.
  const creates = { [OTHER]: { code: "0x5f5f5ff05f5260205ff3", nonce: "0x5" } };
  const first = await callWith(api, creates, { to: OTHER });
  const second = await callWith(api, { [OTHER]: { ...creates[OTHER], nonce: "0x6" } }, { to: OTHER });
  assert.notEqual(first, second);
  assert.notEqual(BigInt(first as string), 0n);
  const rich = { [STRANGER]: { balance: "0x64" } };
  assert.equal(await callWith(api, rich, { from: STRANGER, to: OWN, value: "0x64" }), "0x");
});

test("state replaces all that is stored, stateDiff only what it names", async () => {
  const api = await openTestApi();
  const slots = { [word(1)]: word(11), [word(2)]: word(22) };
  const read = async (override: object, slot: number) =>
    Number(await callWith(api, { [OTHER]: { code: READ_SLOT, ...override } }, { to: OTHER, data: word(slot) }));
  assert.deepEqual([await read({ state: slots }, 1), await read({ state: slots }, 3)], [11, 0]);
  assert.deepEqual([await read({ stateDiff: slots }, 2), await read({ stateDiff: slots }, 3)], [22, 0]);
  await fails(api, -32000, /has both 'state' and 'stateDiff'/, "eth_call", { to: OTHER }, "latest", {
    [OTHER]: { state: slots, stateDiff: slots },
  });
});

test("a precompile can be moved, and an override takes its place", async () => {
  const api = await openTestApi();
  const data = "0x1234";
  assert.equal(await callWith(api, {}, { to: IDENTITY, data }), data);
  const moved = { [IDENTITY]: { movePrecompileToAddress: OTHER, code: showing("30") } };
  assert.equal(await callWith(api, moved, { to: OTHER, data }), data);
  assert.equal(await callWith(api, moved, { to: IDENTITY, data }), word(4));
  const bare = { [IDENTITY]: { movePrecompileToAddress: OTHER } };
  assert.equal(await callWith(api, bare, { to: IDENTITY, data }), "0x");
  const bad = (overrides: object, message: RegExp) =>
    fails(api, -32000, message, "eth_call", { to: OTHER }, "latest", overrides);
  await bad({ [OTHER]: { movePrecompileToAddress: STRANGER } }, /is not a precompile/);
  await bad({ [IDENTITY]: { movePrecompileToAddress: IDENTITY } }, /is already overridden/);
  await bad({ [IDENTITY]: { movePrecompileToAddress: SHA256 }, [SHA256]: { nonce: "0x1" } }, /is already overridden/);
});

test("a call runs in the block that it was given", async () => {
  const api = await openTestApi();
  const block = {
    number: "0x123",
    time: "0x7fffffff",
    gasLimit: "0x999999",
    feeRecipient: OTHER,
    prevRandao: word(77),
    baseFeePerGas: "0x7",
    blobBaseFee: "0x9",
  };
  const shown = async (opcode: string, call: object = {}) =>
    BigInt(
      (await callWith(api, { [STRANGER]: { code: showing(opcode) } }, { to: STRANGER, ...call }, block)) as string,
    );
  assert.equal(await shown("43"), 0x123n);
  assert.equal(await shown("42"), 0x7fffffffn);
  assert.equal(await shown("45"), 0x999999n);
  assert.equal(await shown("41"), BigInt(OTHER));
  assert.equal(await shown("44"), 77n);
  assert.equal(await shown("4a"), 9n);
  // Who offers no price is not shown one.
  assert.equal(await shown("48"), 0n);
  const paying = { from: OWN, gas: "0x10000", maxFeePerGas: "0x9", maxPriorityFeePerGas: "0x1" };
  assert.deepEqual([await shown("48", paying), await shown("3a", paying)], [7n, 8n]);
  await fails(api, -32000, /"beaconRoot" is not supported/, "eth_call", {}, "latest", {}, { beaconRoot: word(1) });
  const low = { from: OWN, to: STRANGER, maxFeePerGas: "0x6", gas: "0x10000" };
  const words =
    /^err: max fee per gas less than block base fee: address 0x\w+, maxFeePerGas: 6, baseFee: 7 \(supplied gas 65536\)$/;
  await fails(api, -32000, words, "eth_call", low, "latest", {}, block);
});

test("a price is paid before the code runs, and blob hashes are seen", async () => {
  const api = await openTestApi();
  const balance = { [STRANGER]: { code: "0x33315f5260205ff3" }, [OTHER]: { balance: "0xf4240" } };
  const call = { from: OTHER, to: STRANGER, gas: "0xc350", gasPrice: "0x2" };
  assert.equal(await callWith(api, balance, call), word(1_000_000 - 2 * 50_000));
  await fails(api, -32000, /have 1000000 want 1500000 /, "eth_call", { ...call, gasPrice: "0x1e" }, "latest", balance);
  const hash = `0x01${"ab".repeat(31)}`;
  const blobs = { to: STRANGER, blobVersionedHashes: [hash] };
  assert.equal(await callWith(api, { [STRANGER]: { code: "0x5f495f5260205ff3" } }, blobs), hash);
  const badHash = { ...blobs, blobVersionedHashes: [`0x02${"ab".repeat(31)}`] };
  await fails(api, -32000, /blob 0 has invalid hash version/, "eth_call", badHash);
  await fails(api, -32000, /blob transaction of type create/, "eth_call", { blobVersionedHashes: [hash] });
});

test("overrides hold at any block, and count for an estimate", async () => {
  const { api, engine } = await openLogs([5]);
  const stored = { [LOGGER]: { code: READ_SLOT, stateDiff: { [word(1)]: word(5) } } };
  assert.equal(await ask(api, "eth_call", { to: LOGGER, data: word(1) }, "0x0", stored), word(5));
  await engine.submit(transactionOf(1, 2), "local");
  const plain = Number(await ask(api, "eth_estimateGas", { from: OWN, to: STRANGER }));
  const coded = { [STRANGER]: { code: READ_SLOT } };
  const more = Number(await ask(api, "eth_estimateGas", { from: OWN, to: STRANGER }, "latest", coded));
  assert.ok(plain === 21_000 && more > 23_000);
});

test("an access list names what a message touches, and makes it cheaper or dearer as it is", async () => {
  const api = await openTestApi();
  // SLOAD(CALLDATALOAD(0)), BALANCE(OWN)
  const code = `0x5f355450 73${OWN.slice(2)} 31 5f5260205ff3`.replaceAll(" ", "");
  const made = await ask<{ accessList: object[]; gasUsed: string; error?: string }>(
    api,
    "eth_createAccessList",
    { from: STRANGER, to: OTHER, data: word(3) },
    "latest",
    { [OTHER]: { code } },
  );
  assert.deepEqual(made.accessList, [
    { address: OTHER, storageKeys: [word(3)] },
    { address: OWN, storageKeys: [] },
  ]);
  assert.equal(made.error, undefined);
  const gas = 21_000 + 31 * 4 + 16 + 2 * 2_400 + 1_900;
  assert.ok(Number(made.gasUsed) > gas && Number(made.gasUsed) < gas + 300);
  const failing = await ask<{ error?: string; accessList: object[] }>(
    api,
    "eth_createAccessList",
    { to: OTHER, data: word(3) },
    "latest",
    { [OTHER]: { code: "0x5f355450fd" } },
  );
  assert.match(failing.error ?? "", /^stack underflow \(0 <=> 2\)$/);
  assert.equal(failing.accessList.length, 1);
});
