/** Keys of rows as text, which is what a `Map` takes. */

import { zeroBytes } from "@counterpart/core/base/bytes";

/** Nearly all keys fit; longer ones get a buffer of their own. */
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
