import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { encodeAnyBlock, toAnyBlock } from "@counterpart/core/chain/any-block";
import { accountOf, createManualClock, openTestEngine, transactionOf } from "../../engine/engine.test-support.ts";
import { BLOCKS } from "../../engine/imported.test-support.ts";
import { createMemoryStore } from "../../store/memory-store.ts";
import { createFakeBackend, openTestApi } from "../fake-backend.test-support.ts";
import { openImportedApi } from "../imported-api.test-support.ts";
import { ask, fails, LOGGER, OWN, openLogs, STRANGER, word } from "./asking.test-support.ts";
import { createDeadline, createSpend, createTurns } from "./execution-limits.ts";
import { readDuration } from "./trace-config.ts";

const OTHER: Hex = `0x${"99".repeat(20)}`;
const CALLS = { tracer: "callTracer", tracerConfig: { withLog: true } };

interface StructTrace {
  readonly gas: number;
  readonly failed: boolean;
  readonly returnValue: string;
  readonly structLogs: readonly Record<string, unknown>[];
}

interface Frame {
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly gasUsed: string;
  readonly error?: string;
  readonly revertReason?: string;
  readonly calls?: readonly Frame[];
  readonly logs?: readonly { readonly topics: string[]; readonly index: string; readonly position: string }[];
}

test("a transaction is traced on the state before it, wherever it is in its block", async () => {
  const { api, engine } = await openLogs([5, 6], [7]);
  const [first, second] = engine.block(2)?.transactions ?? [];
  for (const [transaction, topic] of [[first, 5] as const, [second, 6] as const]) {
    const trace = await ask<Frame>(api, "debug_traceTransaction", transaction?.hash, CALLS);
    assert.deepEqual([trace.type, trace.from, trace.to], ["CALL", OWN, LOGGER]);
    assert.deepEqual(trace.logs, [
      { address: LOGGER, topics: [word(topic)], data: "0x", index: "0x0", position: "0x0" },
    ]);
    const receipt = await ask<{ gasUsed: string }>(api, "eth_getTransactionReceipt", transaction?.hash);
    assert.equal(trace.gasUsed, receipt.gasUsed);
  }
  const pre = await ask<Record<Hex, { nonce: number }>>(api, "debug_traceTransaction", second?.hash, {
    tracer: "prestateTracer",
  });
  assert.equal(pre[OWN]?.nonce, 2);
});

test("what was set by hand before a block is there when its transactions are traced, later and after a restart too", async () => {
  const store = createMemoryStore();
  const engine = openTestEngine({ store, development: true });
  const sender = accountOf(9);
  engine.development?.detach("test");
  await engine.development?.setAccount(sender, { balance: 10n });
  await engine.development?.setAccount(STRANGER, { code: hexToBytes("0x60015f55") });
  const transaction = transactionOf(9, 0, { to: STRANGER, value: 4n });
  await engine.submit(transaction, "local");
  await engine.seal();
  await engine.development?.setAccount(sender, { balance: 1_000n });
  await engine.development?.mine();
  await engine.stop();
  const api = await openTestApi({}, createFakeBackend(openTestEngine({ store, development: true })));
  const pre = await ask<Record<Hex, { balance: string; code?: string }>>(
    api,
    "debug_traceTransaction",
    transaction.hash,
    { tracer: "prestateTracer" },
  );
  assert.deepEqual([pre[sender]?.balance, pre[STRANGER]?.code], ["0xa", "0x60015f55"]);
  const [entry] = await ask<{ result: StructTrace }[]>(api, "debug_traceBlockByNumber", "0x1");
  assert.deepEqual(
    entry?.result.structLogs.map(({ op }) => op),
    ["PUSH1", "PUSH0", "SSTORE", "STOP"],
  );
  const call = { from: sender, to: OTHER, value: "0xa" };
  await ask(api, "debug_traceCall", call, "0x1", { tracer: "callTracer", txIndex: "0x0" });
});

