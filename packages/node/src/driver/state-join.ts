/**
 * Takes the state of the best chain over from peers: once, for a node that joins and executes from then on, or again and
 * again, for a replica. An empty state is filled by ranges; then, and from one head to the next, the nodes are walked in
 * which the tries differ, until the root is the header's.
 */

import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { isCodedError } from "@counterpart/core/base/errors";
import { ZERO_HASH } from "@counterpart/core/chain/header";
import type { SealedHeader } from "@counterpart/core/chain/types";
import type { Tip } from "@counterpart/core/consensus/poa";
import type { Clock, Logger, Random } from "@counterpart/core/ports/runtime";
import type { Engine } from "../engine/types.ts";
import { hasBetterChain } from "./block-pull.ts";
import { createChainChoice } from "./chain-choice.ts";
import { createLikelyKeys } from "./likely-keys.ts";
import { JOIN_BLOCKS_MIN } from "./limits.ts";
import { createOnlyReplicas } from "./only-replicas.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import { createBringer, nothingSeen } from "./state-bring.ts";
import type { StateReceived } from "./state-exchange.ts";
import { decodeSegments, filledPart } from "./state-fill.ts";
import type { StateService, StateSource } from "./state-source.ts";
import { createRetry } from "./timing.ts";
import type { StateProgress } from "./types.ts";
import { watchedSource } from "./watched-source.ts";

export interface StateJoin {
  /** Whether this, and not the execution of blocks, is how the head has to move now. */
  isWanted(): boolean;
  /** Looks whether there is a better head to take over and does so until there is none. */
  kick(): void;
  /** Undefined while nothing is fetched. */
  progress(): StateProgress | "headers" | undefined;
  /** Whether whoever is ahead has been a replica for a while, and no full node there: then nothing comes. */
  needsFullNode(): boolean;
  /** Resolves when what is under way has ended. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export interface StateJoinDeps {
  readonly engine: Engine;
  readonly source: StateSource & Pick<StateService, "received">;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
  /** Whether a node that begins with the genesis takes a state over instead of executing every block. */
  readonly joins: boolean;
  /** Called when the head has moved, or could not be moved. */
  readonly onDone: () => void;
}

/** What keeps a state from being taken over, and says nothing about it. */
const OWN_TROUBLES = new Set<ErrorCode>(["NOT_READY", "RATE_LIMITED", "STORE_WRITE_FAILED", "STORE_CORRUPT"]);
/** A chain as short as this is executed. */
const JOINED_AT_LEAST: Tip = { number: JOIN_BLOCKS_MIN - 1, hash: ZERO_HASH };

