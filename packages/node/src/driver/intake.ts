/**
 * What peers announce. An announcement is a hint: a block is imported only after the engine has checked it, an artifact
 * only kept when its owner signed it, and a contract is only passed on when this node's own execution says the same.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { dropOldest } from "@counterpart/core/base/drop-oldest";
import { isCodedError } from "@counterpart/core/base/errors";
import { decodeBlock, decodeBlockWith } from "@counterpart/core/chain/block";
import { decodeHeader, headerFromRlp, sealHeader } from "@counterpart/core/chain/header";
import { decodeTransaction, decodeTransactionWith } from "@counterpart/core/chain/transaction";
import type { SealedHeader, Transaction } from "@counterpart/core/chain/types";
import { asList, decodeRlp } from "@counterpart/core/codec/rlp";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { betterHead } from "@counterpart/core/sync/decisions";
import type {
  Message,
  NewBlockMessage,
  NewContractMessage,
  NewTransactionMessage,
  UpdateContractMessage,
} from "@counterpart/core/sync/message-types";
import type { MergeOutcome } from "../contracts/types.ts";
import { createPacer } from "../engine/pacer.ts";
import type { Snapshot } from "../engine/types.ts";
import { withSnapshot } from "../engine/with-snapshot.ts";
import { type Announcer, announcementKeys } from "./announcer.ts";
import { bestHeadOf } from "./block-pull.ts";
import { mergeRecord } from "./contract-pull.ts";
import type { DriverMetrics } from "./driver-metrics.ts";
import type { Importer } from "./importer.ts";
import { ANNOUNCED_BLOCKS_MAX, EARLY_BYTES_MAX, EARLY_MESSAGES_MAX, EARLY_TRIES_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { DriverDeps } from "./ports.ts";
import type { Session } from "./session.ts";

export interface Intake {
  /** Handles one announcement. Never rejects. */
  handle(session: Session, message: Message): Promise<void>;
  /** The head moved: announcements that came before their block are looked at again. */
  retryEarly(session: Session): void;
}

export interface IntakeDeps extends Pick<DriverDeps, "engine" | "contracts" | "clock" | "logger" | "recoverSenders"> {
  readonly peers: Peers;
  readonly metrics: DriverMetrics;
  readonly importer: Importer;
  readonly announcer: Announcer;
  /** What is known of the peer changed. */
  readonly onNews: (session: Session) => void;
}

type ContractMessage = NewContractMessage | UpdateContractMessage;

/** The header of an encoded block; senders are not recovered. */
function peekHeader(block: Uint8Array): SealedHeader {
  const [header] = asList(decodeRlp(block, { depthMax: 3, itemsMax: 200_000 }), "block", 4);
  return sealHeader(headerFromRlp(header));
}

const sizeOf = (message: ContractMessage): number => {
  const artifact = message.type === "NewContract" || message.kind === "artifact" ? message.artifact : undefined;
  return 512 + (artifact?.content.length ?? 0);
};

/** Whether an announced contract or change is in the state of this node's head. */
function isInState(snapshot: Snapshot, message: ContractMessage): boolean {
  if (message.type === "NewContract") {
    const entry = snapshot.contract(message.address);
    const { blockHash, codeHash, owner } = message;
    return entry?.created?.hash === blockHash && entry.codeHash === codeHash && entry.owner === owner;
  }
  if (message.kind === "artifact") return true;
  if (message.blockHash !== snapshot.head.hash) return false;
  return message.contracts.every(({ address, storageRoot }) => snapshot.account(address)?.storageRoot === storageRoot);
}

/** A replica of some contracts cannot say it of the others. */
function confirms(snapshot: Snapshot, message: ContractMessage): boolean {
  try {
    return isInState(snapshot, message);
  } catch (error) {
    if (isCodedError(error, "NOT_HELD")) return false;
    throw error;
  }
}

