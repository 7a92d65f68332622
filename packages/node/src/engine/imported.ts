/** What a store says of itself that holds a chain sealed elsewhere: its rules, and how much work went into it. */

import {
  bigIntToBytes,
  bytesToBigInt,
  bytesToHex,
  bytesToUtf8,
  type Hex,
  hexToBytes,
  utf8ToBytes,
} from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { encodeAnyBody } from "@counterpart/core/chain/any-block";
import { type AnySealedHeader, encodeAnyHeader } from "@counterpart/core/chain/any-header";
import { genesisAlloc } from "@counterpart/core/chain/genesis";
import { encodeReceipts } from "@counterpart/core/chain/receipt";
import { type ForeignGenesis, foreignGenesisHeader } from "@counterpart/core/consensus/foreign-genesis";
import { type ForkSchedule, parseForkSchedule } from "@counterpart/core/consensus/fork-schedule";
import type { Store, StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import { indexGenesis } from "./contract-index.ts";
import { historyStartRow } from "./history.ts";
import { logsFrom } from "./log-index.ts";
import { otherGenesis } from "./open-genesis.ts";
import { createOverlay } from "./overlay.ts";
import { metaKey, numberKey } from "./rows.ts";
import { applyChanges } from "./state.ts";

const CONFIG_KEY = metaKey("imported");
const DIFFICULTY_KEY = metaKey("difficulty");

/** What becomes of everything that would change an imported chain. */
export const readOnlyRefusal = (): CodedError =>
  new CodedError("READ_ONLY", "this node serves a chain that was imported: it seals nothing and takes no transactions");

/**
 * The rules of the chain in the store; undefined where it is not an imported one.
 * @throws CodedError `STORE_CORRUPT`
 */
export function readImported(rows: Pick<StoreReader, "get">): ForkSchedule | undefined {
  const row = rows.get("meta", CONFIG_KEY);
  if (row === undefined) return undefined;
  try {
    return parseForkSchedule(JSON.parse(bytesToUtf8(row)));
  } catch (error) {
    throw new CodedError("STORE_CORRUPT", `the rules of the imported chain cannot be read: ${String(error)}`);
  }
}

/** The sum of all difficulties up to the head. @throws CodedError `STORE_CORRUPT` */
export function readTotalDifficulty(rows: Pick<StoreReader, "get">): bigint {
  const row = rows.get("meta", DIFFICULTY_KEY);
  if (row === undefined) throw new CodedError("STORE_CORRUPT", "the difficulty of the imported chain is not stored");
  return bytesToBigInt(row);
}

export const totalDifficultyRow = (total: bigint): StoreWrite => ({
  table: "meta",
  key: DIFFICULTY_KEY,
  value: bigIntToBytes(total),
});

/** The genesis block, and the rows that a store begins with. */
function genesisRows(genesis: ForeignGenesis): {
  readonly header: AnySealedHeader;
  readonly rows: Iterable<StoreWrite>;
} {
  const overlay = createOverlay({ get: () => undefined });
  const alloc = genesisAlloc(genesis);
  const header = foreignGenesisHeader(genesis, applyChanges(overlay, EMPTY_TRIE_ROOT, alloc));
  const hash = hexToBytes(header.hash);
  const withdrawals = header.withdrawalsRoot === undefined ? {} : { withdrawals: [] };
  indexGenesis(overlay, header, alloc);
  overlay.put("headers", hash, encodeAnyHeader(header));
  overlay.put("bodies", hash, encodeAnyBody({ transactions: [], ...withdrawals }));
  overlay.put("receipts", hash, encodeReceipts([]));
  overlay.put("canonical", numberKey(0), hash);
  for (const name of ["genesis", "head"]) overlay.put("meta", metaKey(name), hash);
  overlay.put("meta", metaKey("role"), utf8ToBytes("full"));
  overlay.put("meta", CONFIG_KEY, utf8ToBytes(genesis.config));
  for (const { table, key, value } of [historyStartRow(0), logsFrom(0), totalDifficultyRow(header.difficulty)]) {
    overlay.put(table, key, value);
  }
  return { header, rows: overlay.writes() };
}

/** Hash of the block that a genesis file describes. */
export const foreignGenesisHash = (genesis: ForeignGenesis): Hex => genesisRows(genesis).header.hash;

/**
 * Begins a chain in an empty store, or finds it begun with the same genesis.
 * @throws CodedError `INVALID_GENESIS` when the store holds another chain, one of this node's own included
 */
export function openImported(store: Store, genesis: ForeignGenesis): void {
  const { header, rows } = genesisRows(genesis);
  const stored = store.get("meta", metaKey("genesis"));
  if (stored === undefined) {
    store.write(rows);
    return;
  }
  const isSame = bytesToHex(stored) === header.hash && readImported(store) !== undefined;
  if (!isSame) throw otherGenesis(bytesToHex(stored), header.hash);
  if (bytesToUtf8(store.get("meta", CONFIG_KEY) as Uint8Array) !== genesis.config) {
    throw new CodedError("INVALID_GENESIS", "the data directory holds a chain with the same genesis under other rules");
  }
}
