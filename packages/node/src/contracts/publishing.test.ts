import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { createAddress } from "@counterpart/core/chain/address";
import type { Block } from "@counterpart/core/chain/types";
import { signArtifact, UPDATED_AT_MAX } from "@counterpart/core/sync/artifact";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import { accountOf, chainOf, creationOf, sealAll, transactionOf } from "../engine/engine.test-support.ts";
import type { Engine } from "../engine/types.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import {
  compile,
  LAB_SOURCE,
  openTestNode,
  pending,
  requireIncluded,
  type TestNode,
} from "./contracts.test-support.ts";

const TOKEN = { contractType: "token", name: "Test", symbol: "TST" } as const;
let lab: ReturnType<typeof compile>;
before(() => {
  lab = compile(LAB_SOURCE);
});

/** Blocks that make a longer branch, sealed apart by the account of another key. */
async function longerBranch(length: number): Promise<Block[]> {
  const { engine } = openTestNode({ own: 5, sealing: false });
  for (let nonce = 0; nonce < length; nonce++) await sealAll(engine, [transactionOf(6, nonce)]);
  return chainOf(engine);
}

function recordsHeard({ service }: TestNode): { readonly record: ArtifactRecord; readonly origin: string }[] {
  const heard: { record: ArtifactRecord; origin: string }[] = [];
  service.onArtifact((record, origin) => heard.push({ record, origin }));
  return heard;
}

const nameAt = async ({ service }: TestNode, address: Hex): Promise<string | undefined> =>
  (await service.get(address)).artifact?.name;

describe("the artifact of a deployment", () => {
  it("is there when the engine tells others of the new block", async () => {
    const node = openTestNode();
    const seen: (number | undefined)[] = [];
    node.engine.on("head", ({ contractsCreated }) => {
      seen.push(contractsCreated.filter((address) => node.service.artifact(address) !== undefined).length);
    });
    const heard = recordsHeard(node);
    const { address } = requireIncluded(await node.service.deploy(TOKEN));
    assert.deepEqual(seen, [1]);
    assert.deepEqual(
      heard.map(({ record, origin }) => [record.address, origin]),
      [[address, "local"]],
    );
  });

  it("is published when the inclusion comes after the caller has gone", async () => {
    const node = openTestNode({ sealing: false });
    const { address } = await node.service.deploy({ ...TOKEN, waitMs: 0 });
    assert.ok(address);
    assert.equal(node.service.artifacts().count, 0);
    await node.engine.seal();
    assert.equal(await nameAt(node, address), "Test");
  });

  it("is published when the node was restarted before the inclusion, or right after it", async () => {
    const store = createMemoryStore();
    const first = openTestNode({ sealing: false, store });
    const { address } = await first.service.deploy({ ...TOKEN, waitMs: 0 });
    assert.ok(address);
    const second = openTestNode({ sealing: false, store });
    await second.engine.seal();
    assert.equal(await nameAt(second, address), "Test");

    // A crash between the block and the artifact leaves the draft: only the engine wrote.
    const other = createMemoryStore();
    const before = openTestNode({ sealing: false, store: other });
    const late = await before.service.deploy({ ...TOKEN, name: "Late", waitMs: 0 });
    assert.ok(late.address);
    const silenced = openSilenced(other);
    await silenced.seal();
    assert.equal(await nameAt(openTestNode({ sealing: false, store: other }), late.address), "Late");
  });

  it("is dropped with a deployment that the pool refuses, or that lost its nonce", async () => {
    const store = createMemoryStore();
    const node = openTestNode({ sealing: false, store });
    await node.service.deploy({ ...TOKEN, waitMs: 0 });
    await node.engine.submit(transactionOf(1, 0, { maxFeePerGas: 1n, maxPriorityFeePerGas: 1n }), "local");
    assert.equal(store.range("artifactDrafts", { limit: 10 }).length, 1);
    const restarted = openTestNode({ sealing: false, store });
    assert.equal(store.range("artifactDrafts", { limit: 10 }).length, 0);
    await restarted.engine.stop();
    await assert.rejects(restarted.service.deploy(TOKEN), (error) => isCodedError(error, "NOT_READY"));
    assert.equal(store.range("artifactDrafts", { limit: 10 }).length, 0);
  });

  it("leaves no draft behind", async () => {
    const node = openTestNode();
    await node.service.deploy(TOKEN);
    assert.deepEqual(node.store.range("artifactDrafts", { limit: 10 }), []);
  });
});

/** The same chain without a contract service: as if the process ended before it could write. */
function openSilenced(store: ReturnType<typeof createMemoryStore>): Engine {
  const quiet = openTestNode({ sealing: false, store: readOnlyArtifacts(store) });
  return quiet.engine;
}

function readOnlyArtifacts(store: ReturnType<typeof createMemoryStore>): ReturnType<typeof createMemoryStore> {
  return {
    ...store,
    write(writes) {
      const rows = [...writes];
      if (rows.some(({ table }) => table.startsWith("artifact"))) throw new Error("the process ended");
      store.write(rows);
    },
  };
}

