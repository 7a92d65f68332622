/** One request for state to one peer: what becomes of it, and what that means for the peer. */

import type { Hex } from "@counterpart/core/base/bytes";
import { dropOldest } from "@counterpart/core/base/drop-oldest";
import { type CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { MessageOf, RequestType, ResponseTo } from "@counterpart/core/sync/message-types";
import type { TrustedHeader } from "@counterpart/core/verify/peer-answers";
import { type AnswerShares, isLoss } from "./answer-shares.ts";
import { noteFailure } from "./block-fetch.ts";
import type { DriverMetrics } from "./driver-metrics.ts";
import { FAILURE_COST, FAILURES_MAX, UNHELD_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";

/** What is asked for, as metrics name it. */
export type StateKind = "accounts" | "storages" | "nodes" | "state" | "codes" | "origins" | "block";

/** What became of a request, as metrics name it. */
export type StateOutcome =
  /** A page: it holds, and was taken. */
  | "useful"
  /** Nothing of what was asked for. */
  | "empty"
  /** The peer does not hold the state of the block. */
  | "unheld"
  | "busy"
  | "timeout"
  /** The link ended. */
  | "lost"
  /** No answer to the request. */
  | "malformed"
  /** An answer that its proof does not show. */
  | "forged";

/** A request, and what to make of its answer. */
export interface StateQuery<T extends RequestType, R> {
  readonly kind: StateKind;
  /** Whose state; without it, something that depends on no block. */
  readonly block?: TrustedHeader;
  /**
   * The request as this peer is to get it.
   * @param share of the most that may be asked for, up to 1
   */
  request(session: Session, share: number): MessageOf<T> & { readonly type: T };
  /**
   * What the answer proves; undefined when nothing of what was asked for is in it.
   * @throws CodedError `INVALID_PROOF`, `BAD_MESSAGE`
   */
  take(answer: ResponseTo<T>, asked: MessageOf<T>): R | undefined;
}

/** Answers since the program began. */
export interface StateReceived {
  pages: number;
  usefulBytes: number;
  wastedBytes: number;
}

export interface StateExchangeDeps {
  readonly received: StateReceived;
  readonly shares: AnswerShares;
  readonly peers: Pick<Peers, "penalise">;
  readonly clock: Clock;
  readonly metrics: Pick<DriverMetrics, "stateRequests" | "stateBytes">;
}

/** What has been tried with one request. */
export interface Attempts {
  /** Peers that cannot answer it, or have failed with it too often. */
  readonly passed: Set<Session>;
  /** What each peer's failures add up to. */
  readonly failures: Map<Session, number>;
}

export const noAttempts = (): Attempts => ({ passed: new Set(), failures: new Map() });

/**
 * Asks a peer once. Undefined when nothing came of it: then the peer has been dealt with, and another one is to be asked.
 * @param attempts to note the peer in
 */
export type StateExchange = <T extends RequestType, R>(
  session: Session,
  query: StateQuery<T, R>,
  attempts: Attempts,
) => Promise<R | undefined>;

const UNHELD_REASONS = ["PRUNED", "NOT_HELD", "UNKNOWN_ROOT"] as const;
type UnheldReason = (typeof UNHELD_REASONS)[number];

const unheldReason = (error: CodedError): UnheldReason | undefined =>
  UNHELD_REASONS.find((reason) => error.code === "PEER_ERROR" && error.details.refusal === reason);

function outcomeOf(error: CodedError): StateOutcome {
  switch (error.code) {
    case "REQUEST_TIMEOUT":
      return "timeout";
    case "PEER_ERROR":
      return unheldReason(error) === undefined ? "busy" : "unheld";
    case "INVALID_PROOF":
      return "forged";
    case "BAD_MESSAGE":
    case "INVALID_RLP":
      return "malformed";
    default:
      return "lost";
  }
}

/** A peer has failed; when its failures add up to `FAILURES_MAX`, it has had its say. */
export function noteAttempt({ failures, passed }: Attempts, session: Session, cost: number): void {
  const sum = (failures.get(session) ?? 0) + cost;
  failures.set(session, sum);
  if (sum >= FAILURES_MAX) passed.add(session);
}

export function createStateExchange({ peers, clock, metrics, received, shares }: StateExchangeDeps): StateExchange {
  /** Sets a peer back for a while, and then behind those that deliver. */
  const setBack = (session: Session): void => {
    session.stateRetry.fail();
    session.stateRate = { bytesPerMs: 0, atMs: clock.now() };
  };
  const noteUnheld = (session: Session, block: Hex, reason: UnheldReason, passed: Set<Session>): void => {
    passed.add(session);
    if (reason === "UNKNOWN_ROOT") {
      // It holds the block's state, and not that root, though it is proven: what else is asked of it it may answer.
      setBack(session);
      return;
    }
    session.unheld.delete(block);
    session.unheld.set(block, { reason, sinceMs: clock.now() });
    dropOldest(session.unheld, UNHELD_MAX);
  };
  const noteError = (session: Session, error: CodedError): void => {
    setBack(session);
    noteFailure(peers, session, error);
    if (isLoss(error)) shares.noteLoss(session.peerId);
  };
  const noteEmpty = (session: Session, kind: StateKind): void => {
    setBack(session);
    peers.penalise(session, "EMPTY_REPLY", { kind });
  };
  const noteUseful = (session: Session, bytes: number, sinceMs: number): void => {
    session.stateRetry.reset();
    const atMs = clock.now();
    const tookMs = Math.max(1, atMs - sinceMs);
    shares.noteAnswer(session.peerId, tookMs);
    const bytesPerMs = bytes / tookMs;
    const before = session.stateRate?.bytesPerMs || bytesPerMs;
    session.stateRate = { bytesPerMs: (before + bytesPerMs) / 2, atMs };
  };
  const count = (kind: StateKind, outcome: StateOutcome, bytes: number): void => {
    metrics.stateRequests.add({ kind, outcome });
    metrics.stateBytes.add({ use: outcome === "useful" ? "useful" : "wasted" }, bytes);
    if (outcome === "useful") {
      received.pages++;
      received.usefulBytes += bytes;
    } else received.wastedBytes += bytes;
  };

  return async <T extends RequestType, R>(session: Session, query: StateQuery<T, R>, attempts: Attempts) => {
    const sinceMs = clock.now();
    let bytes = 0;
    try {
      const asked = query.request(session, shares.of(session.peerId));
      const answer = await session.request<T>(asked, {
        onAnswer(sizeBytes) {
          bytes += sizeBytes;
        },
      });
      const taken = query.take(answer, asked);
      if (taken === undefined) noteAttempt(attempts, session, FAILURE_COST);
      if (taken === undefined) noteEmpty(session, query.kind);
      else noteUseful(session, bytes, sinceMs);
      count(query.kind, taken === undefined ? "empty" : "useful", bytes);
      return taken;
    } catch (error) {
      if (!isCodedError(error) || isCodedError(error, "INVARIANT_BROKEN")) throw error;
      const reason = unheldReason(error);
      const outcome = outcomeOf(error);
      noteAttempt(attempts, session, outcome === "busy" ? 1 : FAILURE_COST);
      if (reason !== undefined && query.block !== undefined) {
        noteUnheld(session, query.block.hash, reason, attempts.passed);
      } else if (reason !== undefined && query.kind === "block") {
        // Who has taken a state over has no blocks of before: that says nothing of its state.
        attempts.passed.add(session);
      } else noteError(session, error);
      count(query.kind, outcome, bytes);
      return undefined;
    }
  };
}
