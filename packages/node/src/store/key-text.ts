/** Keys of rows as text, which is what a `Map` takes. */

import { zeroBytes } from "@counterpart/core/base/bytes";

/** LMDB takes keys up to 1,978 bytes; longer ones are made into text where they are. */
const scratch = Buffer.allocUnsafeSlow(256);

/**
 * A key as text of one character a byte, in the order of keys. By way of a buffer, as native code would have the bytes of
 * a small array moved out of V8's heap first, which takes ten times as long.
 */
export function keyText(key: Uint8Array): string {
  if (key.length > scratch.length) return Buffer.from(key).toString("latin1");
  scratch.set(key);
  return scratch.toString("latin1", 0, key.length);
}

/** The key again. */
export function keyBytes(text: string): Uint8Array {
  const key = zeroBytes(text.length);
  for (let at = 0; at < text.length; at++) key[at] = text.charCodeAt(at);
  return key;
}
