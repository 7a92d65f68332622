/**
 * Requests to a peer: what is lost on the way is sent again, the answer must be of the right type, and a busy peer is
 * asked again after the time it names.
 */

import { CodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import { type MessageOf, RESPONSES, type RequestType, type ResponseTo } from "@counterpart/core/sync/message-types";
import { decodeMessage, encodeMessage } from "@counterpart/core/sync/messages";
import { BUSY_RETRY_MS, BUSY_TRIES_MAX, BUSY_WAIT_MAX_MS, REQUEST_REPEAT_MS, REQUEST_TIMEOUT_MS } from "./limits.ts";
import type { Session } from "./session.ts";
import { sleep } from "./timing.ts";

/** What whoever asks may want to know meanwhile. */
export interface RequestEvents {
  /** The peer has not begun to answer after `REQUEST_REPEAT_MS`. */
  readonly onSilent?: () => void;
  /** An answer has come, of this size, whatever is in it. */
  readonly onAnswer?: (sizeBytes: number) => void;
}

function decodeReply(session: Session, bytes: Uint8Array): ReturnType<typeof decodeMessage> {
  try {
    return decodeMessage(session.packing.unpack(bytes));
  } catch (error) {
    throw new CodedError("BAD_MESSAGE", `the answer is malformed: ${String(error)}`);
  }
}

/**
 * Sends a request, and once more when the peer is heard `REQUEST_REPEAT_MS` later and has not begun to answer: then the
 * request or its answer is likely to be lost. The first one stays open, so that a slow peer is heard out, and its time
 * limit is the limit of both. A peer that says nothing at all is sent nothing more.
 * @param onSilent called when that time has passed without the beginning of an answer
 */
async function sendUntilAnswered(
  session: Session,
  frame: Uint8Array,
  clock: Clock,
  onSilent: () => void,
): Promise<Uint8Array> {
  const over = new AbortController();
  const answer = Promise.withResolvers<Uint8Array>();
  let cancelTimer = (): void => {};
  const stopWaiting = (): void => {
    cancelTimer();
    session.awaiting.delete(repeat);
  };
  const send = (): void => {
    const watch = { signal: over.signal, onBegin: stopWaiting };
    session.link.request(frame, REQUEST_TIMEOUT_MS, watch).then(answer.resolve, answer.reject);
  };
  const repeat = (): void => {
    stopWaiting();
    send();
  };
  const fallSilent = (): void => {
    session.awaiting.add(repeat);
    onSilent();
  };
  // In two halves: a node that was too busy to read what had arrived reads it before the second one is over.
  cancelTimer = clock.setTimer(REQUEST_REPEAT_MS / 2, () => {
    cancelTimer = clock.setTimer(REQUEST_REPEAT_MS / 2, fallSilent);
  });
  send();
  try {
    return await answer.promise;
  } finally {
    stopWaiting();
    over.abort();
  }
}

/** @throws CodedError `REQUEST_TIMEOUT`, `PEER_DISCONNECTED`, `BAD_MESSAGE`, `PEER_ERROR` (details: refusal) */
export async function askPeer<T extends RequestType>(
  session: Session,
  message: MessageOf<T> & { readonly type: T },
  clock: Clock,
  { onSilent = () => {}, onAnswer = () => {} }: RequestEvents = {},
): Promise<ResponseTo<T>> {
  const frame = encodeMessage<T>(message);
  for (let tries = 1; ; tries++) {
    if (session.closing !== undefined) throw session.closing.error;
    const answer = await sendUntilAnswered(session, frame, clock, onSilent);
    onAnswer(answer.length);
    const reply = decodeReply(session, answer);
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
