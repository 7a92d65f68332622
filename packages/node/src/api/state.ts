/** Small reads of the engine that REST and JSON-RPC share. */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { AnyDecodedBlock } from "@counterpart/core/chain/any-block";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import type { Account } from "@counterpart/core/chain/types";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import type { ChainEngine, Snapshot, TransactionStatus } from "../engine/types.ts";

/** What the EVM sees where there is no account. */
export const EMPTY_ACCOUNT: Account = {
  nonce: 0n,
  balance: 0n,
  storageRoot: EMPTY_TRIE_ROOT,
  codeHash: EMPTY_CODE_HASH,
};

/** An account, or what the EVM sees where there is none. */
export const accountOf = (snapshot: Pick<Snapshot, "account">, address: Hex): Account =>
  snapshot.account(address) ?? EMPTY_ACCOUNT;

/** A header of the canonical chain. */
export function canonicalHeader(engine: ChainEngine, at: number | Hex): AnySealedHeader | undefined {
  const hash = typeof at === "number" ? engine.canonicalHash(at) : at;
  return hash !== undefined && engine.isCanonical(hash) ? engine.header(hash) : undefined;
}

/**
 * A block of the canonical chain, from peers where this node knows the header alone.
 * @throws CodedError `PRUNED` where it does, and the block is far below the head; `NOT_HELD` when no peer gives it
 */
export async function fetchedBlock(engine: ChainEngine, at: number | Hex): Promise<AnyDecodedBlock | undefined> {
  const header = canonicalHeader(engine, at);
  return header === undefined ? undefined : (engine.block(header.hash) ?? engine.fetchBlock(header));
}

/**
 * A block of the canonical chain that this node holds.
 * @throws CodedError `PRUNED` where only its header is known, as before the block whose state was taken over
 */
export function canonicalBlock(engine: ChainEngine, at: number | Hex): AnyDecodedBlock | undefined {
  const header = canonicalHeader(engine, at);
  if (header === undefined) return undefined;
  const block = engine.block(header.hash);
  if (block !== undefined) return block;
  throw new CodedError("PRUNED", `of block ${header.number} this node knows the header alone`, {
    block: header.number,
    executed_after: engine.adopted,
  });
}

/**
 * What became of a transaction; undefined when nothing is known of it.
 * @throws CodedError `NOT_HELD` by a replica, which cannot know
 */
export function transactionOf(engine: ChainEngine, hash: Hex): TransactionStatus | undefined {
  const status = engine.transaction(hash);
  if (status !== undefined || !engine.isReplica) return status;
  throw new CodedError("NOT_HELD", "a replica holds no transactions and no receipts: ask a full node", { hash });
}
