/** The chain that the head is on: where a better one is known by its headers, the head's parts from the canonical one. */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { type AnySealedHeader, decodeAnyHeader } from "@counterpart/core/chain/any-header";
import type { StoreReader } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import { metaKey, numberKey } from "../rows.ts";
import { corrupt, faultOf, type StoreFault } from "./check.ts";
import { readHeld } from "./held.ts";

export function need(rows: StoreReader, table: TableName, key: Uint8Array, what: string): Uint8Array {
  const row = rows.get(table, key);
  if (row === undefined) throw corrupt(`${what} is missing`);
  return row;
}

export function readHeader(rows: StoreReader, hash: Uint8Array): AnySealedHeader {
  const header = decodeAnyHeader(need(rows, "headers", hash, "the header"));
  if (header.hash !== bytesToHex(hash)) throw corrupt("the header has another hash");
  return header;
}

export function isCanonical(
  rows: StoreReader,
  { hash, number }: { readonly hash: Hex; readonly number: number },
): boolean {
  const row = rows.get("canonical", numberKey(number));
  return row !== undefined && bytesToHex(row) === hash;
}

/** Headers of the chain that the head is on, the head first, down to where the canonical chain begins. */
export function* headBranch(rows: StoreReader): Generator<AnySealedHeader> {
  let hash = rows.get("meta", metaKey("head"));
  while (hash !== undefined) {
    const header: AnySealedHeader = readHeader(rows, hash);
    if (isCanonical(rows, header)) return;
    yield header;
    hash = hexToBytes(header.parentHash);
  }
}

/** Blocks of the head's chain that are not on the canonical one; `broken`: that chain cannot be followed. */
export function readOwnBranch(rows: StoreReader): { readonly own: ReadonlySet<Hex>; readonly broken?: StoreFault } {
  const own = new Set<Hex>();
  const broken = faultOf("meta", metaKey("head"), () => {
    if (readHeld(rows).leadsOn) for (const { hash } of headBranch(rows)) own.add(hash);
    return undefined;
  });
  return broken === undefined ? { own } : { own, broken };
}