export function createIntake(deps: IntakeDeps): Intake {
  const { engine, clock, logger, peers, metrics, importer, announcer, recoverSenders: recover, onNews } = deps;

  /** Whether blocks and transactions are for this node, and not the state that they make. */
  const executes = (): boolean => !engine.isReplica && !engine.adoption.isUnderway;

  const isHere = (hash: Hex): boolean => engine.header(hash) !== undefined || importer.isImporting(hash);
  const importBlock = async (session: Session, bytes: Uint8Array, hash: Hex): Promise<void> => {
    const { chainId } = engine;
    const block = recover === undefined ? decodeBlock(bytes, chainId) : await decodeBlockWith(recover, bytes, chainId);
    // Another peer may have been faster meanwhile.
    if (isHere(hash)) return;
    const { invalid } = await importer.run(session, [block]);
    if (invalid.length > 0) session.announced = undefined;
  };
  const onBlock = async (session: Session, message: NewBlockMessage): Promise<void> => {
    const header = message.kind === "block" ? peekHeader(message.block) : decodeHeader(message.header);
    session.known.add(header.hash);
    if (isHere(header.hash)) return;
    const { hash, number } = header;
    session.announced = betterHead(bestHeadOf(session) ?? { hash, number }, { hash, number });
    if (!executes()) {
      session.announcedHeaders.set(hash, header);
      dropOldest(session.announcedHeaders, ANNOUNCED_BLOCKS_MAX);
      return;
    }
    if (message.kind === "block" && engine.header(header.parentHash) !== undefined) {
      await importBlock(session, message.block, hash);
    }
  };

  const submit = async (transaction: Transaction, peerId: string): Promise<void> => {
    try {
      await engine.submit(transaction, "peer", [], peerId);
    } catch (error) {
      // Nonces taken, funds spent, the pool full: none of it is the peer's fault.
      const level = isCodedError(error) ? "debug" : "error";
      logger[level]("a peer's transaction was not taken", { hash: transaction.hash, error: String(error) });
    }
  };
  const take = (raw: Uint8Array, peerId: string): Promise<void> => {
    if (recover === undefined) return submit(decodeTransaction(raw, engine.chainId), peerId);
    const taken = decodeTransactionWith(recover, raw, engine.chainId).then((one) => submit(one, peerId));
    // Heard of below, when all have been begun.
    taken.catch(() => {});
    return taken;
  };
  const onTransactions = async (session: Session, { transactions }: NewTransactionMessage): Promise<void> => {
    const pause = createPacer(clock);
    const submitted: Promise<void>[] = [];
    try {
      for (const raw of transactions) {
        await pause();
        const hash: Hex = keccak256Hex(raw);
        session.known.add(hash);
        // A copy, so that a small transaction in the pool does not hold the whole frame in memory.
        if (!engine.knows(hash)) submitted.push(take(raw.slice(), session.peerId));
      }
    } finally {
      // Together, so that one write and one block take them all.
      await Promise.allSettled(submitted);
    }
    await Promise.all(submitted);
  };

  /** Keeps an announcement until its block is here. The oldest gives way. */
  const keepEarly = (session: Session, message: ContractMessage, tries: number): void => {
    if (session.closing !== undefined) return;
    if (tries > EARLY_TRIES_MAX) {
      metrics.dropped.add({ reason: "early" });
      return;
    }
    const sizeBytes = sizeOf(message);
    session.early.set(announcementKeys(message).join(), { message, sizeBytes, tries });
    let heldBytes = 0;
    for (const early of session.early.values()) heldBytes += early.sizeBytes;
    for (const [key, early] of session.early) {
      if (session.early.size <= EARLY_MESSAGES_MAX && heldBytes <= EARLY_BYTES_MAX) break;
      session.early.delete(key);
      metrics.dropped.add({ reason: "early" });
      heldBytes -= early.sizeBytes;
    }
  };
  const isEarly = (message: ContractMessage): boolean =>
    !(message.type === "UpdateContract" && message.kind === "artifact") &&
    engine.header(message.blockHash) === undefined;
  const passOn = (message: ContractMessage): void => {
    const confirmed = withSnapshot(engine, (snapshot) => confirms(snapshot, message));
    if (confirmed) announcer.spread(message, announcementKeys(message));
  };
  const onContract = async (session: Session, message: ContractMessage, tries: number): Promise<void> => {
    for (const key of announcementKeys(message)) session.known.add(key);
    if (isEarly(message)) return keepEarly(session, message, tries + 1);
    const artifact = message.type === "NewContract" || message.kind === "artifact" ? message.artifact : undefined;
    let outcome: MergeOutcome | "unwritten" = "equal";
    if (artifact !== undefined) outcome = await mergeRecord(session, artifact, deps);
    if (outcome === "unknown-contract") return keepEarly(session, message, tries + 1);
    if (outcome === "refused" || outcome === "older" || outcome === "unwritten") return;
    passOn(message);
  };

  const dispatch = async (session: Session, message: Message, tries: number): Promise<void> => {
    switch (message.type) {
      case "NewBlock":
        return onBlock(session, message);
      case "NewTransaction":
        return executes() ? onTransactions(session, message) : undefined;
      case "NewContract":
      case "UpdateContract":
        // What is dropped now comes with the artifacts.
        return engine.adoption.isUnderway ? undefined : onContract(session, message, tries);
      default:
        return;
    }
  };
  const handle = async (session: Session, message: Message, tries = 0): Promise<void> => {
    if (session.closing !== undefined) return;
    try {
      await dispatch(session, message, tries);
    } catch (error) {
      if (isCodedError(error) && error.status === 400) {
        peers.penalise(session, "BAD_MESSAGE", { type: message.type, reason: error.message });
      } else logger.error("an announcement could not be handled", { type: message.type, error: String(error) });
    }
  };

  return {
    handle,
    retryEarly(session) {
      if (session.early.size === 0) return;
      const early = [...session.early.values()];
      session.early.clear();
      session.busy++;
      void Promise.all(early.map(({ message, tries }) => handle(session, message, tries))).then(() => {
        session.busy--;
        onNews(session);
      });
    },
  };
}
