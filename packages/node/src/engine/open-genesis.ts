/** Writes the genesis into an empty store, or checks that the store's is the same. */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { encodeBody } from "@counterpart/core/chain/block";
import { type Genesis, genesisAlloc, genesisHeader } from "@counterpart/core/chain/genesis";
import { encodeHeader } from "@counterpart/core/chain/header";
import { encodeReceipts } from "@counterpart/core/chain/receipt";
import type { Store } from "@counterpart/core/ports/store";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import { indexGenesis } from "./contract-index.ts";
import { historyStartRow } from "./history.ts";
import { logsFrom } from "./log-index.ts";
import { createOverlay } from "./overlay.ts";
import { metaKey, numberKey } from "./rows.ts";
import { applyChanges } from "./state.ts";

/** Hash of the first block of a chain of this program's own. */
export function ownGenesisHash(genesis: Genesis): Hex {
  const overlay = createOverlay({ get: () => undefined });
  return genesisHeader(genesis, applyChanges(overlay, EMPTY_TRIE_ROOT, genesisAlloc(genesis))).hash;
}

/** @param given hash of the genesis that was asked for; undefined where it is no chain of this program's own */
export function otherGenesis(stored: Hex, given: Hex | undefined): CodedError {
  const advice =
    "name another --data-dir, or give the genesis file of the chain that is there: --genesis, or genesis.json in it";
  const message = `the data directory holds a chain with another genesis, ${stored}`;
  return new CodedError("INVALID_GENESIS", message, { stored, ...(given !== undefined && { given }), advice });
}

/**
 * @returns the genesis hash
 * @throws CodedError `INVALID_GENESIS` when the store holds another chain
 */
export function openGenesis(store: Store, genesis: Genesis): Hex {
  const overlay = createOverlay({ get: () => undefined });
  const alloc = genesisAlloc(genesis);
  const header = genesisHeader(genesis, applyChanges(overlay, EMPTY_TRIE_ROOT, alloc));
  const stored = store.get("meta", metaKey("genesis"));
  if (stored !== undefined) {
    if (bytesToHex(stored) === header.hash) return header.hash;
    throw otherGenesis(bytesToHex(stored), header.hash);
  }
  const hash = hexToBytes(header.hash);
  indexGenesis(overlay, header, alloc);
  overlay.put("headers", hash, encodeHeader(header));
  overlay.put("bodies", hash, encodeBody([]));
  overlay.put("receipts", hash, encodeReceipts([]));
  overlay.put("canonical", numberKey(0), hash);
  overlay.put("meta", metaKey("genesis"), hash);
  overlay.put("meta", metaKey("head"), hash);
  store.write([...overlay.writes(), historyStartRow(0), logsFrom(0)]);
  return header.hash;
}
