import assert from "node:assert/strict";
import { test } from "node:test";
import { forkHash } from "@counterpart/core/consensus/fork-id";
import { accountOf, openTestEngine, sealAll, transactionOf } from "../../engine/engine.test-support.ts";
import { BLOCKS, GENESIS } from "../../engine/imported.test-support.ts";
import { createFakeBackend, openTestApi } from "../fake-backend.test-support.ts";
import { openImportedApi } from "../imported-api.test-support.ts";
import { ask } from "./asking.test-support.ts";

interface ShownConfig {
  readonly activationTime: number;
  readonly blobSchedule: { readonly target: number; readonly max: number } | null;
  readonly forkId: string;
  readonly precompiles: Readonly<Record<string, string>>;
  readonly systemContracts: Readonly<Record<string, string>>;
}

type ShownConfigs = Readonly<Record<"current" | "next" | "last", ShownConfig | null>>;

test("the chain's own rules hold from the genesis on, without blobs and without deposits", async () => {
  const engine = openTestEngine();
  const { current, next, last } = await ask<ShownConfigs>(
    await openTestApi({}, createFakeBackend(engine)),
    "eth_config",
  );
  assert.deepEqual([next, last, current?.activationTime], [null, null, 0]);
  assert.deepEqual([current?.blobSchedule?.target, current?.blobSchedule?.max], [0, 0]);
  const none = { forkNumbers: [], forkTimes: [] };
  assert.equal(current?.forkId, forkHash(none, { hash: engine.genesisHash, timestamp: 0 }, 0));
  assert.equal(Object.keys(current?.precompiles ?? {}).length, 18);
  assert.equal(current?.precompiles.P256VERIFY, "0x0000000000000000000000000000000000000100");
  assert.deepEqual(Object.keys(current?.systemContracts ?? {}), ["BEACON_ROOTS_ADDRESS", "HISTORY_STORAGE_ADDRESS"]);
});

test("an imported chain has the forks that its head has come to, and those to come", async () => {
  const configs = async (blocks: number): Promise<ShownConfigs> =>
    ask(await openImportedApi(BLOCKS.slice(0, blocks)).then(({ api }) => api), "eth_config");
  const before = await configs(3);
  assert.deepEqual([before.current, before.next?.activationTime, before.last?.activationTime], [null, 52, 78]);
  const cancun = await configs(4);
  assert.deepEqual(
    [cancun.current, cancun.next, cancun.last].map((config) => config?.activationTime),
    [52, 65, 78],
  );
  assert.deepEqual([cancun.current?.blobSchedule?.target, cancun.next?.blobSchedule?.target], [3, 6]);
  const precompilesOf = (config: ShownConfig | null) => Object.keys(config?.precompiles ?? {}).length;
  assert.deepEqual([cancun.current, cancun.next, cancun.last].map(precompilesOf), [10, 17, 18]);
  assert.deepEqual(Object.keys(cancun.current?.systemContracts ?? {}), ["BEACON_ROOTS_ADDRESS"]);
  assert.equal(Object.keys(cancun.next?.systemContracts ?? {}).length, 5);
  const osaka = await configs(6);
  assert.deepEqual([osaka.current?.activationTime, osaka.next, osaka.last], [78, null, null]);
  assert.equal(osaka.current?.forkId, cancun.last?.forkId);
  assert.notEqual(osaka.current?.forkId, cancun.current?.forkId);
});

test("rules that a genesis begins with were active at 0", async () => {
  const { config, ...genesis } = JSON.parse(GENESIS);
  const merged = { ...config, byzantiumBlock: 0, constantinopleBlock: 0, petersburgBlock: 0, istanbulBlock: 0 };
  const { terminalTotalDifficulty: _, osakaTime: __, pragueTime: ___, ...rest } = merged;
  const early = { ...rest, berlinBlock: 0, londonBlock: 0, terminalTotalDifficulty: 0, shanghaiTime: 5, cancunTime: 9 };
  const text = JSON.stringify({ ...genesis, config: early, difficulty: "0x0", timestamp: "0x9" });
  const { current } = await ask<ShownConfigs>((await openImportedApi([], text)).api, "eth_config");
  assert.deepEqual([current?.activationTime, current?.blobSchedule?.max], [0, 6]);
});

interface Resource {
  readonly disabled: boolean;
  readonly oldestBlock?: string;
  readonly deleteStrategy?: { readonly type: string; readonly retentionBlocks: string };
}

const NAMES = ["state", "tx", "logs", "receipts", "blocks", "stateproofs"] as const;

async function capabilitiesOf(api: Awaited<ReturnType<typeof openTestApi>>) {
  const { head, ...found } = await ask<{ head: object } & Record<string, Resource>>(api, "eth_capabilities");
  const brief = ({ disabled, oldestBlock, deleteStrategy }: Resource) =>
    disabled ? "disabled" : [Number(oldestBlock), Number(deleteStrategy?.retentionBlocks ?? 0)].join("/");
  assert.deepEqual(Object.keys(found).sort(), [...NAMES].sort());
  return { head, held: NAMES.map((name) => brief(found[name] as Resource)) };
}

test("a full node says from which block on it has what", async () => {
  const engine = openTestEngine();
  for (let nonce = 0; nonce < 3; nonce++) await sealAll(engine, [transactionOf(1, nonce)]);
  const { head, held } = await capabilitiesOf(await openTestApi({}, createFakeBackend(engine)));
  assert.deepEqual(head, { number: "0x3", hash: engine.head().hash });
  assert.deepEqual(held, ["0/0", "0/0", "0/0", "0/0", "0/0", "0/256"]);
  const later = { ...engine, head: () => ({ ...engine.head(), number: 1_000 }), historyStart: 990, historyBlocks: 10 };
  const bounded = await capabilitiesOf(await openTestApi({}, createFakeBackend(later)));
  assert.deepEqual(bounded.held, ["990/11", "0/0", "0/0", "0/0", "0/0", "745/256"]);
  const joined = { ...later, adopted: 800 };
  const { held: since } = await capabilitiesOf(await openTestApi({}, createFakeBackend(joined)));
  assert.deepEqual(since, ["990/11", "801/0", "801/0", "801/0", "801/0", "800/256"]);
});

test("a replica has the head's state and the blocks near it", async () => {
  const full = openTestEngine();
  for (let nonce = 0; nonce < 130; nonce++) await sealAll(full, [transactionOf(1, nonce)]);
  const headers = Array.from({ length: 130 }, (_, at) => full.header(at + 1) ?? assert.fail());
  const replica = openTestEngine({ replica: [accountOf(9)] });
  await replica.adoption.addHeaders(headers, new Uint8Array(0));
  await replica.adoption.complete(full.head());
  const { held } = await capabilitiesOf(await openTestApi({}, createFakeBackend(replica)));
  assert.deepEqual(held, ["130/1", "disabled", "disabled", "disabled", "3/128", "disabled"]);
});

test("an imported chain has everything from its genesis on", async () => {
  const { api } = await openImportedApi(BLOCKS);
  assert.deepEqual((await capabilitiesOf(api)).held, Array(6).fill("0/0"));
});
