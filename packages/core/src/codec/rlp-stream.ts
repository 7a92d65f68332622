/** RLP items one after the other out of a stream of bytes, such as a file of blocks: one is in memory at a time. */

import { concatBytes, EMPTY_BYTES } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { frameOf } from "./rlp.ts";

/** The longest prefix: one byte, and eight of length. */
const PREFIX_BYTES_MAX = 9;

/** Bytes that have come and are not taken yet. */
function createPending() {
  let parts: Uint8Array[] = [];
  let size = 0;
  const take = (count: number): Uint8Array => {
    const [whole] = parts;
    const all = parts.length === 1 && whole !== undefined ? whole : concatBytes(...parts);
    parts = all.length === count ? [] : [all.subarray(count)];
    size -= count;
    return all.subarray(0, count);
  };
  return {
    get size() {
      return size;
    },
    add(bytes: Uint8Array): void {
      if (bytes.length === 0) return;
      parts.push(bytes);
      size += bytes.length;
    },
    take,
    /** The first bytes, at least a whole prefix of them where that many have come. */
    peek(): Uint8Array {
      if ((parts[0]?.length ?? 0) < PREFIX_BYTES_MAX && parts.length > 1) parts = [concatBytes(...parts)];
      return parts[0] ?? EMPTY_BYTES;
    },
  };
}

/**
 * The encodings of items that follow each other, whole, until the stream ends. Nothing in them is decoded.
 * @param itemBytesMax bytes of an item, its prefix included; a longer one is refused before it has come
 * @throws CodedError `INVALID_RLP` where an item is too long, has no canonical prefix, or ends with the stream
 */
export async function* rlpItems(
  chunks: AsyncIterable<Uint8Array>,
  itemBytesMax: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const pending = createPending();
  let wanted: number | undefined;
  for await (const chunk of chunks) {
    pending.add(chunk);
    while (pending.size > 0) {
      wanted ??= frameOf(pending.peek());
      if (wanted !== undefined && wanted > itemBytesMax) {
        throw new CodedError("INVALID_RLP", `invalid RLP: an item of ${wanted} bytes is above ${itemBytesMax}`);
      }
      if (wanted === undefined || wanted > pending.size) break;
      yield pending.take(wanted);
      wanted = undefined;
    }
  }
  if (pending.size > 0) {
    const whole = wanted === undefined ? "an item" : `an item of ${wanted} bytes`;
    throw new CodedError("INVALID_RLP", `invalid RLP: ${whole} ends after ${pending.size}`);
  }
}
