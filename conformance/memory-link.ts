/** One end of a link of the in-process network. */

import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Link, LinkHandlers, RequestWatch } from "@counterpart/core/ports/network";
import type { MemoryHub } from "./memory-network.ts";

interface PendingRequest {
  readonly resolve: (answer: Uint8Array) => void;
  readonly reject: (error: CodedError) => void;
}

export class MemoryLink implements Link {
  readonly peerId: string;
  readonly address: string;
  readonly direction: "inbound" | "outbound";
  readonly #hub: MemoryHub;
  readonly #ownId: string;
  readonly #pending = new Set<PendingRequest>();
  #far: MemoryLink | undefined;
  #handlers: LinkHandlers | undefined;
  #state: "open" | "closing" | "ended" = "open";
  #closed: Promise<void> | undefined;
  readonly #flushed = Promise.withResolvers<void>();
  #onEnded: () => void = () => {};
  #queuedBytes = 0;
  #queuedFrames = 0;
  #cancelKeepAlive: () => void = () => {};

  constructor(hub: MemoryHub, ownId: string, peerId: string, address: string, direction: "inbound" | "outbound") {
    this.#hub = hub;
    this.#ownId = ownId;
    this.peerId = peerId;
    this.address = address;
    this.direction = direction;
  }

  get isOpen(): boolean {
    return this.#state !== "ended";
  }

  /** Whether the other end is still there. */
  get isConnected(): boolean {
    return this.isOpen && this.#far?.isOpen === true;
  }

  get isClosing(): boolean {
    return this.#closed !== undefined;
  }

  join(far: MemoryLink): void {
    this.#far = far;
    far.#far = this;
  }

  open(handlers: LinkHandlers): void {
    this.#handlers = handlers;
  }

  whenEnded(callback: () => void): void {
    this.#onEnded = callback;
  }

  send(frame: Uint8Array): boolean {
    this.#checkSize(frame);
    const { queueBytesMax, queueFramesMax } = this.#hub.limits;
    if (this.#state !== "open") return false;
    if (this.#queuedFrames >= queueFramesMax || this.#queuedBytes + frame.length > queueBytesMax) return false;
    const copy = frame.slice();
    this.#queuedBytes += copy.length;
    this.#queuedFrames++;
    this.#carry((far) => {
      this.#queuedBytes -= copy.length;
      this.#queuedFrames--;
      far.#deliver(copy);
    });
    return true;
  }

  async request(frame: Uint8Array, timeoutMs: number, watch?: RequestWatch): Promise<Uint8Array> {
    this.#checkSize(frame);
    if (this.#state !== "open") throw disconnected();
    if (this.#pending.size >= this.#hub.limits.requestsInFlightMax + this.#hub.limits.requestsWaitingMax) {
      throw new CodedError("RATE_LIMITED", "too many requests wait for this peer");
    }
    const answer = Promise.withResolvers<Uint8Array>();
    this.#pending.add(answer);
    const giveUp = () =>
      answer.reject(new CodedError("REQUEST_TIMEOUT", "the peer did not answer the request in time"));
    const cancel = this.#hub.clock.setTimer(timeoutMs, giveUp);
    watch?.signal.addEventListener("abort", giveUp);
    const copy = frame.slice();
    this.#carry((far) => void far.#serve(copy, answer));
    try {
      const bytes = await answer.promise;
      watch?.onBegin();
      return bytes;
    } finally {
      cancel();
      watch?.signal.removeEventListener("abort", giveUp);
      this.#pending.delete(answer);
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#flushAndEnd();
    return this.#closed;
  }

  /** Ends both ends at once, each with its own reason. */
  break(reason: ErrorCode, reasonThere: ErrorCode): void {
    const far = this.#far;
    this.end(reason);
    far?.end(reasonThere);
  }

  /** Ends this end only. */
  end(reason?: ErrorCode): void {
    if (this.#state === "ended") return;
    this.#letGo();
    for (const { reject } of this.#pending) reject(disconnected());
    this.#call(() => this.#handlers?.onClose(reason));
  }

  /** This end is gone and says nothing; the other finds out by itself. */
  vanish(): void {
    this.#letGo();
    const far = this.#far;
    const { keepAliveMs, keepAliveAnswerMs } = this.#hub.limits;
    if (far?.isOpen !== true) return;
    const noticed = () => far.end("CONNECTION_TIMEOUT");
    far.#cancelKeepAlive = this.#hub.clock.setTimer(keepAliveMs + keepAliveAnswerMs, noticed);
  }

  #letGo(): void {
    this.#state = "ended";
    this.#cancelKeepAlive();
    this.#flushed.resolve();
    this.#onEnded();
  }

  async #flushAndEnd(): Promise<void> {
    if (this.#state === "ended") return;
    this.#state = "closing";
    const cancel = this.#hub.clock.setTimer(this.#hub.limits.flushMs, this.#flushed.resolve);
    this.#carry((far) => {
      far.end("PEER_DISCONNECTED");
      this.#flushed.resolve();
    });
    await this.#flushed.promise;
    cancel();
    this.end();
    this.#far?.end("PEER_DISCONNECTED");
  }

  /** Carries an item to the other end, where it arrives unless either end has ended meanwhile. */
  #carry(deliver: (far: MemoryLink) => void): void {
    this.#hub.carry(this.#ownId, this.peerId, () => {
      if (this.isOpen && this.#far?.isOpen === true) deliver(this.#far);
    });
  }

  #deliver(frame: Uint8Array): void {
    if (this.#state === "open") this.#call(() => this.#handlers?.onFrame(frame));
  }

  async #serve(frame: Uint8Array, pending: PendingRequest): Promise<void> {
    const handlers = this.#handlers;
    if (handlers === undefined || this.#state !== "open") return;
    let settle: () => void;
    try {
      const answer = (await handlers.onRequest(frame)).slice();
      this.#checkSize(answer);
      settle = () => pending.resolve(answer);
    } catch {
      settle = () => pending.reject(new CodedError("PEER_ERROR", "the peer refused the request"));
    }
    this.#carry(settle);
  }

  #call(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.break(isCodedError(error) ? error.code : "INTERNAL_ERROR", "PEER_DISCONNECTED");
    }
  }

  #checkSize(frame: Uint8Array): void {
    const { frameBytesMax } = this.#hub.limits;
    if (frame.length <= frameBytesMax) return;
    throw new CodedError("BAD_MESSAGE", `a frame of ${frame.length} bytes exceeds the limit of ${frameBytesMax}`);
  }
}

const disconnected = (): CodedError => new CodedError("PEER_DISCONNECTED", "the link to the peer is closed");
