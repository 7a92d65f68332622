import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import { createManualClock, creationOf, openTestEngine, transactionOf } from "../../engine/engine.test-support.ts";
import { BLOCKS } from "../../engine/imported.test-support.ts";
import { createFakeBackend, openTestApi, type TestApi } from "../fake-backend.test-support.ts";
import { openImportedApi } from "../imported-api.test-support.ts";
import { ask, fails, LOGGER, OWN, openLogs, STRANGER, word } from "./asking.test-support.ts";

const OTHER: Hex = `0x${"99".repeat(20)}`;
/** SSTORE(CALLDATALOAD(0), CALLDATALOAD(32)) */
const WRITE_SLOT = "0x6020355f3555";
/** SLOAD(CALLDATALOAD(0)) */
const READ_SLOT = "0x5f35545f5260205ff3";

interface Call {
  readonly status: string;
  readonly returnData: string;
  readonly gasUsed: string;
  readonly maxUsedGas: string;
  readonly logs: readonly { address: string; topics: string[]; data: string; logIndex: string; blockHash: string }[];
  readonly error?: { readonly code: number; readonly message: string; readonly data?: string };
}

interface Block {
  readonly number: string;
  readonly timestamp: string;
  readonly hash: string;
  readonly parentHash: string;
  readonly stateRoot: string;
  readonly gasUsed: string;
  readonly transactions: readonly (string & { hash: string; from: string; nonce: string; blockHash: string })[];
  readonly calls: readonly Call[];
}

const simulate = (api: TestApi, blocks: readonly object[], options: object = {}, at = "latest") =>
  ask<Block[]>(api, "eth_simulateV1", { blockStateCalls: blocks, ...options }, at);

const failing = (api: TestApi, code: number, message: RegExp, blocks: readonly object[], options: object = {}) =>
  fails(api, code, message, "eth_simulateV1", { blockStateCalls: blocks, ...options }, "latest");

test("blocks follow each other, gaps are filled, and nothing of it stays", async () => {
  const { api, engine } = await openLogs([5]);
  const head = engine.head();
  const blocks = await simulate(api, [
    { calls: [{ from: OWN, to: STRANGER, value: "0x7" }] },
    { blockOverrides: { number: `0x${(head.number + 4).toString(16)}` }, calls: [{ from: OWN, to: STRANGER }] },
  ]);
  assert.deepEqual(
    blocks.map(({ number, timestamp }) => [Number(number) - head.number, Number(timestamp) - head.timestamp]),
    [1, 2, 3, 4].map((n) => [n, 12 * n]),
  );
  let parent: string = head.hash;
  for (const { hash, parentHash } of blocks) {
    assert.equal(parentHash, parent);
    parent = hash;
  }
  assert.equal(blocks[0]?.calls[0]?.gasUsed, "0x5208");
  assert.equal(engine.head(), head);
  assert.equal(await ask(api, "eth_getBalance", STRANGER, "latest"), "0x0");
});

test("what a simulated block comes to is what the block that is sealed comes to", async () => {
  const clock = createManualClock();
  const engine = openTestEngine({ clock });
  const api = await openTestApi({}, createFakeBackend(engine));
  const initcode = hexToBytes("0x6009600c60003960096000f360003560006000a100");
  const before = engine.head();
  clock.advance(60_000);
  await engine.submit(creationOf(1, 0, initcode), "local");
  await engine.submit(transactionOf(1, 1, { to: LOGGER, value: 0n, data: hexToBytes(word(9)) }), "local");
  await engine.seal();
  const sealed = engine.head();
  const [simulated] = await simulate(
    api,
    [
      {
        blockOverrides: { time: `0x${sealed.timestamp.toString(16)}`, feeRecipient: sealed.coinbase },
        calls: [
          { from: OWN, input: bytesToHex(initcode) },
          { from: OWN, to: LOGGER, input: word(9) },
        ],
      },
    ],
    { returnFullTransactions: true },
    before.hash,
  );
  assert.equal(simulated?.stateRoot, sealed.stateRoot);
  assert.equal(Number(simulated?.gasUsed), sealed.gasUsed);
  assert.deepEqual([simulated?.transactions[1]?.from, simulated?.transactions[1]?.nonce], [OWN, "0x1"]);
  assert.equal(simulated?.transactions[0]?.blockHash, simulated?.hash);
  assert.deepEqual(simulated?.calls[1]?.logs[0]?.topics, [word(9)]);
  assert.equal(simulated?.calls[1]?.logs[0]?.blockHash, simulated?.hash);
});

