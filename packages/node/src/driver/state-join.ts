/**
 * Takes the state of the best chain over from peers: once, for a node that joins and executes from then on, or again and
 * again, for a replica. An empty state is filled by ranges; then, and from one head to the next, the nodes are walked in
 * which the tries differ, until the root is the header's.
 */

import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { ZERO_HASH } from "@counterpart/core/chain/header";
import type { Tip } from "@counterpart/core/consensus/poa";
import type { Clock, Logger, Random } from "@counterpart/core/ports/runtime";
import { isBehind } from "@counterpart/core/sync/decisions";
import type { Engine } from "../engine/types.ts";
import { noteFailure } from "./block-fetch.ts";
import { bestHeadOf, hasBetterChain } from "./block-pull.ts";
import { pullHeaders } from "./header-pull.ts";
import { JOIN_BLOCKS_MIN } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import { createBringer } from "./state-bring.ts";
import type { StateReceived } from "./state-exchange.ts";
import { decodeSegments, filledPart } from "./state-fill.ts";
import type { StateSource } from "./state-source.ts";
import { createRetry } from "./timing.ts";
import type { StateProgress } from "./types.ts";

export interface StateJoin {
  /** Whether this, and not the execution of blocks, is how the head has to move now. */
  isWanted(): boolean;
  /** Looks whether there is a better head to take over and does so until there is none. */
  kick(): void;
  /** Undefined while nothing is fetched. */
  progress(): StateProgress | "headers" | undefined;
  /** Resolves when what is under way has ended. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export interface StateJoinDeps {
  readonly engine: Engine;
  readonly source: StateSource & { readonly received?: Readonly<StateReceived> };
  readonly peers: Peers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
  /** Whether a node that begins with the genesis takes a state over instead of executing every block. */
  readonly joins: boolean;
  /** Called when the head has moved, or could not be moved. */
  readonly onDone: () => void;
}

/** A chain as short as this is executed. */
const JOINED_AT_LEAST: Tip = { number: JOIN_BLOCKS_MIN - 1, hash: ZERO_HASH };

export function createStateJoin(deps: StateJoinDeps): StateJoin {
  const { engine, source, peers, clock, random, logger, joins, onDone } = deps;
  const { adoption, holding } = engine;
  const bring = createBringer({ adoption, holding, source });
  const retry = createRetry(clock, random);
  let running: Promise<void> | undefined;
  let stopped = false;
  /** What was there when the target's state began to be fetched. */
  let begun: (Readonly<StateReceived> & Pick<StateProgress, "toBlock" | "sinceMs">) | undefined;
  let cancelRetry = (): void => {};

  const isAhead = (session: Session): boolean => hasBetterChain(session, adoption.tip());
  /** Of the peers with a better chain the one with the best, unless it has just failed. */
  const pick = (): Session | undefined => {
    let chosen: Session | undefined;
    for (const session of peers.ready()) {
      if (!isAhead(session) || session.blockRetry.notBefore > clock.now()) continue;
      const [best, other] = [bestHeadOf(chosen ?? session), bestHeadOf(session)];
      if (best !== undefined && other !== undefined && !isBehind(other, best)) chosen = session;
    }
    return chosen;
  };
  const pullFrom = async (session: Session): Promise<void> => {
    session.busy++;
    try {
      const added = await pullHeaders(deps, session);
      session.blocksSynced += added;
      if (added === 0 && isAhead(session)) {
        throw new CodedError("PEER_ERROR", "the peer did not deliver the chain that it announced");
      }
      session.blockRetry.reset();
    } catch (error) {
      session.announced = undefined;
      session.blockRetry.fail();
      noteFailure(peers, session, error);
      if (!stopped) logger.warn("header sync stalled", { peer: session.peerId, reason: String(error) });
    } finally {
      session.busy--;
    }
  };
  const receivedNow = (): Readonly<StateReceived> => source.received ?? { pages: 0, usefulBytes: 0, wastedBytes: 0 };
  const progress = (): StateProgress | "headers" | undefined => {
    if (begun === undefined) return running === undefined ? undefined : "headers";
    const now = receivedNow();
    const segments = adoption.isUnderway ? decodeSegments(adoption.progress()) : [];
    return {
      toBlock: begun.toBlock,
      sinceMs: begun.sinceMs,
      pages: now.pages - begun.pages,
      bytes: now.usefulBytes - begun.usefulBytes,
      wastedBytes: now.wastedBytes - begun.wastedBytes,
      ...(segments.length === 0 ? {} : { filled: filledPart(segments) }),
    };
  };
  const isFresh = (): boolean => engine.head().number === 0;
  const isThere = (): boolean =>
    !adoption.isUnderway &&
    !holding.isBehind &&
    adoption.fork() === undefined &&
    adoption.tip().hash === engine.head().hash;

  /** One move of the head; whether there is to be another one. */
  const round = async (): Promise<boolean> => {
    const fork = adoption.fork();
    const session = fork === undefined ? pick() : undefined;
    if (session !== undefined) await pullFrom(session);
    if (stopped || isThere()) return false;
    const target = fork ?? adoption.tip();
    begun = { toBlock: target.number, sinceMs: clock.now(), ...receivedNow() };
    try {
      await bring(target, isFresh());
      retry.reset();
      logger.info("took over the state of a block", { number: target.number, hash: target.hash });
      return true;
    } catch (error) {
      if (stopped) return false;
      holding.isBehind = holding.role === "chosen";
      // A later head has come meanwhile, whose state there is.
      if (isCodedError(error, "PRUNED") && fork === undefined && pick() !== undefined) return true;
      retry.fail();
      logger.warn("the state could not be taken over", { number: target.number, reason: String(error) });
      return false;
    } finally {
      begun = undefined;
    }
  };
  const run = async (): Promise<void> => {
    while (!stopped && isWanted() && (await round())) onDone();
  };
  const isDue = (): boolean => isWanted() && (pick() !== undefined || !isThere());
  function kick(): void {
    if (stopped || running !== undefined || !isDue()) return;
    cancelRetry();
    const waitMs = retry.notBefore - clock.now();
    if (waitMs > 0) {
      cancelRetry = clock.setTimer(waitMs, kick);
      return;
    }
    running = run().finally(() => {
      running = undefined;
      onDone();
      kick();
    });
  }
  function isWanted(): boolean {
    if (engine.isReplica || adoption.isUnderway || adoption.fork() !== undefined) return true;
    return joins && isFresh() && peers.ready().some((session) => hasBetterChain(session, JOINED_AT_LEAST));
  }

  return {
    isWanted,
    kick,
    progress,
    settled: async () => running,
    async stop() {
      stopped = true;
      cancelRetry();
      await running;
    },
  };
}
