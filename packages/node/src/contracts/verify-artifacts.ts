/** The artifacts of a store: signed by who is named, in step with the feed of changes and with the contracts. */

import { bigIntToFixedBytes, bytesToBigInt, bytesToHex } from "@counterpart/core/base/bytes";
import type { StoreReader } from "@counterpart/core/ports/store";
import { verifyArtifact } from "@counterpart/core/sync/artifact";
import { readContract } from "../engine/contract-index.ts";
import { rowsOf } from "../engine/paging.ts";
import { type ChainFacts, faultOf, type StoreFault } from "../engine/verify/check.ts";
import { speaksOf } from "./artifact-store.ts";
import { type ArtifactRow, decodeArtifactRow, decodeDraft } from "./artifact-table.ts";

const TRANSACTION_TABLES = ["pool", "transactions", "conflicts"] as const;

function artifactFault(rows: StoreReader, key: Uint8Array, row: ArtifactRow, chain: ChainFacts): string | undefined {
  const { record, owner, sequence } = row;
  if (`${record.address}${record.codeHash.slice(2)}${owner.slice(2)}` !== bytesToHex(key))
    return "the key is another's";
  verifyArtifact(record, chain, owner);
  const place = rows.get("artifactFeed", feedKey(sequence));
  const isPlaced = place !== undefined && bytesToHex(place) === bytesToHex(key);
  return isPlaced ? undefined : "it has no place in the feed of changes";
}

/**
 * Artifacts are shown for the contracts that they speak of, and for no others. So it is while a node runs; one that was
 * killed between a change of head and the artifacts that follow it catches up when it starts.
 */
export function* checkShown(rows: StoreReader): Generator<StoreFault | undefined> {
  for (const { key, value } of rowsOf(rows, "artifacts")) {
    yield faultOf("artifacts", key, () => {
      const row = decodeArtifactRow(value);
      const { record, visible } = row;
      const belongs = speaksOf(readContract(rows, record.address), row);
      if (visible === belongs) return undefined;
      return visible ? "it is shown for a contract that is another" : "it is hidden though its contract is there";
    });
  }
}

const feedKey = (sequence: number): Uint8Array => bigIntToFixedBytes(BigInt(sequence), 8);

export function* checkArtifacts(rows: StoreReader, chain: ChainFacts): Generator<StoreFault | undefined> {
  for (const { key, value } of rowsOf(rows, "artifacts")) {
    yield faultOf("artifacts", key, () => artifactFault(rows, key, decodeArtifactRow(value), chain));
  }
  for (const { key, value } of rowsOf(rows, "artifactFeed")) {
    yield faultOf("artifactFeed", key, () => {
      const row = rows.get("artifacts", value);
      if (row === undefined) return "its artifact is missing";
      return BigInt(decodeArtifactRow(row).sequence) === bytesToBigInt(key) ? undefined : "its artifact is elsewhere";
    });
  }
  for (const { key, value } of rowsOf(rows, "artifactDrafts")) {
    yield faultOf("artifactDrafts", key, () => {
      decodeDraft(key, value);
      const isKnown = TRANSACTION_TABLES.some((table) => rows.get(table, key) !== undefined);
      return isKnown ? undefined : "its deployment is not known";
    });
  }
}
