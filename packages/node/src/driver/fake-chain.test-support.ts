/**
 * An engine without execution: a tree of blocks with the real fork choice, where a block says in its extraData which
 * contracts it creates and updates.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { bytesToUtf8, hexToBytes, utf8ToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { encodeBlock, transactionsRoot } from "@counterpart/core/chain/block";
import {
  EMPTY_CODE_HASH,
  EMPTY_OMMERS_HASH,
  EMPTY_REQUESTS_HASH,
  sealHeader,
  ZERO_HASH,
} from "@counterpart/core/chain/header";
import type { Block, SealedHeader, Transaction } from "@counterpart/core/chain/types";
import { compareHeads, type PoaRules } from "@counterpart/core/consensus/poa";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import type {
  ContractEntry,
  Engine,
  EngineEvents,
  HeadChange,
  ImportResult,
  TransactionOrigin,
} from "../engine/types.ts";
import { adoptsNothing, HOLDS_ALL, unsupported } from "./fake-adoption.test-support.ts";

export const word = (text: string): Hex => keccak256Hex(utf8ToBytes(text));
export const addressOf = (text: string): Hex => `0x${word(text).slice(26)}`;
export const OWNER = addressOf("owner");

interface Effects {
  readonly created: readonly Hex[];
  readonly updated: readonly Hex[];
  /** A block that breaks a rule. */
  readonly invalid?: boolean;
  /** A block that no honest execution gives. */
  readonly wrong?: boolean;
}

const effectsOf = (header: SealedHeader): Effects => JSON.parse(bytesToUtf8(header.extraData));

function makeHeader(
  parent: SealedHeader | undefined,
  coinbase: Hex,
  timestamp: number,
  effects: Effects,
  transactions: readonly Transaction[] = [],
): SealedHeader {
  return sealHeader({
    parentHash: parent?.hash ?? ZERO_HASH,
    ommersHash: EMPTY_OMMERS_HASH,
    coinbase,
    stateRoot: ZERO_HASH,
    transactionsRoot: transactionsRoot(transactions),
    receiptsRoot: ZERO_HASH,
    logsBloom: new Uint8Array(256),
    difficulty: 1n,
    number: parent === undefined ? 0 : parent.number + 1,
    gasLimit: 1,
    gasUsed: 0,
    timestamp,
    extraData: utf8ToBytes(JSON.stringify(effects)),
    mixHash: ZERO_HASH,
    nonce: new Uint8Array(8),
    baseFeePerGas: 0n,
    withdrawalsRoot: EMPTY_TRIE_ROOT,
    blobGasUsed: 0,
    excessBlobGas: 0,
    parentBeaconBlockRoot: ZERO_HASH,
    requestsHash: EMPTY_REQUESTS_HASH,
  });
}

/** A block on any parent, as a peer could make one. */
export function makeBlock(
  parent: SealedHeader,
  sealer: string,
  effects: Partial<Effects> = {},
  transactions: readonly Transaction[] = [],
): Block {
  const whole = { created: [], updated: [], ...effects };
  const header = makeHeader(parent, addressOf(sealer), parent.timestamp + 1, whole, transactions);
  return { header, transactions };
}

export interface FakeEngine extends Engine {
  /** A test may list signers. */
  rules: PoaRules;
  mergeDepthMax: number;
  /** Blocks that execution here contradicts: `wrong` ones, unless a test says otherwise. */
  contradicts: (header: SealedHeader) => boolean;
  /** Seals a block with these effects on the head. */
  make(effects?: Partial<Effects>, transactions?: readonly Transaction[]): Block;
  reinjecting: number;
  /** Imports under way; a test may hold them back. */
  beforeImport: () => Promise<void>;
  /** Holds an import's answer back after the head has moved. */
  afterImport: () => Promise<void>;
  readonly imported: number;
  /** Forgets what execution contradicted, as a restart does. */
  forgive(): void;
  /** Listeners of all events together. */
  readonly listening: number;
}

