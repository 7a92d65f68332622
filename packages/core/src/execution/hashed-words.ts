/**
 * KECCAK256 of two words, which Solidity asks for at each access to a mapping, of the same key several times in a
 * transfer alone: some are remembered, each in a place of its own. What is found was computed of exactly these 64 bytes; code that is made
 * to miss pays for one comparison more than a hash.
 */

import { keccak256 } from "../crypto/crypto.ts";
import { type Word, wordOf } from "./word.ts";

/** Bytes that are remembered: two words. */
export const HASHED_BYTES = 64;
const PARTS = HASHED_BYTES / 4;
/** Some 500 KiB with the hashes. */
const ENTRIES = 4_096;

const inputs = new Uint32Array(ENTRIES * PARTS);
const hashes: (Word | undefined)[] = new Array(ENTRIES).fill(undefined);

/** Keys differ in their lower parts, or in any where they are hashes themselves. */
function entryOf(view: DataView, offset: number): number {
  const key = Math.imul(view.getUint32(offset + 28), 0x9e3779b1) ^ Math.imul(view.getUint32(offset + 20), 0x85ebca6b);
  const slot = Math.imul(view.getUint32(offset + 60), 0xc2b2ae35) ^ Math.imul(view.getUint32(offset + 52), 0x27d4eb2f);
  const mixed = Math.imul(key ^ (slot >>> 15) ^ slot, 0x165667b1);
  return (mixed ^ (mixed >>> 15)) & (ENTRIES - 1);
}

/**
 * The hash of the 64 bytes from `offset` of a memory that has them.
 * @param view of the same bytes as `memory`
 */
export function hashOfWords(memory: Uint8Array, view: DataView, offset: number): Word {
  const entry = entryOf(view, offset);
  const known = hashes[entry];
  const start = entry * PARTS;
  let same = 0;
  while (same < PARTS && inputs[start + same] === view.getUint32(offset + 4 * same)) same++;
  if (same === PARTS && known !== undefined) return known;
  const hash = wordOf(keccak256(memory.subarray(offset, offset + HASHED_BYTES)));
  for (let part = same; part < PARTS; part++) inputs[start + part] = view.getUint32(offset + 4 * part);
  hashes[entry] = hash;
  return hash;
}