describe("a reorganisation", () => {
  it("hides the artifact of a contract that it removes, and shows it when the contract comes back", async () => {
    const node = openTestNode({ sealing: false });
    const deploying = node.service.deploy(TOKEN);
    await pending(node.engine, 1);
    await node.engine.seal();
    const { address } = requireIncluded(await deploying);
    const before = node.service.artifacts();
    const record = node.service.artifact(address);

    await node.engine.import(await longerBranch(2));
    assert.equal(node.engine.head().number, 2);
    assert.deepEqual(
      { ...node.service.artifacts(), sequence: 0 },
      { count: 0, digest: `0x${"00".repeat(32)}`, sequence: 0 },
    );
    assert.equal(node.service.artifact(address), undefined);
    assert.deepEqual(node.service.artifactsSince(0, 10), []);

    await node.engine.seal();
    const after = node.service.artifacts();
    assert.deepEqual(node.service.artifact(address), record);
    assert.equal(after.digest, before.digest);
    assert.ok(after.sequence > before.sequence, "peers that read the feed see it again");
    assert.deepEqual(
      node.service.artifactsSince(before.sequence, 10).map((change) => change.record),
      [record],
    );
  });

  it("that changes a contract's code makes its owner sign for the new code", async () => {
    const node = openTestNode({ sealing: false });
    const deploying = node.service.deploy({ contractType: "custom", name: "Stamped", ...lab("Stamped") });
    await pending(node.engine, 1);
    await node.engine.seal();
    const { address } = requireIncluded(await deploying);
    const before = node.service.artifact(address);
    await node.engine.import(await longerBranch(2));
    await node.engine.seal();
    assert.equal(await node.service.call(address, { function: "born" }), "3");
    const after = node.service.artifact(address);
    assert.ok(before && after);
    assert.notEqual(after.codeHash, before.codeHash);
    assert.ok(after.updatedAt > before.updatedAt);
    assert.equal(await nameAt(node, address), "Stamped");
  });

  it("that puts another creation at the address does not make its owner sign what the lost one was called", async () => {
    const winner = openTestNode();
    const { address } = requireIncluded(
      await winner.service.deploy({ contractType: "custom", name: "Kept", ...lab("Lab"), args: ["5"] }),
    );
    await sealAll(winner.engine, [transactionOf(5, 0)]);
    await sealAll(winner.engine, [transactionOf(5, 1)]);
    const loser = openTestNode();
    const lost = requireIncluded(
      await loser.service.deploy({ contractType: "custom", name: "Lost", ...lab("Stamped") }),
    );
    assert.equal(lost.address, address);
    await loser.engine.import(chainOf(winner.engine));
    assert.equal(loser.engine.transaction(lost.transactionHash)?.status, "conflicted");
    assert.equal(loser.service.artifact(address), undefined);
    const record = winner.service.artifact(address);
    assert.ok(record);
    assert.equal(await loser.service.putRecord(record), "added");
    assert.equal(await nameAt(loser, address), "Kept");
  });

  it("that was not written down for the artifacts is caught up with on the next start", async () => {
    const store = createMemoryStore();
    const node = openTestNode({ sealing: false, store });
    const deploying = node.service.deploy(TOKEN);
    await pending(node.engine, 1);
    await node.engine.seal();
    const { address } = requireIncluded(await deploying);
    const shown = node.service.artifacts();

    await openSilenced(store).import(await longerBranch(2));
    const hidden = openTestNode({ sealing: false, store });
    assert.equal(hidden.service.artifacts().count, 0);
    await openSilenced(store).seal();
    const again = openTestNode({ sealing: false, store });
    assert.equal(again.service.artifacts().digest, shown.digest);
    assert.ok(again.service.artifacts().sequence > shown.sequence);
    assert.equal(await nameAt(again, address), "Test");
  });
});

