/**
 * A peer's announcements, handled one after another in the order they came. When the peer sends faster than they are
 * handled, the newest are dropped: an announcement is a hint, and `Status` repeats what matters.
 */

import type { Message } from "@counterpart/core/sync/message-types";
import { INBOX_BYTES_MAX, INBOX_MESSAGES_MAX } from "./limits.ts";

export interface Inbox {
  /** False when there was no room. */
  push(message: Message, sizeBytes: number): boolean;
  clear(): void;
}

/** @param handle must not reject */
export function createInbox(handle: (message: Message) => Promise<void>): Inbox {
  let waiting: { readonly message: Message; readonly sizeBytes: number }[] = [];
  let heldBytes = 0;
  let running = false;

  const drain = async (): Promise<void> => {
    running = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      heldBytes -= next.sizeBytes;
      await handle(next.message);
    }
    running = false;
  };
  return {
    push(message, sizeBytes) {
      if (waiting.length >= INBOX_MESSAGES_MAX || heldBytes + sizeBytes > INBOX_BYTES_MAX) return false;
      waiting.push({ message, sizeBytes });
      heldBytes += sizeBytes;
      if (!running) void drain();
      return true;
    },
    clear() {
      waiting = [];
      heldBytes = 0;
    },
  };
}