test("every step is shown with what it costs, and only what is asked for", async () => {
  const { api, engine } = await openLogs([5]);
  const hash = engine.block(2)?.transactions[0]?.hash;
  const trace = await ask<StructTrace>(api, "debug_traceTransaction", hash);
  assert.deepEqual(
    trace.structLogs.map(({ op, gasCost, stack }) => [op, gasCost, (stack as string[]).length]),
    [
      ["PUSH1", 3, 0],
      ["CALLDATALOAD", 3, 1],
      ["PUSH1", 3, 1],
      ["PUSH1", 3, 2],
      ["LOG1", 750, 3],
      ["STOP", 0, 0],
    ],
  );
  assert.deepEqual([trace.failed, trace.returnValue], [false, "0x"]);
  const few = await ask<StructTrace>(api, "debug_traceTransaction", hash, { limit: 2, disableStack: true });
  assert.equal(few.structLogs.length, 2);
  assert.ok(few.structLogs.every((log) => !("stack" in log) && !("memory" in log)));
});

test("memory, storage, return data, refunds and errors are shown", async () => {
  const api = await openTestApi();
  // MSTORE(0, 7); SSTORE(1, 0), which refunds; CALL of the identity with memory; an opcode that is none.
  const code = "0x60075f52 5f600155 60205f60205f5f60045af150 0c".replaceAll(" ", "");
  const config = { enableMemory: true, enableReturnData: true };
  const overrides = { [OTHER]: { code, stateDiff: { [word(1)]: word(9) } } };
  const trace = await ask<StructTrace>(api, "debug_traceCall", { to: OTHER }, "latest", {
    ...config,
    stateOverrides: overrides,
  });
  const byOp = (op: string) => trace.structLogs.find((log) => log.op === op) ?? {};
  assert.equal(trace.failed, true);
  assert.deepEqual(byOp("SSTORE").storage, { [word(1)]: word(0) });
  assert.deepEqual(byOp("SSTORE").memory, [word(7)]);
  assert.deepEqual([byOp("CALL").refund, byOp("POP").returnData], [4_800, word(7)]);
  const last = trace.structLogs.at(-1);
  assert.deepEqual([last?.op, last?.error], ["opcode 0xc not defined", "invalid opcode: opcode 0xc not defined"]);
  const bare = await ask<StructTrace>(api, "debug_traceCall", { to: OTHER }, "latest", {
    disableStorage: true,
    stateOverrides: overrides,
  });
  assert.ok(bare.structLogs.every((log) => !("storage" in log) && !("returnData" in log)));
});

test("what a call costs includes what it passes on, what a creation costs does not", async () => {
  const api = await openTestApi();
  // CALL(gas 1000, OTHER2), CREATE of nothing.
  const code = `0x5f5f5f5f5f73${STRANGER.slice(2)}6103e8f1505f5f5ff0`;
  const trace = await ask<StructTrace>(api, "debug_traceCall", { to: OTHER }, "latest", {
    stateOverrides: { [OTHER]: { code }, [STRANGER]: { code: "0x5f50" } },
  });
  const cost = (op: string) => trace.structLogs.find((log) => log.op === op)?.gasCost;
  assert.deepEqual([cost("CALL"), cost("CREATE")], [2_600 + 1_000, 32_000]);
  assert.deepEqual(
    trace.structLogs.filter(({ depth }) => depth === 2).map(({ op }) => op),
    ["PUSH0", "POP", "STOP"],
  );
});

test("an opcode that cannot run is shown with what it would have cost, as far as that is known", async () => {
  const api = await openTestApi();
  const last = async (code: string, gas = 100_000) => {
    const config = { disableStack: true, stateOverrides: { [OTHER]: { code } } };
    const call = { to: OTHER, gas: `0x${gas.toString(16)}` };
    const { structLogs } = await ask<StructTrace>(api, "debug_traceCall", call, "latest", config);
    const { op, gasCost, error } = structLogs.at(-1) ?? {};
    return [op, gasCost, error];
  };
  assert.deepEqual(await last("0x600356"), ["JUMP", 8, "invalid jump destination"]);
  assert.deepEqual(await last("0x6001600357"), ["JUMPI", 10, "invalid jump destination"]);
  assert.deepEqual(await last("0x02"), ["MUL", 5, "stack underflow (0 <=> 2)"]);
  assert.deepEqual(await last("0x5b38600056", 200_000), ["PUSH1", 3, "stack limit reached 1024 (1023)"]);
  assert.deepEqual(await last("0x5f54", 22_000), ["SLOAD", 2_100, "out of gas"]);
  assert.deepEqual(await last("0xfe"), ["INVALID", 0, "invalid opcode: INVALID"]);
});

