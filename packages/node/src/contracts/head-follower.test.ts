import assert from "node:assert/strict";
import { it } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Store } from "@counterpart/core/ports/store";
import { silentLogger } from "../engine/engine.test-support.ts";
import type { EngineEvents, HeadChange } from "../engine/types.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createTimedClock, openTestNode, requireIncluded, type TestNode } from "./contracts.test-support.ts";
import { createHeadFollower } from "./head-follower.ts";

const TOKEN = { contractType: "token", name: "Coin", symbol: "C" } as const;
const RETRY_MS = 1_000;

/** A store with room for blocks and none for artifacts while it is full; drafts go with their transactions. */
function createFullStore(): Store & { full: boolean } {
  const inner = createMemoryStore();
  const store: Store & { full: boolean } = {
    ...inner,
    full: false,
    write(writes) {
      const rows = [...writes];
      if (store.full && rows.some(({ table }) => table === "artifacts")) {
        throw new CodedError("STORE_WRITE_FAILED", "the disk is full");
      }
      inner.write(rows);
    },
  };
  return store;
}

/** Moves the head of another chain with the same genesis, and gives its blocks: longer than one of one block. */
async function otherBranch(): Promise<Parameters<TestNode["engine"]["import"]>[0]> {
  const other = openTestNode({ own: 2 });
  for (const name of ["a", "b"]) requireIncluded(await other.service.deploy({ ...TOKEN, name }));
  const blocks = [1, 2].map((number) => other.engine.block(number));
  return blocks.flatMap((block) => block ?? []);
}

it("publishes the artifact of a contract that came while there was no room, once there is", async () => {
  const store = createFullStore();
  const node = openTestNode({ store });
  const heard: Hex[] = [];
  node.service.onArtifact(({ address }) => heard.push(address));
  store.full = true;
  const { address } = requireIncluded(await node.service.deploy(TOKEN));
  assert.equal(node.service.artifact(address), undefined);
  node.clock.advance(RETRY_MS);
  assert.equal(node.service.artifact(address), undefined);
  store.full = false;
  node.clock.advance(RETRY_MS);
  assert.equal(node.service.artifact(address)?.address, address);
  assert.equal(node.service.artifacts().count, 1);
  assert.deepEqual(heard, [address]);
  assert.deepEqual(store.range("artifactDrafts", { limit: 1 }), []);
  assert.equal(node.clock.timers, 0);
});

it("publishes it when the node starts again before there is room", async () => {
  const store = createFullStore();
  store.full = true;
  const { address } = requireIncluded(await openTestNode({ store }).service.deploy(TOKEN));
  const again = openTestNode({ store });
  assert.equal(again.service.artifact(address), undefined);
  store.full = false;
  again.clock.advance(RETRY_MS);
  assert.ok(again.service.artifact(address));
});

it("hides the artifact of a contract that went while there was no room, once there is", async () => {
  const store = createFullStore();
  const node = openTestNode({ store, sealing: false });
  const sealed = node.engine.on("transaction", () => void node.engine.seal());
  const { address } = requireIncluded(await node.service.deploy(TOKEN));
  sealed();
  store.full = true;
  await node.engine.import(await otherBranch());
  assert.equal(node.engine.head().number, 2);
  assert.equal(node.service.artifacts().count, 1);
  store.full = false;
  node.clock.advance(RETRY_MS);
  assert.equal(node.service.artifacts().count, 0);
  assert.equal(node.service.artifact(address), undefined);
});

const addressOf = (n: number): Hex => `0x${String(n).padStart(40, "0")}`;

function changeOf(created: readonly Hex[]): HeadChange {
  const none: readonly Hex[] = [];
  const head = {} as HeadChange["head"];
  return {
    head,
    reverted: [],
    applied: [],
    contractsCreated: created,
    contractsUpdated: none,
    contractsRemoved: none,
    sealedHere: false,
  };
}

/** A follower of heads that the test makes, with what it reviewed. */
function openFollower(behindMax: number, adoption = { isUnderway: false }) {
  const clock = createTimedClock();
  const reviewed: Hex[][] = [];
  let onHead: EngineEvents["head"] = () => assert.fail("nobody listens");
  const state = { full: false };
  const stop = createHeadFollower({
    engine: {
      adoption,
      on(_event, listener) {
        onHead = listener as EngineEvents["head"];
        return () => {};
      },
    },
    clock,
    logger: silentLogger,
    store: {
      review(addresses) {
        if (state.full) throw new CodedError("STORE_WRITE_FAILED", "the disk is full");
        reviewed.push([...addresses]);
      },
      pages: () => [[addressOf(7)], [addressOf(8)]],
    },
    publisher: { review() {}, waiting: () => [addressOf(9)] },
    behindMax,
  });
  reviewed.length = 0;
  return {
    ...{ clock, reviewed, state, stop },
    head: (...numbers: number[]) => onHead(changeOf(numbers.map(addressOf))),
    rebuilt: () => onHead({ ...changeOf([]), rebuilt: true }),
  };
}

it("looks at nothing while a state is taken over, and at all that is held once it is there", () => {
  const adoption = { isUnderway: true };
  const follower = openFollower(2, adoption);
  assert.deepEqual(follower.reviewed, []);
  adoption.isUnderway = false;
  follower.rebuilt();
  assert.deepEqual(follower.reviewed, [[addressOf(9)], [addressOf(9)], [addressOf(7)], [addressOf(8)]]);
});

it("remembers so many contracts and no more, and looks at all that are held instead", () => {
  const follower = openFollower(2);
  follower.state.full = true;
  follower.head(1);
  follower.head(2);
  follower.state.full = false;
  follower.clock.advance(RETRY_MS);
  assert.deepEqual(follower.reviewed.splice(0), [[1, 2].map(addressOf)]);
  follower.state.full = true;
  follower.head(1, 2);
  follower.head(3);
  follower.head(4);
  follower.state.full = false;
  follower.clock.advance(RETRY_MS);
  assert.deepEqual(follower.reviewed.splice(0), [[], [addressOf(9)], [addressOf(7)], [addressOf(8)]]);
  follower.head(5);
  assert.deepEqual(follower.reviewed, [[addressOf(5)]]);
});

it("tries no more after it was stopped", () => {
  const follower = openFollower(2);
  follower.state.full = true;
  follower.head(1);
  assert.equal(follower.clock.timers, 1);
  follower.stop();
  assert.equal(follower.clock.timers, 0);
});
