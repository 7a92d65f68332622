/**
 * The chain of headers of a node that takes states over: it goes on above the head, and it may part from the head's own
 * chain below it, for as long as the state of the other branch has not come. The head's headers stay until then, as a
 * restart begins with them and the other branch may come to nothing.
 */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import { encodeHeader } from "@counterpart/core/chain/header";
import type { SealedHeader } from "@counterpart/core/chain/types";
import type { StoreWrite } from "@counterpart/core/ports/store";
import type { EngineCore } from "./core.ts";
import { rowsOf } from "./paging.ts";
import { numberKey } from "./rows.ts";

export interface HeaderChain {
  /** The last header; at least the head, where that is on the chain. */
  tip(): SealedHeader;
  /** Rows that take everything above a number off the chain. */
  endAt(number: number): Iterable<StoreWrite>;
  /** Rows that put headers on the chain, the parent of the first being there, in place of those that follow it now. */
  put(headers: readonly SealedHeader[]): Iterable<StoreWrite>;
  /** Headers of the head's own branch that have left the chain, the head first; none where it is on the chain. */
  left(): readonly SealedHeader[];
  /** Rows with which `target` becomes the head: it ends the chain, and the head's own branch is no longer needed. */
  settle(target: SealedHeader): Iterable<StoreWrite>;
}

export function createHeaderChain(core: Pick<EngineCore, "store" | "chain" | "head">): HeaderChain {
  const { store, chain } = core;

  /** Headers of the head's chain from `number` on, the head first. */
  function* ownBranch(number: number): Generator<SealedHeader> {
    for (let header: SealedHeader | undefined = core.head; header !== undefined && header.number >= number; ) {
      yield header;
      header = chain.header(header.parentHash);
    }
  }
  function left(): SealedHeader[] {
    const headers: SealedHeader[] = [];
    for (const header of ownBranch(0)) {
      if (chain.isCanonical(header.hash)) break;
      headers.push(header);
    }
    return headers;
  }
  function* removeAbove(number: number, kept: ReadonlySet<Hex>): Generator<StoreWrite> {
    for (const { key, value } of [...rowsOf(store, "canonical", numberKey(number + 1))]) {
      yield { table: "canonical", key, value: null };
      if (!kept.has(bytesToHex(value))) yield { table: "headers", key: value, value: null };
    }
  }
  function endAt(number: number): Iterable<StoreWrite> {
    const own = new Set<Hex>();
    for (const { hash } of ownBranch(number + 1)) own.add(hash);
    return removeAbove(number, own);
  }
  return {
    tip() {
      const [last] = store.range("canonical", { limit: 1, reverse: true });
      const header = last === undefined ? undefined : chain.header(bytesToHex(last.value));
      assert(header !== undefined, "the chain has a last header");
      return header;
    },
    endAt,
    *put(headers) {
      const [first] = headers;
      if (first === undefined) return;
      yield* endAt(first.number - 1);
      for (const header of headers) {
        const hash = hexToBytes(header.hash);
        yield { table: "headers", key: hash, value: encodeHeader(header) };
        yield { table: "canonical", key: numberKey(header.number), value: hash };
      }
    },
    left,
    *settle(target) {
      for (const { hash } of left()) yield { table: "headers", key: hexToBytes(hash), value: null };
      yield* removeAbove(target.number, new Set());
    },
  };
}
