/**
 * A connection of a private network: what passes is XSalsa20 over the network key, each side with a nonce of its own.
 * Beneath Noise, which goes on to encrypt and to authenticate: what the key adds is that nobody else is answered.
 *
 * Written here and not taken from `@libp2p/pnet`, with which it is tested to agree: the cipher below that package shares
 * one memory among all connections, makes it larger again whenever another one has data, and gives nothing back, so
 * that two busy peers exhaust it.
 *
 * Source: libp2p specification, pnet/Private-Networks-PSK-V1.md.
 */

import type { AbortOptions, MessageStream } from "@libp2p/interface";
import { AbstractMultiaddrConnection } from "@libp2p/utils";
import type { Multiaddr } from "@multiformats/multiaddr";
import { xsalsa20 } from "@noble/ciphers/salsa.js";

export const NONCE_BYTES = 24;
const BLOCK_BYTES = 64;

/** The transport's connection, as the upgrader of libp2p has it. */
export interface RawConnection extends MessageStream {
  readonly remoteAddr: Multiaddr;
}

/** One direction's key stream, which goes on from call to call; at most 256 GiB. */
export class KeyStream {
  readonly #key: Uint8Array;
  readonly #nonce: Uint8Array;
  #position = 0;

  constructor(key: Uint8Array, nonce: Uint8Array) {
    this.#key = key;
    this.#nonce = nonce;
  }

  /** The next bytes, encrypted or decrypted. @throws Error when the stream is used up */
  update(bytes: Uint8Array): Uint8Array {
    const offset = this.#position % BLOCK_BYTES;
    const padded = new Uint8Array(offset + bytes.length);
    padded.set(bytes, offset);
    xsalsa20(this.#key, this.#nonce, padded, padded, Math.floor(this.#position / BLOCK_BYTES));
    this.#position += bytes.length;
    return padded.subarray(offset);
  }
}

export interface KeyedConnectionParts {
  readonly raw: RawConnection;
  readonly incoming: Pick<KeyStream, "update">;
  readonly outgoing: Pick<KeyStream, "update">;
  /** What the other side must begin with; nothing, where that was read already. */
  readonly opening: Uint8Array;
  /** What the connection fails with when the other side begins otherwise, or hangs up first. */
  readonly mismatch: () => Error;
}

export class KeyedConnection extends AbstractMultiaddrConnection {
  readonly #parts: KeyedConnectionParts;
  #openedBytes = 0;

  constructor(parts: KeyedConnectionParts) {
    const { raw } = parts;
    super({ log: raw.log.newScope("keyed"), direction: raw.direction, remoteAddr: raw.remoteAddr });
    this.#parts = parts;
    raw.addEventListener("message", ({ data }) => this.#receive(data.subarray()));
    raw.addEventListener("drain", () => this.onMuxerDrain());
    raw.addEventListener("remoteCloseWrite", () => this.onRemoteCloseWrite());
    raw.addEventListener("close", (event) => {
      const error = "error" in event && event.error instanceof Error ? event.error : undefined;
      const isLocal = "local" in event && event.local === true;
      if (error !== undefined && isLocal) this.abort(error);
      else if (this.#openedBytes < parts.opening.length) this.abort(parts.mismatch());
      else if (error !== undefined) this.onRemoteReset();
      else this.onTransportClosed();
    });
  }

  /** Takes bytes that were read before this connection was made, and decrypted. */
  takeRead(bytes: Uint8Array): void {
    this.onData(bytes);
  }

  sendData(data: Parameters<AbstractMultiaddrConnection["sendData"]>[0]) {
    const sentBytes = data.byteLength;
    try {
      return { sentBytes, canSendMore: this.#parts.raw.send(this.#parts.outgoing.update(data.subarray())) };
    } catch (error) {
      // The key stream is used up, or the socket gone. Who sends may be a timer, which has nobody to tell.
      queueMicrotask(() => this.abort(error instanceof Error ? error : new Error(String(error))));
      return { sentBytes, canSendMore: false };
    }
  }

  sendReset(error: Error): void {
    this.#parts.raw.abort(error);
  }

  async sendClose(options?: AbortOptions): Promise<void> {
    await this.#parts.raw.close(options);
  }

  sendPause(): void {
    this.#parts.raw.pause();
  }

  sendResume(): void {
    this.#parts.raw.resume();
  }

  #receive(data: Uint8Array): void {
    try {
      const bytes = this.#parts.incoming.update(data);
      if (this.#openedBytes < this.#parts.opening.length && !this.#isOpening(bytes)) this.abort(this.#parts.mismatch());
      else this.onData(bytes);
    } catch (error) {
      this.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Whether the next bytes go on as the other side must begin. */
  #isOpening(bytes: Uint8Array): boolean {
    const expected = this.#parts.opening.subarray(this.#openedBytes, this.#openedBytes + bytes.length);
    this.#openedBytes += expected.length;
    return expected.every((byte, index) => byte === bytes[index]);
  }
}
