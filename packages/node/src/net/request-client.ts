/** One request to a peer: a stream of its own, one frame there, one frame back, both ends closed. */

import { CodedError, isCodedError, reasonOf } from "@counterpart/core/base/errors";
import type { RequestWatch } from "@counterpart/core/ports/network";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Connection, Stream } from "@libp2p/interface";
import { createDeadline } from "./deadline.ts";
import { FrameReader } from "./frame-reader.ts";
import { assertFrameSize, FrameWriter } from "./frame-writer.ts";
import type { NetLimits } from "./limits.ts";
import type { NetMetrics } from "./net-metrics.ts";
import type { Slots } from "./slots.ts";

export const REQUEST_PROTOCOL = "/counterpart/request/1";

export interface RequestContext {
  readonly connection: Connection;
  readonly slots: Slots;
  readonly clock: Clock;
  readonly limits: NetLimits;
  readonly metrics: NetMetrics;
  /** Aborted when the link ends. */
  readonly ended: AbortSignal;
}

/**
 * Sends a request and resolves with the answer. The time limit covers everything, the wait for a slot included.
 * @throws CodedError `REQUEST_TIMEOUT`, `PEER_DISCONNECTED` (the link ended), `PEER_ERROR` (the peer reset the
 * stream), `BAD_MESSAGE` (the request or its answer exceeds the cap, or the answer is not one frame), `RATE_LIMITED`
 * (too many requests wait already)
 */
export async function sendRequest(
  context: RequestContext,
  frame: Uint8Array,
  timeoutMs: number,
  watch?: RequestWatch,
): Promise<Uint8Array> {
  assertFrameSize(frame, context.limits.frameBytesMax);
  const deadline = createDeadline(
    context.clock,
    timeoutMs,
    context.ended,
    ...(watch === undefined ? [] : [watch.signal]),
  );
  let tookSlot = false;
  try {
    await context.slots.take(deadline.signal);
    tookSlot = true;
    return await requestOnStream(context, frame, deadline.signal, watch?.onBegin);
  } catch (error) {
    if (isCodedError(error, "RATE_LIMITED")) context.metrics.unsent.add({});
    throw requestError(error, context, deadline.signal.aborted);
  } finally {
    deadline.cancel();
    if (tookSlot) context.slots.release();
  }
}

async function requestOnStream(
  context: RequestContext,
  frame: Uint8Array,
  signal: AbortSignal,
  onBegin: (() => void) | undefined,
): Promise<Uint8Array> {
  const stream = await context.connection.newStream(REQUEST_PROTOCOL, { signal });
  const writer = new FrameWriter(stream, { ...context, onFailed: (code) => stream.abort(new Error(code)) });
  try {
    if (onBegin !== undefined) stream.addEventListener("message", onBegin, { once: true });
    const answer = readAnswer(stream, context.limits.frameBytesMax, signal);
    writer.write(frame);
    const written = writer.idle().then(() => stream.close({ signal }));
    // the answer decides: a peer may answer before it has read everything, and a broken stream fails both
    written.catch(() => {});
    return await answer;
  } finally {
    writer.stop();
    if (stream.status === "open") stream.abort(new Error("the request is over"));
  }
}

/** Resolves with the stream's only frame once the peer has closed its end. */
function readAnswer(stream: Stream, frameBytesMax: number, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise<Uint8Array>((resolve, reject) => {
    let answer: Uint8Array | undefined;
    const reader = new FrameReader(stream, frameBytesMax, {
      onFrame(frame) {
        if (answer !== undefined) fail(new CodedError("BAD_MESSAGE", "the peer answered a request twice"));
        answer ??= frame;
      },
      onEnd(error) {
        if (answer === undefined) fail(error ?? new Error("the peer closed the stream without an answer"));
        else settle(() => resolve(answer as Uint8Array));
      },
    });
    const settle = (end: () => void) => {
      signal.removeEventListener("abort", onAbort);
      reader.stop();
      end();
    };
    const fail = (error: Error) => settle(() => reject(error));
    const onAbort = () => fail(new Error("aborted"));
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
  });
}

function requestError(error: unknown, context: RequestContext, aborted: boolean): CodedError {
  if (isCodedError(error)) return error;
  if (context.ended.aborted || context.connection.status !== "open") {
    return new CodedError("PEER_DISCONNECTED", "the peer disconnected before it answered");
  }
  if (aborted) return new CodedError("REQUEST_TIMEOUT", "the peer did not answer the request in time");
  const reason = reasonOf(error);
  return new CodedError("PEER_ERROR", "the peer refused the request", { reason });
}
