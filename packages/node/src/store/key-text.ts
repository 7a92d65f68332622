/** Keys of rows as text, which is what a `Map` takes. */

const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
};

/**
 * A key as text of one character a byte, in the order of keys. A `Buffer` of the same bytes would take those of a small
 * array out of the heap.
 */
export const keyText = (key: Uint8Array): string => latin1Slice.call(key, 0, key.length);
