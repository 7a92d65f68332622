/**
 * Pending transactions, in memory; every change comes with the rows that make it durable. One transaction a sender and
 * nonce. What was accepted of callers is never dropped to make room: a full pool refuses new ones. The only ways out are
 * being included and losing the nonce to another transaction. What peers sent makes room where it cannot be included as
 * things are: whoever sent it first keeps it, and offers it again when it can.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { CodedError } from "@counterpart/core/base/errors";
import type { Transaction } from "@counterpart/core/chain/types";
import type { StateReader } from "@counterpart/core/execution/types";
import type { StoreWrite } from "@counterpart/core/ports/store";
import type { PoolContent, TransactionOrigin } from "./types.ts";

export interface PoolLimits {
  readonly transactionsMax: number;
  readonly bytesMax: number;
  /** Transactions from peers may take this share, so that callers of this node always find room. */
  readonly peerShare: number;
  readonly senderMax: number;
  /** How far a nonce may be ahead of the sender's next one. */
  readonly nonceGapMax: number;
}

export const POOL_LIMITS: PoolLimits = {
  transactionsMax: 65_536,
  bytesMax: 128 * 1024 * 1024,
  peerShare: 0.5,
  senderMax: 4_096,
  nonceGapMax: 1_024,
};

export interface Pending {
  readonly transaction: Transaction;
  readonly origin: TransactionOrigin;
  readonly arrivedAtMs: number;
  /** Order of arrival. */
  readonly sequence: number;
  /** Id of the peer that sent it; unknown after a restart. */
  readonly peerId?: string;
  /** Rows that become durable with it; absent once they are. */
  companions?: readonly StoreWrite[];
  /** The head on which the executor refused it: it is not offered again before the head moves. */
  refusedAt?: Hex;
  /**
   * Whether it is kept for good when it loses its nonce, and never makes room: all are but those of peers, and those too
   * when a caller handed them in as well or they took the place of one that is.
   */
  isKept: boolean;
}

type Accounts = Pick<StateReader, "account">;

export interface Pool {
  readonly size: number;
  /** Rises with every change of what a block could hold, but for those of the head. */
  readonly version: number;
  /** Re-injected transactions for which no block was built yet, with a chance for them. */
  readonly untried: ReadonlySet<Hex>;
  get(hash: Hex): Pending | undefined;
  /** The pending transaction of a sender with this nonce. */
  at(sender: Hex, nonce: bigint): Pending | undefined;
  all(): Iterable<Pending>;
  senders(): Iterable<Hex>;
  /** Pending transactions of one sender by nonce. */
  of(sender: Hex): readonly Pending[];
  /**
   * Whether a new transaction may come in.
   * @returns the pending one that it replaces
   * @throws CodedError with the reason
   */
  check(
    transaction: Transaction,
    origin: TransactionOrigin,
    state: Accounts,
    blockGasLimit: number,
    peerId?: string,
  ): Pending | undefined;
  /** Puts a transaction in its place without any check. What was there is gone. */
  add(transaction: Transaction, origin: TransactionOrigin, arrivedAtMs: number, peerId?: string): Pending;
  remove(hash: Hex): Pending | undefined;
  noteTried(hashes: readonly Hex[]): void;
  /** First nonce that no included or consecutive pending transaction has. */
  nextNonce(sender: Hex, accountNonce: bigint): bigint;
  /** Why a pending transaction cannot be in the next block; undefined when it can. */
  obstacle(pending: Pending, state: Accounts): ErrorCode | undefined;
}

const costOf = (transaction: Transaction): bigint =>
  transaction.gasLimit * transaction.maxFeePerGas + transaction.value;

function atLeastTenPercentMore(next: bigint, previous: bigint): boolean {
  return next >= previous + 1n && next * 10n >= previous * 11n;
}

function checkReplacement(next: Transaction, previous: Transaction): void {
  const enough =
    atLeastTenPercentMore(next.maxPriorityFeePerGas, previous.maxPriorityFeePerGas) &&
    next.maxFeePerGas >= previous.maxFeePerGas;
  if (!enough) {
    throw new CodedError("UNDERPRICED", "a pending transaction has this nonce: raise the tip by 10 %, at least 1 wei", {
      pending: previous.hash,
    });
  }
}

function checkAgainstState(transaction: Transaction, state: Accounts, nonceMax: bigint): void {
  const account = state.account(transaction.sender);
  const nonce = account?.nonce ?? 0n;
  if (transaction.nonce < nonce) {
    throw new CodedError("NONCE_TOO_LOW", `nonce too low: next nonce ${nonce}, tx nonce ${transaction.nonce}`, {
      next_nonce: nonce.toString(),
    });
  }
  if (transaction.nonce > nonceMax) {
    throw new CodedError("NONCE_TOO_HIGH", `nonce ${transaction.nonce} is too far ahead: the next one is ${nonce}`, {
      next_nonce: nonce.toString(),
    });
  }
  const [balance, cost] = [account?.balance ?? 0n, costOf(transaction)];
  if (balance < cost) {
    const sums = `balance ${balance}, tx cost ${cost}, overshot ${cost - balance}`;
    throw new CodedError("INSUFFICIENT_FUNDS", `insufficient funds for gas * price + value: ${sums}`, {
      balance: balance.toString(),
      cost: cost.toString(),
    });
  }
}

