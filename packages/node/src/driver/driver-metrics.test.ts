import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { Transaction } from "@counterpart/core/chain/types";
import type { Counter, Metrics } from "@counterpart/core/ports/metrics";
import { createKnownSet } from "@counterpart/core/sync/known-set";
import type { HeadChange } from "../engine/types.ts";
import { createAnnouncer } from "./announcer.ts";
import { createDriverMetrics } from "./driver-metrics.ts";
import { addressOf, createFakeEngine, word } from "./fake-chain.test-support.ts";
import { createFakeContracts } from "./fake-contracts.test-support.ts";
import {
  ANNOUNCED_BLOCKS_MAX,
  ANNOUNCED_CONTRACTS_MAX,
  BANS_MAX,
  FLOOD_QUEUE_MAX,
  OFFERED_TRANSACTIONS_MAX,
  REFUSED_MAX,
  STANDINGS_MAX,
} from "./limits.ts";
import { createPeerAdmission } from "./peer-admission.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import { createStandings } from "./standings.ts";
import { createTestLogger, createVirtualClock } from "./virtual-clock.test-support.ts";

/** Metrics that a test reads: the sum for each name and labels. */
function createCounts() {
  const counts = new Map<string, number>();
  const counter = ({ name }: { readonly name: string }): Counter<string> => ({
    add(labels, amount = 1) {
      const key = [name, ...Object.values(labels)].join(" ");
      if (amount > 0) counts.set(key, (counts.get(key) ?? 0) + amount);
    },
  });
  const metrics: Metrics = { counter, histogram: () => ({ observe() {} }), gauge() {} };
  return { metrics: createDriverMetrics(metrics), read: () => Object.fromEntries(counts) };
}

describe("what gives way to a limit is counted", () => {
  const clock = createVirtualClock();
  let counts: ReturnType<typeof createCounts>;
  beforeEach(() => {
    counts = createCounts();
  });

  it("scores and bans of peers", () => {
    const { metrics } = counts;
    const standings = createStandings({ book: undefined, clock, logger: createTestLogger([]), metrics });
    for (let i = 0; i < STANDINGS_MAX; i++) standings.note(`peer-${i}`, "TIMEOUT");
    for (let i = 0; i < BANS_MAX; i++) standings.note(`hostile-${i}`, "INVALID_BLOCK");
    assert.deepEqual(counts.read(), {});
    for (let i = 0; i < 3; i++) standings.note(`late-${i}`, "TIMEOUT");
    for (let i = 0; i < 2; i++) standings.note(`late-hostile-${i}`, "INVALID_BLOCK");
    assert.deepEqual(counts.read(), {
      "counterpart_forgotten_peer_records_total score": 3,
      "counterpart_forgotten_peer_records_total ban": 2,
    });
  });

  it("refusals of redials", () => {
    const { metrics } = counts;
    const admission = createPeerAdmission({
      ...{ engine: createFakeEngine("a"), peers: undefined as never, self: undefined as never, metrics },
      board: undefined as never,
      packing: undefined as never,
      logger: undefined as never,
    });
    for (let i = 0; i < REFUSED_MAX + 2; i++) admission.refuse(`peer-${i}`);
    assert.deepEqual(counts.read(), { "counterpart_forgotten_peer_records_total refusal": 2 });
  });

  it("transactions, blocks and contracts that are not announced", () => {
    const { metrics } = counts;
    const transaction = { hash: word("t"), raw: new Uint8Array(100) } as unknown as Transaction;
    const pending = Array.from({ length: OFFERED_TRANSACTIONS_MAX + 4 }, () => transaction);
    const fake = createFakeEngine("a");
    const engine = { ...fake, pool: { ...fake.pool, transactions: () => pending } };
    const session = { known: createKnownSet(16), send: () => true, sendFrame: () => true } as unknown as Session;
    const peers = { ready: () => [session] } as unknown as Peers;
    const announcer = createAnnouncer({
      engine,
      contracts: createFakeContracts(fake),
      clock,
      self: {},
      peers,
      metrics,
    });
    for (let i = 0; i < FLOOD_QUEUE_MAX + 3; i++) announcer.transaction(transaction);
    announcer.stop();
    announcer.offerPool(session);
    const created = Array.from({ length: ANNOUNCED_CONTRACTS_MAX + 5 }, (_, i) => addressOf(`contract-${i}`));
    const change: HeadChange = {
      ...{ head: fake.head(), reverted: [], contractsUpdated: [], contractsRemoved: [], sealedHere: true },
      applied: Array.from({ length: ANNOUNCED_BLOCKS_MAX + 1 }, () => ({
        ...{ header: fake.head(), transactions: [] },
        load: () => assert.fail("it is not announced"),
      })),
      contractsCreated: created,
    };
    announcer.headChanged(change);
    announcer.headChanged({ ...change, applied: [], contractsCreated: [] });
    assert.deepEqual(counts.read(), {
      "counterpart_unannounced_items_total flood": 3,
      "counterpart_unannounced_items_total offer": 4,
      "counterpart_unannounced_items_total blocks": ANNOUNCED_BLOCKS_MAX + 1,
      "counterpart_unannounced_items_total contracts": 5,
    });
  });
});
