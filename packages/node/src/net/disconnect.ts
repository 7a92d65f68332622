/**
 * Ending a connection from within its own events. libp2p breaks a connection in steps and calls our listeners between
 * them; if one of those breaks it too, the outer step writes to a closed stream and throws into nowhere. So `cut`
 * leaves the running event first; `disconnect` does so by itself, as libp2p closes asynchronously.
 */

import type { Clock } from "@counterpart/core/ports/runtime";
import type { Connection } from "@libp2p/interface";
import { createDeadline } from "./deadline.ts";

/** Breaks a connection: what is under way in it is lost. Never throws. */
export function cut(connection: Connection, reason: string): void {
  queueMicrotask(() => {
    const error = new Error(reason);
    try {
      connection.abort(error);
    } catch {
      // the muxer could not say goodbye; it is closed now, and the second call goes on to the socket
      abortSocket(connection, error);
    }
  });
}

/** Closes a connection with what was written to it, and breaks it if that takes too long. Never rejects. */
export async function disconnect(connection: Connection, clock: Clock, timeoutMs: number): Promise<void> {
  const deadline = createDeadline(clock, timeoutMs);
  try {
    await connection.close({ signal: deadline.signal });
  } catch {
    cut(connection, "the connection could not be closed in time");
  } finally {
    deadline.cancel();
  }
}

function abortSocket(connection: Connection, error: Error): void {
  try {
    connection.abort(error);
  } catch {
    // nothing is left to close
  }
}