interface Use {
  count: number;
  bytes: number;
}

export function createPool(limits: PoolLimits): Pool {
  const byHash = new Map<Hex, Pending>();
  const bySender = new Map<Hex, Map<bigint, Pending>>();
  const untried = new Set<Hex>();
  const use = { all: { count: 0, bytes: 0 }, fromPeers: { count: 0, bytes: 0 }, sequence: 0, version: 0 };
  const byPeer = new Map<string, Use>();
  const useOf = (peerId: string | undefined): Use =>
    (peerId === undefined ? undefined : byPeer.get(peerId)) ?? { count: 0, bytes: 0 };
  const account = ({ transaction, origin, peerId }: Pending, sign: 1 | -1): void => {
    const mine = useOf(peerId);
    for (const part of origin === "peer" ? [use.all, use.fromPeers, mine] : [use.all]) {
      part.count += sign;
      part.bytes += sign * transaction.raw.length;
    }
    if (peerId === undefined) return;
    if (mine.count > 0) byPeer.set(peerId, mine);
    else byPeer.delete(peerId);
  };
  /** A peer has at most as much as it leaves of the peers' share, so that there is always room for the next one. */
  const checkPeerRoom = (bytes: number, peerId: string): void => {
    const mine = useOf(peerId);
    const countLeft = limits.transactionsMax * limits.peerShare - use.fromPeers.count;
    const bytesLeft = limits.bytesMax * limits.peerShare - use.fromPeers.bytes;
    if (mine.count < countLeft && mine.bytes + bytes <= bytesLeft - bytes) return;
    throw new CodedError("POOL_PEER_QUOTA", "the peer's transactions leave too little room for those of others");
  };

  const drop = (pending: Pending): void => {
    const { hash, sender, nonce } = pending.transaction;
    use.version++;
    byHash.delete(hash);
    untried.delete(hash);
    const mine = bySender.get(sender);
    mine?.delete(nonce);
    if (mine?.size === 0) bySender.delete(sender);
    account(pending, -1);
  };
  const checkRoom = ({ raw }: Transaction, origin: TransactionOrigin, peerId: string | undefined): void => {
    const exceeds = ({ count, bytes }: Use, share: number): boolean =>
      count >= limits.transactionsMax * share || bytes + raw.length > limits.bytesMax * share;
    if (exceeds(use.all, 1) || (origin === "peer" && exceeds(use.fromPeers, limits.peerShare)))
      throw new CodedError("POOL_FULL", "the transaction pool is full: try again later");
    if (origin === "peer" && peerId !== undefined) checkPeerRoom(raw.length, peerId);
  };
  const checkReplacementRoom = (previous: Pending, ...next: Parameters<typeof checkRoom>): void => {
    // What it replaces is gone by then.
    account(previous, -1);
    try {
      checkRoom(...next);
    } finally {
      account(previous, 1);
    }
  };
  const checkSender = (sender: Hex): void => {
    if ((bySender.get(sender)?.size ?? 0) < limits.senderMax) return;
    throw new CodedError("POOL_SENDER_QUOTA", `the sender has ${limits.senderMax} pending transactions`);
  };
  const nextNonce = (sender: Hex, accountNonce: bigint): bigint => {
    const mine = bySender.get(sender);
    let nonce = accountNonce;
    while (mine?.has(nonce) === true) nonce++;
    return nonce;
  };

  return {
    get size() {
      return byHash.size;
    },
    get version() {
      return use.version;
    },
    get: (hash) => byHash.get(hash),
    at: (sender, nonce) => bySender.get(sender)?.get(nonce),
    all: () => byHash.values(),
    senders: () => bySender.keys(),
    of: (sender) =>
      [...(bySender.get(sender)?.values() ?? [])].sort((a, b) => (a.transaction.nonce < b.transaction.nonce ? -1 : 1)),
    check(transaction, origin, state, blockGasLimit, peerId) {
      if (transaction.gasLimit > BigInt(blockGasLimit)) {
        throw new CodedError(
          "GAS_LIMIT_EXCEEDED",
          `exceeds block gas limit: ${transaction.gasLimit} is above ${blockGasLimit}`,
        );
      }
      const next = nextNonce(transaction.sender, state.account(transaction.sender)?.nonce ?? 0n);
      checkAgainstState(transaction, state, next + BigInt(limits.nonceGapMax));
      const previous = bySender.get(transaction.sender)?.get(transaction.nonce);
      if (previous === undefined) {
        checkRoom(transaction, origin, peerId);
        checkSender(transaction.sender);
      } else {
        checkReplacement(transaction, previous.transaction);
        checkReplacementRoom(previous, transaction, origin, peerId);
      }
      return previous;
    },
    add(transaction, origin, arrivedAtMs, peerId) {
      const mine = bySender.get(transaction.sender) ?? new Map<bigint, Pending>();
      const previous = mine.get(transaction.nonce);
      if (previous !== undefined) drop(previous);
      const isKept = origin !== "peer" || previous?.isKept === true;
      const from = origin === "peer" && peerId !== undefined ? { peerId } : {};
      const pending: Pending = { transaction, origin, arrivedAtMs, sequence: use.sequence++, isKept, ...from };
      use.version++;
      if (origin === "reinjected") untried.add(transaction.hash);
      bySender.set(transaction.sender, mine);
      mine.set(transaction.nonce, pending);
      byHash.set(transaction.hash, pending);
      account(pending, 1);
      return pending;
    },
    remove(hash) {
      const pending = byHash.get(hash);
      if (pending !== undefined) drop(pending);
      return pending;
    },
    untried,
    noteTried(hashes) {
      use.version++;
      for (const hash of hashes) untried.delete(hash);
    },
    nextNonce,
    obstacle({ transaction }, state) {
      const { nonce = 0n, balance = 0n } = state.account(transaction.sender) ?? {};
      const mine = bySender.get(transaction.sender);
      for (let at = nonce; at <= transaction.nonce; at++) {
        const before = mine?.get(at)?.transaction;
        if (before === undefined) return "NONCE_TOO_HIGH";
        if (balance < costOf(before)) return "INSUFFICIENT_FUNDS";
      }
      return undefined;
    },
  };
}

