import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import {
  accountOf,
  chainOf,
  openTestEngine,
  sealAll,
  silentLogger,
  transactionOf,
} from "../engine/engine.test-support.ts";
import { createSlowClock } from "../engine/slow-clock.test-support.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createArtifactTable } from "./artifact-table.ts";
import { createCompiler } from "./compiler.ts";
import { PAGE_CONTENT_BYTES_MAX, scanContracts } from "./contract-scan.ts";
import {
  compile,
  LAB_SOURCE,
  openTestNode,
  pending,
  requireIncluded,
  type TestNode,
} from "./contracts.test-support.ts";
import { createIdempotency } from "./idempotency.ts";
import { createContractService } from "./service.ts";
import type { ContractFilter, ContractPage } from "./types.ts";

const addressesOf = ({ contracts }: ContractPage): Hex[] => contracts.map(({ entry }) => entry.address);

async function deploy({ service }: TestNode, name: string, from?: Hex): Promise<Hex> {
  const sender = from === undefined ? {} : { from };
  return requireIncluded(await service.deploy({ contractType: "token", name, symbol: "T", ...sender })).address;
}

async function everyPage({ service }: TestNode, filter: Omit<ContractFilter, "cursor">): Promise<ContractPage[]> {
  const pages = [await service.list(filter)];
  for (let cursor = pages[0]?.cursor; cursor !== undefined; cursor = pages.at(-1)?.cursor) {
    pages.push(await service.list({ ...filter, cursor }));
  }
  return pages;
}

describe("a contract of a replica of some", () => {
  it("is not said to be missing before it was looked for", async () => {
    const { keys, clock } = openTestNode();
    const address = accountOf(7);
    const store = createMemoryStore();
    const engine = openTestEngine({ store, replica: [address] });
    const tables = { artifacts: createArtifactTable(store), idempotency: createIdempotency(store, clock) };
    const service = createContractService({
      ...tables,
      engine,
      keys,
      clock,
      logger: silentLogger,
      compile: createCompiler(),
      instanceId: "replica",
    });
    await assert.rejects(service.get(address), { code: "NOT_HELD" });
    engine.holding.noteFetched(engine.holding.added);
    await assert.rejects(service.get(address), { code: "CONTRACT_NOT_FOUND" });
  });
});

