/** The Network port over libp2p: TCP and WebSocket, Noise, Yamux. Dials only what it is told to dial. */

import { CodedError } from "@counterpart/core/base/errors";
import { NO_METRICS } from "@counterpart/core/base/no-metrics";
import type { Metrics } from "@counterpart/core/ports/metrics";
import type { Link, LinkHandlers, Network } from "@counterpart/core/ports/network";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import { identify } from "@libp2p/identify";
import { noise } from "@libp2p/noise";
import { yamux } from "@libp2p/yamux";
import { createLibp2p, type Libp2p } from "libp2p";
import { type DialTarget, listenAddress, mayLeadTo, parseDialAddress } from "./address.ts";
import { createDeadline, untilAborted } from "./deadline.ts";
import { dialError, listenError } from "./dial-error.ts";
import { disconnect } from "./disconnect.ts";
import { createInboundGate } from "./inbound-limits.ts";
import { NET_LIMITS, type NetLimits } from "./limits.ts";
import { ANNOUNCE_PROTOCOL, LinkTable } from "./link-table.ts";
import { answerPings, PING_PROTOCOL } from "./liveness.ts";
import { createNetMetrics, type NetMetrics } from "./net-metrics.ts";
import { peerKeyFromBytes } from "./peer-key.ts";
import { createProtector } from "./protector.ts";
import { createRefusalLog, type RefusalLog } from "./refusal-log.ts";
import { REQUEST_PROTOCOL } from "./request-client.ts";
import { createTransports, secureRandom } from "./transports.ts";

export interface Libp2pNetworkOptions {
  /** The node's identity, as `createPeerKey` made it. */
  readonly privateKey: Uint8Array;
  /** IPv4 or IPv6 address to listen at, or `localhost`. */
  readonly host: string;
  /** TCP port; 0 for any free one. */
  readonly port: number;
  /** Port for WebSocket connections; 0 for any free one, none when absent. */
  readonly wsPort?: number | undefined;
  /** The key of a private network, 32 bytes; on an open one none. */
  readonly networkKey?: Uint8Array | undefined;
  /** The peer ids that are linked with, whoever dials; anybody's when absent. */
  readonly allowedPeers?: ReadonlySet<string> | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Links at once. */
  readonly peersMax: number;
  /** Replaces single bounds, the frame cap among them. */
  readonly limits?: Partial<NetLimits> | undefined;
  readonly metrics?: Metrics | undefined;
}

/**
 * A network that neither listens nor dials before `start`. Besides the port's codes, `dial` throws `TOO_MANY_PEERS`
 * when this node or the peer has no room for another link, `NOT_READY` before `start` and after `stop`, and on private
 * networks `NETWORK_KEY_MISMATCH` and `PEER_NOT_ALLOWED`.
 * @throws CodedError `INVALID_CONFIG` for a key or an address to listen at that is malformed
 */
export async function createLibp2pNetwork(options: Libp2pNetworkOptions): Promise<Network> {
  const limits = { ...NET_LIMITS, ...options.limits };
  const metrics = createNetMetrics(options.metrics ?? NO_METRICS);
  const refusals = createRefusalLog(options, metrics);
  const node = await createNode(options, limits, metrics, refusals);
  return new Libp2pNetwork(node, options, limits, metrics, refusals);
}

function createNode(
  options: Libp2pNetworkOptions,
  limits: NetLimits,
  metrics: NetMetrics,
  refusals: RefusalLog,
): Promise<Libp2p> {
  const { host, port, wsPort, peersMax, networkKey } = options;
  const listen = [listenAddress(host, port, false)];
  if (wsPort !== undefined) listen.push(listenAddress(host, wsPort, true));
  // above the peer limit there is room for connections that are refused in the handshake, with a reason, or that are
  // about to take another's place; connections without a link are cut after a short time
  const connectionsMax = 2 * peersMax + 16;
  const denyInboundConnection = createInboundGate({
    perAddressMax: limits.inboundPerAddressMax,
    // below libp2p's own limit, so that what is refused is counted
    totalMax: connectionsMax - 4,
    onRefused: (reason) => metrics.refused.add({ reason }),
  });
  return createLibp2p({
    start: false,
    privateKey: peerKeyFromBytes(options.privateKey),
    addresses: { listen },
    transports: createTransports(2 * connectionsMax),
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        maxInboundStreams: 64,
        maxOutboundStreams: 64,
        // below the 4 MiB that libp2p buffers of an unread stream before it resets it
        streamOptions: { maxStreamWindowSize: 512 * 1024 },
      }),
    ],
    services: { identify: identify({ runOnConnectionOpen: false }) },
    connectionManager: {
      maxConnections: connectionsMax,
      // libp2p's 5 a second of one host would refuse a handful of nodes on one machine
      inboundConnectionThreshold: 100,
      maxIncomingPendingConnections: connectionsMax,
      // the time limit of a dial is the network's own, which can tell it from other failures
      addressDialTimeout: 2 * limits.dialMs,
      reconnectRetries: 0,
    },
    connectionGater: { denyInboundConnection },
    connectionProtector: createProtector({
      key: networkKey,
      random: secureRandom,
      clock: options.clock,
      onRefused: ({ remoteAddr }, reason) => refusals.note(reason, remoteAddr.toString()),
    }),
    connectionMonitor: { enabled: false },
  });
}