export function createStateJoin(deps: StateJoinDeps): StateJoin {
  const { engine, source, peers, clock, random, logger, joins, onDone } = deps;
  const { adoption, holding } = engine;
  const retry = createRetry(clock, random);
  const likely = createLikelyKeys();
  const seen = nothingSeen();
  const hasOnlyReplicas = createOnlyReplicas(deps);
  const choice = createChainChoice({ ...deps, isStopped: () => stopped });
  let running: Promise<void> | undefined;
  let stopped = false;
  /** Peers that were there when a state could not be taken over. */
  let tried: ReadonlySet<Session> = new Set();
  /** What was there when the target's state began to be fetched. */
  let begun: (Readonly<StateReceived> & Pick<StateProgress, "toBlock" | "sinceMs" | "filledBefore">) | undefined;
  let cancelRetry = (): void => {};

  /** Undefined when nothing is filled. */
  const filledNow = (): number | undefined => {
    const segments = adoption.isUnderway ? decodeSegments(adoption.progress()) : [];
    return segments.length === 0 ? undefined : filledPart(segments);
  };
  const progress = (): StateProgress | "headers" | undefined => {
    if (begun === undefined) return running === undefined ? undefined : "headers";
    const [now, filled] = [source.received, filledNow()];
    return {
      toBlock: begun.toBlock,
      sinceMs: begun.sinceMs,
      filledBefore: begun.filledBefore,
      pages: now.pages - begun.pages,
      bytes: now.usefulBytes - begun.usefulBytes,
      wastedBytes: now.wastedBytes - begun.wastedBytes,
      ...(filled === undefined ? {} : { filled }),
    };
  };
  const isFresh = (): boolean => engine.head().number === 0;
  /** Whether the head can move in no other way. */
  const takesOver = (): boolean => engine.isReplica || adoption.isUnderway || adoption.fork() !== undefined;
  const isThere = (): boolean =>
    !adoption.isUnderway &&
    !holding.isBehind &&
    adoption.fork() === undefined &&
    adoption.tip().hash === engine.head().hash;

  const bring = async (target: SealedHeader): Promise<void> => {
    const sinceMs = clock.now();
    // There is no other head to go on to before the fork's state is there.
    const check = async (): Promise<void> => {
      if (adoption.fork() === undefined) await choice.checkTime(target, sinceMs);
    };
    const watched = watchedSource(source, check);
    await createBringer({ adoption, holding, head: engine.head, source: watched, likely, seen })(target);
  };
  /** It is tried again after a while, or when somebody is there who was not. */
  const holdOff = (): void => {
    retry.fail();
    tried = new Set(peers.ready());
  };
  /** What becomes of a head that could not be taken over; whether another one is to be tried at once. */
  const leave = (target: SealedHeader, error: unknown): boolean => {
    if (isCodedError(error) && !OWN_TROUBLES.has(error.code) && adoption.fork() === undefined) {
      // A later head has come meanwhile, whose state there is.
      if (isCodedError(error, "PRUNED") && (choice.pick() !== undefined || adoption.tip().hash !== target.hash)) {
        return true;
      }
      choice.giveUp(target);
      if (choice.pick() !== undefined) return true;
    }
    holdOff();
    logger.warn("the state could not be taken over", { number: target.number, reason: String(error) });
    return false;
  };
  /** One move of the head; whether there is to be another one. */
  const round = async (): Promise<boolean> => {
    const fork = adoption.fork();
    const session = fork === undefined ? choice.pick() : undefined;
    if (session !== undefined) await choice.pullFrom(session);
    if (stopped || isThere()) return false;
    const target = fork ?? adoption.tip();
    if (choice.isGivenUp(target.hash)) {
      holdOff();
      return false;
    }
    begun = { toBlock: target.number, sinceMs: clock.now(), filledBefore: filledNow() ?? 0, ...source.received };
    try {
      const { added } = holding;
      await bring(target);
      holding.noteFetched(added);
      retry.reset();
      choice.noteGiven(target);
      logger.info("took over the state of a block", { number: target.number, hash: target.hash });
      return true;
    } catch (error) {
      return !stopped && leave(target, error);
    } finally {
      begun = undefined;
    }
  };
  const run = async (): Promise<void> => {
    while (!stopped && isWanted() && (await round())) onDone();
  };
  function kick(): void {
    if (stopped || running !== undefined || !isWanted()) return;
    hasOnlyReplicas();
    if (isThere() && choice.pick() === undefined) return;
    cancelRetry();
    const waitMs = retry.notBefore - clock.now();
    const isSomebodyNew = peers.ready().some((session) => !tried.has(session));
    if (waitMs > 0 && !isSomebodyNew) {
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
    if (takesOver()) return true;
    return (
      joins &&
      isFresh() &&
      engine.pool.pending === 0 &&
      peers.ready().some((session) => hasBetterChain(session, JOINED_AT_LEAST))
    );
  }

  return {
    isWanted,
    kick,
    progress,
    needsFullNode: () => takesOver() && hasOnlyReplicas(),
    settled: async () => running,
    async stop() {
      stopped = true;
      cancelRetry();
      await running;
    },
  };
}
