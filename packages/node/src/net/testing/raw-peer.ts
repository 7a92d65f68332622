/** A libp2p peer that speaks the protocol byte by byte, and wrongly where a test wants it. */

import type { Connection, Stream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import { FrameReader } from "../frame-reader.ts";
import { encodeFrame } from "../frame-writer.ts";
import { encodeHello } from "../handshake.ts";
import { ANNOUNCE_PROTOCOL } from "../link-table.ts";
import { createTransports } from "../transports.ts";
import type { Cleanup } from "./real-network.ts";

/** A bare libp2p node that listens on loopback and knows no protocol. */
export async function startRawPeer(cleanup: Cleanup): Promise<Libp2p> {
  const node = await createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: createTransports(100),
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: 512 * 1024 } })],
    connectionMonitor: { enabled: false },
  });
  cleanup.add(() => node.stop());
  return node;
}

export interface RawLink {
  readonly connection: Connection;
  readonly stream: Stream;
}

/** Connects to a network and shakes hands as the protocol says. */
export async function openRawLink(node: Libp2p, address: string): Promise<RawLink> {
  const [host, port] = address.split(":");
  const connection = await node.dial(multiaddr(`/ip4/${host}/tcp/${port}`));
  const stream = await connection.newStream(ANNOUNCE_PROTOCOL);
  const verdict = new Promise<void>((resolve, reject) => {
    const reader = new FrameReader(stream, 100, {
      onFrame() {
        reader.stop();
        resolve();
      },
      onEnd: () => reject(new Error("no verdict")),
    });
  });
  stream.send(encodeFrame(encodeHello(1n)));
  await verdict;
  return { connection, stream };
}

/** Resolves when the stream or connection is closed, in whatever way. */
export function closed(target: Stream | Connection): Promise<void> {
  if (target.status !== "open") return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  if ("newStream" in target) target.addEventListener("close", () => resolve());
  else target.addEventListener("close", () => resolve());
  return promise;
}
