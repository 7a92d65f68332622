/** A libp2p peer that keeps the handshake of the protocol, and after it says and answers whatever a test wants. */

import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import type {
  GoodbyeCode,
  Message,
  Request,
  Status,
  StatusMessage,
  VersionMessage,
} from "@counterpart/core/sync/message-types";
import { decodeMessage, encodeMessage } from "@counterpart/core/sync/messages";
import type { Connection, Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { FrameReader } from "../../packages/node/src/net/frame-reader.ts";
import { encodeFrame } from "../../packages/node/src/net/frame-writer.ts";
import { encodeHello } from "../../packages/node/src/net/handshake.ts";
import { ANNOUNCE_PROTOCOL } from "../../packages/node/src/net/link-table.ts";
import { REQUEST_PROTOCOL } from "../../packages/node/src/net/request-client.ts";
import { closed, startRawPeer } from "../../packages/node/src/net/testing/raw-peer.ts";
import type { Cleanup } from "../../packages/node/src/net/testing/real-network.ts";

const FRAME_BYTES_MAX = 2 ** 20;
/** What is waited for comes at once; on a machine that does other things as well, later. */
export const PATIENCE_MS = 45_000;

/** Bytes that go back on the stream of a request, framed already. Undefined: silence, or what it writes by itself. */
export type Answer = (request: Request, stream: Stream) => Uint8Array | undefined;

export const framed = (message: Message): Uint8Array => encodeFrame(encodeMessage(message));
export const NOT_HELD = framed({ type: "Error", code: "NOT_HELD", retryAfterMs: 0 });

/** What the peer calls its database. */
export const instanceOf = (peerId: string): string => `hostile-${peerId.slice(-16)}`;

/** Resolves with the next thing, or fails after a while with what was waited for. */
async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not come: ${what}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export interface HostilePeer {
  readonly peerId: string;
  /** Whole frames that the node sent on the announcement stream, on all links so far. */
  readonly frames: readonly Uint8Array[];
  /** What the node asked for. */
  readonly asked: readonly Request[];
  /** Of the last link. */
  readonly goodbye: GoodbyeCode | undefined;
  readonly isOpen: boolean;
  /** The stream of announcements of the last link, to be written by hand. */
  readonly announcements: Stream;
  /** The first thing that the node said on the last link. */
  readonly version: VersionMessage;
  answer: Answer;
  /** What it claims other than being in step, said again after each `Status` of the node's. */
  claim: Partial<Status>;
  /** Says nothing by itself from now on. */
  isMute: boolean;
  /** Links up and shakes hands. Resolves when the node takes the peer, or has said goodbye. */
  meet(): Promise<void>;
  say(message: Message): void;
  status(): StatusMessage;
  /** Writes as it is, at the pace that the node reads; less than all of it when the node closes. */
  write(chunks: Iterable<Uint8Array>): Promise<void>;
  /** The answer of the node; undefined when it resets the stream. */
  ask(request: Message): Promise<Message | undefined>;
  /** A stream on the last link, to be written by hand; by default that of a request. */
  open(protocol?: string): Promise<Stream>;
  /** Another connection of the same peer to the node. */
  dial(): Promise<Connection>;
  /** Resolves when the node has closed the connection. */
  gone(): Promise<void>;
  until(holds: () => boolean, what: string): Promise<void>;
}

/** The first frame of a stream; undefined when there is none. */
function firstFrame(stream: Stream): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    new FrameReader(stream, FRAME_BYTES_MAX, { onFrame: resolve, onEnd: () => resolve(undefined) });
  });
}

