/** Nodes of tries in memory, as they are stored: objects of so many would keep the garbage collector busy. */

import { decodeNode, HASH_SIZE, hasHashAt, type TrieNode } from "./node.ts";

/**
 * Nodes that were made or asked for lately, by their hash, so that they need not be read and hashed again. For one who
 * applies batch after batch to the same tries.
 */
export interface NodeCache {
  /** The node whose hash `bytes` have at `at`. */
  get(bytes: Uint8Array, at?: number): TrieNode | undefined;
  /** Copies what the node with this hash is stored as. */
  add(hash: Uint8Array, encoded: Uint8Array): void;
}

const SIZE_BYTES = 2;
const HEAD_BYTES = HASH_SIZE + SIZE_BYTES;
/** Of a branch of two hashes, with what is before it. */
const RECORD_BYTES_MIN = HEAD_BYTES + 2 + 17 + 2 * HASH_SIZE;
/** Places that are looked at for a hash. Where others have taken all of them, the first one gives way. */
const PLACES_TRIED = 8;

/** Hash, size and encoding of nodes, one after the other. */
class Records {
  readonly #bytes: Uint8Array;
  /** Where each begins, one added, at a place that its hash chooses; 0: there is none. */
  readonly #begins: Uint32Array;
  #end = 0;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
    this.#begins = new Uint32Array(2 ** Math.ceil(Math.log2((2 * size) / RECORD_BYTES_MIN)));
  }

  #firstPlace(bytes: Uint8Array, at: number): number {
    const head = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
    return head | ((bytes[at + 3] as number) << 24);
  }

  /** The encoding of the node whose hash `bytes` have at `at`; it is shared. */
  get(bytes: Uint8Array, at: number): Uint8Array | undefined {
    const [records, mask] = [this.#bytes, this.#begins.length - 1];
    const first = this.#firstPlace(bytes, at);
    for (let tried = 0; tried < PLACES_TRIED; tried++) {
      const begin = (this.#begins[(first + tried) & mask] as number) - 1;
      if (begin < 0) return undefined;
      if (!hasHashAt(bytes, at, records, begin)) continue;
      const size = ((records[begin + HASH_SIZE] as number) << 8) | (records[begin + HASH_SIZE + 1] as number);
      return records.subarray(begin + HEAD_BYTES, begin + HEAD_BYTES + size);
    }
    return undefined;
  }

  /** Gives whether there was room. */
  add(bytes: Uint8Array, at: number, encoded: Uint8Array): boolean {
    const [records, mask] = [this.#bytes, this.#begins.length - 1];
    const begin = this.#end;
    const end = begin + HEAD_BYTES + encoded.length;
    if (end > records.length) return false;
    const first = this.#firstPlace(bytes, at);
    let place = first & mask;
    for (let tried = 0; tried < PLACES_TRIED; tried++) {
      if (this.#begins[(first + tried) & mask] !== 0) continue;
      place = (first + tried) & mask;
      break;
    }
    this.#begins[place] = begin + 1;
    for (let i = 0; i < HASH_SIZE; i++) records[begin + i] = bytes[at + i] as number;
    records[begin + HASH_SIZE] = encoded.length >> 8;
    records[begin + HASH_SIZE + 1] = encoded.length & 0xff;
    records.set(encoded, begin + HEAD_BYTES);
    this.#end = end;
    return true;
  }
}

/** @param bytesMax of which half is there as a rule, from the first node on: what was not asked for of late goes together */
export function createNodeCache(bytesMax: number): NodeCache {
  const size = Math.floor(bytesMax / 2);
  const sizeMax = Math.min(size - HEAD_BYTES, 0xffff);
  let young: Records | undefined;
  let old: Records | undefined;
  const add = (bytes: Uint8Array, at: number, encoded: Uint8Array): void => {
    if (encoded.length > sizeMax) return;
    young ??= new Records(size);
    if (young.add(bytes, at, encoded)) return;
    old = young;
    young = new Records(size);
    young.add(bytes, at, encoded);
  };
  return {
    get(bytes, at = 0) {
      const recent = young?.get(bytes, at);
      const encoded = recent ?? old?.get(bytes, at);
      if (encoded === undefined) return undefined;
      if (recent === undefined) add(bytes, at, encoded);
      return decodeNode(encoded);
    },
    add: (hash, encoded) => add(hash, 0, encoded),
  };
}
