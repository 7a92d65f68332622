/** A peer's request: one frame in, one frame out, each within a time limit, so that a peer who stalls costs a stream. */

import { assert, CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Stream } from "@libp2p/interface";
import { createDeadline, untilAborted } from "./deadline.ts";
import { FrameReader } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { NetLimits } from "./limits.ts";

export interface ServeContext {
  readonly clock: Clock;
  readonly limits: NetLimits;
  /** Aborted when the link ends. */
  readonly ended: AbortSignal;
  readonly answer: (frame: Uint8Array) => Promise<Uint8Array>;
  /** Called when the peer's bytes are no frame, so that no more of them are wanted. */
  readonly onBroken: () => void;
}

/**
 * Reads the request, asks for its answer and writes it.
 * @throws whatever went wrong, after the stream was reset
 */
export async function serveRequest(stream: Stream, context: ServeContext): Promise<void> {
  try {
    const request = await readRequest(stream, context);
    await writeAnswer(stream, request, context);
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

async function readRequest(stream: Stream, context: ServeContext): Promise<Uint8Array> {
  const deadline = createDeadline(context.clock, context.limits.requestReadMs, context.ended);
  let reader: FrameReader | undefined;
  const request = new Promise<Uint8Array>((resolve, reject) => {
    reader = new FrameReader(stream, context.limits.frameBytesMax, {
      onFrame(frame) {
        resolve(frame);
        reader?.setSink(rejectMore(stream));
      },
      onEnd(error) {
        if (isCodedError(error, "BAD_MESSAGE")) context.onBroken();
        reject(error ?? new Error("the peer closed a request before its end"));
      },
    });
  });
  try {
    return await untilAborted(request, deadline.signal);
  } catch (error) {
    reader?.stop();
    throw error;
  } finally {
    deadline.cancel();
  }
}

/** Anything after the request's frame resets the stream. */
function rejectMore(stream: Stream) {
  return {
    onFrame: () => stream.abort(new CodedError("BAD_MESSAGE", "the peer sent two requests on one stream")),
    onEnd: (error?: Error) => {
      if (error !== undefined) stream.abort(error);
    },
  };
}

async function writeAnswer(stream: Stream, request: Uint8Array, context: ServeContext): Promise<void> {
  const deadline = createDeadline(context.clock, context.limits.requestServeMs, context.ended);
  const { signal } = deadline;
  const writer = new FrameWriter(stream, { ...context, onFailed: (code) => stream.abort(new Error(code)) });
  try {
    const answer = await untilAborted(context.answer(request), signal);
    assert(answer.length <= context.limits.frameBytesMax, "the answer to a request exceeds the frame limit");
    // a stream that was reset meanwhile takes nothing, and its writer would wait for ever
    if (stream.writeStatus !== "writable") return;
    writer.write(answer);
    await untilAborted(writer.idle(), signal);
    await stream.close({ signal });
  } finally {
    writer.stop();
    deadline.cancel();
  }
}