describe("listing contracts", () => {
  it("gives every contract once, in pages, the last one without cursor", async () => {
    const node = openTestNode();
    const deployed = await Promise.all(["a", "b", "c", "d", "e", "f"].map((name) => deploy(node, name)));
    for (const [limit, sizes] of [
      [2, [2, 2, 2]],
      [4, [4, 2]],
      [6, [6]],
      [100, [6]],
    ] as const) {
      const pages = await everyPage(node, { limit });
      assert.deepEqual(
        pages.map(({ contracts }) => contracts.length),
        sizes,
      );
      assert.deepEqual(pages.flatMap(addressesOf), [...deployed].sort());
    }
  });

  it("leaves contracts of the genesis out unless asked for", async () => {
    const node = openTestNode();
    assert.deepEqual((await node.service.list({ limit: 10 })).contracts, []);
    const { contracts } = await node.service.list({ limit: 10, genesis: true });
    assert.ok(contracts.length > 0);
    assert.ok(contracts.every(({ entry, artifact }) => entry.genesis && artifact === undefined));
  });

  it("filters by owner, type and name", async () => {
    const node = openTestNode({ others: [2] });
    const mine = await deploy(node, "mine");
    const other = await deploy(node, "other", accountOf(2));
    const lab = compile(LAB_SOURCE)("Child");
    const custom = requireIncluded(await node.service.deploy({ contractType: "custom", name: "mine", ...lab })).address;
    const found = async (filter: Partial<ContractFilter>) =>
      addressesOf(await node.service.list({ limit: 9, ...filter }));
    assert.deepEqual(await found({ owner: accountOf(2) }), [other]);
    assert.deepEqual(await found({ type: "token" }), [mine, other].sort());
    assert.deepEqual(await found({ name: "mine" }), [mine, custom].sort());
    assert.deepEqual(await found({ name: "mine", type: "custom" }), [custom]);
    assert.deepEqual(await found({ name: "nobody" }), []);
    assert.equal((await node.service.list({ limit: 1, name: "mine", type: "custom" })).cursor, undefined);
  });

  it("lets others have their turn, and ends a page that takes long", async () => {
    const node = openTestNode();
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    const deployed = await Promise.all(names.map((name) => deploy(node, name)));
    const clock = createSlowClock(100);
    const artifacts = createArtifactTable(node.store);
    const idempotency = createIdempotency(node.store, clock);
    const parts = { ...node, artifacts, idempotency, compile: createCompiler() };
    const slow = createContractService({ ...parts, clock, logger: silentLogger, instanceId: "slow" });
    for (const filter of [{}, { type: "token" }]) {
      const pages = await everyPage({ ...node, service: slow }, { limit: 100, ...filter });
      assert.ok(pages.length > 1, "500 ms are not enough");
      assert.deepEqual(pages.flatMap(addressesOf), [...deployed].sort());
    }
    assert.ok(clock.turns >= deployed.length, `${clock.turns} turns`);
  });

  it("lets others have their turn between two contracts that are looked at, and two that are asked", async () => {
    const node = openTestNode();
    for (const name of ["a", "b", "c"]) await deploy(node, name);
    const clock = createSlowClock(11);
    const scan = { after: undefined, limit: 9, wanted: () => false, read: () => assert.fail("none is wanted") };
    await scanContracts(node.engine, clock, scan);
    const looked = clock.turns;
    const all = node.engine.contracts(undefined, 100).length;
    assert.ok(looked >= 5 && looked <= all, `${looked} turns for ${all} contracts`);
    const artifacts = createArtifactTable(node.store);
    const idempotency = createIdempotency(node.store, clock);
    const parts = { ...node, artifacts, idempotency, compile: createCompiler() };
    const slow = createContractService({ ...parts, clock, logger: silentLogger, instanceId: "slow" });
    const before = clock.turns;
    const { contracts } = await slow.list({ limit: 9 });
    assert.equal(clock.turns - before, looked + contracts.length);
  });

  it("ends a page whose artifacts are large", async () => {
    const { engine, clock } = openTestNode();
    const [genesis] = engine.contracts(undefined, 1);
    assert.ok(genesis);
    const entries = Array.from({ length: 40 }, (_, i) => ({
      ...genesis,
      address: `0x${i.toString(16).padStart(40, "0")}` as Hex,
    }));
    const many = {
      snapshot: () => ({ ...engine.snapshot(), contract: (address: Hex) => ({ ...genesis, address }) }),
      contracts: (after: Hex | undefined) => entries.filter(({ address }) => after === undefined || address > after),
    };
    const sizes: number[] = [];
    const seen: Hex[] = [];
    for (let after: Hex | undefined, more = true; more; ) {
      const { items, last } = await scanContracts<Hex>(many, clock, {
        after,
        limit: 1_000,
        wanted: () => true,
        read: (_, { address }) => ({ item: address, contentBytes: 256 * 1024 }),
      });
      sizes.push(items.length);
      seen.push(...items);
      more = last !== undefined;
      after = last;
    }
    const most = PAGE_CONTENT_BYTES_MAX / (256 * 1024);
    assert.deepEqual(sizes, [most, most, 40 - 2 * most]);
    assert.deepEqual(
      seen,
      entries.map(({ address }) => address),
    );
  });

  it("survives a contract whose total supply never ends", async () => {
    const node = openTestNode();
    const greedy = compile(LAB_SOURCE)("Greedy");
    await node.service.deploy({ contractType: "custom", ...greedy });
    const [view] = (await node.service.list({ limit: 10 })).contracts;
    assert.ok(view?.artifact);
    assert.equal(view.totalSupply, undefined);
  });

  it("refuses tokens that it did not give", async () => {
    const node = openTestNode();
    const { since } = await node.service.list({ limit: 1 });
    const wrong: Partial<ContractFilter>[] = [
      { since: "" },
      { since: "nonsense" },
      { since: since.replace("0x", "") },
      { cursor: "nonsense" },
      { cursor: since },
      { cursor: `0x${"00".repeat(20)}.nonsense` },
    ];
    for (const filter of wrong) {
      await assert.rejects(node.service.list({ limit: 1, ...filter }), (error) =>
        isCodedError(error, "INVALID_REQUEST"),
      );
    }
  });
});

