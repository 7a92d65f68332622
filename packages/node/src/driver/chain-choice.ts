/**
 * Which peer's chain of headers a node that takes states over follows. Seals say who made a header, and not that anybody
 * has its state: a chain that ends where nobody gives the state is given up for the best of the others.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { dropOldest } from "@counterpart/core/base/drop-oldest";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { SealedHeader } from "@counterpart/core/chain/types";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import { isBehind } from "@counterpart/core/sync/decisions";
import type { Engine } from "../engine/types.ts";
import { noteFailure, stallLevel } from "./block-fetch.ts";
import { bestHeadOf } from "./block-pull.ts";
import { pullHeaders } from "./header-pull.ts";
import { GIVEN_UP_MAX, GIVEN_UP_MS, LOOK_AHEAD_MS, TARGET_LAG_MAX, TARGET_MS_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";

export interface ChainChoice {
  /** Of the peers with a better chain than the one that is held, the one with the best, unless it has just failed. */
  pick(): Session | undefined;
  /** Brings the headers of its chain. What goes wrong is the peer's affair. */
  pullFrom(session: Session): Promise<void>;
  /** Nobody gives the state of this head; if other peers have other heads, theirs count instead for a while. */
  giveUp(target: SealedHeader): void;
  isGivenUp(head: Hex): boolean;
  /** The state of this head was given. */
  noteGiven(target: SealedHeader): void;
  /**
   * Looks, before more is asked for, whether the chain has gone on from a head whose state is being taken over.
   * @throws CodedError `PRUNED` when it has gone on for long, or is another one now, or the state never comes to an end
   */
  checkTime(target: SealedHeader, sinceMs: number): Promise<void>;
}

export interface ChainChoiceDeps {
  readonly engine: Engine;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly isStopped: () => boolean;
}

/** A head that was given up, for as long as nobody else has it. */
interface GivenUp {
  readonly claimants: ReadonlySet<string>;
  readonly atMs: number;
}

export function createChainChoice({ engine, peers, clock, logger, isStopped }: ChainChoiceDeps): ChainChoice {
  const { adoption } = engine;
  const givenUp = new Map<Hex, GivenUp>();
  let looking: Promise<void> | undefined;
  let lookedAtMs = clock.now();

  const claimantsOf = (head: Hex): readonly Session[] =>
    peers.ready().filter((session) => bestHeadOf(session)?.hash === head);
  const isGivenUp = (head: Hex): boolean => {
    const entry = givenUp.get(head);
    if (entry === undefined || Math.abs(clock.now() - entry.atMs) >= GIVEN_UP_MS) return false;
    return claimantsOf(head).every(({ peerId }) => entry.claimants.has(peerId));
  };
  /** Whether the peer's chain is to be followed instead of one that nobody gives the state of. */
  const isAlternative = (session: Session): boolean => {
    const best = bestHeadOf(session);
    if (session.version?.role !== "full" || best === undefined || isGivenUp(best.hash)) return false;
    return best.hash === engine.head().hash || isBehind(engine.head(), best);
  };
  const isAhead = (session: Session): boolean => {
    const [best, tip] = [bestHeadOf(session), adoption.tip()];
    if (best === undefined || best.hash === tip.hash || !isAlternative(session)) return false;
    return isGivenUp(tip.hash) || isBehind(tip, best);
  };
  const pick = (): Session | undefined => {
    let chosen: Session | undefined;
    for (const session of peers.ready()) {
      if (!isAhead(session) || session.blockRetry.notBefore > clock.now()) continue;
      const [best, other] = [bestHeadOf(chosen ?? session), bestHeadOf(session)];
      if (best !== undefined && other !== undefined && !isBehind(other, best)) chosen = session;
    }
    return chosen;
  };
  const noteFailedPull = (session: Session, error: unknown): void => {
    session.announced = undefined;
    session.announcedHeaders.clear();
    session.blockRetry.fail();
    if (isCodedError(error, "INVALID_HEADER")) peers.penalise(session, "INVALID_BLOCK", { reason: error.message });
    else noteFailure(peers, session, error);
    const level = stallLevel(error, session.blockRetry);
    if (!isStopped()) logger[level]("header sync stalled", { peer: session.peerId, reason: String(error) });
  };

  const pullFrom: ChainChoice["pullFrom"] = async (session) => {
    session.busy++;
    try {
      const added = await pullHeaders({ engine, clock, isGivenUp }, session);
      session.blocksSynced += added;
      if (added === 0 && isAhead(session)) {
        throw new CodedError("PEER_ERROR", "the peer did not deliver the chain that it announced");
      }
    } catch (error) {
      noteFailedPull(session, error);
    } finally {
      session.busy--;
    }
  };
  /** Brings the headers of who says to have a better chain, now and then; what it says alone counts for nothing. */
  const lookAhead = async (number: number): Promise<void> => {
    const session = pick();
    const best = session === undefined ? undefined : bestHeadOf(session);
    if (session === undefined || best === undefined) return;
    const isDue = Math.abs(clock.now() - lookedAtMs) >= LOOK_AHEAD_MS;
    if (looking === undefined && best.number - number < TARGET_LAG_MAX && !isDue) return;
    lookedAtMs = clock.now();
    looking ??= pullFrom(session).finally(() => {
      looking = undefined;
    });
    await looking;
  };

  return {
    pick,
    pullFrom,
    giveUp({ hash, number }) {
      const claimants = claimantsOf(hash);
      const others = peers.ready().filter((session) => bestHeadOf(session)?.hash !== hash);
      if (!others.some(isAlternative)) return;
      givenUp.set(hash, { claimants: new Set(claimants.map(({ peerId }) => peerId)), atMs: clock.now() });
      dropOldest(givenUp, GIVEN_UP_MAX);
      for (const session of claimants) session.blockRetry.fail();
      logger.warn("nobody gives the state of a head, the chains of others are followed", { hash, number });
    },
    isGivenUp,
    noteGiven({ hash }) {
      for (const session of claimantsOf(hash)) session.blockRetry.reset();
    },
    async checkTime({ hash, number }, sinceMs) {
      await lookAhead(number);
      const isOvertaken = adoption.tip().number - number >= TARGET_LAG_MAX || engine.header(number)?.hash !== hash;
      if (!isOvertaken && clock.now() - sinceMs < TARGET_MS_MAX) return;
      throw new CodedError("PRUNED", "the state of the block is not waited for any longer", { hash });
    },
  };
}
