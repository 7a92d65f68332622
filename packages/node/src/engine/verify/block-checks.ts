/** What a stored block must be, on this node's own chain and on an imported one. */

import { decodeAnyBlock, decodeAnyBody, encodeAnyBlock, toAnyBlock } from "@counterpart/core/chain/any-block";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import { decodeAnyTransaction } from "@counterpart/core/chain/any-transaction";
import { decodeBody, transactionsRoot } from "@counterpart/core/chain/block";
import { decodeTakenTransaction, decodeTransaction } from "@counterpart/core/chain/transaction";
import type { AnyTransaction, SealedHeader } from "@counterpart/core/chain/types";
import { checkForeignHeader } from "@counterpart/core/consensus/foreign-headers";
import { createRulesOfBlocks } from "@counterpart/core/consensus/foreign-rules";
import type { ForkSchedule } from "@counterpart/core/consensus/fork-schedule";
import { checkHeader } from "@counterpart/core/consensus/poa";
import type { StoreReader } from "@counterpart/core/ports/store";
import { readTotalDifficulty } from "../imported.ts";
import { readDetached } from "../irregular.ts";
import { type ChainFacts, corrupt } from "./check.ts";

export type CheckedTransaction = Pick<AnyTransaction, "hash" | "raw" | "sender">;

/** Each throws a CodedError that says what is wrong. */
export interface BlockChecks {
  /** Whether the header may follow its parent; of the genesis there is none. Called in the order of the chain. */
  header(header: AnySealedHeader, parent: AnySealedHeader | undefined): void;
  /** The transactions of a stored body, which is the header's, each with its sender. */
  body(header: AnySealedHeader, row: Uint8Array): readonly CheckedTransaction[];
  /** What is stored of the chain as a whole. */
  end(rows: StoreReader): string | undefined;
}

function checkSenders(
  transactions: readonly CheckedTransaction[],
  decode: (raw: Uint8Array) => CheckedTransaction,
): void {
  const wrong = transactions.find(({ raw, sender }) => decode(raw).sender !== sender);
  if (wrong !== undefined) throw corrupt(`transaction ${wrong.hash} is kept with another sender`);
}

/** All fields are there. */
const isOwn = (header: AnySealedHeader): header is SealedHeader => header.requestsHash !== undefined;

function own(header: AnySealedHeader): SealedHeader {
  if (isOwn(header)) return header;
  throw corrupt("the header lacks fields");
}

/** A development node dates, prices and signs blocks as it is told; they are still one after the other. */
function checkLink(header: SealedHeader, parent: SealedHeader): void {
  if (header.parentHash === parent.hash && header.number === parent.number + 1) return;
  throw corrupt("the header does not follow its parent");
}

function ownChecks(chain: ChainFacts, isDetached: boolean): BlockChecks {
  return {
    header(header, parent) {
      const checked = own(header);
      if (parent === undefined) return;
      if (isDetached) checkLink(checked, own(parent));
      else checkHeader(checked, own(parent), chain);
    },
    body(header, row) {
      const transactions = decodeBody(row, chain.chainId);
      if (transactionsRoot(transactions) !== header.transactionsRoot) throw corrupt("the body is not the header's");
      const decode = isDetached ? decodeTakenTransaction : decodeTransaction;
      checkSenders(transactions, (raw) => decode(raw, chain.chainId));
      return transactions;
    },
    end: () => undefined,
  };
}

function importedChecks({ chainId }: ChainFacts, schedule: ForkSchedule): BlockChecks {
  const rulesOf = createRulesOfBlocks(schedule);
  let total = 0n;
  return {
    header(header, parent) {
      if (parent !== undefined) checkForeignHeader(header, parent, total, schedule);
      total += header.difficulty;
    },
    body(header, row) {
      const block = { header, ...decodeAnyBody(row) };
      decodeAnyBlock(encodeAnyBlock(toAnyBlock(block)));
      const { signing } = rulesOf(header);
      checkSenders(block.transactions, (raw) => decodeAnyTransaction(raw, chainId, signing));
      return block.transactions;
    },
    end(rows) {
      const stored = readTotalDifficulty(rows);
      return stored === total ? undefined : `the difficulties add up to ${total}, and ${stored} is stored`;
    },
  };
}

/** The chain of a store that development methods have changed is checked for what still holds. */
export const blockChecks = (rows: StoreReader, chain: ChainFacts): BlockChecks =>
  chain.schedule === undefined
    ? ownChecks(chain, readDetached(rows) !== undefined)
    : importedChecks(chain, chain.schedule);
