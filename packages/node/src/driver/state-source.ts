/**
 * Where state comes from that this node has not executed: from whichever peers hold it, each answer held against the
 * header of a block that is known to be good.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Block, SealedHeader } from "@counterpart/core/chain/types";
import type { Clock } from "@counterpart/core/ports/runtime";
import { BLOBS_MAX } from "@counterpart/core/sync/limits";
import type { RequestType } from "@counterpart/core/sync/message-types";
import type { ContractOrigin, WantedState, WantedStorage } from "@counterpart/core/sync/message-types-state";
import type { WantedNode } from "@counterpart/core/trie/difference";
import type { NibblePath } from "@counterpart/core/trie/types";
import type { ProvenNode, ProvenStorage, TrustedHeader } from "@counterpart/core/verify/peer-answers";
import type { ProvenAccount, ProvenAccounts } from "@counterpart/core/verify/state-proof";
import type { AnswerShares } from "./answer-shares.ts";
import type { DriverMetrics } from "./driver-metrics.ts";
import { FAILURE_COST } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import {
  type Attempts,
  createStateExchange,
  noAttempts,
  noteAttempt,
  type StateQuery,
  type StateReceived,
} from "./state-exchange.ts";
import { createToldOrigins, type ToldOrigins } from "./state-origins.ts";
import { createStatePeers } from "./state-peers.ts";
import {
  accountsQuery,
  blockQuery,
  codesQuery,
  expectedNodesQuery,
  nodesQuery,
  originsQuery,
  stateQuery,
  storagesQuery,
} from "./state-queries.ts";

/**
 * State of recent blocks, proven. Several requests at once go to several peers. An answer may give less than was asked
 * for, from the end on, at least one item; an answer that does not hold is never seen here: somebody else is asked, and
 * while there is nobody, the promise waits.
 *
 * All of them reject with CodedError `NOT_READY` when the node stops, `RATE_LIMITED` when too many wait, and `PRUNED`
 * when no peer has the state any more or gives it after several tries, so that the caller goes on with another block.
 * Who asks about the same block again waits a while before.
 */
export interface StateSource {
  /** Whether a peer is connected that may be asked. */
  hasPeers(): boolean;
  /** All accounts from `start` (32 bytes) to the last that the answer gives. */
  accounts(block: TrustedHeader, start: Uint8Array): Promise<ProvenAccounts>;
  /**
   * Slots of storages, of the first one from `start` (32 bytes) on; all but the last one of the answer are whole.
   * @param wanted roots as accounts that are proven at `block` have them
   */
  storages(
    block: TrustedHeader,
    wanted: readonly WantedStorage[],
    start: Uint8Array,
  ): Promise<readonly ProvenStorage[]>;
  /**
   * Nodes of one trie.
   * @param account keccak(address) of the account whose storage trie is meant; without it, the account trie
   */
  nodes(block: TrustedHeader, account: Hex | undefined, wanted: readonly WantedNode[]): Promise<readonly ProvenNode[]>;
  /**
   * Nodes of one trie at paths where it may have them, in one answer: what it does not give is asked for otherwise.
   * @param root of the trie
   * @param paths none before another one that leads to it
   */
  expectedNodes(
    block: TrustedHeader,
    account: Hex | undefined,
    root: Hex,
    paths: readonly NibblePath[],
  ): Promise<ReadonlyMap<NibblePath, ProvenNode>>;
  /** Accounts and slots by name; of the last account of the answer perhaps only its first slots. */
  state(block: TrustedHeader, wanted: readonly WantedState[]): Promise<readonly ProvenAccount[]>;
  /** Codes by their hashes, at least one of those asked for, none that was not. Held by any block or by none. */
  codes(hashes: readonly Hex[]): Promise<ReadonlyMap<Hex, Uint8Array>>;
  /** The block of a header, with the transactions that it commits to. */
  block(header: SealedHeader): Promise<Block>;
  /**
   * Where contracts come from, by keccak(address); those that no peer could name are missing.
   * @param passed peers that are not asked; those that have answered about all that nobody else knew are added
   */
  origins(accounts: readonly Hex[], passed?: Set<Session>): Promise<ReadonlyMap<Hex, ContractOrigin>>;
}

/** A source, and what it has to be told. */
export interface StateService extends StateSource {
  readonly received: Readonly<StateReceived>;
  /** Something has changed about peers: there may be somebody to ask. */
  kick(): void;
  /** Rejects what waits. What a peer is being asked ends with its link. */
  stop(): void;
}

