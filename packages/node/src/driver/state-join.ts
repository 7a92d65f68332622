/**
 * Takes the state of the best chain over from peers: once, for a node that joins and executes from then on, or again and
 * again, for a replica. An empty state is filled by ranges; then, and from one head to the next, the nodes are walked in
 * which the tries differ, until the root is the header's.
 */

import { equalBytes, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { encodeAccount } from "@counterpart/core/chain/account";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import type { Clock, Logger, Random } from "@counterpart/core/ports/runtime";
import { isBehind } from "@counterpart/core/sync/decisions";
import { CONTRACTS_MAX } from "@counterpart/core/sync/limits";
import type { TrieChange } from "@counterpart/core/trie/types";
import type { ProvenAccount } from "@counterpart/core/verify/state-proof";
import type { StatePortion } from "../engine/adoption.ts";
import type { Engine } from "../engine/types.ts";
import { noteFailure } from "./block-fetch.ts";
import { bestHeadOf } from "./block-pull.ts";
import { pullHeaders } from "./header-pull.ts";
import { chunks } from "./lanes.ts";
import { ACCOUNTS_AT_A_TIME, JOIN_BLOCKS_MIN, PORTION_BYTES_MAX, STEP_BYTES_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import { createStateCollector, type StateCollector } from "./state-collector.ts";
import { decodeSegments, encodeSegments, fillState, WHOLE_STATE } from "./state-fill.ts";
import { bringAccounts } from "./state-parts.ts";
import type { StateSource } from "./state-source.ts";
import { walkDifference } from "./state-walk.ts";
import { createRetry } from "./timing.ts";

export interface StateJoin {
  /** Whether this, and not the execution of blocks, is how the head has to move now. */
  isWanted(): boolean;
  /** Looks whether there is a better head to take over and does so until there is none. */
  kick(): void;
  /** Resolves when what is under way has ended. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export interface StateJoinDeps {
  readonly engine: Engine;
  readonly source: StateSource;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
  /** Whether a node that begins with the genesis takes a state over instead of executing every block. */
  readonly joins: boolean;
  /** Called when the head has moved, or could not be moved. */
  readonly onDone: () => void;
}

const NOTHING_LEFT = encodeSegments([]);

export function createStateJoin(deps: StateJoinDeps): StateJoin {
  const { engine, source, peers, clock, random, logger, joins, onDone } = deps;
  const { adoption, holding } = engine;
  const retry = createRetry(clock, random);
  let running: Promise<void> | undefined;
  let stopped = false;
  let cancelRetry = (): void => {};

  /** Gathers what differs of the contracts that a replica was told to hold. */
  const bringChosen = async (target: SealedHeader, into: StateCollector): Promise<void> => {
    holding.isBehind = false;
    for (const some of chunks(holding.chosen(), CONTRACTS_MAX)) {
      for (let rest = some; rest.length > 0; ) {
        const proven = await source.state(
          target,
          rest.map((address) => ({ address, slots: [] })),
        );
        await bringAccounts({ adoption, source, target, into }, proven.flatMap(changeOf));
        rest = rest.slice(proven.length);
      }
    }
  };
  /** What has to be written of an account that was proven; nothing when it is so already. */
  const changeOf = ({ address, account }: ProvenAccount): readonly TrieChange[] => {
    const key = keccak256(hexToBytes(address));
    const held = adoption.account(key);
    const [before, after] = [held && encodeAccount(held), account && encodeAccount(account)];
    if (before === after || (before !== undefined && after !== undefined && equalBytes(before, after))) return [];
    return [{ key, value: after ?? null }];
  };

  /** Gathers all in which the state that is held differs from the target's. */
  const bringDifference = async (target: SealedHeader, into: StateCollector): Promise<void> => {
    if (holding.role === "chosen") return bringChosen(target, into);
    for (let isWhole = false; !isWhole; ) {
      const walked = await walkDifference({ source, target, held: adoption.accountTrie(), root: target.stateRoot });
      isWhole = walked.isWhole;
      for (const some of chunks(walked.changes, ACCOUNTS_AT_A_TIME)) {
        await bringAccounts({ adoption, source, target, into }, some);
      }
      if (!isWhole) await into.flush();
    }
  };

  /** From one state to another in one write, so that readers see either. */
  const step = async (target: SealedHeader): Promise<void> => {
    const into = createStateCollector(STEP_BYTES_MAX);
    await bringDifference(target, into);
    await adoption.complete(target, into.take());
  };
  /** In many writes, the state being nobody's meanwhile. */
  const takeOver = async (target: SealedHeader): Promise<void> => {
    const segments = decodeSegments(adoption.progress());
    if (segments.length > 0) await fillState({ adoption, source, target }, segments);
    const write = (portion: StatePortion): Promise<void> => adoption.write(portion, NOTHING_LEFT);
    const into = createStateCollector(PORTION_BYTES_MAX, write);
    await bringDifference(target, into);
    await adoption.complete(target, into.take());
  };
  const bring = async (target: SealedHeader): Promise<void> => {
    if (!adoption.isUnderway && engine.head().number === 0) {
      await adoption.begin(true, holding.role === "chosen" ? NOTHING_LEFT : encodeSegments(WHOLE_STATE));
    }
    if (adoption.isUnderway) return takeOver(target);
    try {
      await step(target);
    } catch (error) {
      if (!isCodedError(error, "PAYLOAD_TOO_LARGE")) throw error;
      await adoption.begin(false, NOTHING_LEFT);
      await takeOver(target);
    }
  };

  const isAhead = (session: Session): boolean => {
    const best = bestHeadOf(session);
    return session.version?.role === "full" && best !== undefined && isBehind(adoption.tip(), best);
  };
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
  const isThere = (): boolean =>
    !adoption.isUnderway && !holding.isBehind && adoption.tip().hash === engine.head().hash;

  /** One move of the head; whether there is to be another one. */
  const round = async (): Promise<boolean> => {
    const session = pick();
    if (session !== undefined) await pullFrom(session);
    if (stopped || isThere()) return false;
    const target = adoption.tip();
    try {
      await bring(target);
      retry.reset();
      logger.info("took over the state of a block", { number: target.number, hash: target.hash });
      return true;
    } catch (error) {
      if (stopped) return false;
      holding.isBehind = holding.role === "chosen";
      // A later head has come meanwhile, whose state there is.
      if (isCodedError(error, "PRUNED") && pick() !== undefined) return true;
      retry.fail();
      logger.warn("the state could not be taken over", { number: target.number, reason: String(error) });
      return false;
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
    if (engine.isReplica || adoption.isUnderway) return true;
    const isFresh = joins && engine.head().number === 0;
    return isFresh && peers.ready().some((session) => (bestHeadOf(session)?.number ?? 0) >= JOIN_BLOCKS_MIN);
  }

  return {
    isWanted,
    kick,
    settled: async () => running,
    async stop() {
      stopped = true;
      cancelRetry();
      await running;
    },
  };
}
