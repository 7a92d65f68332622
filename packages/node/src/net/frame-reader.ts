/**
 * The reading half of a frame stream. It never pauses the stream: whole frames go to the sink as they complete, and
 * what is incomplete is bounded by the decoder's cap.
 */

import type { Stream, StreamCloseEvent, StreamMessageEvent } from "@libp2p/interface";
import { FrameDecoder } from "./frame-decoder.ts";

export interface FrameSink {
  onFrame(frame: Uint8Array): void;
  /** Called once: nothing more will come. An error is a reset, a broken connection or a CodedError `BAD_MESSAGE`. */
  onEnd(error?: Error): void;
}

/** What the reader needs of a libp2p stream. */
export type ReadableStreamPart = Pick<Stream, "addEventListener" | "removeEventListener" | "readableEnded">;

export class FrameReader {
  readonly #stream: ReadableStreamPart;
  readonly #decoder: FrameDecoder;
  #sink: FrameSink;
  #stopped = false;
  /** Bytes that have arrived so far, prefixes included. */
  receivedBytes = 0;

  constructor(stream: ReadableStreamPart, frameBytesMax: number, sink: FrameSink) {
    this.#stream = stream;
    this.#decoder = new FrameDecoder(frameBytesMax);
    this.#sink = sink;
    stream.addEventListener("end", this.#onEnd);
    stream.addEventListener("close", this.#onClose);
    stream.addEventListener("message", this.#onMessage);
    // a stream can have ended while it was negotiated, and says so once
    if (stream.readableEnded) queueMicrotask(this.#onEnd);
  }

  /** Gives the frames from the next one on to another sink, also those of a chunk that is being taken apart. */
  setSink(sink: FrameSink): void {
    this.#sink = sink;
  }

  stop(): void {
    this.#stopped = true;
    this.#stream.removeEventListener("end", this.#onEnd);
    this.#stream.removeEventListener("close", this.#onClose);
    this.#stream.removeEventListener("message", this.#onMessage);
  }

  readonly #onMessage = (event: StreamMessageEvent): void => {
    const chunks = event.data instanceof Uint8Array ? [event.data] : event.data;
    for (const chunk of chunks) {
      if (this.#stopped) return;
      this.#take(chunk);
    }
  };

  #take(chunk: Uint8Array): void {
    this.receivedBytes += chunk.length;
    let frames: Uint8Array[];
    try {
      frames = this.#decoder.push(chunk);
    } catch (error) {
      this.#finish(error as Error);
      return;
    }
    for (const frame of frames) {
      if (this.#stopped) return;
      this.#sink.onFrame(frame);
    }
  }

  readonly #onEnd = (): void => this.#finish();

  readonly #onClose = (event: StreamCloseEvent): void => this.#finish(event.error);

  #finish(error?: Error): void {
    if (this.#stopped) return;
    this.stop();
    this.#sink.onEnd(error);
  }
}