export function createFakeEngine(sealer: string, chain = "dev"): FakeEngine {
  const genesis: Block = {
    header: makeHeader(undefined, addressOf(chain), 0, { created: [], updated: [] }),
    transactions: [],
  };
  const blocks = new Map<Hex, Block>([[genesis.header.hash, genesis]]);
  const canonical: Block[] = [genesis];
  const pool = new Map<Hex, Transaction>();
  const listeners: { [K in keyof EngineEvents]: EngineEvents[K][] } = {
    head: [],
    leaving: [],
    named: [],
    pooled: [],
    transaction: [],
    forgotten: [],
    conflicted: [],
  };
  /** Block → the one that execution contradicted, itself or an ancestor. */
  const refused = new Map<Hex, Block>();
  let entries = new Map<Hex, ContractEntry>();
  let imported = 0;

  const head = (): SealedHeader => (canonical.at(-1) ?? genesis).header;
  const rebuild = (): void => {
    entries = new Map();
    for (const { header } of canonical) {
      const block = { number: header.number, hash: header.hash, timestamp: header.timestamp };
      const { created, updated } = effectsOf(header);
      for (const address of [...created, ...updated]) {
        const before = entries.get(address);
        entries.set(address, {
          address,
          owner: OWNER,
          creationNonce: 1n,
          codeHash: word(`code of ${address}`),
          created: before?.created ?? block,
          updated: block,
          updateSequence: (before?.updateSequence ?? 0) + 1,
          genesis: false,
        });
      }
    }
  };
  const branchTo = (tip: SealedHeader): Block[] => {
    const branch: Block[] = [];
    for (let block = blocks.get(tip.hash); block !== undefined; block = blocks.get(block.header.parentHash)) {
      if (canonical[block.header.number]?.header.hash === block.header.hash) break;
      branch.unshift(block);
    }
    return branch;
  };
  const moveTo = (tip: SealedHeader, sealedHere: boolean): void => {
    const applied = branchTo(tip);
    const before = new Set(entries.keys());
    const reverted = canonical.splice(applied[0]?.header.number ?? 0).map(({ header }) => header);
    canonical.push(...applied);
    rebuild();
    const touched = new Set(
      applied.flatMap(({ header }) => [...effectsOf(header).created, ...effectsOf(header).updated]),
    );
    const change: HeadChange = {
      head: tip,
      reverted: reverted.reverse(),
      applied: applied.map((block) => ({
        header: block.header,
        transactions: block.transactions.map(({ hash }) => hash),
        load: () => block,
      })),
      contractsCreated: [...touched].filter((address) => !before.has(address)),
      contractsUpdated: [...touched].filter((address) => before.has(address)),
      contractsRemoved: [...before].filter((address) => !entries.has(address)),
      sealedHere,
    };
    for (const listener of listeners.head) listener(change);
  };
  const take = (
    block: Block,
    result: { added: number; orphans: Hex[]; invalid: ImportResult["invalid"][number][] },
  ): void => {
    const { hash, parentHash } = block.header;
    if (blocks.has(hash)) return;
    const isWrong = blocks.has(parentHash) && engine.contradicts(block.header);
    const cause = refused.get(hash) ?? refused.get(parentHash) ?? (isWrong ? block : undefined);
    if (cause !== undefined) {
      refused.set(hash, cause);
      const at = { hash: cause.header.hash, number: cause.header.number };
      result.invalid.push({ hash, code: "INVALID_BLOCK", message: "made so", refused: at });
    } else if (!blocks.has(parentHash)) result.orphans.push(hash);
    else if (effectsOf(block.header).invalid) result.invalid.push({ hash, code: "INVALID_HEADER", message: "made so" });
    else {
      blocks.set(hash, block);
      result.added++;
    }
  };

  const engine: FakeEngine = {
    chainId: 31_337,
    genesisHash: genesis.header.hash,
    rules: { signers: [] },
    mergeDepthMax: 65_535,
    schedule: undefined,
    refusal: () => undefined,
    isReplica: false,
    holding: HOLDS_ALL,
    read: async (read) => read(engine.snapshot()),
    readAt: async () => {
      throw new CodedError("PRUNED", "a chain made up keeps no states");
    },
    historyStart: 0,
    refusals: () => [],
    adopted: 0,
    adoption: adoptsNothing(head),
    pool: {
      get pending() {
        return pool.size;
      },
      nextNonce: () => 0n,
      senders: () => [],
      contentOf: () => ({ pending: [], queued: [] }),
      transactions: () => [...pool.values()],
      get reinjecting() {
        return engine.reinjecting;
      },
      oldestExecutable: () => ({}),
      overdue: (_waitedMs, limit) => [...pool.values()].slice(0, limit),
    },
    reinjecting: 0,
    forgive: () => refused.clear(),
    contradicts: (header) => effectsOf(header).wrong === true,
    beforeImport: async () => {},
    afterImport: async () => {},
    get imported() {
      return imported;
    },
    get listening() {
      return listeners.head.length + listeners.transaction.length + listeners.conflicted.length;
    },
    head,
    header: (at) => (typeof at === "number" ? canonical[at] : blocks.get(at))?.header,
    fetchBlock: () => Promise.reject(new Error("this chain has every block")),
    block: (at) => (typeof at === "number" ? canonical[at] : blocks.get(at)),
    canonicalHash: (number) => canonical[number]?.header.hash,
    isCanonical: (hash) => canonical[blocks.get(hash)?.header.number ?? -1]?.header.hash === hash,
    receipts: () => undefined,
    logs: { next: (_groups, _from, to) => ({ candidates: [], last: to }) },
    transaction(hash) {
      const transaction = pool.get(hash);
      return transaction === undefined ? undefined : { status: "pending", arrivedAtMs: 0, transaction };
    },
    knows: (hash) => pool.has(hash),
    stateAt: unsupported,
    shownStateAt: unsupported,
    execute: unsupported,
    snapshot: () => ({
      head: head(),
      contract: (address) => entries.get(address),
      hashedContract: (addressHash) =>
        [...entries.values()].find(({ address }) => keccak256Hex(hexToBytes(address)) === addressHash),
      account(address) {
        const entry = entries.get(address);
        if (entry === undefined) return undefined;
        const { codeHash, updated } = entry;
        return { nonce: 1n, balance: 0n, storageRoot: word(`${address}${updated?.hash}`), codeHash };
      },
      storage: () => 0n,
      heldCode: (codeHash) =>
        [...entries.values()].some((entry) => entry.codeHash === codeHash) ? hexToBytes(codeHash) : undefined,
      code: (codeHash) => (codeHash === EMPTY_CODE_HASH ? new Uint8Array(0) : hexToBytes(codeHash)),

      done: () => {},
    }),
    contracts: (after, limit) =>
      [...entries.values()].filter(({ address }) => after === undefined || address > after).slice(0, limit),
    contractCount: () => entries.size,
    call: unsupported,
    nextContext: () => ({}),
    async submit(transaction: Transaction, origin: TransactionOrigin) {
      if (pool.has(transaction.hash)) return;
      pool.set(transaction.hash, transaction);
      for (const listener of listeners.transaction) listener(transaction, origin);
    },
    async import(given) {
      await engine.beforeImport();
      const result = { added: 0, orphans: [] as Hex[], invalid: [] as ImportResult["invalid"][number][] };
      let best: SealedHeader = head();
      for (const block of given) {
        take(block, result);
        if (blocks.has(block.header.hash) && compareHeads(block.header, best) > 0) best = block.header;
      }
      imported += result.added;
      if (best.hash !== head().hash) moveTo(best, false);
      await engine.afterImport();
      return result;
    },
    refused(hash) {
      const block = refused.get(hash);
      if (block === undefined || block.header.hash !== hash) return undefined;
      return { header: block.header, encoded: encodeBlock(block), message: "made so", outcomes: [] };
    },
    seal: unsupported,
    on(event, listener) {
      const list: unknown[] = listeners[event];
      list.push(listener);
      return () => list.splice(list.indexOf(listener), 1);
    },
    stop: async () => {},
    make(effects = {}, transactions = []) {
      const block = makeBlock(head(), sealer, effects, transactions);
      blocks.set(block.header.hash, block);
      moveTo(block.header, true);
      return block;
    },
  };
  return engine;
}
