/** What has become of transactions. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import { decodeBodyAt } from "@counterpart/core/chain/block";
import { decodeReceiptAt } from "@counterpart/core/chain/receipt";
import type { EngineCore } from "./core.ts";
import { contentOf, countUntried, oldestExecutable, overdue } from "./pool.ts";
import { readConflict } from "./pool-rows.ts";
import type { OwnTransactionStatus, PoolView } from "./types.ts";

function includedStatus(core: EngineCore, hash: Hex): OwnTransactionStatus | undefined {
  const location = core.chain.location(hash);
  if (location === undefined) return undefined;
  const { blockHash, index } = location;
  const key = hexToBytes(blockHash);
  const header = core.chain.header(blockHash);
  const [body, receipts] = [core.store.get("bodies", key), core.store.get("receipts", key)];
  assert(header !== undefined && body !== undefined && receipts !== undefined, "an included transaction is held");
  // One of what may be thousands.
  const transaction = decodeBodyAt(body, index, core.processor.chainId);
  const blockNumber = header.number;
  const confirmations = core.head.number - blockNumber + 1;
  const placed = decodeReceiptAt(receipts, index);
  return { status: "included", transaction, blockHash, blockNumber, index, ...placed, confirmations };
}

export function isKnown({ pool, chain, store, losers }: EngineCore, hash: Hex): boolean {
  return (
    pool.get(hash) !== undefined ||
    chain.location(hash) !== undefined ||
    losers.get(hash) !== undefined ||
    store.get("conflicts", hexToBytes(hash)) !== undefined
  );
}

export function transactionStatus(core: EngineCore, hash: Hex): OwnTransactionStatus | undefined {
  const included = includedStatus(core, hash);
  if (included !== undefined) return included;
  const pending = core.pool.get(hash);
  if (pending !== undefined) {
    const refused = pending.refusedAt === core.head.hash ? "INVALID_TRANSACTION" : undefined;
    const reason = core.pool.obstacle(pending, core.accounts) ?? refused;
    const { transaction, arrivedAtMs } = pending;
    return { status: "pending", transaction, arrivedAtMs, ...(reason === undefined ? {} : { reason }) };
  }
  const conflict = core.losers.get(hash) ?? readConflict(core.store, hash, core.processor.chainId);
  return conflict === undefined ? undefined : { status: "conflicted", ...conflict };
}

/** What `find` gives, found again only when pool or head are others: it is asked for with every look at every peer. */
export function whileUnchanged<T>({ pool, accounts }: Pick<EngineCore, "pool" | "accounts">, find: () => T): () => T {
  let found: { readonly pool: number; readonly accounts: number; readonly value: T } | undefined;
  return () => {
    if (found?.pool !== pool.version || found.accounts !== accounts.version) {
      found = { pool: pool.version, accounts: accounts.version, value: find() };
    }
    return found.value;
  };
}

export function poolView(core: EngineCore): PoolView {
  const { pool, accounts, clock } = core;
  const oldest = whileUnchanged(core, () => oldestExecutable(pool, accounts, core.head.hash));
  const untried = whileUnchanged(core, () => countUntried(pool, accounts, core.head.hash));
  return {
    get pending() {
      return pool.size;
    },
    nextNonce: (sender) => pool.nextNonce(sender, accounts.account(sender)?.nonce ?? 0n),
    senders: () => [...pool.senders()],
    contentOf: (sender) => contentOf(pool, accounts, sender),
    transactions: () => [...pool.all()].map(({ transaction }) => transaction),
    oldestExecutable: oldest,
    overdue: (waitedMs, limit) => overdue(pool, accounts, core.head.hash, { nowMs: clock.now(), waitedMs, limit }),
    get reinjecting() {
      return untried();
    },
  };
}