export interface StateSourceDeps {
  readonly peers: Pick<Peers, "executing" | "penalise">;
  readonly clock: Clock;
  readonly metrics: DriverMetrics;
  readonly shares: AnswerShares;
  readonly chainId: number;
}

/** Peers are asked two requests each at the most, so that what they serve leaves room for blocks. */
export function createStateSource(deps: StateSourceDeps): StateService {
  const pool = createStatePeers(deps);
  const received: StateReceived = { pages: 0, usefulBytes: 0, wastedBytes: 0 };
  const exchange = createStateExchange({ ...deps, received });
  /** Codes that are being asked for, so that nobody asks for them twice. */
  const underWay = new Map<Hex, Promise<ReadonlyMap<Hex, Uint8Array>>>();

  /** Asks one peer after another until one has answered. */
  const ask = async <T extends RequestType, R>(query: StateQuery<T, R>): Promise<R> => {
    const attempts = noAttempts();
    const { passed } = attempts;
    for (;;) {
      const session = await pool.take({ block: query.block, passed, isPatient: true });
      if (session === undefined) {
        const details = { block: query.block?.hash };
        throw new CodedError("PRUNED", "no peer gives the state of the block", details);
      }
      try {
        const taken = await exchange(session, query, attempts);
        if (taken !== undefined) return taken;
      } finally {
        pool.release(session);
      }
    }
  };

  const fetchCodes = async (hashes: readonly Hex[]): Promise<ReadonlyMap<Hex, Uint8Array>> => {
    const fetched = ask(codesQuery(hashes));
    for (const hash of hashes) underWay.set(hash, fetched);
    try {
      return await fetched;
    } finally {
      for (const hash of hashes) underWay.delete(hash);
    }
  };
  const codes = async (hashes: readonly Hex[]): Promise<ReadonlyMap<Hex, Uint8Array>> => {
    const wanted = new Set(hashes);
    for (;;) {
      const fresh = [...wanted].filter((hash) => !underWay.has(hash)).slice(0, BLOBS_MAX);
      if (fresh.length > 0) return fetchCodes(fresh);
      const [joined] = wanted;
      const others = joined === undefined ? undefined : underWay.get(joined);
      const found = [...((await others) ?? [])].filter(([hash]) => wanted.has(hash));
      // What the others asked for and did not get is nobody's any more.
      if (found.length > 0 || wanted.size === 0) return new Map(found);
    }
  };

  /** Asks a peer about all of `accounts`, over as many answers as it takes. Whether it has answered about all. */
  const askOrigins = async (session: Session, accounts: readonly Hex[], told: ToldOrigins): Promise<boolean> => {
    for (let rest = accounts; rest.length > 0; ) {
      const entries = await exchange(session, originsQuery(rest), noAttempts());
      if (entries === undefined) return false;
      for (const [index, origin] of entries.entries()) {
        if (origin !== undefined) told.note(rest[index] as Hex, session, origin);
      }
      rest = rest.slice(entries.length);
    }
    return true;
  };
  const origins = async (
    accounts: readonly Hex[],
    passed = new Set<Session>(),
  ): Promise<ReadonlyMap<Hex, ContractOrigin>> => {
    const told = createToldOrigins();
    // Without them the state is as whole: nobody is waited for who keeps failing with them.
    const attempts: Attempts = { passed: new Set(passed), failures: new Map() };
    for (let left = accounts; left.length > 0; left = left.filter(told.isOpen)) {
      const session = await pool.take({ block: undefined, passed: attempts.passed, isPatient: false });
      if (session === undefined) break;
      try {
        if (await askOrigins(session, left, told)) {
          passed.add(session);
          attempts.passed.add(session);
        } else noteAttempt(attempts, session, FAILURE_COST);
      } finally {
        pool.release(session);
      }
    }
    return told.chosen();
  };

  return {
    hasPeers: pool.hasAny,
    block: (header) => ask(blockQuery(header, deps.chainId)),
    accounts: (block, start) => ask(accountsQuery(block, start)),
    storages: async (block, wanted, start) => (wanted.length === 0 ? [] : ask(storagesQuery(block, wanted, start))),
    nodes: async (block, account, wanted) => (wanted.length === 0 ? [] : ask(nodesQuery(block, account, wanted))),
    expectedNodes: (block, account, root, paths) => ask(expectedNodesQuery(block, account, root, paths)),
    state: async (block, wanted) => (wanted.length === 0 ? [] : ask(stateQuery(block, wanted))),
    codes,
    origins,
    received,
    kick: pool.kick,
    stop: pool.stop,
  };
}
