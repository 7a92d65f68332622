import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { createTimedClock } from "../../contracts/contracts.test-support.ts";
import { openTestEngine, silentLogger } from "../../engine/engine.test-support.ts";
import type { Engine } from "../../engine/types.ts";
import { createFakeBackend, openTestApi, type TestApi } from "../fake-backend.test-support.ts";
import { ask, brief, fails, LOGGER, type ShownLog, word } from "../rpc/asking.test-support.ts";
import { RpcError } from "../rpc/errors.ts";
import { LOG_LIMITS } from "../rpc/logs.ts";
import { createChainFeed } from "./chain-feed.ts";
import { createFilters, FILTER_LIMITS, type FilterLimits } from "./filters.ts";
import { rivalBranch, sealLogs, submitLog } from "./following.test-support.ts";

/** Filters wait for their end: what a test opens is to be closed. */
const opened: TestApi[] = [];
afterEach(() => Promise.all(opened.splice(0).map(({ server }) => server.close())));

async function openOn(engine: Engine): Promise<TestApi> {
  const api = await openTestApi({}, createFakeBackend(engine));
  opened.push(api);
  return api;
}

async function openApi() {
  const engine = openTestEngine();
  await sealLogs(engine, 0);
  return { engine, api: await openOn(engine) };
}

function openFilters(limits: Partial<FilterLimits> = {}) {
  const engine = openTestEngine();
  const clock = createTimedClock();
  const { backend } = createFakeBackend(engine);
  const feed = createChainFeed({ backend, clock, logger: silentLogger });
  const source = { engine, clock, limits: LOG_LIMITS };
  const filters = createFilters({ feed, source, limits: { ...FILTER_LIMITS, ...limits } });
  const call = async (method: string, ...params: never[]) => filters.methods[method]?.(params) as unknown;
  return { engine, clock, filters, call: call as (method: string, ...params: unknown[]) => Promise<unknown> };
}

/** Characters that the hash of a block counts. */
const BLOCK = 168;

const isNotFound = (error: unknown): boolean =>
  error instanceof RpcError && error.code === -32000 && error.message === "filter not found";

test("a filter of logs has what came since it was asked last, and what there is in its range", async () => {
  const { engine, api } = await openApi();
  await sealLogs(engine, 5);
  const id = await ask<Hex>(api, "eth_newFilter", { address: LOGGER, topics: [[word(5), word(6)]], fromBlock: "0x0" });
  assert.match(id, /^0x[1-9a-f][0-9a-f]*$/);
  await sealLogs(engine, 6, 7);
  await sealLogs(engine, 5);
  const changes = async () => brief(await ask<ShownLog[]>(api, "eth_getFilterChanges", id));
  assert.deepEqual(await changes(), ["3/0/0:6", "4/0/0:5"]);
  assert.deepEqual(await changes(), []);
  const all = brief(await ask<ShownLog[]>(api, "eth_getFilterLogs", id));
  assert.deepEqual(all, ["2/0/0:5", "3/0/0:6", "4/0/0:5"]);
  assert.equal(await ask(api, "eth_uninstallFilter", id), true);
  assert.equal(await ask(api, "eth_uninstallFilter", id), false);
  for (const method of ["eth_getFilterChanges", "eth_getFilterLogs"]) {
    await fails(api, -32000, /^filter not found$/, method, id);
    await fails(api, -32000, /^filter not found$/, method, "0x1");
  }
});

test("a reorganisation shows in a filter of logs as in a subscription", async () => {
  const { engine, api } = await openApi();
  const id = await ask(api, "eth_newFilter", {});
  await sealLogs(engine, 1);
  await engine.import(await rivalBranch(engine, 1, [7], [8]));
  const logs = await ask<(ShownLog & { removed: boolean })[]>(api, "eth_getFilterChanges", id);
  assert.deepEqual(
    logs.map(({ removed }) => removed),
    [false, true, false, false],
  );
  assert.deepEqual(brief(logs), ["2/0/0:1", "2/0/0:1", "2/0/0:7", "3/0/0:8"]);
});

