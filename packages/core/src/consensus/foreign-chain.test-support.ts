/** A chain of any forks that is sealed as it grows, with a state in memory: what an importer is given. */

import { bytesToBigInt, concatBytes, type Hex } from "../base/bytes.ts";
import { type AnyBlock, encodeAnyBlock, type Withdrawal } from "../chain/any-block.ts";
import {
  type AnyHeader,
  type AnySealedHeader,
  decodeAnyHeader,
  encodeAnyHeader,
  gasLimitOf,
} from "../chain/any-header.ts";
import { genesisAlloc } from "../chain/genesis.ts";
import { EMPTY_OMMERS_HASH, ZERO_HASH } from "../chain/header.ts";
import { logsBloom, receiptsRoot } from "../chain/receipt.ts";
import { signingHash } from "../chain/transaction.ts";
import { type AnyUnsignedTransaction, encodeFields } from "../chain/transaction-fields.ts";
import { decodeRlp, encodeRlp, rlpBigInt } from "../codec/rlp.ts";
import { keccak256Hex, signDigest } from "../crypto/crypto.ts";
import { isAtLeast } from "../execution/fork.ts";
import { createMemoryState } from "../execution/memory-state.test-support.ts";
import { EMPTY_TRIE_ROOT, orderedTrieRoot } from "../trie/ordered.ts";
import { difficultyOf } from "./difficulty.ts";
import { nextBaseFee, nextExcessBlobGas } from "./fees.ts";
import {
  decodeInPlace,
  executeForeignBlock,
  type ForeignDeps,
  type ForeignParent,
  type ForeignRun,
  runForeignBlock,
} from "./foreign-blocks.ts";
import { type ForeignGenesis, foreignGenesisHeader, parseForeignGenesis } from "./foreign-genesis.ts";
import { createRulesOfBlocks } from "./foreign-rules.ts";
import { type BlobSchedule, blobsAt, bombDelayOf, forkOf } from "./fork-schedule.ts";
import type { Ancestor } from "./ommers.ts";

/** What the sealer chooses. */
export interface Content {
  readonly transactions?: readonly Uint8Array[];
  readonly ommers?: readonly AnySealedHeader[];
  readonly withdrawals?: readonly Withdrawal[];
  /** Since the parent; 13 when absent. */
  readonly seconds?: number;
  /** What the header says instead of what is right. */
  readonly wrong?: Partial<AnyHeader>;
}

export interface ForeignChain {
  readonly deps: ForeignDeps;
  head(): AnySealedHeader;
  totalDifficulty(): bigint;
  /** What a block with this content does on the head. */
  run(content: Content): Promise<ForeignRun>;
  /** Seals a block on the head, and makes it the head unless it is wrong. */
  seal(content?: Content): Promise<AnyBlock>;
  /** Holds a block to the head's state, changing nothing. */
  check(block: AnyBlock, encodedBytes?: number): Promise<void>;
}

export const resealed = (header: AnyHeader, change: Partial<AnyHeader>): AnySealedHeader =>
  decodeAnyHeader(encodeAnyHeader({ ...header, ...change }));

const withdrawalsRootOf = (block: AnyBlock): Hex => {
  const [, , , items] = decodeRlp(encodeAnyBlock(block)) as Uint8Array[][];
  return orderedTrieRoot((items ?? []).map((item) => encodeRlp(item)));
};