test("messages that fail, or cannot be sent, are shown with why", async () => {
  const api = await openTestApi();
  const reason = `08c379a0${word(32).slice(2)}${word(2).slice(2)}${"6e6f".padEnd(64, "0")}`;
  // Returns an Error("no") by REVERT: CODECOPY of what follows the code.
  const reverting = `0x60648060095f395ffd${reason}`;
  const overrides = {
    // CALL STRANGER; then CALL with a wei that is not there.
    [OTHER]: { code: `0x5f5f5f5f5f73${STRANGER.slice(2)}5af1505f5f5f5f60015f5af15000` },
    [STRANGER]: { code: reverting },
  };
  const trace = await ask<Frame>(api, "debug_traceCall", { to: OTHER }, "latest", {
    ...CALLS,
    stateOverrides: overrides,
  });
  const [inner, poor] = trace.calls ?? [];
  assert.deepEqual([inner?.error, inner?.revertReason], ["execution reverted", "no"]);
  assert.deepEqual([poor?.error, poor?.gasUsed], ["insufficient balance for transfer", "0x0"]);
  assert.equal(trace.error, undefined);
});

test("a difference has what changed, before and after", async () => {
  const { api, engine } = await openLogs([]);
  await engine.submit(transactionOf(1, 1, { to: STRANGER, value: 5n }), "local");
  await engine.seal();
  const hash = engine.block(2)?.transactions[0]?.hash;
  const diff = await ask<Record<"pre" | "post", Record<Hex, object>>>(api, "debug_traceTransaction", hash, {
    tracer: "prestateTracer",
    tracerConfig: { diffMode: true },
  });
  assert.deepEqual(diff.post[STRANGER], { balance: "0x5" });
  assert.equal(diff.pre[STRANGER], undefined);
  assert.deepEqual(Object.keys(diff.pre), [OWN]);
});

