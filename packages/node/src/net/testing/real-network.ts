/** Real networks on the loopback interface, and what they meet there. */

import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Network } from "@counterpart/core/ports/network";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import { createLibp2pNetwork, type Libp2pNetworkOptions } from "../libp2p-network.ts";
import { createPeerKey } from "../peer-key.ts";
import { Recorder, type RecorderOptions } from "./recorder.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

export interface RealNode {
  readonly network: Network;
  readonly recorder: Recorder;
  readonly privateKey: Uint8Array;
  /** `host:port` of the TCP listener. */
  readonly address: string;
}

/**
 * Things to take down, in reverse order; for `after`. A test that was given up may still put things up afterwards:
 * those are taken down at once, as a test file that leaves a socket open never ends.
 */
export class Cleanup {
  readonly #steps: (() => unknown)[] = [];
  #over = false;

  add(step: () => unknown): void {
    if (this.#over) void step();
    else this.#steps.push(step);
  }

  async run(): Promise<void> {
    this.#over = true;
    for (const step of this.#steps.splice(0).reverse()) await step();
  }
}

export async function startNode(
  cleanup: Cleanup,
  options: Partial<Libp2pNetworkOptions> = {},
  recorderOptions: RecorderOptions = {},
): Promise<RealNode> {
  const privateKey = options.privateKey ?? (await createPeerKey());
  const recorder = new Recorder(recorderOptions);
  const network = await createLibp2pNetwork({
    host: "127.0.0.1",
    port: 0,
    logger: silentLogger,
    clock: systemClock,
    peersMax: 50,
    ...options,
    privateKey,
  });
  await network.start(recorder.accept);
  cleanup.add(() => network.stop());
  const port = /^\/ip4\/127\.0\.0\.1\/tcp\/(\d+)\/p2p\//.exec(network.addresses()[0] ?? "")?.[1];
  return { network, recorder, privateKey, address: `127.0.0.1:${port}` };
}

/** A TCP server that does `onSocket` with every client. Resolves with its `host:port`. */
export async function startServer(cleanup: Cleanup, onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanup.add(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export interface TcpProxy {
  readonly address: string;
  /** Forwards nothing more. */
  freeze(): void;
  /** Sends bytes of its own, in both directions. */
  inject(bytes: Uint8Array): void;
}

/** A TCP forwarder that can stop forwarding without closing anything: a cable that was cut. */
export async function startProxy(cleanup: Cleanup, target: string): Promise<TcpProxy> {
  const [host = "", port = ""] = target.split(":");
  const sockets: Socket[] = [];
  const address = await startServer(cleanup, (inner) => {
    const outer = connect(Number(port), host);
    outer.on("error", () => {});
    inner.pipe(outer).pipe(inner);
    sockets.push(inner, outer);
    cleanup.add(() => outer.destroy());
  });
  return {
    address,
    inject(bytes) {
      for (const socket of sockets) socket.write(bytes);
    },
    freeze() {
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
  };
}
