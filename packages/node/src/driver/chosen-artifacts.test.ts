import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { CONTRACTS_MAX } from "@counterpart/core/sync/limits";
import type { Holding } from "../engine/holding.ts";
import { createChosenArtifacts } from "./chosen-artifacts.ts";
import { addressOf } from "./fake-chain.test-support.ts";
import { ARTIFACTS_RETRY_MS } from "./limits.ts";
import type { Session } from "./session.ts";
import { createVirtualClock } from "./virtual-clock.test-support.ts";

const contracts = (count: number): Hex[] => Array.from({ length: count }, (_, n) => addressOf(`contract ${n}`));

type Answer = (addresses: readonly Hex[]) => readonly Hex[];

function setUp(held: readonly Hex[], role: Holding["role"] = "chosen") {
  const chosen = new Set(held);
  const adoption = { isUnderway: false };
  const holding = { role, chosen: () => [...chosen], has: (address: Hex) => role !== "chosen" || chosen.has(address) };
  const sessions: Session[] = [];
  const answers = new Map<Session, Answer>();
  const asked: [string, readonly Hex[]][] = [];
  const clock = createVirtualClock();
  const artifacts = createChosenArtifacts({
    engine: { holding: holding as unknown as Holding, adoption },
    peers: { executing: () => sessions.filter(({ version }) => version?.role === "full") },
    clock,
    async ask(session, addresses) {
      asked.push([session.peerId, addresses]);
      return answers.get(session)?.(addresses) ?? [];
    },
  });
  const join = (peerId: string, answer: Answer, peerRole = "full"): void => {
    const session = { peerId, version: { role: peerRole } } as unknown as Session;
    sessions.push(session);
    answers.set(session, answer);
  };
  return { artifacts, join, asked, clock, chosen, adoption };
}

const all: Answer = (addresses) => addresses;
const none: Answer = () => [];

describe("artifacts of chosen contracts", () => {
  it("are asked for once after a start, of one full node that answers", async () => {
    const held = contracts(3);
    const { artifacts, join, asked, clock } = setUp(held);
    artifacts.kick();
    await clock.pass(ARTIFACTS_RETRY_MS);
    assert.deepEqual(asked, []);
    join("replica", all, "replica");
    join("one", all);
    join("two", all);
    artifacts.kick();
    await clock.pass(10 * ARTIFACTS_RETRY_MS);
    assert.deepEqual(asked, [["one", held]]);
    artifacts.kick();
    await clock.pass(10 * ARTIFACTS_RETRY_MS);
    assert.equal(asked.length, 1);
  });

  it("are asked for again, of the next one and after a while, until somebody has answered for each", async () => {
    const held = contracts(3);
    const { artifacts, join, asked, clock } = setUp(held);
    let deaf = true;
    join("failing", none);
    join("late", (addresses) => (deaf ? [] : addresses));
    artifacts.kick();
    await clock.pass(ARTIFACTS_RETRY_MS / 2);
    assert.deepEqual(
      asked.map(([peer]) => peer),
      ["failing", "late"],
    );
    deaf = false;
    await clock.pass(10 * ARTIFACTS_RETRY_MS);
    assert.deepEqual(
      asked.map(([peer]) => peer),
      ["failing", "late", "failing", "late"],
    );
  });

  it("are asked for in requests of bounded size, and not of contracts that were given up meanwhile", async () => {
    const held = contracts(2 * CONTRACTS_MAX + 1);
    const { artifacts, join, asked, clock, chosen } = setUp(held);
    join("peer", (addresses) => {
      chosen.delete(held[CONTRACTS_MAX] as Hex);
      return addresses;
    });
    artifacts.kick();
    await clock.pass(ARTIFACTS_RETRY_MS);
    assert.deepEqual(
      asked.map(([, addresses]) => addresses.length),
      [CONTRACTS_MAX, CONTRACTS_MAX],
    );
    assert.deepEqual(new Set(asked.flatMap(([, addresses]) => addresses)).size, held.length - 1);
  });

  it("are asked for when a contract is there, but not while a state is taken over", async () => {
    const [held, added] = contracts(2) as [Hex, Hex];
    const { artifacts, join, asked, clock, chosen, adoption } = setUp([held]);
    join("peer", all);
    adoption.isUnderway = true;
    chosen.add(added);
    artifacts.fetch([added, addressOf("not held")]);
    await clock.pass(10 * ARTIFACTS_RETRY_MS);
    assert.deepEqual(asked, []);
    adoption.isUnderway = false;
    artifacts.kick();
    await clock.pass(ARTIFACTS_RETRY_MS);
    assert.deepEqual(asked, [["peer", [held, added]]]);
  });

  it("come in the order of changes to whoever holds every contract", async () => {
    const { artifacts, join, asked, clock } = setUp([], "all");
    join("peer", all);
    artifacts.fetch(contracts(2));
    artifacts.kick();
    await clock.pass(10 * ARTIFACTS_RETRY_MS);
    assert.deepEqual(asked, []);
  });

  it("are not asked for any more when the node stops", async () => {
    const { artifacts, join, asked, clock } = setUp(contracts(1));
    join("peer", none);
    artifacts.kick();
    await clock.run(artifacts.stop());
    await clock.pass(10 * ARTIFACTS_RETRY_MS);
    artifacts.kick();
    assert.equal(asked.length, 1);
  });
});
