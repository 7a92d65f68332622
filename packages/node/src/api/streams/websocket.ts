/** JSON-RPC over WebSocket (RFC 6455) at `/`: all connections, and what they may take together. */

import { CodedError } from "@counterpart/core/base/errors";
import websocket from "@fastify/websocket";
import type { ApiContext, ApiInstance } from "../context.ts";
import type { Dispatcher } from "../rpc/dispatch.ts";
import type { ChainFeed } from "./chain-feed.ts";
import { CLOSE, CONNECTION_LIMITS, type Connection, createConnection, type Socket } from "./connection.ts";
import { createSubscriptions, type SubscriptionRoom } from "./subscriptions.ts";

export const SOCKETS_MAX = 1_024;
const SUBSCRIPTIONS_MAX = 8_192;
const SUBSCRIPTIONS_PER_CONNECTION_MAX = 128;
/** Bytes on the way to all connections: beyond, the one that most is on the way to is cut. */
const UNSENT_BYTES_MAX = 256 * 1024 * 1024;
/** Who says nothing and takes nothing between two pings is gone. */
const PING_MS = 30_000;
/** How long a closing node waits for the other sides to close as well. */
const CLOSE_GRACE_MS = 1_000;

export interface Sockets {
  /** @throws CodedError `TOO_MANY_SUBSCRIBERS`, `NOT_READY` */
  checkRoom(): void;
  /**
   * @param origin of the page or extension that opened it
   * @param address of the other side
   */
  serve(socket: Socket, origin: string | undefined, address: string | undefined): void;
  close(): void;
}

export interface SocketsDeps extends Pick<ApiContext, "backend" | "clock" | "logger" | "metrics" | "rateLimits"> {
  readonly dispatcherFor: (origin: string | undefined) => Dispatcher;
  readonly feed: ChainFeed;
}

export function createSockets(deps: SocketsDeps): Sockets {
  const { backend, clock, logger, metrics, rateLimits, dispatcherFor, feed } = deps;
  const connections = new Set<Connection>();
  const room: SubscriptionRoom = { max: SUBSCRIPTIONS_MAX, maxOfConnection: SUBSCRIPTIONS_PER_CONNECTION_MAX, used: 0 };
  let closed = false;
  let cancelPing: (() => void) | undefined;

  const noteCut = (): void => {
    metrics.cutSockets.add({});
    logger.warn("a WebSocket connection was cut: it does not take what it asked for, or asks for too much");
  };
  const pingAll = (): void => {
    for (const connection of [...connections]) {
      if (connection.isAlive()) connection.ping();
      else connection.terminate();
    }
    cancelPing = connections.size > 0 ? clock.setTimer(PING_MS, pingAll) : undefined;
  };
  const relieve = (): void => {
    const all = [...connections];
    const unsent = all.reduce((sum, connection) => sum + connection.unsent, 0);
    if (unsent <= UNSENT_BYTES_MAX) return;
    const most = all.reduce((one, other) => (other.unsent > one.unsent ? other : one));
    noteCut();
    most.terminate();
  };
  return {
    checkRoom() {
      if (closed) throw new CodedError("NOT_READY", "the node is stopping");
      if (connections.size < SOCKETS_MAX) return;
      throw new CodedError("TOO_MANY_SUBSCRIBERS", `this node serves ${SOCKETS_MAX} WebSocket connections already`);
    },
    serve(socket, origin, address) {
      const connection = createConnection({
        socket,
        dispatcher: dispatcherFor(origin),
        meter: rateLimits.meterOf(address),
        limits: CONNECTION_LIMITS,
        clock,
        open: ({ notify, close }) =>
          createSubscriptions({
            engine: backend.engine,
            feed,
            room,
            send: notify,
            lose: () =>
              close(CLOSE.tryAgain, "not everything could be told: subscribe again, and read what was missed"),
          }),
        // To add up what is on the way to all of them is worth the while only where it is much to one.
        onUnsent: ({ unsent }) => {
          if (unsent > UNSENT_BYTES_MAX / SOCKETS_MAX) relieve();
        },
        onCut: noteCut,
        onClose: () => connections.delete(connection),
      });
      connections.add(connection);
      cancelPing ??= clock.setTimer(PING_MS, pingAll);
    },
    close() {
      closed = true;
      cancelPing?.();
      for (const connection of connections) connection.close(CLOSE.goingAway, "the node is stopping");
      clock.setTimer(CLOSE_GRACE_MS, () => {
        for (const connection of [...connections]) connection.terminate();
      });
    },
  };
}

/** Makes upgrades requests like others. Before all hooks and routes: what is refused is to be closed, too. */
export async function registerUpgrades(server: ApiInstance, messageBytesMax: number): Promise<void> {
  await server.register(websocket, {
    options: { maxPayload: messageBytesMax, perMessageDeflate: false, clientTracking: false },
    errorHandler: (_error, socket) => socket.terminate(),
    preClose: (done) => done(),
  });
}

/** Registers the upgrade of `GET /`. */
export function registerWebSocket(server: ApiInstance, sockets: Sockets): void {
  server.addHook("preClose", async () => sockets.close());
  server.route({
    method: "GET",
    url: "/",
    schema: { hide: true },
    exposeHeadRoute: false,
    preValidation: async ({ ws }) => {
      if (!ws) throw new CodedError("METHOD_NOT_ALLOWED", "GET / is for WebSocket", { allowed: ["POST"] });
      sockets.checkRoom();
    },
    handler: () => {},
    wsHandler: (ws, { headers, socket }) => sockets.serve(ws as Socket, headers.origin, socket.remoteAddress),
  });
}
