/**
 * Tells connected peers what is new here: blocks, contracts, artifacts, transactions. To each peer only what it is not
 * known to have, and once. What a slow peer has no room for is not repeated here: `Status` brings it.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { encodeBlock } from "@counterpart/core/chain/block";
import { encodeHeader } from "@counterpart/core/chain/header";
import type { Block, Transaction } from "@counterpart/core/chain/types";
import { maySeal } from "@counterpart/core/consensus/poa";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import {
  ANNOUNCED_BLOCK_BYTES_MAX,
  CONTRACTS_MAX,
  FRAME_BYTES_BY_TYPE,
  FRAME_OVERHEAD_BYTES,
  TRANSACTIONS_MAX,
} from "@counterpart/core/sync/limits";
import type { Message, NewContractMessage, UpdateContractMessage } from "@counterpart/core/sync/message-types";
import { encodeMessage } from "@counterpart/core/sync/messages";
import type { HeadChange, Snapshot } from "../engine/types.ts";
import { withSnapshot } from "../engine/with-snapshot.ts";
import type { DriverMetrics } from "./driver-metrics.ts";
import {
  ANNOUNCED_BLOCKS_MAX,
  ANNOUNCED_CONTRACTS_MAX,
  FLOOD_QUEUE_MAX,
  JOIN_BLOCKS_MIN,
  OFFER_AGAIN_MS,
  OFFERED_TRANSACTIONS_MAX,
} from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { DriverDeps, Self } from "./ports.ts";
import type { Session } from "./session.ts";

export interface Announcer {
  headChanged(change: HeadChange): void;
  /** An artifact made on this node. */
  artifactMade(record: ArtifactRecord): void;
  /** Passes a transaction on, with others of the same moment. */
  transaction(transaction: Transaction): void;
  /** Offers what waits in the pool, as far as it was not sent before, to a peer that is in step, unless that was done. */
  offerPool(session: Session): void;
  /**
   * Offers what still waits, whatever the peer was sent before: it may have had no room, or the message was lost. Only
   * where this node may not seal, as nobody else would make up for it.
   */
  offerAgain(session: Session): void;
  /** Passes on what another node has announced of contracts. */
  spread(message: NewContractMessage | UpdateContractMessage, keys: readonly string[]): void;
  stop(): void;
}

const artifactKey = ({ address, updatedAt, contentHash }: ArtifactRecord): string =>
  `${address}:${updatedAt}:${contentHash}`;

/** What a peer knows once it has the announcement; any fresh key makes it worth sending. */
export function announcementKeys(message: NewContractMessage | UpdateContractMessage): readonly string[] {
  if (message.type === "NewContract") {
    const keys = [`${message.blockHash}:${message.address}`];
    return message.artifact === undefined ? keys : [...keys, artifactKey(message.artifact)];
  }
  return message.kind === "state" ? [`${message.blockHash}:state`] : [artifactKey(message.artifact)];
}

const headerAnnouncement = ({ header }: Block): Message => ({
  type: "NewBlock",
  kind: "header",
  header: encodeHeader(header),
});

/** The announcement of a block to those who execute it: whole while it is small, its header otherwise. */
function blockAnnouncement(block: Block): Message {
  const encoded = encodeBlock(block);
  return encoded.length <= ANNOUNCED_BLOCK_BYTES_MAX
    ? { type: "NewBlock", kind: "block", block: encoded }
    : headerAnnouncement(block);
}

/**
 * A replica has no use for what is executed, blocks and transactions, and nobody tells which contracts it holds: it asks
 * for the artifacts that it wants when `Status` tells of them.
 */
const executes = ({ version }: Session): boolean => version?.role !== "replica";

/** Cuts encoded transactions into messages that fit. */
export function batchTransactions(raws: readonly Uint8Array[]): readonly Message[] {
  const room = FRAME_BYTES_BY_TYPE.NewTransaction - FRAME_OVERHEAD_BYTES;
  const batches: Message[] = [];
  let batch: Uint8Array[] = [];
  let size = 0;
  const close = (): void => {
    if (batch.length > 0) batches.push({ type: "NewTransaction", transactions: batch });
    batch = [];
    size = 0;
  };
  for (const raw of raws) {
    const sizeOnWire = raw.length + 5;
    if (batch.length >= TRANSACTIONS_MAX || size + sizeOnWire > room) close();
    batch.push(raw);
    size += sizeOnWire;
  }
  close();
  return batches;
}

function createdMessages(
  snapshot: Snapshot,
  created: readonly Hex[],
  contracts: DriverDeps["contracts"],
): readonly NewContractMessage[] {
  const messages: NewContractMessage[] = [];
  for (const address of created.slice(0, ANNOUNCED_CONTRACTS_MAX)) {
    const entry = snapshot.contract(address);
    if (entry === undefined || entry.genesis || entry.owner === undefined || entry.created === undefined) continue;
    const {
      created: { hash: blockHash },
      owner,
      codeHash,
    } = entry;
    const artifact = contracts.artifact(address);
    const known = artifact === undefined ? {} : { artifact };
    messages.push({ type: "NewContract", blockHash, address, owner, codeHash, ...known });
  }
  return messages;
}

