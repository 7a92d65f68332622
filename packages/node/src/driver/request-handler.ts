/**
 * Takes peers' requests, a few of each peer at a time. One answer is made at a time, of one peer after the other, and
 * after each of them whoever else waits for this thread has a turn.
 */

import { CodedError } from "@counterpart/core/base/errors";
import { REQUESTS_MAX } from "@counterpart/core/sync/limits";
import { isRequest, type Message } from "@counterpart/core/sync/message-types";
import { decodeMessage, encodeMessage } from "@counterpart/core/sync/messages";
import type { Allowances } from "./allowances.ts";
import type { DriverMetrics } from "./driver-metrics.ts";
import { BUSY_RETRY_MS } from "./limits.ts";
import type { Peers } from "./peers.ts";
import { type ServeDeps, serve } from "./serve.ts";
import type { Session } from "./session.ts";
import { sleep } from "./timing.ts";

export type RequestHandler = (session: Session, frame: Uint8Array) => Promise<Uint8Array>;

function decode(frame: Uint8Array): Message | undefined {
  try {
    return decodeMessage(frame);
  } catch {
    return undefined;
  }
}

export interface RequestHandlerDeps extends ServeDeps {
  readonly peers: Peers;
  readonly metrics: DriverMetrics;
  readonly allowances: Allowances;
}

/**
 * The returned function rejects with `BAD_MESSAGE` for what is no request, and the peer is penalised for it; with what
 * ended the session when that happened before its turn.
 */
export function createRequestHandler(deps: RequestHandlerDeps): RequestHandler {
  const busy = (reason: "concurrency" | "rate", retryAfterMs: number): Uint8Array => {
    deps.metrics.busy.add({ reason });
    return encodeMessage({ type: "Error", code: "BUSY", retryAfterMs });
  };
  const answer = (session: Session, frame: Uint8Array): Message => {
    const request = decode(frame);
    if (request === undefined || !isRequest(request)) {
      deps.peers.penalise(session, "BAD_MESSAGE", {
        reason: `${request?.type ?? "an undecodable frame"} as a request`,
      });
      throw new CodedError("BAD_MESSAGE", "not a request");
    }
    return serve(deps, request);
  };
  /** Answers within the peer's allowance. What the answer has cost is known, and charged, afterwards. */
  const answerWithin = (session: Session, frame: Uint8Array): Uint8Array => {
    // It went while it waited for its turn: nobody takes the answer.
    if (session.closing !== undefined) throw session.closing.error;
    const allowance = deps.allowances(session.peerId);
    const waitMs = allowance.servingWaitMs();
    if (waitMs > 0) return busy("rate", waitMs);
    const startMs = deps.clock.now();
    const message = answer(session, frame);
    // Of the answers with contracts those with artifacts in them are text.
    const isText = message.type === "Contracts" && message.kind === "since";
    const encoded = session.packing.pack(encodeMessage(message), session.version?.codecs, isText);
    allowance.noteServed(encoded.length, deps.clock.now() - startMs);
    return encoded;
  };
  let turn = Promise.resolve();
  const rest = (): Promise<void> => sleep(deps.clock, 0);
  /** Only a peer's first request waits among those of all peers, so that they take turns. */
  const inTurn = (session: Session, frame: Uint8Array): Promise<Uint8Array> => {
    const answered = session.turn.then(() => {
      const made = turn.then(() => answerWithin(session, frame));
      turn = made.then(rest, rest);
      return made;
    });
    session.turn = answered.then(
      () => {},
      () => {},
    );
    return answered;
  };
  return async (session, frame) => {
    if (session.serving >= REQUESTS_MAX) {
      return busy("concurrency", BUSY_RETRY_MS);
    }
    session.serving++;
    try {
      return await inTurn(session, frame);
    } finally {
      session.serving--;
    }
  };
}
