/**
 * Keeps peers in step: compares what both sides say whenever either changes, starts what is missing, acknowledges what is
 * applied, and repeats `Status` so that a lost announcement is made up for.
 */

import { agree, artifactStep, isBehind, sameArtifacts, sameHead } from "@counterpart/core/sync/decisions";
import type { Status } from "@counterpart/core/sync/message-types";
import type { Engine } from "../engine/types.ts";
import { type BlockPull, bestHeadOf } from "./block-pull.ts";
import { type CheckpointCache, checkpointName } from "./checkpoint-cache.ts";
import type { ContractPull } from "./contract-pull.ts";
import {
  APART_BLOCKS_MAX,
  APART_MAX_MS,
  COMPARE_AGAIN_MS,
  COVERED_MS,
  REINJECTION_POLL_MS,
  SILENCE_MAX_MS,
  STATUS_COALESCE_MS,
  STATUS_INTERVAL_MS,
} from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { DriverDeps } from "./ports.ts";
import type { Session } from "./session.ts";
import type { StatusBoard } from "./status-board.ts";
import { isUnwritten } from "./stored.ts";

export interface Reconciler {
  start(): void;
  stop(): void;
  /** What this node has may have changed: tells peers and looks again at each, after a moment. */
  changed(): void;
  /** What is known of this peer changed. */
  check(session: Session): void;
  /** Tells one peer at once what this node has. */
  sendStatus(session: Session): void;
}

export interface ReconcilerDeps extends Pick<DriverDeps, "clock" | "engine"> {
  readonly checkpoints: CheckpointCache;
  readonly peers: Peers;
  readonly board: StatusBoard;
  /** Moves the head on: by executing blocks, or by taking state over. */
  readonly headPull: Pick<BlockPull, "kick">;
  readonly contractPull: ContractPull;
  /** Whether the peer and this node agree now; told whenever it was looked at. */
  readonly onStep: (session: Session, inStep: boolean) => void;
}

const compareKey = (mine: Status, theirs: Status): string => `${mine.artifacts.digest}${theirs.artifacts.digest}`;

/** What had no contract to belong to has it by now: the heads are equal, and another than when it was tried. */
const isFinishable = ({ unfinishedAt }: Session, mine: Status, theirs: Status): boolean =>
  unfinishedAt !== undefined && unfinishedAt !== mine.head.hash && sameHead(mine, theirs);

const comparesArtifacts = ({ isReplica }: Pick<Engine, "isReplica">, { version }: Session): boolean =>
  !isReplica && version?.role !== "replica";

/** A damaged database was told of where it was read; peers stay as they are. */
function beyondDamage(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!isUnwritten(error)) throw error;
  }
}