test("changes of state, nonces and overrides last from block to block", async () => {
  const api = await openTestApi();
  const created = createAddress(STRANGER, 5n);
  const blocks = await simulate(api, [
    { stateOverrides: { [OTHER]: { code: WRITE_SLOT }, [STRANGER]: { nonce: "0x4" } } },
    { calls: [{ from: STRANGER, to: OTHER, input: `${word(1)}${word(42).slice(2)}` }] },
    { stateOverrides: { [OTHER]: { code: READ_SLOT } }, calls: [{ to: OTHER, input: word(1) }] },
    // 32 bytes of code: none, but it is there.
    { calls: [{ from: STRANGER, data: "0x60205ff3" }] },
    {
      calls: [{ to: STRANGER, from: OTHER }],
      stateOverrides: { [STRANGER]: { code: `0x73${created.slice(2)}3b5f5260205ff3` } },
    },
  ]);
  assert.equal(blocks[2]?.calls[0]?.returnData, word(42));
  assert.equal(blocks[4]?.calls[0]?.returnData, word(32));
  assert.notEqual(blocks[0]?.stateRoot, blocks[1]?.stateRoot);
});

test("a state that is given whole hides what was stored, also what simulated blocks stored", async () => {
  const api = await openTestApi();
  const read = (slot: number) => ({ to: OTHER, input: word(slot) });
  const code = { code: READ_SLOT };
  const blocks = await simulate(api, [
    { stateOverrides: { [OTHER]: { ...code, stateDiff: { [word(1)]: word(11), [word(2)]: word(22) } } } },
    { stateOverrides: { [OTHER]: { state: { [word(2)]: word(23) } } }, calls: [read(1), read(2)] },
    { stateOverrides: { [OTHER]: { stateDiff: { [word(3)]: word(33) } } }, calls: [read(1), read(2), read(3)] },
  ]);
  const found = blocks.map(({ calls }) => calls.map(({ returnData }) => Number(returnData)));
  assert.deepEqual(found, [[], [0, 23], [0, 23, 33]]);
  const again = await simulate(api, [{ stateOverrides: { [OTHER]: { ...code, state: { [word(2)]: word(23) } } } }]);
  const once = await simulate(api, [
    { stateOverrides: { [OTHER]: { ...code, state: { [word(1)]: word(0), [word(2)]: word(23) } } } },
  ]);
  assert.equal(again[0]?.stateRoot, once[0]?.stateRoot);
});

test("BLOCKHASH knows simulated blocks and those under them", async () => {
  const { api, engine } = await openLogs([5]);
  const code = { [OTHER]: { code: "0x5f35405f5260205ff3" } };
  const number = engine.head().number;
  const [first, second] = await simulate(api, [
    { stateOverrides: code },
    { calls: [number - 1, number, number + 1, number + 2].map((at) => ({ to: OTHER, input: word(at) })) },
  ]);
  const wanted = [engine.header(number - 1)?.hash, engine.head().hash, first?.hash, word(0)];
  assert.deepEqual(
    second?.calls.map(({ returnData }) => returnData),
    wanted,
  );
});

