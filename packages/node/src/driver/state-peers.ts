/**
 * Which peer is asked for state next: of those that may hold it and have a free place the one that delivers fastest. A
 * request for which there is no such peer waits until one is ready, has a free place, or has been set back for long
 * enough.
 */

import { CodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { TrustedHeader } from "@counterpart/core/verify/peer-answers";
import { bestHeadOf } from "./block-pull.ts";
import { BEHIND_MS_MAX, STATE_RATE_MS, STATE_REQUESTS_MAX, STATE_WAITING_MAX, UNHELD_MS } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";

/** What a peer is wanted for. */
export interface StateWish {
  /** Whose state; without it, something that depends on no block. */
  readonly block: TrustedHeader | undefined;
  /** Peers that have had their say, and are not asked again. */
  readonly passed: ReadonlySet<Session>;
  /** Whether peers that are set back are waited for when the others have had their say. */
  readonly isPatient: boolean;
}

export interface StatePeers {
  /**
   * Takes a place at a peer, to be given back with `release`; undefined when every peer has had its say, or has said
   * that it does not hold the block's state.
   * @throws CodedError `NOT_READY` when the node stops, `RATE_LIMITED` when too many wait
   */
  take(wish: StateWish): Promise<Session | undefined>;
  release(session: Session): void;
  /** Whether there is a peer of which state may be asked, though perhaps not now. */
  hasAny(): boolean;
  /** Something has changed about peers: looks again at what waits. */
  kick(): void;
  stop(): void;
}

export interface StatePeersDeps {
  readonly peers: Pick<Peers, "executing">;
  readonly clock: Clock;
}

interface Waiter {
  readonly wish: StateWish;
  readonly sinceMs: number;
  resolve(session: Session | undefined): void;
  reject(error: CodedError): void;
}

/** A peer, nobody any more, or when to look again unless something happens before. */
type Finding = Session | undefined | { readonly againMs: number };

const ON_NEWS: Finding = { againMs: Number.POSITIVE_INFINITY };

/** Whether so much time has passed; a clock that was set back delays nothing. */
const isOver = (sinceMs: number, durationMs: number, nowMs: number): boolean =>
  nowMs < sinceMs || nowMs - sinceMs >= durationMs;

function isUnheld({ unheld }: Session, { hash }: TrustedHeader, nowMs: number): boolean {
  const found = unheld.get(hash);
  if (found === undefined) return false;
  return found.reason === "PRUNED" || !isOver(found.sinceMs, UNHELD_MS, nowMs);
}

/**
 * How long this peer may be expected to take, in no unit: 0 for one of which that is not known, infinite for one that
 * did not deliver the last time.
 */
function loadOf({ stateRate, stateRequests }: Session, nowMs: number): number {
  if (stateRate === undefined) return 0;
  const isStale = stateRate.bytesPerMs > 0 && isOver(stateRate.atMs, STATE_RATE_MS, nowMs);
  return isStale ? 0 : (stateRequests + 1) / stateRate.bytesPerMs;
}

function bestOf(sessions: readonly Session[], nowMs: number): Session | undefined {
  let best: Session | undefined;
  for (const session of sessions) {
    const difference = best === undefined ? -1 : loadOf(session, nowMs) - loadOf(best, nowMs);
    const isLessLoaded = best === undefined || session.stateRequests < best.stateRequests;
    if (difference < 0 || (isLessLoaded && !(difference > 0))) best = session;
  }
  return best;
}

const stopping = (): CodedError => new CodedError("NOT_READY", "the node stops");

export function createStatePeers({ peers, clock }: StatePeersDeps): StatePeers {
  const waiting = new Set<Waiter>();
  let stopped = false;
  let cancelTimer = (): void => {};

  const find = ({ wish: { block, passed, isPatient }, sinceMs }: Waiter): Finding => {
    const nowMs = clock.now();
    const full = peers.executing();
    if (full.length === 0) return ON_NEWS;
    const open = full.filter(
      (session) => !passed.has(session) && (block === undefined || !isUnheld(session, block, nowMs)),
    );
    if (open.length === 0) return undefined;
    const able = open.filter((session) => (bestHeadOf(session)?.number ?? 0) >= (block?.number ?? 0));
    if (able.length === 0) {
      return isOver(sinceMs, BEHIND_MS_MAX, nowMs) ? undefined : { againMs: sinceMs + BEHIND_MS_MAX };
    }
    const fit = able.filter(({ stateRetry }) => stateRetry.notBefore <= nowMs);
    if (fit.length === 0) {
      if (!isPatient && passed.size > 0) return undefined;
      return { againMs: Math.min(...able.map(({ stateRetry }) => stateRetry.notBefore)) };
    }
    const free = fit.filter(({ stateRequests }) => stateRequests < STATE_REQUESTS_MAX);
    return free.length === 0 ? ON_NEWS : bestOf(free, nowMs);
  };

  /** Answers the waiter if that can be done now; otherwise says when to look again. */
  const serve = (waiter: Waiter): number => {
    const found = find(waiter);
    if (found !== undefined && "againMs" in found) return found.againMs;
    waiting.delete(waiter);
    if (found !== undefined) found.stateRequests++;
    waiter.resolve(found);
    return Number.POSITIVE_INFINITY;
  };
  const kick = (): void => {
    cancelTimer();
    let againMs = Number.POSITIVE_INFINITY;
    for (const waiter of waiting) againMs = Math.min(againMs, serve(waiter));
    if (againMs < Number.POSITIVE_INFINITY) cancelTimer = clock.setTimer(Math.max(1, againMs - clock.now()), kick);
  };

  return {
    async take(wish) {
      if (stopped) throw stopping();
      if (waiting.size >= STATE_WAITING_MAX) {
        throw new CodedError("RATE_LIMITED", `${STATE_WAITING_MAX} requests for state wait already`);
      }
      const { promise, resolve, reject } = Promise.withResolvers<Session | undefined>();
      waiting.add({ wish, sinceMs: clock.now(), resolve, reject });
      kick();
      return promise;
    },
    release(session) {
      session.stateRequests--;
      kick();
    },
    hasAny: () => peers.executing().length > 0,
    kick,
    stop() {
      stopped = true;
      cancelTimer();
      for (const { reject } of waiting) reject(stopping());
      waiting.clear();
    },
  };
}
