/** A peer that a test plays by hand: it says what it likes and answers as it likes. */

import type { Link, Network } from "@counterpart/core/ports/network";
import { OWN_LIMITS } from "@counterpart/core/sync/limits";
import type { Message, Status, VersionMessage } from "@counterpart/core/sync/message-types";
import { decodeMessage, encodeMessage } from "@counterpart/core/sync/messages";
import { word } from "./fake-chain.test-support.ts";
import type { TestNode, World } from "./test-node.test-support.ts";

export interface Stranger {
  readonly network: Network;
  readonly received: Message[];
  link: Link | undefined;
  closed: boolean;
  /** What it answers to requests; never settling is silence. */
  answer: (request: Message) => Promise<Uint8Array>;
  say(message: Message): void;
}

export const silence = (): Promise<Uint8Array> => new Promise(() => {});

/** A status that `node` itself would give. */
export function statusOf(world: World, { engine, contracts }: TestNode): Status {
  const { hash, number } = engine.head();
  return {
    sequence: 1,
    head: { hash, number },
    certifiedHead: { hash: engine.genesisHash, number: 0 },
    artifacts: contracts.artifacts(),
    applied: 1_000_000,
    reinjecting: 0,
    clockMs: world.clock.now(),
  };
}

/** What a peer on the same chain as `node` says first. */
export function versionFor(world: World, node: TestNode, change: Partial<VersionMessage> = {}): VersionMessage {
  return {
    type: "Version",
    protocolVersions: [1],
    chainId: node.engine.chainId,
    genesisHash: node.engine.genesisHash,
    forkRulesId: word("rules"),
    consensus: "poa",
    instanceId: "instance-stranger",
    earliestBlock: 0,
    role: "full",
    limits: OWN_LIMITS,
    codecs: [],
    client: "stranger",
    explicit: false,
    status: statusOf(world, node),
    ...change,
  };
}

/** @param greeting said on every link; nothing when absent */
export async function startStranger(world: World, name: string, greeting?: () => Message): Promise<Stranger> {
  const network = world.hub.create(name, `${name}:5000`);
  const stranger: Stranger = {
    network,
    received: [],
    link: undefined,
    closed: false,
    answer: silence,
    say: (message) => void stranger.link?.send(encodeMessage(message)),
  };
  await network.start((link) => {
    stranger.link = link;
    stranger.closed = false;
    const first = greeting?.();
    if (first !== undefined) link.send(encodeMessage(first));
    if (first?.type === "Version") link.send(encodeMessage({ type: "Status", ...first.status }));
    return {
      onFrame: (frame) => void stranger.received.push(decodeMessage(frame)),
      onRequest: (frame) => stranger.answer(decodeMessage(frame)),
      onClose: () => {
        stranger.closed = true;
      },
    };
  });
  return stranger;
}