test("transfers have logs where they are asked for, but not those that were undone", async () => {
  const api = await openTestApi();
  // CALL with 1 wei to STRANGER, then as told: STOP, or REVERT.
  const pays = (end: string) => `0x5f5f5f5f600173${STRANGER.slice(2)}5af150${end}`;
  const blocks = [
    {
      stateOverrides: { [OTHER]: { code: pays("00") } },
      calls: [
        { from: OWN, to: OTHER, value: "0x5" },
        { from: OWN, to: STRANGER, value: "0x1" },
      ],
    },
    { stateOverrides: { [OTHER]: { code: pays("5f5ffd") } }, calls: [{ from: OWN, to: OTHER, value: "0x5" }] },
  ];
  const traced = await simulate(api, blocks, { traceTransfers: true });
  const logs = traced.map(({ calls }) =>
    calls.map((call) => call.logs.map(({ data, logIndex }) => [Number(data), logIndex])),
  );
  assert.deepEqual(logs, [
    [
      [
        [5, "0x0"],
        [1, "0x1"],
      ],
      [[1, "0x2"]],
    ],
    [[]],
  ]);
  assert.equal(traced[0]?.calls[0]?.logs[0]?.address, `0x${"ee".repeat(20)}`);
  assert.equal(traced[1]?.calls[0]?.error?.code, 3);
  const plain = await simulate(api, blocks);
  assert.ok(plain.every(({ calls }) => calls.every(({ logs: none }) => none.length === 0)));
  // The logs of transfers are no part of the blocks.
  assert.deepEqual(
    plain.map(({ hash }) => hash),
    traced.map(({ hash }) => hash),
  );
});

test("calls that fail say how, and the block goes on", async () => {
  const api = await openTestApi();
  const [block] = await simulate(api, [
    {
      stateOverrides: { [OTHER]: { code: "0x602a5f5260205ffd" }, [STRANGER]: { code: "0x5b5f56" } },
      calls: [{ to: OTHER }, { to: STRANGER, gas: "0x10000" }, { to: OWN }],
    },
  ]);
  const [reverted, halted, fine] = block?.calls ?? [];
  assert.deepEqual(reverted?.error, { code: 3, message: "execution reverted", data: word(42) });
  assert.deepEqual([reverted?.status, reverted?.returnData], ["0x0", "0x"]);
  assert.deepEqual(halted?.error, { code: -32015, message: "out of gas" });
  assert.deepEqual([halted?.gasUsed, fine?.status], ["0x10000", "0x1"]);
});

test("refunds are in the gas that is charged, not in the gas that is needed", async () => {
  const api = await openTestApi();
  // SSTORE(1, 0)
  const clearing = { [OTHER]: { code: "0x5f600155", stateDiff: { [word(1)]: word(1) } } };
  const [block] = await simulate(api, [{ stateOverrides: clearing, calls: [{ to: OTHER }] }]);
  const [gasUsed, needed] = [Number(block?.calls[0]?.gasUsed), Number(block?.calls[0]?.maxUsedGas)];
  assert.deepEqual([needed, needed - gasUsed], [21_000 + 2 + 3 + 5_000, 4_800]);
});

test("validation holds a simulation to nonces and fees", async () => {
  const api = await openTestApi();
  const call = { from: OWN, to: STRANGER };
  await failing(
    api,
    -38010,
    /^err: nonce too low: address 0x\w+, tx: 0 state: 1 /,
    [{ calls: [call, { ...call, nonce: "0x0" }] }],
    {
      validation: true,
    },
  );
  await failing(api, -38011, /nonce too high: .* tx: 9 state: 0/, [{ calls: [{ ...call, nonce: "0x9" }] }], {
    validation: true,
  });
  await failing(
    api,
    -38012,
    /less than block base fee/,
    [{ blockOverrides: { baseFeePerGas: "0x9" }, calls: [call] }],
    {
      validation: true,
    },
  );
  assert.equal((await simulate(api, [{ calls: [{ ...call, nonce: "0x9" }] }]))[0]?.calls[0]?.status, "0x1");
});

