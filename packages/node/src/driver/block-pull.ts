/**
 * Fetches the chain of whoever has the best head, one peer at a time: common block by locator, headers in pages, bodies
 * in batches: while one is executed and written, the next is downloaded and its senders are recovered in other threads.
 * A peer that does not deliver is set back for a while and the next best one is taken, so that nobody's silence stops
 * the node. While a peer makes one wait for an answer, the next best one is asked as well: the silent may be lying, or
 * only slow.
 */

import { type Hex, isHex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Block, SealedHeader } from "@counterpart/core/chain/types";
import type { Tip } from "@counterpart/core/consensus/poa";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { RecoverSenders } from "@counterpart/core/ports/senders";
import { betterHead, isBehind } from "@counterpart/core/sync/decisions";
import { locatorNumbers } from "@counterpart/core/sync/locator";
import type { BlockRef } from "@counterpart/core/sync/message-types";
import type { Engine } from "../engine/types.ts";
import { fetchBlocks, fetchHeaders, noteFailure, stallLevel } from "./block-fetch.ts";
import type { Importer } from "./importer.ts";
import { PULL_PEERS_MAX, PULL_TURN_MS } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import type { SyncProgress } from "./types.ts";

export interface BlockPull {
  /** Looks whether any peer is ahead and fetches until none is. Cheap when there is nothing to do. */
  kick(): void;
  progress(): SyncProgress | undefined;
  stop(): Promise<void>;
}

export interface BlockPullDeps {
  readonly engine: Engine;
  readonly peers: Peers;
  readonly importer: Importer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recoverSenders?: RecoverSenders;
  /** Called after work with a peer ended, whatever came of it. */
  readonly onDone: (session: Session) => void;
}

/** The best head that a peer is known to have. */
export function bestHeadOf({ status, announced }: Session): BlockRef | undefined {
  if (status === undefined || announced === undefined) return status?.head;
  return betterHead(status.head, announced);
}

/** Whether the peer says that it has a better chain than that with `tip`. A replica has headers, and no blocks. */
export function hasBetterChain(session: Session, tip: Tip): boolean {
  const best = bestHeadOf(session);
  return session.version?.role === "full" && best !== undefined && isBehind(tip, best);
}

/** Who delivers fastest, of equally fast ones who has more: a claimed height alone keeps nobody's turn. */
function isPreferred(a: Session, b: Session): boolean {
  if (a.blockRate !== b.blockRate) return a.blockRate > b.blockRate;
  const [mine, others] = [bestHeadOf(a), bestHeadOf(b)];
  return mine !== undefined && others !== undefined && isBehind(others, mine);
}

/** Hashes of a chain by which a peer finds the block that it shares. */
const locatorOf = (engine: Engine): readonly Hex[] =>
  locatorNumbers(engine.head().number)
    .map((number) => engine.header(number)?.hash)
    .filter((hash) => isHex(hash));

/**
 * Whether the branch that begins with `first` can be merged.
 * @throws CodedError `MERGE_BELOW_HISTORY`
 */
function requireMergeable({ mergeDepthMax, head }: Engine, first: Tip): void {
  const depth = head().number - (first.number - 1);
  if (depth <= mergeDepthMax) return;
  throw new CodedError(
    "MERGE_BELOW_HISTORY",
    `the peer's better chain parts from this node's ${depth} blocks below the head, and at most ${mergeDepthMax} can be ` +
      "merged: to follow it, move this node's database away and start it again",
  );
}

/**
 * What imports the blocks of `headers`, and gives how many it came to in this turn; undefined when not all of them became
 * ours.
 */
function createBodyTaker({ engine, peers, importer, clock, recoverSenders }: BlockPullDeps, isStopped: () => boolean) {
  return async (
    session: Session,
    headers: readonly SealedHeader[],
    endMs: number,
    onSilent: () => void,
  ): Promise<number | undefined> => {
    const fetchDeps = { peers, clock, chainId: engine.chainId, recoverSenders, onSilent };
    let at = 0;
    for (
      let next: Promise<readonly Block[]> | undefined = fetchBlocks(session, headers, fetchDeps);
      next !== undefined;
    ) {
      const blocks: readonly Block[] = await next;
      at += blocks.length;
      const isOver = at >= headers.length || isStopped() || clock.now() >= endMs;
      next = isOver ? undefined : fetchBlocks(session, headers.slice(at), fetchDeps);
      // Awaited above in the next round, unless this import ends the loop.
      next?.catch(() => {});
      const { invalid, orphans } = await importer.run(session, blocks);
      const early = invalid.find(({ code }) => code === "FUTURE_BLOCK");
      if (early !== undefined) throw new CodedError("FUTURE_BLOCK", early.message);
      if (invalid.length > 0 || orphans.length > 0 || isStopped()) return undefined;
    }
    return at;
  };
}