/** @param address of the node, `host:port` */
export async function createHostilePeer(cleanup: Cleanup, address: string): Promise<HostilePeer> {
  const raw = await startRawPeer(cleanup);
  const [host, port] = address.split(":");
  const frames: Uint8Array[] = [];
  const asked: Request[] = [];
  const waiting = new Set<() => void>();
  let link: { readonly connection: Connection; readonly stream: Stream } | undefined;
  let version: VersionMessage | undefined;
  let goodbye: GoodbyeCode | undefined;
  let heard: Status | undefined;

  const changed = (): void => {
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  const current = (): NonNullable<typeof link> => link ?? assert.fail("the peer has not met the node");
  const note = (frame: Uint8Array, stream: Stream): void => {
    frames.push(frame);
    const message = decodeMessage(frame);
    if (stream !== link?.stream) return;
    if (message.type === "Version") version = message;
    if (message.type === "Status") {
      heard = message;
      if (peer.isOpen && !peer.isMute) peer.say(peer.status());
    }
    if (message.type === "Goodbye") {
      goodbye = message.code;
      // The node waits for that before it ends the connection.
      void stream.close().catch(() => {});
    }
    changed();
  };
  const shakeHands = async (): Promise<void> => {
    const connection = await peer.dial();
    const stream = await connection.newStream(ANNOUNCE_PROTOCOL);
    const verdict = Promise.withResolvers<void>();
    const reader: FrameReader = new FrameReader(stream, FRAME_BYTES_MAX, {
      onFrame() {
        reader.setSink({ onFrame: (frame) => note(frame, stream), onEnd: changed });
        verdict.resolve();
      },
      onEnd: () => verdict.reject(new Error("no verdict")),
    });
    stream.send(encodeFrame(encodeHello(1n)));
    link = { connection, stream };
    await inTime(verdict.promise, "the verdict on a hello");
  };

  await raw.handle(REQUEST_PROTOCOL, async (stream) => {
    const frame = await firstFrame(stream);
    if (frame === undefined) return;
    const request = decodeMessage(frame) as Request;
    asked.push(request);
    changed();
    const answer = peer.answer(request, stream);
    if (answer === undefined || stream.writeStatus !== "writable") return;
    stream.send(answer);
    void stream.close().catch(() => {});
  });

  const peer: HostilePeer = {
    ...{ peerId: raw.peerId.toString(), frames, asked, claim: {}, isMute: false },
    answer: () => NOT_HELD,
    get goodbye() {
      return goodbye;
    },
    get isOpen() {
      return link?.stream.status === "open" && goodbye === undefined;
    },
    get announcements() {
      return current().stream;
    },
    get version() {
      return version ?? assert.fail("the node has not said its version");
    },
    async meet() {
      goodbye = undefined;
      version = undefined;
      heard = undefined;
      await shakeHands();
      await peer.until(() => version !== undefined || goodbye !== undefined, "the node's version");
      if (goodbye !== undefined) return;
      const { signer: _, ...theirs } = peer.version;
      const instanceId = instanceOf(peer.peerId);
      peer.say({
        ...theirs,
        role: "full",
        codecs: [],
        instanceId,
        client: "hostile",
        explicit: false,
        status: peer.status(),
      });
      peer.say(peer.status());
      await peer.until(() => heard !== undefined || goodbye !== undefined, "the node's status");
    },
    say: (message) => void current().stream.send(framed(message)),
    status: () => ({
      type: "Status",
      ...(heard ?? peer.version.status),
      ...{ applied: (heard ?? peer.version.status).sequence, clockMs: Date.now(), ...peer.claim },
    }),
    async write(chunks) {
      const { stream } = current();
      for (const chunk of chunks) {
        if (stream.writeStatus !== "writable") return;
        if (!stream.send(chunk)) await Promise.race([stream.onDrain().catch(() => {}), closed(stream)]);
        // However much it is: what else goes on in this process must not starve.
        await nextTurn();
      }
    },
    dial: () => raw.dial(multiaddr(`/ip4/${host}/tcp/${port}`), { force: true }),
    open: (protocol = REQUEST_PROTOCOL) => current().connection.newStream(protocol),
    async ask(request) {
      const stream = await peer.open();
      stream.send(framed(request));
      const frame = await inTime(firstFrame(stream), `an answer to ${request.type}`);
      return frame === undefined ? undefined : decodeMessage(frame);
    },
    gone: () => inTime(closed(current().connection), "the end of the connection"),
    async until(holds, what) {
      while (!holds()) await inTime(new Promise<void>((resolve) => waiting.add(resolve)), what);
    },
  };
  return peer;
}