/** What a sender has in the pool: what a block could hold now, and what waits behind a gap or for funds. */
export function contentOf(pool: Pool, state: Accounts, sender: Hex): PoolContent {
  const { nonce = 0n, balance = 0n } = state.account(sender) ?? {};
  const all = pool.of(sender).map(({ transaction }) => transaction);
  const ready = all.findIndex((each, at) => each.nonce !== nonce + BigInt(at) || balance < costOf(each));
  return ready < 0 ? { pending: all, queued: [] } : { pending: all.slice(0, ready), queued: all.slice(ready) };
}

/** What a block on `head` could hold of some senders, each sender's in order of nonce. */
function* executable(pool: Pool, state: Accounts, head: Hex, senders: Iterable<Hex>): Iterable<Pending> {
  for (const sender of senders) {
    const { nonce = 0n, balance = 0n } = state.account(sender) ?? {};
    for (let at = nonce; ; at++) {
      const pending = pool.at(sender, at);
      // What comes after one that cannot be included cannot be included either.
      if (pending === undefined || pending.refusedAt === head || balance < costOf(pending.transaction)) break;
      yield pending;
    }
  }
}

/** What came from peers and no block on `head` could hold, in order of arrival, at most `limit`. */
export function stuckFromPeers(pool: Pool, state: Accounts, head: Hex, limit: number): readonly Pending[] {
  const readyOf = new Map<Hex, ReadonlySet<Pending>>();
  const stuck: Pending[] = [];
  for (const pending of pool.all()) {
    if (pending.isKept) continue;
    const { sender } = pending.transaction;
    const ready = readyOf.get(sender) ?? new Set(executable(pool, state, head, [sender]));
    readyOf.set(sender, ready);
    if (!ready.has(pending)) stuck.push(pending);
    if (stuck.length === limit) break;
  }
  return stuck;
}

/** The first transaction of each sender that a block on `head` could hold. */
export function* firstExecutable(pool: Pool, state: Accounts, head: Hex): Iterable<Pending> {
  for (const sender of pool.senders()) {
    for (const pending of executable(pool, state, head, [sender])) {
      yield pending;
      break;
    }
  }
}

/** When the oldest transactions that a block on `head` could hold arrived. */
export function oldestExecutable(pool: Pool, state: Accounts, head: Hex): { own?: number; fromPeer?: number } {
  const oldest: { own?: number; fromPeer?: number } = {};
  for (const { origin, arrivedAtMs } of executable(pool, state, head, pool.senders())) {
    const kind = origin === "peer" ? "fromPeer" : "own";
    oldest[kind] = Math.min(oldest[kind] ?? arrivedAtMs, arrivedAtMs);
  }
  return oldest;
}

/** What a block on `head` could hold of what has waited for so long, at most `limit`. */
export function overdue(
  pool: Pool,
  state: Accounts,
  head: Hex,
  { nowMs, waitedMs, limit }: { readonly nowMs: number; readonly waitedMs: number; readonly limit: number },
): readonly Transaction[] {
  const found: Transaction[] = [];
  for (const { transaction, arrivedAtMs } of executable(pool, state, head, pool.senders())) {
    // What came in the future came before the clock was set back.
    if (arrivedAtMs <= nowMs && nowMs - arrivedAtMs < waitedMs) continue;
    found.push(transaction);
    if (found.length === limit) break;
  }
  return found;
}

/** How many untried transactions a block on `head` could hold. The others wait for something else than being tried. */
export function countUntried(pool: Pool, state: Accounts, head: Hex): number {
  const senders = new Set([...pool.untried].flatMap((hash) => pool.get(hash)?.transaction.sender ?? []));
  let count = 0;
  for (const { transaction } of executable(pool, state, head, senders)) {
    if (pool.untried.has(transaction.hash)) count++;
  }
  return count;
}
