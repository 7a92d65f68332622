/**
 * Judges what hostile peers do, apart from them: which of their lies arrived and what must come of it, that nothing they
 * made up is readable on an honest node or passed on by one, and that a ban holds.
 */

import { bytesToHex, utf8ToBytes } from "@counterpart/core/base/bytes";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { artifactRecordHash } from "@counterpart/core/sync/artifact";
import { MESSAGE_NUMBERS } from "@counterpart/core/sync/message-types";
import { Violation } from "./checks.ts";
import { createForgeries, type Forgeries, MARK } from "./forgeries.ts";
import type { Lie } from "./lie.ts";
import { type SimNetwork, typeOf } from "./network.ts";
import type { Life, LogEntry, SimNode } from "./node.ts";
import type { Timeline } from "./timeline.ts";

export interface Court {
  readonly forgeries: Forgeries;
  readonly isHostile: (name: string) => boolean;
  count(what: string): void;
  /** This very frame, once it arrives, is that lie. */
  told(frame: Uint8Array, lie: Lie): void;
  /** A frame or an answer has arrived. */
  arrived(from: string, to: string, frame: Uint8Array): void;
  /** A frame or a request leaves a node. */
  sent(from: string, to: string, frame: Uint8Array): void;
  logged(entry: LogEntry): void;
  /** A node starts from its disk. */
  started(node: SimNode): void;
  /** Nothing forged can be read on the node. */
  check(node: SimNode, life: Life): void;
  /** Everything of `check`, and not a byte of it is stored. */
  checkStored(node: SimNode, life: Life): void;
  /** Whether the node has banned the peer, as far as anybody was told. */
  hasBanned(node: string, peer: string): boolean;
}

export interface CourtDeps {
  readonly nodes: readonly SimNode[];
  readonly hostile: readonly string[];
  readonly network: SimNetwork;
  readonly timeline: Timeline;
  /** Whether disks fail and clocks jump: then a node may not be able to judge what it is told. */
  readonly isRough: boolean;
  readonly count: (what: string) => void;
  readonly onFailure: (error: unknown) => void;
}

/** Time that a verdict may take: a block is executed in its turn. */
const VERDICT_MS = 1_000;
/** The others are asked before a peer is banned for a block that is only wrong by execution here. */
const BAN_MS = 15_000;

function markedTable({ disk }: SimNode): string | undefined {
  const mark = bytesToHex(utf8ToBytes(MARK)).slice(2);
  const isMarked = ({ value }: { readonly value: Uint8Array }): boolean => bytesToHex(value).includes(mark);
  return disk.tables().find((table) => disk.reader().range(table, { limit: 100_000 }).some(isMarked));
}

export function createCourt({ nodes, hostile, network, timeline, isRough, count, onFailure }: CourtDeps): Court {
  const forgeries = createForgeries();
  const lies = new WeakMap<Uint8Array, Lie>();
  /** `node peer`, as said in the log. */
  const banned = new Set<string>();
  const isHostile = (name: string): boolean => hostile.includes(name);
  const demand = (holds: boolean, what: string): void => {
    if (!holds) onFailure(new Violation(what));
  };
  const hasBanRow = ({ disk }: SimNode, peer: string): boolean =>
    disk.reader().get("bans", utf8ToBytes(peer)) !== undefined;

  /** The same node, not started anew meanwhile, must have acted. */
  const expect = (node: SimNode, peer: string, { name, verdict, isCertain }: Lie): void => {
    const { life } = node;
    if (life === undefined || verdict === undefined || isCertain?.() === false) return;
    if (verdict === "ban" && isRough) return;
    const link = network.linkOf(node.name, peer);
    timeline.at(verdict === "ban" ? BAN_MS : VERDICT_MS, () => {
      if (node.life !== life) return;
      if (verdict === "cut")
        demand(network.linkOf(node.name, peer) !== link, `${node.name} kept ${peer} after: ${name}`);
      else demand(banned.has(`${node.name} ${peer}`), `${node.name} did not ban ${peer} after: ${name}`);
    });
  };
  const check = (node: SimNode, { engine, contracts }: Life): void => {
    if (engine.adoption.isUnderway) return;
    for (const [hash, forgery] of forgeries.blocks) {
      demand(!engine.isCanonical(hash), `${node.name} has the forged block ${hash} (${forgery}) on its chain`);
      demand(forgery === "root" || engine.header(hash) === undefined, `${node.name} keeps the forged block ${hash}`);
    }
    for (const hash of forgeries.transactions)
      demand(!engine.knows(hash), `${node.name} knows ${hash} of a forged block`);
    for (const { address } of engine.contracts(undefined, 1_000)) {
      demand(!forgeries.addresses.has(address), `${node.name} lists a contract that was never made: ${address}`);
      const record = contracts.artifact(address);
      const isForged = record !== undefined && forgeries.records.has(artifactRecordHash(record));
      demand(!isForged, `${node.name} shows a forged artifact of ${address}`);
    }
  };
  return {
    forgeries,
    isHostile,
    count,
    told: (frame, lie) => void lies.set(frame, lie),
    arrived(from, to, frame) {
      const lie = lies.get(frame);
      const node = nodes.find(({ name }) => name === to);
      if (lie === undefined || node === undefined) return;
      count(`lie: ${lie.name}`);
      expect(node, from, lie);
    },
    sent(from, to, frame) {
      if (isHostile(from)) return;
      demand(!forgeries.frames.has(keccak256Hex(frame)), `${from} passed a forgery on to ${to}`);
      const isGoodbye = typeOf(frame) === MESSAGE_NUMBERS.Goodbye;
      demand(isGoodbye || !banned.has(`${from} ${to}`), `${from} speaks to ${to}, which it has banned`);
    },
    logged({ node: name, message, fields, isAlive }) {
      demand(!message.startsWith("this node has diverged"), `${name} takes itself for diverged`);
      if (message !== "a peer is banned") return;
      const node = nodes.find((one) => one.name === name);
      // It died while it wrote the ban.
      if (node === undefined || !isAlive) return;
      const peer = String(fields.peer);
      demand(isHostile(peer), `${name} banned the honest ${peer}`);
      count(`ban for ${String(fields.fault)}`);
      banned.add(`${name} ${peer}`);
      demand(node.disk.full || hasBanRow(node, peer), `${name} did not write its ban of ${peer}`);
    },
    started(node) {
      // What a full disk had no room for is forgotten in a crash; what was written holds, though nobody was told of it.
      for (const peer of hostile) {
        if (hasBanRow(node, peer)) banned.add(`${node.name} ${peer}`);
        else banned.delete(`${node.name} ${peer}`);
      }
    },
    check,
    checkStored(node, life) {
      check(node, life);
      const table = markedTable(node);
      demand(table === undefined, `${node.name} has what a hostile peer made up in its table ${table}`);
    },
    hasBanned: (node, peer) => banned.has(`${node} ${peer}`),
  };
}
