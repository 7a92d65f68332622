/** What an answer may hold: its frame's bytes, made within `SERVE_CPU_MS_MAX`, at least one item. */

import type { Clock } from "@counterpart/core/ports/runtime";
import { FRAME_BYTES_BY_TYPE, FRAME_OVERHEAD_BYTES } from "@counterpart/core/sync/limits";
import type { ErrorMessage, MessageType, Refusal } from "@counterpart/core/sync/message-types";
import { SERVE_CPU_MS_MAX } from "./limits.ts";

/** What an answer may still take. */
export interface Budget {
  /** Whether an item of this size is taken. The first one always is, if the frame has room for it at all. */
  take(sizeBytes: number): boolean;
  /** Whether anything more of this size would fit. */
  hasRoom(sizeBytes: number): boolean;
}

/** List and string headers of one item. */
export const ITEM_BYTES = 10;

/**
 * @param reservedBytes for what is added to the answer without asking
 * @param wishedBytes what whoever asks wishes the items not to exceed together
 */
export function createBudget(
  type: MessageType,
  clock: Clock,
  reservedBytes = 0,
  wishedBytes = Number.POSITIVE_INFINITY,
): Budget {
  const room = FRAME_BYTES_BY_TYPE[type] - 2 * FRAME_OVERHEAD_BYTES - reservedBytes;
  let left = Math.min(room, wishedBytes);
  let taken = 0;
  const deadline = clock.now() + SERVE_CPU_MS_MAX;
  return {
    take(sizeBytes) {
      if (taken === 0 ? sizeBytes > room : sizeBytes > left || clock.now() > deadline) return false;
      left -= sizeBytes;
      taken++;
      return true;
    },
    hasRoom: (sizeBytes) => sizeBytes <= left,
  };
}

export const refuse = (code: Refusal): ErrorMessage => ({ type: "Error", code, retryAfterMs: 0 });