export function createReconciler(deps: ReconcilerDeps): Reconciler {
  const { clock, engine, checkpoints, peers, board, onStep } = deps;
  let running = false;
  let cancelFlush: (() => void) | undefined;
  let cancelHeartbeat = (): void => {};

  const sendStatus = (session: Session): void => {
    const status = board.read(session.applied);
    if (!session.send({ type: "Status", ...status })) return;
    session.firstSequence ??= status.sequence;
    session.sent = { sequence: status.sequence, applied: status.applied };
  };
  const flush = (): void => {
    cancelFlush = undefined;
    for (const session of peers.ready()) {
      check(session);
      const { sequence } = board.read(0);
      if (session.sent.sequence !== sequence || session.sent.applied !== session.applied) sendStatus(session);
    }
    // No event tells that a re-injected transaction was tried without a block coming of it.
    if (running && board.read(0).reinjecting > 0) cancelFlush ??= clock.setTimer(REINJECTION_POLL_MS, flush);
  };
  const flushSoon = (): void => {
    if (running) cancelFlush ??= clock.setTimer(STATUS_COALESCE_MS, flush);
  };

  const wasCompared = (session: Session, key: string): boolean =>
    session.compared?.key === key && clock.now() - session.compared.atMs < COMPARE_AGAIN_MS;

  const noteHeads = (session: Session, mine: Status, theirs: Status): void => {
    session.apartSinceMs = sameHead(mine, theirs) ? undefined : (session.apartSinceMs ?? clock.now());
  };
  const isApartForLong = ({ apartSinceMs }: Session): boolean =>
    apartSinceMs !== undefined && clock.now() - apartSinceMs >= APART_MAX_MS;

  /** Fetches artifacts where that is due; whether everything the peer has said is applied. */
  const artifactsApplied = (session: Session, mine: Status, theirs: Status): boolean => {
    // Artifacts belong to contracts, of which none is known before the state is taken over.
    if (engine.adoption.isUnderway) return false;
    // A replica has nothing that it has not from others.
    if (session.version?.role === "replica") return true;
    const source = checkpointName(session);
    const key = compareKey(mine, theirs);
    const checkpoint = checkpoints.get(source);
    const compared = wasCompared(session, key);
    const [partial, apartForLong] = [engine.holding.role === "chosen", isApartForLong(session)];
    const step = artifactStep({ mine, theirs, checkpoint, partial, compared, apartForLong });
    if (step === "since" || step === "all") {
      if (isFinishable(session, mine, theirs)) session.artifactRetry.reset();
      if (session.artifactRetry.notBefore > clock.now()) return false;
      if (step === "all") session.compared = { key, atMs: clock.now() };
      deps.contractPull.start(session, step);
      return false;
    }
    if (step === "done" && sameArtifacts(mine, theirs) && sameHead(mine, theirs)) {
      checkpoints.raise(source, theirs.artifacts.sequence);
    }
    return step === "done";
  };

  /** Whether this node has all that the peer had when it said `theirs`; its head may have gone on since. */
  const holds = (session: Session, mine: Status, theirs: Status): boolean =>
    engine.isCanonical(theirs.head.hash) &&
    (sameArtifacts(mine, theirs) ||
      (!sameHead(mine, theirs) && checkpoints.get(checkpointName(session)) >= theirs.artifacts.sequence));

  /**
   * Where blocks come without a pause, two nodes never have the same head at the same moment. They count as in step when
   * each has held for a while what the other had when they connected, and all that it said since.
   */
  const isCovered = (session: Session, mine: Status, theirs: Status): boolean => {
    const covers = session.firstSequence !== undefined && theirs.applied >= session.firstSequence;
    if (!covers || mine.reinjecting > 0 || theirs.reinjecting > 0) return false;
    session.coveredSinceMs ??= clock.now();
    return clock.now() - session.coveredSinceMs >= COVERED_MS;
  };
  const acknowledge = (session: Session, theirs: Status): void => {
    if (session.applied >= theirs.sequence) return;
    session.applied = theirs.sequence;
    flushSoon();
  };
  const conclude = (session: Session, inStep: boolean): void => {
    session.inStep = inStep;
    onStep(session, inStep);
  };

  /** Whether both sides have the same, where none has a better chain. */
  const compareArtifacts = (session: Session, mine: Status, theirs: Status): boolean => {
    // At the same head a replica may lack what it was told to hold.
    if (engine.holding.isBehind) deps.headPull.kick();
    const applied = artifactsApplied(session, mine, theirs);
    if (applied) acknowledge(session, theirs);
    return applied && agree(board.read(session.applied), theirs, comparesArtifacts(engine, session));
  };

  function compare(session: Session): void {
    const theirs = session.status;
    // While something of this peer's is being taken in, both sides' holdings are about to change.
    if (!session.isReady || theirs === undefined || session.busy > 0) return;
    const mine = board.read(session.applied);
    if (session.sent.sequence !== mine.sequence) flushSoon();
    noteHeads(session, mine, theirs);
    const isHeld = holds(session, mine, theirs);
    if (isHeld) acknowledge(session, theirs);
    const covered = isHeld && isCovered(session, mine, theirs);
    const best = bestHeadOf(session) ?? theirs.head;
    if (isBehind(mine.head, best)) {
      deps.headPull.kick();
      const isNear = best.number - mine.head.number <= APART_BLOCKS_MAX;
      if (isNear && isApartForLong(session)) artifactsApplied(session, mine, theirs);
      conclude(session, covered);
      return;
    }
    conclude(session, compareArtifacts(session, mine, theirs) || covered);
  }

  function check(session: Session): void {
    beyondDamage(() => compare(session));
  }

  const heartbeat = (): void => {
    cancelHeartbeat = clock.setTimer(STATUS_INTERVAL_MS, heartbeat);
    checkpoints.flush();
    for (const session of peers.ready()) {
      if (clock.now() - session.heardAtMs > SILENCE_MAX_MS) {
        void session.close("TIMEOUT");
        continue;
      }
      check(session);
      sendStatus(session);
    }
  };

  return {
    start() {
      running = true;
      cancelHeartbeat = clock.setTimer(STATUS_INTERVAL_MS, heartbeat);
    },
    stop() {
      running = false;
      cancelHeartbeat();
      cancelFlush?.();
      checkpoints.flush();
    },
    changed: flushSoon,
    sendStatus,
    check,
  };
}
