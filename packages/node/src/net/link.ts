/** An open link: a connection and its announcement stream, after both sides have agreed on it. */

import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Link, LinkHandlers, RequestWatch } from "@counterpart/core/ports/network";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { Connection, Stream } from "@libp2p/interface";
import { createDeadline, untilAborted } from "./deadline.ts";
import { cut, disconnect } from "./disconnect.ts";
import type { FrameReader } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { NetLimits } from "./limits.ts";
import { isAlive } from "./liveness.ts";
import type { NetMetrics } from "./net-metrics.ts";
import { sendRequest } from "./request-client.ts";
import { serveRequest } from "./request-server.ts";
import { Slots } from "./slots.ts";

export interface LinkParts {
  readonly connection: Connection;
  readonly stream: Stream;
  /** Has read the handshake, and nothing else. */
  readonly reader: FrameReader;
}

export interface LinkSurroundings {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: NetLimits;
  readonly metrics: NetMetrics;
  /** Called once when the link ends, before its `onClose`. */
  readonly onEnd: (link: OpenLink) => void;
}

/** One open link; made by the link table, which also ends it when another connection takes its place. */
export class OpenLink implements Link {
  readonly peerId: string;
  readonly address: string;
  readonly direction: "inbound" | "outbound";
  readonly connection: Connection;
  /** When the peer was started; tells whether it has restarted since. */
  readonly instance: bigint;
  readonly #parts: LinkParts;
  readonly #writer: FrameWriter;
  readonly #around: LinkSurroundings;
  readonly #ended = new AbortController();
  readonly #slots: Slots;
  #handlers: LinkHandlers | undefined;
  #closing: Promise<void> | undefined;
  #disconnected: Promise<void> | undefined;
  #served = 0;
  #heardBytes = 0;
  #cancelKeepAlive: () => void = () => {};

  constructor(parts: LinkParts, instance: bigint, around: LinkSurroundings) {
    this.#parts = parts;
    this.#around = around;
    this.#writer = new FrameWriter(parts.stream, { ...around, onFailed: (code) => this.end(code) });
    this.#slots = new Slots(around.limits.requestsInFlightMax, around.limits.requestsWaitingMax);
    this.connection = parts.connection;
    this.peerId = parts.connection.remotePeer.toString();
    this.address = parts.connection.remoteAddr.toString();
    this.direction = parts.connection.direction;
    this.instance = instance;
  }