export function createForeignChain(genesis: ForeignGenesis): ForeignChain {
  const { schedule } = genesis;
  const deps: ForeignDeps = { schedule, rulesOf: createRulesOfBlocks(schedule), decode: decodeInPlace };
  const state = createMemoryState();
  state.apply(genesisAlloc(genesis));
  const blocks: Ancestor[] = [{ header: foreignGenesisHeader(genesis, state.root()), ommers: [] }];
  const head = (): AnySealedHeader => (blocks[0] as Ancestor).header;
  let total = head().difficulty;

  const parent = (): ForeignParent => {
    const between = state.copy();
    return {
      header: head(),
      totalDifficulty: total,
      state,
      blockHash: (number) => blocks.find(({ header }) => header.number === number)?.header.hash,
      ancestors: () => blocks.slice(0, 7),
      rootBetween(changes) {
        between.apply(changes);
        return between.root();
      },
      rootAfter(changes) {
        const after = state.copy();
        after.apply(changes);
        return after.root();
      },
    };
  };

  function draft({ transactions = [], ommers = [], seconds = 13 }: Content): AnySealedHeader {
    const before = head();
    const [number, timestamp] = [before.number + 1, before.timestamp + seconds];
    const isMerged = schedule.terminalTotalDifficulty !== undefined && total >= schedule.terminalTotalDifficulty;
    const fork = forkOf(schedule, number, timestamp, isMerged);
    const since = (first: typeof fork): boolean => isAtLeast(fork, first);
    const hasFirstFee = since("london") && before.baseFeePerGas === undefined;
    const blobs = transactions.length === 0 ? 0 : countBlobs(transactions);
    return resealed(before, {
      parentHash: before.hash,
      ommersHash: ommers.length === 0 ? EMPTY_OMMERS_HASH : ommersHashOf(ommers),
      transactionsRoot: orderedTrieRoot(transactions),
      difficulty: isMerged ? 0n : difficultyOf(fork, timestamp, before, bombDelayOf(schedule, number)),
      number,
      timestamp,
      gasLimit: gasLimitOf(BigInt(before.gasLimit) * (hasFirstFee ? 2n : 1n)),
      ...(since("london") && { baseFeePerGas: nextBaseFee(before) }),
      ...(since("shanghai") && { withdrawalsRoot: EMPTY_TRIE_ROOT }),
      ...(since("cancun") && {
        blobGasUsed: blobs * 131_072,
        excessBlobGas: Number(nextExcessBlobGas(before, blobsAt(schedule, timestamp) as BlobSchedule, since("osaka"))),
        parentBeaconBlockRoot: ZERO_HASH,
      }),
      ...(since("prague") && { requestsHash: ZERO_HASH }),
    });
  }

  function partsOf(content: Content): AnyBlock {
    const { transactions = [], ommers = [], withdrawals = [] } = content;
    const header = draft(content);
    return { header, transactions, ommers, ...(header.withdrawalsRoot === undefined ? {} : { withdrawals }) };
  }

  async function seal(content: Content = {}): Promise<AnyBlock> {
    const { ommers = [], wrong } = content;
    const { header, ...parts } = partsOf(content);
    const { receipts, changes, requestsHash } = await runForeignBlock(deps, { header, ...parts }, parent());
    const sealed = resealed(header, {
      stateRoot: parent().rootAfter(changes),
      receiptsRoot: receiptsRoot(receipts),
      logsBloom: logsBloom(receipts.flatMap(({ logs }) => logs)),
      gasUsed: receipts.at(-1)?.cumulativeGasUsed ?? 0,
      ...(header.withdrawalsRoot === undefined ? {} : { withdrawalsRoot: withdrawalsRootOf({ header, ...parts }) }),
      ...(requestsHash === undefined ? {} : { requestsHash }),
      ...wrong,
    });
    if (wrong === undefined) {
      state.apply(changes);
      blocks.unshift({ header: sealed, ommers });
      total += sealed.difficulty;
    }
    return { header: sealed, ...parts };
  }

  return {
    run: (content) => runForeignBlock(deps, partsOf(content), parent()),
    deps,
    head,
    totalDifficulty: () => total,
    seal,
    async check(block, encodedBytes = encodeAnyBlock(block).length) {
      await executeForeignBlock(deps, block, encodedBytes, parent());
    },
  };
}

const ommersHashOf = (ommers: readonly AnySealedHeader[]): Hex =>
  keccak256Hex(encodeRlp(ommers.map((ommer) => decodeRlp(encodeAnyHeader(ommer)))));

/** A genesis with these accounts, whose chain has all forks at the numbers and times given. */
export const foreignGenesis = (config: object, alloc: object, more: object = {}): ForeignGenesis =>
  parseForeignGenesis(
    JSON.stringify({ config: { chainId: 7, ...config }, gasLimit: "0x1c9c380", difficulty: "0x20000", ...more, alloc }),
  );

/** A transaction of any type, signed with a key of 32 bytes. */
export function signAny(transaction: AnyUnsignedTransaction, key: Uint8Array): Uint8Array {
  const { type, chainId } = transaction;
  const signature = signDigest(signingHash(transaction), key);
  const yParity = BigInt(signature[64] as number);
  const v = type > 0 ? yParity : chainId === undefined ? 27n + yParity : 35n + 2n * chainId + yParity;
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32, 64)].map(bytesToBigInt) as [bigint, bigint];
  const payload = encodeRlp([...encodeFields(transaction), rlpBigInt(v), rlpBigInt(r), rlpBigInt(s)]);
  return type === 0 ? payload : concatBytes(new Uint8Array([type]), payload);
}

/** Blobs of type 3 transactions; the list of their hashes is the last field before the signature. */
function countBlobs(transactions: readonly Uint8Array[]): number {
  return transactions.reduce((count, raw) => {
    if (raw[0] !== 3) return count;
    const fields = decodeRlp(raw.subarray(1)) as Uint8Array[][];
    return count + (fields[10]?.length ?? 0);
  }, 0);
}