test("what cannot be simulated is refused with the codes of execution-apis", async () => {
  const api = await openTestApi();
  const call = { from: STRANGER, to: OWN };
  await failing(api, -32602, /empty input/, []);
  await failing(
    api,
    -38026,
    /too many blocks/,
    Array.from({ length: 257 }, () => ({})),
  );
  await failing(api, -38026, /too many blocks/, [{ blockOverrides: { number: "0x101" } }]);
  await failing(api, -38020, /block numbers must be in order: 0 <= 0/, [{ blockOverrides: { number: "0x0" } }]);
  await failing(api, -38021, /block timestamps must be in order: 1 <= /, [{ blockOverrides: { time: "0x1" } }]);
  await failing(api, -38014, /have 0 want 1 \(supplied gas 50000000\)/, [{ calls: [{ ...call, value: "0x1" }] }]);
  await failing(api, -38013, /intrinsic gas too low: have 1, want 21000/, [{ calls: [{ ...call, gas: "0x1" }] }]);
  await failing(api, -38015, /block gas limit reached: 21000 >= 50000/, [
    { blockOverrides: { gasLimit: "0xc350" }, calls: [call, { ...call, gas: "0x7530" }] },
  ]);
  await failing(api, -38025, /max initcode size exceeded/, [{ calls: [{ data: `0x${"00".repeat(49_153)}` }] }]);
  await failing(api, -32602, /max priority fee per gas higher/, [
    { calls: [{ ...call, maxFeePerGas: "0x1", maxPriorityFeePerGas: "0x2" }] },
  ]);
});

test("a call that is left too little of its block's gas is said to be beyond the block's limit", async () => {
  const api = await openTestApi();
  const call = { from: STRANGER, to: OWN };
  const full = (limit: number, ...calls: object[]) => [
    { blockOverrides: { gasLimit: `0x${limit.toString(16)}` }, calls },
  ];
  const words = /^block gas limit reached: intrinsic gas too low: have 8000, want 21000$/;
  await failing(api, -38015, words, full(50_000, call, call, call));
  await failing(api, -38015, /: intrinsic gas too low: have 0, want 21000$/, full(42_000, call, call, call));
  const floor = /: insufficient gas for floor data gas cost: have 24000, want 25000$/;
  await failing(api, -38015, floor, full(45_000, call, { ...call, data: `0x${"ff".repeat(100)}` }));
  await failing(
    api,
    -38013,
    /^err: intrinsic gas too low: have 7, want 21000/,
    full(50_000, call, { ...call, gas: "0x7" }),
  );
  const data = `0x${"ff".repeat(1_000)}`;
  const short = { ...call, data, gas: "0x9c40" };
  await failing(api, -38013, /^err: insufficient gas for floor data gas cost: have 40000, want 61000/, [
    { calls: [short] },
  ]);
});

test("the gas of all calls is bounded together", async () => {
  const api = await openTestApi();
  const burning = { stateOverrides: { [OTHER]: { code: "0x5b5f56" } }, calls: [{ to: OTHER }] };
  const [first, second] = await simulate(api, [burning, { calls: [] }]);
  assert.equal(Number(first?.gasUsed), 50_000_000);
  assert.equal(second?.gasUsed, "0x0");
  await failing(api, -38013, /intrinsic gas too low: have 0, want 21000/, [burning, { calls: [{ to: OWN }] }]);
});

test("an imported chain is simulated by the rules of each block, at any of its blocks", async () => {
  const { api, imported: engine } = await openImportedApi(BLOCKS);
  const head = await simulate(api, [{}]);
  assert.equal(Number(head[0]?.number), engine.head().number + 1);
  // Before Byzantium a receipt has a root, before London there is no base fee, and the sealer is paid.
  const [old] = await ask<Record<string, unknown>[]>(
    api,
    "eth_simulateV1",
    { blockStateCalls: [{ calls: [{ to: STRANGER }] }], returnFullTransactions: true },
    "0x0",
  );
  assert.equal(old?.baseFeePerGas, undefined);
  assert.notEqual(old?.difficulty, "0x0");
  assert.notEqual(old?.stateRoot, engine.header(0)?.stateRoot);
});