  get isOpen(): boolean {
    return !this.#ended.signal.aborted;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** Makes the handlers and starts to deliver. If `accept` throws, the link has ended. */
  open(accept: (link: Link) => LinkHandlers): void {
    const { reader, connection } = this.#parts;
    reader.setSink({
      onFrame: (frame) => this.#deliver(frame),
      onEnd: (error) => this.#onPeerGone(isCodedError(error) ? error.code : "PEER_DISCONNECTED"),
    });
    connection.addEventListener("close", this.#onConnectionClosed);
    try {
      this.#handlers = accept(this);
    } catch (error) {
      this.end("INTERNAL_ERROR");
      throw error;
    }
    this.#scheduleKeepAlive();
  }

  send(frame: Uint8Array): boolean {
    const isSent = this.isOpen && this.#closing === undefined && this.#writer.write(frame);
    if (!isSent) this.#around.metrics.dropped.add({});
    return isSent;
  }

  async request(frame: Uint8Array, timeoutMs: number, watch?: RequestWatch): Promise<Uint8Array> {
    if (!this.isOpen || this.#closing !== undefined) {
      throw new CodedError("PEER_DISCONNECTED", "the link to the peer is closed");
    }
    const { connection } = this;
    const answer = await sendRequest(
      { connection, slots: this.#slots, ended: this.#ended.signal, ...this.#around },
      frame,
      timeoutMs,
      watch,
    );
    this.#heardBytes += 1;
    return answer;
  }

  close(): Promise<void> {
    this.#closing ??= this.#flushAndEnd();
    return this.#closing;
  }

  /** Ends the link at once: what is queued is lost. Does nothing the second time. */
  end(reason?: ErrorCode): void {
    if (!this.isOpen) return;
    this.#ended.abort();
    this.#around.metrics.ended.add({ code: reason ?? "none" });
    this.#cancelKeepAlive();
    this.#parts.reader.stop();
    this.#writer.stop();
    this.connection.removeEventListener("close", this.#onConnectionClosed);
    // a peer that misbehaves or does not answer gets no more time
    if (reason !== undefined && reason !== "PEER_DISCONNECTED") cut(this.connection, reason);
    else this.#disconnected = disconnect(this.connection, this.#around.clock, this.#around.limits.flushMs);
    this.#around.onEnd(this);
    this.#callHandler(() => this.#handlers?.onClose(reason));
  }

  /** Whether the peer answers, or sends anything else, within `timeoutMs`. */
  async answers(timeoutMs: number): Promise<boolean> {
    const heard = this.#totalHeardBytes();
    const alive = await isAlive(this.connection, this.#around.clock, timeoutMs);
    return this.isOpen && (alive || this.#totalHeardBytes() !== heard);
  }

  /** Takes the stream of a peer's request. */
  serve(stream: Stream): void {
    const handlers = this.#handlers;
    const { clock, limits, logger, metrics } = this.#around;
    if (
      !this.isOpen ||
      this.#closing !== undefined ||
      handlers === undefined ||
      this.#served >= limits.requestsServedMax
    ) {
      metrics.requests.add({ reason: "limit" });
      stream.abort(new Error("no request is taken now"));
      return;
    }
    this.#served++;
    const answer = (frame: Uint8Array) => {
      this.#heardBytes += frame.length;
      return handlers.onRequest(frame);
    };
    const onBroken = () => this.end("BAD_MESSAGE");
    serveRequest(stream, { clock, limits, ended: this.#ended.signal, answer, onBroken })
      .catch((error: unknown) => {
        metrics.requests.add({ reason: "failed" });
        const level = isCodedError(error, "INVARIANT_BROKEN") ? "error" : "debug";
        logger[level]("request not answered", { peer: this.peerId, reason: errorText(error) });
      })
      .finally(() => {
        this.#served--;
      });
  }

  readonly #onConnectionClosed = (): void => this.#onPeerGone("PEER_DISCONNECTED");

  /** While this side closes the link, the peer's end of it is what is waited for. */
  #onPeerGone(reason: ErrorCode): void {
    this.end(this.#closing === undefined ? reason : undefined);
  }

  #deliver(frame: Uint8Array): void {
    if (!this.isOpen || this.#closing !== undefined) return;
    this.#callHandler(() => this.#handlers?.onFrame(frame));
  }

  /** A handler that throws is a defect of this program; it costs the link, not the process. */
  #callHandler(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#around.logger.error("a handler of a peer's link failed", {
        peer: this.peerId,
        reason: errorText(error),
      });
      this.end(isCodedError(error) ? error.code : "INTERNAL_ERROR");
    }
  }

  /**
   * Sends what is queued, closes the stream and waits for the peer to do the same: a socket that is closed with unread
   * bytes in it is reset, and a reset can overtake what was sent before.
   */
  async #flushAndEnd(): Promise<void> {
    const { stream } = this.#parts;
    const deadline = createDeadline(this.#around.clock, this.#around.limits.flushMs, this.#ended.signal);
    try {
      await untilAborted(this.#writer.idle(), deadline.signal);
      await stream.close({ signal: deadline.signal });
      const ended = new Promise<void>((resolve) => stream.addEventListener("end", () => resolve()));
      if (!stream.readableEnded) await untilAborted(ended, deadline.signal);
    } catch {
      // the time is up, or the link has ended by itself
    } finally {
      deadline.cancel();
    }
    this.end();
    await this.#disconnected;
  }

  #scheduleKeepAlive(): void {
    if (!this.isOpen) return;
    const heard = this.#totalHeardBytes();
    this.#cancelKeepAlive = this.#around.clock.setTimer(this.#around.limits.keepAliveMs, () => {
      if (this.#totalHeardBytes() !== heard) this.#scheduleKeepAlive();
      else void this.#probe();
    });
  }

  async #probe(): Promise<void> {
    if (await this.answers(this.#around.limits.keepAliveAnswerMs)) this.#scheduleKeepAlive();
    else this.end("CONNECTION_TIMEOUT");
  }

  #totalHeardBytes(): number {
    return this.#parts.reader.receivedBytes + this.#heardBytes;
  }
}

const errorText = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
