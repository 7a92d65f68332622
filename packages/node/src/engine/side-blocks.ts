/** Rows of blocks that are held and not canonical. */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { encodeBody } from "@counterpart/core/chain/block";
import { encodeHeader } from "@counterpart/core/chain/header";
import type { Block } from "@counterpart/core/chain/types";
import type { TreeNode } from "@counterpart/core/consensus/block-tree";
import type { StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import { rowsOf } from "./paging.ts";
import { numberKey } from "./rows.ts";

export const sideRows = (blocks: readonly Block[]): StoreWrite[] =>
  blocks.flatMap(({ header, transactions }) => {
    const key = hexToBytes(header.hash);
    return [
      { table: "headers", key, value: encodeHeader(header) },
      { table: "bodies", key, value: encodeBody(transactions) },
      { table: "side", key, value: numberKey(header.number) },
    ] satisfies StoreWrite[];
  });

export const forgetRows = (nodes: readonly TreeNode[]): StoreWrite[] =>
  nodes.flatMap(({ hash }) => {
    const key = hexToBytes(hash);
    return (["headers", "bodies", "side"] as const).map((table): StoreWrite => ({ table, key, value: null }));
  });

/** Hashes of the side blocks in the store. */
export function* readSide(store: StoreReader): Iterable<Hex> {
  for (const { key } of rowsOf(store, "side")) yield bytesToHex(key);
}