test("filters of blocks and of pending transactions have their hashes, or whole transactions", async () => {
  const { engine, api } = await openApi();
  const [blocks, pending, full] = [
    await ask(api, "eth_newBlockFilter"),
    await ask(api, "eth_newPendingTransactionFilter"),
    await ask(api, "eth_newPendingTransactionFilter", true),
  ];
  const hash = await submitLog(engine, 1);
  await engine.seal();
  assert.deepEqual(await ask(api, "eth_getFilterChanges", blocks), [engine.head().hash]);
  assert.deepEqual(await ask(api, "eth_getFilterChanges", pending), [hash]);
  const [transaction] = await ask<{ hash: Hex; blockHash: Hex | null }[]>(api, "eth_getFilterChanges", full);
  assert.deepEqual([transaction?.hash, transaction?.blockHash], [hash, null]);
  await fails(api, -32000, /^filter not found$/, "eth_getFilterLogs", blocks);
});

test("filters that mean nothing are refused in the words of others", async () => {
  const { api } = await openApi();
  await fails(api, -32602, /pending logs are not supported/, "eth_newFilter", { fromBlock: "pending" });
  await fails(api, -32602, /invalid block range params/, "eth_newFilter", { fromBlock: "0x5", toBlock: "0x4" });
  await fails(api, -32602, /invalid block range params/, "eth_newFilter", { toBlock: "0x4" });
  await fails(api, -32602, /./, "eth_newFilter", { topics: [null, null, null, null, null] });
  await fails(api, -32602, /missing value for required argument 0/, "eth_newFilter");
  await fails(api, -32602, /./, "eth_getFilterChanges", 5);
});

test("a replica has neither logs nor pending transactions to filter, and says so", async () => {
  const engine = openTestEngine({ replica: "all" });
  const api = await openOn(engine);
  await fails(api, -32000, /a replica has no logs/, "eth_newFilter", {});
  await fails(api, -32000, /a replica has no pending transactions/, "eth_newPendingTransactionFilter");
  assert.deepEqual(await ask(api, "eth_getFilterChanges", await ask(api, "eth_newBlockFilter")), []);
});

test("a filter that nobody asks for is gone after five minutes, one that is asked for stays", async () => {
  const { clock, filters, call } = openFilters();
  const [idle, used] = [await call("eth_newBlockFilter"), await call("eth_newBlockFilter")];
  clock.advance(299_999);
  await call("eth_getFilterChanges", used);
  clock.advance(1);
  await assert.rejects(call("eth_getFilterChanges", idle), isNotFound);
  assert.deepEqual([await call("eth_getFilterChanges", used), filters.size], [[], 1]);
  for (let n = 0; n < 6; n++) clock.advance(60_000);
  assert.deepEqual([filters.size, clock.timers], [0, 0]);
});

test("filters are limited in number, and in what waits in one of them and in all", async () => {
  const { engine, filters, call } = openFilters({ filters: 3, characters: 3 * BLOCK, charactersOfAll: 5 * BLOCK });
  const ids = [await call("eth_newBlockFilter"), await call("eth_newBlockFilter"), await call("eth_newBlockFilter")];
  await assert.rejects(call("eth_newBlockFilter"), (error: RpcError) => error.code === -32005);
  await sealLogs(engine, 0);
  assert.equal(((await call("eth_getFilterChanges", ids[0])) as unknown[]).length, 1);
  await sealLogs(engine, 1);
  // 1, 2 and 2 wait. Of the next block's there is room for that of the second filter, once the first is gone.
  await sealLogs(engine, 2);
  await assert.rejects(call("eth_getFilterChanges", ids[0]), isNotFound);
  await assert.rejects(call("eth_getFilterChanges", ids[2]), isNotFound);
  assert.equal(filters.size, 1);
  await sealLogs(engine, 3);
  await assert.rejects(call("eth_getFilterChanges", ids[1]), isNotFound);
  assert.equal(filters.size, 0);
  await call("eth_newBlockFilter");
  filters.close();
  assert.equal(filters.size, 0);
});
