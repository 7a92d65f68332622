/** Requests to a peer: the answer must be of the right type; a busy peer is asked again after the time it names. */

import { CodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import { type MessageOf, RESPONSES, type RequestType, type ResponseTo } from "@counterpart/core/sync/message-types";
import { decodeMessage, encodeMessage } from "@counterpart/core/sync/messages";
import { BUSY_RETRY_MS, BUSY_TRIES_MAX, BUSY_WAIT_MAX_MS, REQUEST_TIMEOUT_MS } from "./limits.ts";
import type { Session } from "./session.ts";
import { sleep } from "./timing.ts";

function decodeReply(session: Session, bytes: Uint8Array): ReturnType<typeof decodeMessage> {
  try {
    return decodeMessage(session.packing.unpack(bytes));
  } catch (error) {
    throw new CodedError("BAD_MESSAGE", `the answer is malformed: ${String(error)}`);
  }
}

/** @throws CodedError `REQUEST_TIMEOUT`, `PEER_DISCONNECTED`, `BAD_MESSAGE`, `PEER_ERROR` (details: refusal) */
export async function askPeer<T extends RequestType>(
  session: Session,
  message: MessageOf<T> & { readonly type: T },
  clock: Clock,
): Promise<ResponseTo<T>> {
  const frame = encodeMessage<T>(message);
  for (let tries = 1; ; tries++) {
    if (session.closing !== undefined) throw session.closing.error;
    const reply = decodeReply(session, await session.link.request(frame, REQUEST_TIMEOUT_MS));
    if (reply.type === RESPONSES[message.type]) return reply as ResponseTo<T>;
    if (reply.type !== "Error") {
      throw new CodedError("BAD_MESSAGE", `${message.type} was answered with ${reply.type}`);
    }
    if (reply.code !== "BUSY" || tries >= BUSY_TRIES_MAX) {
      throw new CodedError("PEER_ERROR", `the peer answered ${reply.code}`, { refusal: reply.code });
    }
    await sleep(clock, Math.min(reply.retryAfterMs || BUSY_RETRY_MS, BUSY_WAIT_MAX_MS));
  }
}
