/** Nodes with the real driver on a fake chain and network. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Metrics } from "@counterpart/core/ports/metrics";
import type { Message, MessageType } from "@counterpart/core/sync/message-types";
import { decodeMessage, frameType } from "@counterpart/core/sync/messages";
import type { Ban } from "@counterpart/core/sync/scores";
import { addressOf, createFakeEngine, type FakeEngine, word } from "./fake-chain.test-support.ts";
import { createFakeContracts, type FakeContracts } from "./fake-contracts.test-support.ts";
import { createHub, type Hub } from "./fake-network.test-support.ts";
import { createNetworkService } from "./network-service.ts";
import type { Driver, PeerBook, Self } from "./ports.ts";
import {
  createTestLogger,
  createTestRandom,
  createVirtualClock,
  type LogEntry,
  type VirtualClock,
} from "./virtual-clock.test-support.ts";

export interface TestNode {
  readonly name: string;
  readonly address: string;
  readonly signer: Hex;
  readonly driver: Driver;
  readonly engine: FakeEngine;
  readonly contracts: FakeContracts;
  readonly checkpoints: Map<string, number>;
  readonly book: { addresses: readonly string[] };
  readonly bans: Map<string, Ban>;
  readonly evidence: Map<string, object>;
  readonly log: LogEntry[];
}

export interface NodeOptions {
  readonly chain?: string;
  readonly self?: Partial<Self>;
  readonly clockAheadMs?: number;
  readonly bootstrap?: readonly string[];
  readonly metrics?: Metrics;
  /** A node that ran before: what it had on disk. */
  readonly restarted?: TestNode;
}

export interface World {
  readonly clock: VirtualClock;
  readonly hub: Hub;
  start(name: string, options?: NodeOptions): Promise<TestNode>;
  stop(node: TestNode): Promise<void>;
  /** Ends all nodes. */
  end(): Promise<void>;
  /** Messages of a type that one sent to the other, oldest first. */
  sent<T extends MessageType>(from: TestNode, to: TestNode, type: T): Extract<Message, { type: T }>[];
}

export function createWorld(): World {
  const clock = createVirtualClock();
  const hub = createHub(clock);
  const nodes = new Set<TestNode>();
  let seed = 1;

  const stop = async (node: TestNode): Promise<void> => {
    nodes.delete(node);
    await clock.run(node.driver.stop());
  };
  return {
    clock,
    hub,
    async start(name, options = {}) {
      const { restarted } = options;
      const engine = restarted?.engine ?? createFakeEngine(name, options.chain);
      const contracts = restarted?.contracts ?? createFakeContracts(engine);
      const checkpoints = restarted?.checkpoints ?? new Map<string, number>();
      const book = restarted?.book ?? { addresses: [] };
      const bans = restarted?.bans ?? new Map<string, Ban>();
      const evidence = restarted?.evidence ?? new Map<string, object>();
      const peerBook: PeerBook = {
        load: () => book.addresses,
        save: (addresses) => {
          book.addresses = addresses;
        },
      };
      const log: LogEntry[] = [];
      const address = `${name}:5000`;
      const driver = createNetworkService({
        network: hub.create(name, address),
        engine,
        contracts,
        peerBook,
        checkpoints: { get: (id) => checkpoints.get(id), set: (id, sequence) => void checkpoints.set(id, sequence) },
        banBook: {
          load: () => [...bans],
          save(kept) {
            bans.clear();
            for (const [peerId, ban] of kept) bans.set(peerId, ban);
          },
        },
        evidenceBook: {
          load: () => [...evidence],
          save: (name, document) => void evidence.set(name, document),
          pathOf: (name) => `divergence/${name}.json`,
        },
        clock: { now: () => clock.now() + (options.clockAheadMs ?? 0), setTimer: clock.setTimer },
        random: createTestRandom(seed++),
        logger: createTestLogger(log),
        self: {
          client: `test/${name}`,
          instanceId: `instance-${name}`,
          signer: addressOf(name),
          forkRulesId: word("rules"),
          certifies: false,
          consensus: "poa",
          ...options.self,
        },
        ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
        ...(options.bootstrap === undefined ? {} : { bootstrap: options.bootstrap }),
      });
      const node: TestNode = {
        name,
        address,
        signer: addressOf(name),
        driver,
        engine,
        contracts,
        checkpoints,
        book,
        bans,
        evidence,
        log,
      };
      nodes.add(node);
      await clock.run(driver.start());
      return node;
    },
    stop,
    async end() {
      for (const node of [...nodes]) await stop(node);
    },
    sent<T extends MessageType>(from: TestNode, to: TestNode, type: T) {
      return hub.traffic
        .filter((item) => item.from === from.name && item.to === to.name && frameType(item.frame) === type)
        .map(({ frame }) => decodeMessage(frame) as Extract<Message, { type: T }>);
    },
  };
}

/** Whether all have the same head and the same artifacts. */
export function sameAll(...nodes: readonly TestNode[]): boolean {
  const facts = nodes.map(({ engine, contracts }) => `${engine.head().hash}${contracts.artifacts().digest}`);
  return new Set(facts).size === 1;
}
