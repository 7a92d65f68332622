/**
 * Whether a peer is still there: a stream for libp2p's ping protocol is negotiated, which takes an answer from the
 * other side. The responder is our own because libp2p's collects without limit from a peer that does not read.
 */

import { concatBytes } from "@counterpart/core/base/bytes";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Connection, Stream, StreamMessageEvent } from "@libp2p/interface";
import { createDeadline } from "./deadline.ts";

export const PING_PROTOCOL = "/ipfs/ping/1.0.0";

/** Payload of a ping, by libp2p's specification. */
const PING_BYTES = 32;
const RESPONDER_TIMEOUT_MS = 10_000;

/** Resolves with whether the peer answers within `timeoutMs`; never rejects. */
export async function isAlive(connection: Connection, clock: Clock, timeoutMs: number): Promise<boolean> {
  const deadline = createDeadline(clock, timeoutMs);
  try {
    const stream = await connection.newStream(PING_PROTOCOL, { signal: deadline.signal });
    stream.abort(new Error("the peer is alive"));
    return true;
  } catch (error) {
    // a peer that refuses the protocol has answered
    return error instanceof Error && error.name === "UnsupportedProtocolError";
  } finally {
    deadline.cancel();
  }
}

/** Answers a peer's pings on one stream, holding at most one of them. */
export function answerPings(stream: Stream, clock: Clock): void {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const cancelTimer = clock.setTimer(RESPONDER_TIMEOUT_MS, () => stream.abort(new Error("the ping took too long")));
  stream.addEventListener("close", cancelTimer);
  stream.addEventListener("end", () => {
    stream.close().catch((error: Error) => stream.abort(error));
  });
  stream.addEventListener("message", (event: StreamMessageEvent) => {
    heldBytes += event.data.byteLength;
    if (heldBytes > PING_BYTES || stream.writableNeedsDrain) {
      stream.abort(new Error("pings came faster than their answers are read"));
      return;
    }
    held.push(event.data.subarray());
    if (heldBytes < PING_BYTES) return;
    try {
      stream.send(concatBytes(...held));
    } catch {
      // the connection has gone meanwhile
    }
    held = [];
    heldBytes = 0;
  });
}