class Libp2pNetwork implements Network {
  readonly peerId: string;
  readonly #node: Libp2p;
  readonly #options: Libp2pNetworkOptions;
  readonly #limits: NetLimits;
  readonly #metrics: NetMetrics;
  readonly #refusals: RefusalLog;
  #links: LinkTable | undefined;
  #stopping: Promise<void> | undefined;

  constructor(
    node: Libp2p,
    options: Libp2pNetworkOptions,
    limits: NetLimits,
    metrics: NetMetrics,
    refusals: RefusalLog,
  ) {
    this.peerId = node.peerId.toString();
    this.#node = node;
    this.#options = options;
    this.#limits = limits;
    this.#metrics = metrics;
    this.#refusals = refusals;
  }

  addresses(): readonly string[] {
    return this.#node.status === "started" ? this.#node.getMultiaddrs().map(String) : [];
  }

  async start(accept: (link: Link) => LinkHandlers): Promise<void> {
    if (this.#links !== undefined) throw new CodedError("INVARIANT_BROKEN", "a network is started once");
    const { clock, logger, peersMax, host, port, wsPort, networkKey, allowedPeers } = this.#options;
    const instance = BigInt(Math.trunc(clock.now()));
    const links = new LinkTable({
      peerId: this.peerId,
      instance,
      peersMax,
      clock,
      logger,
      limits: this.#limits,
      metrics: this.#metrics,
      isAllowed: (peerId) => allowedPeers?.has(peerId) ?? true,
      refusals: this.#refusals,
      accept,
    });
    this.#links = links;
    await this.#handleProtocols(links);
    this.#node.addEventListener("connection:open", ({ detail }) => {
      if (detail.direction === "inbound") links.watch(detail);
    });
    // libp2p keeps what it knows of every peer that ever connected
    this.#node.addEventListener("peer:disconnect", ({ detail }) => {
      this.#node.peerStore.delete(detail).catch(() => {});
    });
    try {
      await this.#node.start();
    } catch (error) {
      throw listenError(error, host, port, wsPort);
    }
    const isPrivate = networkKey === undefined ? {} : { networkKey: true };
    const allowed = allowedPeers === undefined ? {} : { allowedPeers: allowedPeers.size };
    logger.info("listening for peers", { addresses: this.addresses(), ...isPrivate, ...allowed });
  }

  async dial(address: string, signal: AbortSignal): Promise<Link> {
    const links = this.#links;
    if (links === undefined || this.#stopping !== undefined || this.#node.status !== "started") {
      throw new CodedError("NOT_READY", "the network is not started, or stopping");
    }
    const target = parseDialAddress(address);
    if (target.peerId === this.peerId)
      throw new CodedError("SELF_CONNECTION", `${address}: the address is this node's own`);
    if (target.peerId !== undefined) links.checkAllowed(target.peerId);
    const deadline = createDeadline(this.#options.clock, this.#limits.dialMs, signal);
    try {
      deadline.signal.throwIfAborted();
      const existing = target.peerId === undefined ? undefined : await links.liveLink(target.peerId);
      if (existing !== undefined) return existing;
      // forced: a connection that libp2p still knows may be one that is being closed, and which is kept is decided by
      // the handshake
      const connection = await this.#node.dial(target.multiaddr, { signal: deadline.signal, force: true });
      const answered = connection.remotePeer.toString();
      if (target.peerId !== undefined && target.peerId !== answered) {
        void disconnect(connection, this.#options.clock, this.#limits.flushMs);
        throw new CodedError("CONNECTION_FAILED", `${address}: another peer answers there`, { peerId: answered });
      }
      return await untilAborted(links.connect(connection, deadline.signal), deadline.signal);
    } catch (error) {
      const failure = dialError(error, address, deadline.signal.aborted);
      const isCopy = failure.code === "SELF_CONNECTION" && !this.#mayListenAt(target);
      if (isCopy) this.#refusals.tell("copy", address);
      throw failure;
    } finally {
      deadline.cancel();
    }
  }

  #mayListenAt(target: DialTarget): boolean {
    return this.#node.getMultiaddrs().some((own) => mayLeadTo(own, target.multiaddr));
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#links?.stop();
    await this.#node.stop();
  }

  async #handleProtocols(links: LinkTable): Promise<void> {
    const { requestsServedMax, requestsInFlightMax } = this.#limits;
    await this.#node.handle(ANNOUNCE_PROTOCOL, (stream, connection) => links.receive(stream, connection), {
      maxInboundStreams: 1,
      maxOutboundStreams: 1,
    });
    await this.#node.handle(REQUEST_PROTOCOL, (stream, connection) => links.serve(stream, connection), {
      maxInboundStreams: requestsServedMax,
      maxOutboundStreams: requestsInFlightMax,
    });
    await this.#node.handle(PING_PROTOCOL, (stream) => answerPings(stream, this.#options.clock), {
      maxInboundStreams: 2,
      maxOutboundStreams: 4,
    });
  }
}