test("whole blocks are traced, by number, by hash, or as bytes", async () => {
  const { api, engine } = await openLogs([5, 6]);
  const block = engine.block(2);
  assert.ok(block !== undefined);
  const raw = bytesToHex(encodeAnyBlock(toAnyBlock(block)));
  const byNumber = await ask<{ txHash: string; result: Frame }[]>(api, "debug_traceBlockByNumber", "0x2", CALLS);
  assert.deepEqual(
    byNumber.map(({ txHash }) => txHash),
    block.transactions.map(({ hash }) => hash),
  );
  assert.deepEqual(byNumber[1]?.result.logs?.[0]?.topics, [word(6)]);
  assert.deepEqual(await ask(api, "debug_traceBlockByHash", block.header.hash, CALLS), byNumber);
  assert.deepEqual(await ask(api, "debug_traceBlock", raw, CALLS), byNumber);
  await fails(api, -32000, /^could not decode block/, "debug_traceBlock", "0xc0", CALLS);
  await fails(api, -32000, /^genesis is not traceable$/, "debug_traceBlockByNumber", "0x0");
  await fails(api, -32000, /^block #9 not found$/, "debug_traceBlockByNumber", "0x9");
  await fails(api, -32000, /^block 0x0+9 not found$/, "debug_traceBlockByHash", word(9));
  await fails(api, -32000, /^transaction not found$/, "debug_traceTransaction", word(9));
});

test("a call is traced at a block, or within it", async () => {
  const { api } = await openLogs([5, 6]);
  // The sender's nonce shows as the address that a creation would have.
  const call = { from: OWN, data: "0x00" };
  const at = async (block: string, more: object = {}) =>
    (await ask<Frame>(api, "debug_traceCall", call, block, { ...CALLS, ...more })).to;
  const addresses = [
    await at("0x1"),
    await at("0x2", { txIndex: "0x0" }),
    await at("0x2", { txIndex: "0x1" }),
    await at("0x2"),
  ];
  assert.equal(addresses[0], addresses[1]);
  assert.equal(new Set(addresses).size, 3);
  await fails(api, -32000, /transaction index 7 out of range/, "debug_traceCall", call, "0x2", { txIndex: "0x7" });
  const number = { to: OTHER };
  const shown = await ask<StructTrace>(api, "debug_traceCall", number, "latest", {
    stateOverrides: { [OTHER]: { code: "0x435f5260205ff3" } },
    blockOverrides: { number: "0x77" },
  });
  assert.equal(shown.returnValue, word(0x77));
  await fails(api, -32000, /^tracing failed: insufficient funds/, "debug_traceCall", {
    from: STRANGER,
    to: OWN,
    value: "0x1",
  });
});

test("the block after the head has no transactions to trace, but a call can be traced as if in it", async () => {
  const { api } = await openLogs([5]);
  const refused = /^tracing on top of pending is not supported$/;
  await fails(api, -32000, refused, "debug_traceBlockByNumber", "pending", CALLS);
  await fails(api, -32000, refused, "debug_traceCall", { to: OTHER }, "pending", { txIndex: "0x0" });
  const shown = await ask<StructTrace>(api, "debug_traceCall", { to: OTHER }, "pending", {
    stateOverrides: { [OTHER]: { code: "0x435f5260205ff3" } },
  });
  assert.equal(shown.returnValue, word(3));
});

test("functions are counted, and nothing where nothing is asked for", async () => {
  const api = await openTestApi();
  const call = { to: OTHER, data: "0x12345678aabb" };
  assert.deepEqual(await ask(api, "debug_traceCall", call, "latest", { tracer: "4byteTracer" }), { "0x12345678-2": 1 });
  assert.deepEqual(await ask(api, "debug_traceCall", call, "latest", { tracer: "noopTracer" }), {});
  await fails(api, -32000, /^tracer not found: \{step/, "debug_traceCall", call, "latest", {
    tracer: "{step: function(){}}",
  });
});

test("what a tracer is told is read before anything is traced", async () => {
  const api = await openTestApi();
  const call = { to: OTHER };
  for (const config of [
    { disableStorage: {} },
    { limit: -1 },
    { tracer: "callTracer", tracerConfig: { withLog: "yes" } },
    { tracer: "prestateTracer", tracerConfig: [] },
  ]) {
    await fails(api, -32602, /^invalid argument 2: /, "debug_traceCall", call, "latest", config);
  }
});

test("a trace of an imported chain has the rules of its block", async () => {
  const { api, imported: engine } = await openImportedApi(BLOCKS);
  for (let number = 1; number <= engine.head().number; number++) {
    const at = `0x${number.toString(16)}`;
    const traces = await ask<{ txHash: string; result: StructTrace }[]>(api, "debug_traceBlockByNumber", at);
    for (const { txHash, result } of traces) {
      const receipt = await ask<{ gasUsed: string }>(api, "eth_getTransactionReceipt", txHash);
      assert.equal(result.gas, Number(receipt.gasUsed));
    }
  }
});

test("a trace is bounded in characters and in time", async () => {
  const api = await openTestApi();
  const endless = { stateOverrides: { [OTHER]: { code: "0x5b5f56" } } };
  const call = { to: OTHER, gas: "0x2faf080" };
  await fails(api, -32003, /^response too large$/, "debug_traceCall", call, "latest", endless);
  const quick = { ...endless, tracer: "callTracer", timeout: "1ns" };
  await fails(api, -32000, /^execution timeout$/, "debug_traceCall", call, "latest", quick);
  await fails(api, -32602, /timeout: time: invalid duration "5"/, "debug_traceCall", call, "latest", { timeout: "5" });
});

test("only so much runs at the same time", async () => {
  const inTurn = createTurns(2, "traces");
  const gate = Promise.withResolvers<void>();
  const running = [inTurn(() => gate.promise), inTurn(() => gate.promise)];
  const busy = { code: -32005, message: "2 traces are under way: ask again" };
  await assert.rejects(
    inTurn(async () => {}),
    busy,
  );
  gate.reject(new Error("over"));
  await Promise.allSettled(running);
  assert.equal(await inTurn(async () => 1), 1);
});

test("durations are read as Go writes them", () => {
  assert.deepEqual(["5s", "1m30s", "1.5s", "20ms", "7us"].map(readDuration), [5_000, 90_000, 1_500, 20, 0.007]);
  for (const bad of ["", "5", "s", "-1s", "1s ", "1 s", 5, null])
    assert.throws(() => readDuration(bad), /invalid duration/);
});

test("a deadline ends what runs longer, by the clock", async () => {
  const clock = createManualClock();
  const pause = createDeadline(clock, 100, "too long");
  await pause();
  clock.advance(100);
  await pause();
  clock.advance(1);
  await assert.rejects(pause(), /too long/);
  const spend = createSpend(10);
  spend(10);
  assert.throws(() => spend(1), /response too large/);
});
