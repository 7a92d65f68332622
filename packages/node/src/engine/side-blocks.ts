/** Rows of blocks that are held and not canonical. */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { encodeBody } from "@counterpart/core/chain/block";
import { encodeHeader } from "@counterpart/core/chain/header";
import type { Block } from "@counterpart/core/chain/types";
import type { TreeNode } from "@counterpart/core/consensus/block-tree";
import type { StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import { numberKey } from "./rows.ts";

const PAGE = 1_000;

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
  let start: Uint8Array | undefined;
  for (;;) {
    const page = store.range("side", { ...(start === undefined ? {} : { start }), limit: PAGE });
    for (const { key } of page) yield bytesToHex(key);
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined) return;
    start = new Uint8Array([...last.key, 0]);
  }
}