function updateMessage(snapshot: Snapshot, updated: readonly Hex[]): UpdateContractMessage | undefined {
  const changed: { address: Hex; storageRoot: Hex }[] = [];
  for (const address of updated) {
    const account = snapshot.account(address);
    if (account === undefined || snapshot.contract(address)?.genesis !== false) continue;
    changed.push({ address, storageRoot: account.storageRoot });
    if (changed.length > CONTRACTS_MAX) break;
  }
  if (changed.length === 0) return undefined;
  const truncated = changed.length > CONTRACTS_MAX;
  const contracts = changed.slice(0, CONTRACTS_MAX);
  return { type: "UpdateContract", kind: "state", blockHash: snapshot.head.hash, contracts, truncated };
}

export interface AnnouncerDeps extends Pick<DriverDeps, "engine" | "contracts" | "clock"> {
  readonly self: Pick<Self, "signer">;
  readonly peers: Peers;
  readonly metrics: DriverMetrics;
}

export function createAnnouncer({ engine, contracts, clock, self, peers, metrics }: AnnouncerDeps): Announcer {
  let flood: Transaction[] = [];
  let cancelFlood: (() => void) | undefined;

  /** Whether the peer executes blocks one by one, or is about to: further behind it takes a state over, or pulls. */
  const keepsUp = (session: Session): boolean =>
    executes(session) && engine.head().number - (session.status?.head.number ?? 0) < JOIN_BLOCKS_MIN;
  const spread = (message: Message, keys: readonly string[], to = peers.ready().filter(keepsUp)): void => {
    let frame: Uint8Array | undefined;
    for (const session of to) {
      // Every key is noted, so no shortcut: one fresh key is reason enough.
      const fresh = keys.filter((key) => session.known.add(key));
      if (fresh.length === 0) continue;
      frame ??= encodeMessage(message);
      session.sendFrame(frame);
    }
  };
  const send = (session: Session, transactions: readonly Transaction[]): void => {
    if (!executes(session)) return;
    for (const message of batchTransactions(transactions.map(({ raw }) => raw))) {
      if (!session.send(message)) return;
    }
  };
  const sendTransactions = (session: Session, transactions: readonly Transaction[]): void =>
    send(
      session,
      transactions.filter(({ hash }) => session.known.add(hash)),
    );
  const isSealer = (): boolean => self.signer !== undefined && maySeal(engine.rules, self.signer);
  const noteBeyond = (reason: "contracts" | "offer", count: number, max: number): void => {
    if (count > max) metrics.unannounced.add({ reason }, count - max);
  };
  const announceBlock = (block: Block): void => {
    const [ready, keys] = [peers.ready(), [block.header.hash]];
    const others = ready.filter((session) => !keepsUp(session));
    if (others.length > 0) spread(headerAnnouncement(block), keys, others);
    if (others.length < ready.length) spread(blockAnnouncement(block), keys, ready.filter(keepsUp));
  };
  const announceContracts = (change: HeadChange): void => {
    noteBeyond("contracts", change.contractsCreated.length, ANNOUNCED_CONTRACTS_MAX);
    withSnapshot(engine, (snapshot) => {
      for (const message of createdMessages(snapshot, change.contractsCreated, contracts)) {
        spread(message, announcementKeys(message));
      }
      const update = updateMessage(snapshot, change.contractsUpdated);
      if (update !== undefined) spread(update, announcementKeys(update));
    });
  };
  const floodNow = (): void => {
    cancelFlood = undefined;
    const transactions = flood;
    flood = [];
    for (const session of peers.ready()) {
      // Who takes a state over keeps none, and is offered them when it has caught up.
      if (keepsUp(session)) sendTransactions(session, transactions);
      else session.offered = false;
    }
  };

  return {
    headChanged(change) {
      if (peers.ready().length === 0) return;
      if (change.applied.length > ANNOUNCED_BLOCKS_MAX)
        metrics.unannounced.add({ reason: "blocks" }, change.applied.length);
      else {
        for (const block of change.applied) {
          if (peers.ready().every(({ known }) => known.has(block.header.hash))) continue;
          announceBlock(block.load());
        }
      }
      if (change.sealedHere) announceContracts(change);
    },
    artifactMade(artifact) {
      if (peers.ready().length === 0) return;
      const [created] = withSnapshot(engine, (snapshot) => {
        const isNew = snapshot.contract(artifact.address)?.created?.hash === snapshot.head.hash;
        return isNew ? createdMessages(snapshot, [artifact.address], contracts) : [];
      });
      const message = created ?? { type: "UpdateContract" as const, kind: "artifact" as const, artifact };
      spread(message, announcementKeys(message));
    },
    transaction(transaction) {
      if (flood.length >= FLOOD_QUEUE_MAX) {
        metrics.unannounced.add({ reason: "flood" });
        return;
      }
      flood.push(transaction);
      cancelFlood ??= clock.setTimer(0, floodNow);
    },
    offerPool(session) {
      if (session.offered || !keepsUp(session)) return;
      session.offered = true;
      const pending = engine.pool.transactions();
      noteBeyond("offer", pending.length, OFFERED_TRANSACTIONS_MAX);
      sendTransactions(session, pending.slice(0, OFFERED_TRANSACTIONS_MAX));
    },
    offerAgain(session) {
      // Either way: the clock may have been set back.
      if (isSealer() || Math.abs(clock.now() - session.offeredAtMs) < OFFER_AGAIN_MS) return;
      session.offeredAtMs = clock.now();
      send(session, engine.pool.overdue(OFFER_AGAIN_MS, OFFERED_TRANSACTIONS_MAX));
    },
    spread: (message, keys) => spread(message, keys),
    stop() {
      cancelFlood?.();
      flood = [];
    },
  };
}