describe("publishing", () => {
  it("is refused, with a reason, when what is held has the last date that there is", async () => {
    const node = openTestNode();
    const { address } = requireIncluded(await node.service.deploy(TOKEN));
    const { signature: _, contentHash: __, content: ___, ...held } = node.service.artifact(address) ?? assert.fail();
    const sign = (updatedAt: number): ArtifactRecord =>
      signArtifact({ ...held, updatedAt, content: { name: "last" } }, node.engine, (digest) =>
        node.keys.sign(node.keys.own, digest),
      );
    assert.equal(await node.service.putRecord(sign(Number.MAX_SAFE_INTEGER)), "refused");
    assert.equal(await node.service.putRecord(sign(UPDATED_AT_MAX)), "replaced");
    await assert.rejects(node.service.publish(address, {}), (error) => isCodedError(error, "STALE_ARTIFACT"));
    assert.equal(await nameAt(node, address), "last");
  });

  it("replaces what is shown, dated later even when the clock stands still", async () => {
    const node = openTestNode();
    const { address } = requireIncluded(await node.service.deploy(TOKEN));
    const heard = recordsHeard(node);
    const first = node.service.artifact(address);
    const { view } = await node.service.publish(address, { name: "Renamed" });
    assert.deepEqual(view.artifact, { name: "Renamed" });
    assert.equal(view.artifactUpdatedAt, (first?.updatedAt ?? 0) + 1);
    assert.equal(node.service.artifacts().count, 1);
    assert.deepEqual(
      heard.map(({ origin }) => origin),
      ["local"],
    );
    assert.deepEqual((await node.service.publish(address, {})).view.artifact, {});
  });

  it("names a contract that another tool deployed, and a factory's child", async () => {
    const node = openTestNode();
    await sealAll(node.engine, [creationOf(1, 0, hexToBytes(lab("Factory").bytecode))]);
    const factory = createAddress(accountOf(1), 0n);
    assert.equal((await node.service.get(factory)).artifact, undefined);
    await node.service.publish(factory, { abi: lab("Factory").abi });
    const made = requireIncluded(await node.service.execute(factory, { function: "make" }));
    const child = made.logs[0]?.args?.child as Hex;
    await node.service.publish(child, { name: "Child", abi: lab("Child").abi });
    const record = node.service.artifact(child);
    assert.equal(record?.creationNonce, undefined);
    assert.equal(await node.service.call(child, { function: "value" }), "7");
    assert.equal(node.service.artifacts().count, 2);
  });

  it("is for the owner alone", async () => {
    const node = openTestNode();
    const { address } = requireIncluded(await node.service.deploy(TOKEN));
    const apart = openTestNode({ own: 4, store: node.store });
    const [genesis] = (await node.service.list({ limit: 1, genesis: true })).contracts;
    assert.ok(genesis?.entry.genesis);
    for (const work of [apart.service.publish(address, {}), node.service.publish(genesis.entry.address, {})]) {
      await assert.rejects(work, (error) => isCodedError(error, "FROM_NOT_HELD"));
    }
  });

  it("refuses content that is malformed or too large", async () => {
    const node = openTestNode();
    const { address } = requireIncluded(await node.service.deploy(TOKEN));
    const publish = (abi: readonly unknown[]) => node.service.publish(address, { abi });
    await assert.rejects(publish([{ type: "nonsense" }]), (error) => isCodedError(error, "INVALID_ABI"));
    const large = [{ type: "fallback", text: "x".repeat(300_000) }];
    await assert.rejects(publish(large), (error) => isCodedError(error, "INVALID_ARTIFACT"));
    assert.equal(await nameAt(node, address), "Test");
  });

  it("of an ABI that is no ABI, by an owner elsewhere, harms nobody who lists contracts", async () => {
    const node = openTestNode();
    const { address } = requireIncluded(await node.service.deploy(TOKEN));
    const { signArtifact } = await import("@counterpart/core/sync/artifact");
    const { entry } = await node.service.get(address);
    const record = signArtifact(
      {
        address,
        codeHash: entry.codeHash,
        creationNonce: 0n,
        updatedAt: 9e12,
        content: { abi: [{ type: "nonsense" }] },
      },
      node.engine,
      (digest) => node.keys.sign(node.keys.own, digest),
    );
    assert.equal(await node.service.putRecord(record), "replaced");
    assert.equal((await node.service.list({ limit: 10 })).contracts.length, 1);
    await assert.rejects(node.service.call(address, { function: "cap" }), (error) =>
      isCodedError(error, "INVALID_ABI"),
    );
  });
});

describe("records of peers", () => {
  it("are told to listeners once, with their origin", async () => {
    const node = openTestNode();
    const { address } = requireIncluded(await node.service.deploy(TOKEN));
    const record = node.service.artifact(address);
    assert.ok(record);
    const peer = openTestNode({ own: 2 });
    const heard = recordsHeard(peer);
    assert.equal(await peer.service.putRecord(record), "unknown-contract");
    await peer.engine.import(chainOf(node.engine));
    assert.equal(await peer.service.putRecord(record), "added");
    assert.equal(await peer.service.putRecord(record), "equal");
    assert.deepEqual(heard, [{ record, origin: "peer" }]);
    assert.deepEqual({ ...peer.service.artifacts() }, { ...node.service.artifacts() });
    assert.equal(await nameAt(peer, address), "Test");
    const [theirs, ours] = await Promise.all([peer.service.get(address), node.service.get(address)]);
    assert.equal(theirs.integrityHash, ours.integrityHash);
  });

  it("do not keep a listener that throws from harming another", async () => {
    const node = openTestNode();
    node.service.onArtifact(() => {
      throw new Error("a listener's mistake");
    });
    const heard = recordsHeard(node);
    const stop = node.service.onArtifact(() => assert.fail("it had unsubscribed"));
    stop();
    await node.service.deploy(TOKEN);
    assert.equal(heard.length, 1);
  });
});