export function createBlockPull(deps: BlockPullDeps): BlockPull {
  const { engine, peers, importer, clock, logger, onDone } = deps;
  let running: Promise<void> | undefined;
  /** Peers that are being fetched from. */
  const asked = new Map<Session, Promise<void>>();
  /** Those of them that have shown headers. */
  const showing = new Set<Session>();
  let stopped = false;
  let progress: SyncProgress | undefined;
  let cancelRetry = (): void => {};

  const isAhead = (session: Session): boolean => hasBetterChain(session, engine.head());

  const takeBodies = createBodyTaker(deps, () => stopped);

  const noteProgress = (session: Session, last: SealedHeader | undefined): void => {
    const toBlock = Math.max(bestHeadOf(session)?.number ?? 0, last?.number ?? 0);
    const { fromBlock = engine.head().number, sinceMs = clock.now() } = progress ?? {};
    progress = { fromBlock, toBlock, sinceMs };
    showing.add(session);
  };

  /** Whether at least one block of this peer's became known; where its chain ends in this turn, one of this node's chain. */
  const pullFrom = async (session: Session, onSilent: () => void): Promise<boolean> => {
    let delivered = false;
    const { blocksJoined } = session;
    let start = locatorOf(engine);
    const endMs = clock.now() + PULL_TURN_MS;
    while (!stopped && clock.now() < endMs && session.closing === undefined && isAhead(session)) {
      const headers = await fetchHeaders(session, start, onSilent);
      const last = headers.at(-1);
      const unknown = headers.filter(({ hash }) => engine.header(hash) === undefined);
      const [first] = unknown;
      if (first !== undefined) {
        requireMergeable(engine, first);
        noteProgress(session, last);
        const taken = await takeBodies(session, unknown, endMs, onSilent);
        if (taken === undefined) return false;
        delivered = true;
        if (taken < unknown.length) break;
      }
      // One header alone is the end of the peer's chain.
      if (last === undefined || headers.length < 2) return session.blocksJoined > blocksJoined;
      start = [last.hash];
    }
    return delivered;
  };

  const attempt = async (session: Session, onSilent: () => void): Promise<void> => {
    const [startMs, startBlocks] = [clock.now(), session.blocksJoined];
    session.busy++;
    try {
      const delivered = await pullFrom(session, onSilent);
      if (delivered || !isAhead(session)) session.blockRetry.reset();
      else throw new CodedError("PEER_ERROR", "the peer did not deliver the chain that it announced");
    } catch (error) {
      session.announced = undefined;
      showing.delete(session);
      if (showing.size === 0) progress = undefined;
      session.blockRetry.fail();
      noteFailure(peers, session, error);
      const level = stallLevel(error, session.blockRetry);
      if (!stopped) logger[level]("block sync stalled", { peer: session.peerId, reason: String(error) });
    } finally {
      session.busy--;
      session.blockRate = (session.blocksJoined - startBlocks) / Math.max(1, clock.now() - startMs);
    }
    onDone(session);
  };

  const candidates = (): readonly Session[] =>
    peers.ready().filter((session) => {
      const best = bestHeadOf(session);
      return !asked.has(session) && isAhead(session) && best !== undefined && importer.wants(session, best.hash);
    });
  const pick = (): Session | undefined => {
    if (asked.size >= PULL_PEERS_MAX) return undefined;
    let chosen: Session | undefined;
    for (const session of candidates()) {
      if (session.blockRetry.notBefore > clock.now()) continue;
      if (chosen === undefined || isPreferred(session, chosen)) chosen = session;
    }
    return chosen;
  };
  const settle = (): void => {
    if (running === undefined && showing.size === 0) progress = undefined;
  };
  /** Resolves when the peer's turn is over: with its attempt, or when it keeps silent, which may end later. */
  const turn = (session: Session): Promise<void> =>
    new Promise((resolve) => {
      const work = attempt(session, resolve).finally(() => {
        asked.delete(session);
        showing.delete(session);
        resolve();
        settle();
        kick();
      });
      asked.set(session, work);
    });
  const run = async (): Promise<void> => {
    for (let session = pick(); session !== undefined && !stopped; session = pick()) await turn(session);
  };
  const retryLater = (): void => {
    cancelRetry();
    const times = candidates().map(({ blockRetry }) => blockRetry.notBefore);
    // Whoever is done with makes room for another.
    if (stopped || times.length === 0 || asked.size >= PULL_PEERS_MAX) return;
    cancelRetry = clock.setTimer(Math.max(1, Math.min(...times) - clock.now()), kick);
  };
  function kick(): void {
    if (stopped || running !== undefined) return;
    if (pick() === undefined) {
      retryLater();
      return;
    }
    running = run().finally(() => {
      running = undefined;
      settle();
      retryLater();
    });
  }

  return {
    kick,
    progress: () => progress,
    async stop() {
      stopped = true;
      cancelRetry();
      await running;
      await Promise.all(asked.values());
    },
  };
}
