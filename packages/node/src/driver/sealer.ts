/**
 * Seals when there is reason to: asks the pure rule how long to wait, and asks again whenever the head, the pool or
 * the leader changes.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import {
  LEADER_SILENCE_MS,
  QUIET_MS,
  type Rest,
  restAfter,
  sealingDelay,
} from "@counterpart/core/consensus/poa-sealing";
import type { Clock, Logger, Random } from "@counterpart/core/ports/runtime";
import type { Engine } from "../engine/types.ts";
import { headAheadS, withheldS } from "./future-head.ts";

export interface SealerDeps {
  readonly engine: Engine;
  /** Address that this node seals with. */
  readonly self: Hex;
  /** When the peer that seals with this address was last heard; undefined when no such peer is connected. */
  readonly heardAt: (signer: Hex) => number | undefined;
  /** Whether nothing may be built on this node's state. */
  readonly isDiverged: () => boolean;
  /** Whether a caller of this node waits for a transaction to be in a block. */
  readonly isAwaited: () => boolean;
  /** Whether others are connected. */
  readonly hasPeers: () => boolean;
  /** As `Driver.catchingUpMs` says. */
  readonly catchingUpMs: () => number | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface SealerLoop {
  start(): void;
  /** Stops and waits for a seal under way. */
  stop(): Promise<void>;
}

/** After a failed seal (a full disk, say) the next attempt waits, so that the log is not flooded. */
const RETRY_MS = 1_000;
/** While the head is dated too far ahead, the clock is looked at so often: it may be set right at any time. */
const AHEAD_CHECK_MS = 5_000;

export function createSealerLoop(deps: SealerDeps): SealerLoop {
  const { engine, self, heardAt, isDiverged, isAwaited, hasPeers, catchingUpMs, clock, random, logger } = deps;
  const jitter = random.fraction();
  let running = false;
  let sealing: Promise<void> | undefined;
  /** Something happened while a block was being sealed. */
  let again = false;
  /** Waiting after a failed seal, or after a block for many. By a timer, as the clock may be set back meanwhile. */
  let resting = false;
  let cancelRest = (): void => {};
  /** Something happened while resting. */
  let hasCome = false;
  let cancelTimer = (): void => {};
  /** It was logged that the head is dated too far ahead. */
  let isAheadTold = false;
  const unsubscribe: (() => void)[] = [];

  const delay = (): number | undefined => {
    const now = clock.now();
    const oldest = engine.pool.oldestExecutable();
    const leader = engine.head().coinbase;
    const heard = leader === self ? undefined : heardAt(leader);
    // What came in the future came before the clock was set back: nobody knows when, so it has waited enough.
    const waited = (since: number | undefined): number | undefined =>
      since === undefined ? undefined : since > now ? Number.POSITIVE_INFINITY : now - since;
    return sealingDelay({
      leads: leader === self,
      leaderPresent: heard !== undefined && now - heard <= LEADER_SILENCE_MS,
      ownWaitedMs: waited(oldest.own),
      peerWaitedMs: waited(oldest.fromPeer),
      catchingUpMs: catchingUpMs(),
      jitter,
    });
  };
  /** Nobody knows whether callers of a peer wait; and it seals itself where it has to wait for long. */
  const isUrgent = (): boolean => isAwaited() || hasPeers();
  const rest = ({ leastMs, mostMs }: Rest): void => {
    if (!running || mostMs <= 0) return;
    resting = true;
    const end = (): void => {
      cancelRest();
      resting = false;
      consider();
    };
    const listen = (): void => {
      hasCome = false;
      cancelListening = clock.setTimer(QUIET_MS, () => (hasCome && !isUrgent() ? listen() : end()));
    };
    let cancelListening = clock.setTimer(leastMs, () => (isUrgent() ? end() : listen()));
    const cancelMost = clock.setTimer(mostMs, end);
    cancelRest = () => {
      cancelListening();
      cancelMost();
    };
  };
  /** Whether to look again at once: what could not be sealed now cannot before head or pool change. */
  const sealOnce = async (): Promise<boolean> => {
    again = false;
    try {
      const begunMs = clock.now();
      const block = await engine.seal();
      if (block === undefined) return again;
      rest(restAfter(block.transactions.length, clock.now() - begunMs));
      const { number, hash } = block.header;
      logger.info("sealed a block", { number, hash, transactions: block.transactions.length });
    } catch (error) {
      if (running) logger.error("sealing failed", { error: String(error) });
      // Damage does not pass.
      if (isCodedError(error, "STORE_CORRUPT")) running = false;
      rest({ leastMs: RETRY_MS, mostMs: RETRY_MS });
    }
    return true;
  };
  /** Whether a block on this head would be refused with it, as dated too far ahead, until the others' chain is longer. */
  const isWithheld = (): boolean => {
    const now = clock.now();
    const aheadS = headAheadS(engine, now);
    const isWithheld = withheldS(engine, now, hasPeers()) !== undefined;
    if (aheadS !== undefined && !isAheadTold) {
      const { number, hash } = engine.head();
      const message = "the head is dated ahead of this clock, so that other nodes refuse it: is the clock right?";
      logger.error(message, { number, hash, seconds: aheadS, sealing: !isWithheld });
    }
    isAheadTold = aheadS !== undefined;
    return isWithheld;
  };
  const consider = (): void => {
    if (!running || resting || sealing !== undefined || isDiverged()) return;
    cancelTimer();
    if (isWithheld()) {
      cancelTimer = clock.setTimer(AHEAD_CHECK_MS, consider);
      return;
    }
    const wait = delay();
    if (wait === undefined) return;
    if (wait > 0) {
      cancelTimer = clock.setTimer(wait, consider);
      return;
    }
    // Requests that have arrived already get into the same block.
    const turn = new Promise<void>((resolve) => clock.setTimer(0, resolve));
    sealing = turn.then(sealOnce).then((more) => {
      sealing = undefined;
      if (more) consider();
    });
  };

  let events = 0;
  /** The first of several events in a row is looked at now, so that sealing comes before the journal; the rest at once. */
  const onEvent = (): void => {
    again = true;
    hasCome = true;
    if (events++ > 0) return;
    consider();
    clock.setTimer(0, () => {
      const more = events > 1;
      events = 0;
      if (more) consider();
    });
  };

  return {
    start() {
      running = true;
      resting = false;
      for (const event of ["head", "pooled", "transaction"] as const) unsubscribe.push(engine.on(event, onEvent));
      consider();
    },
    async stop() {
      running = false;
      cancelTimer();
      cancelRest();
      for (const off of unsubscribe.splice(0)) off();
      await sealing;
    },
  };
}