describe("listing what changed", () => {
  it("gives what was created, executed on or published since, and nothing else", async () => {
    const node = openTestNode();
    const [a, b, c] = [await deploy(node, "a"), await deploy(node, "b"), await deploy(node, "c")];
    const changed = async (since: string) => addressesOf(await node.service.list({ limit: 9, since })).sort();
    const { since } = await node.service.list({ limit: 9 });
    assert.deepEqual(await changed(since), []);
    await node.service.execute(b, { function: "mint", params: { to: accountOf(2), amount: "1" } });
    assert.deepEqual(await changed(since), [b]);
    await node.service.publish(c, { name: "renamed" });
    assert.deepEqual(await changed(since), [b, c].sort());
    const d = await deploy(node, "d");
    assert.deepEqual(await changed(since), [b, c, d].sort());
    const later = await node.service.list({ limit: 9, since });
    assert.deepEqual(await changed(later.since), []);
    await node.service.execute(a, { function: "mint", params: { to: accountOf(2), amount: "1" } });
    assert.deepEqual(await changed(later.since), [a]);
  });

  it("misses nothing that changed while the pages were read", async () => {
    const node = openTestNode();
    for (const name of ["a", "b", "c", "d"]) await deploy(node, name);
    const first = await node.service.list({ limit: 2 });
    const [early] = addressesOf(first);
    assert.ok(early && first.cursor);
    // It stands on the page that was read already.
    await node.service.publish(early, { name: "changed" });
    const last = await node.service.list({ limit: 2, cursor: first.cursor });
    assert.equal(last.cursor, undefined);
    assert.deepEqual(addressesOf(await node.service.list({ limit: 9, since: last.since })), [early]);
  });

  it("gives everything when the moment is another node's, or was reorganised away", async () => {
    const node = openTestNode({ sealing: false });
    const deploying = deploy(node, "a");
    await node.clock.armed();
    await node.engine.seal();
    const address = await deploying;
    const { since } = await node.service.list({ limit: 9 });
    const elsewhere = openTestNode({ store: node.store, instanceId: "another" });
    assert.deepEqual(addressesOf(await elsewhere.service.list({ limit: 9, since })), [address]);

    const apart = openTestNode({ own: 5, sealing: false });
    for (const nonce of [0, 1]) await sealAll(apart.engine, [transactionOf(6, nonce)]);
    await node.engine.import(chainOf(apart.engine));
    await node.engine.seal();
    assert.deepEqual(addressesOf(await node.service.list({ limit: 9, since })), [address]);
    const { since: next } = await node.service.list({ limit: 9 });
    assert.deepEqual(addressesOf(await node.service.list({ limit: 9, since: next })), []);
  });

  it("gives everything when a shorter history was left for one in which the change lies further back", async () => {
    const here = openTestNode({ sealing: false });
    const apart = openTestNode({ own: 5, others: [1], sealing: false });
    const deploying = deploy(here, "a");
    await pending(here.engine, 1);
    await here.engine.seal();
    const address = await deploying;
    await apart.engine.import(chainOf(here.engine));
    await apart.service.putRecord(here.service.artifact(address) ?? assert.fail());
    for (const nonce of [0, 1]) await sealAll(here.engine, [transactionOf(6, nonce)]);
    const { since } = await here.service.list({ limit: 9 });

    const minting = apart.service.execute(address, { function: "mint", params: { to: accountOf(2), amount: "1" } });
    await pending(apart.engine, 1);
    await apart.engine.seal();
    await minting;
    for (const nonce of [0, 1]) await sealAll(apart.engine, [transactionOf(7, nonce)]);
    await here.engine.import(chainOf(apart.engine));
    const [changed] = (await here.service.list({ limit: 9, since })).contracts;
    assert.equal(changed?.entry.updated?.number, 2);
    assert.equal(changed.totalSupply, "1");
  });
});
