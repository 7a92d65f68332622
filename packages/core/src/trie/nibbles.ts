/**
 * Keys and paths as nibbles. A nibble is one character 0-9a-f, so that paths compare, sort and slice as plain text.
 */

import { bytesToHex } from "../base/bytes.ts";
import type { NibblePath } from "./types.ts";

export const keyToNibbles = (key: Uint8Array): NibblePath => bytesToHex(key).slice(2);

/** Value 0-15 of the nibble at `index`. */
export function nibbleAt(path: NibblePath, index: number): number {
  const code = path.charCodeAt(index);
  return code < 97 ? code - 48 : code - 87;
}

export const nibbleOf = (value: number): NibblePath => value.toString(16);

/** Number of nibbles, counted from the start, that `a` and `b` have in common; the first `from` are known to be. */
export function sharedLength(a: NibblePath, b: NibblePath, from = 0): number {
  const end = Math.min(a.length, b.length);
  let length = from;
  while (length < end && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

/**
 * Hex-prefix encoding of a leaf's or extension's path, which is what follows on the first `from` nibbles of `key`.
 * Source: Ethereum yellow paper, appendix C.
 * @returns where it ends in `bytes`
 */
export function writeCompact(bytes: Uint8Array, start: number, key: NibblePath, from: number, isLeaf: boolean): number {
  const odd = (key.length - from) % 2;
  let at = start;
  bytes[at++] = (((isLeaf ? 2 : 0) + odd) << 4) | (odd === 1 ? nibbleAt(key, from) : 0);
  for (let i = from + odd; i < key.length; i += 2) bytes[at++] = (nibbleAt(key, i) << 4) | nibbleAt(key, i + 1);
  return at;
}

/** The same in bytes of its own. */
export function encodeCompact(path: NibblePath, isLeaf: boolean): Uint8Array {
  const bytes = new Uint8Array((path.length >> 1) + 1);
  writeCompact(bytes, 0, path, 0, isLeaf);
  return bytes;
}

/** Reverses `encodeCompact`; `undefined` when `bytes` are not what it would have made. */
export function decodeCompact(bytes: Uint8Array): { readonly path: NibblePath; readonly isLeaf: boolean } | undefined {
  const first = bytes[0];
  if (first === undefined || first >= 0x40) return undefined;
  const isLeaf = (first & 0x20) !== 0;
  const odd = (first & 0x10) !== 0;
  if (!odd && (first & 0x0f) !== 0) return undefined;
  return { path: keyToNibbles(bytes).slice(odd ? 1 : 2), isLeaf };
}
