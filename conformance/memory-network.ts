/**
 * An in-process network: the Network port without sockets, for tests and simulation. Everything that crosses it is
 * delivered in the order of sending, one item a microtask, so equal inputs give equal runs. Faults are for the caller
 * to choose: cut links, directions that hold what they carry, peers that cannot reach each other, peers that vanish.
 */

import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Link, LinkHandlers, Network } from "@counterpart/core/ports/network";
import type { Clock } from "@counterpart/core/ports/runtime";
import { NET_LIMITS, type NetLimits } from "../packages/node/src/net/limits.ts";
import { MemoryLink } from "./memory-link.ts";

export interface MemoryNetworkOptions {
  /** Where peers dial it, `host:port` or a multiaddr without peer id; `/memory/<n>` when absent. */
  readonly address?: string;
  /** 50 when absent. */
  readonly peersMax?: number;
}

type DialCode = "INVALID_ADDRESS" | "SELF_CONNECTION" | "CONNECTION_REFUSED" | "CONNECTION_FAILED" | "TOO_MANY_PEERS";

export class MemoryHub {
  readonly clock: Clock;
  readonly limits: NetLimits;
  readonly #networks = new Map<string, MemoryNetwork>();
  /** Directions `from>to` whose items wait, in order. */
  readonly #held = new Map<string, (() => void)[]>();
  readonly #unreachable = new Set<string>();
  #addresses = 0;

  constructor(clock: Clock, limits: Partial<NetLimits> = {}) {
    this.clock = clock;
    this.limits = { ...NET_LIMITS, ...limits };
  }

  /** A peer of this hub. The same peer id again is the same peer, restarted: the older network must be gone. */
  createNetwork(peerId: string, options: MemoryNetworkOptions = {}): Network {
    this.#addresses++;
    return new MemoryNetwork(this, peerId, options.address ?? `/memory/${this.#addresses}`, options.peersMax ?? 50);
  }

  /** Breaks the link between two peers; both are told. */
  cut(peerA: string, peerB: string): void {
    this.#networks.get(peerA)?.linkTo(peerB)?.break("PEER_DISCONNECTED", "PEER_DISCONNECTED");
  }

  /** From now on what `from` sends to `to` waits: frames, requests, answers. */
  hold(from: string, to: string): void {
    const direction = `${from}>${to}`;
    if (!this.#held.has(direction)) this.#held.set(direction, []);
  }

  /**
   * Delivers what waits in a direction.
   * @param count how many items; all when absent, and then the direction holds no longer
   * @returns how many items were delivered
   */
  release(from: string, to: string, count?: number): number {
    const direction = `${from}>${to}`;
    const waiting = this.#held.get(direction) ?? [];
    const due = waiting.splice(0, count ?? waiting.length);
    if (count === undefined) this.#held.delete(direction);
    for (const deliver of due) queueMicrotask(deliver);
    return due.length;
  }

  /** How many items wait in a direction. */
  heldItems(from: string, to: string): number {
    return this.#held.get(`${from}>${to}`)?.length ?? 0;
  }

  /** Dials between the two find no answer, until `reconnect`. An open link stays. */
  disconnect(peerA: string, peerB: string): void {
    this.#unreachable.add(pairOf(peerA, peerB));
  }

  reconnect(peerA: string, peerB: string): void {
    this.#unreachable.delete(pairOf(peerA, peerB));
  }

  /**
   * The peer is gone from one moment to the next, as if its power was cut: nobody is told, and its own handlers are
   * called no more. The others notice when their keep-alive gets no answer, or when it comes back.
   */
  vanish(peerId: string): void {
    const network = this.#networks.get(peerId);
    this.#networks.delete(peerId);
    for (const link of network?.openLinks() ?? []) link.vanish();
  }

  /** Used by links: carries one item. */
  carry(from: string, to: string, deliver: () => void): void {
    const waiting = this.#held.get(`${from}>${to}`);
    if (waiting === undefined) queueMicrotask(deliver);
    else waiting.push(deliver);
  }

  /** Used by networks. */
  add(network: MemoryNetwork): void {
    for (const { address } of this.#networks.values()) {
      if (address === network.address) throw new CodedError("PORT_IN_USE", `${address} is already taken`, { address });
    }
    this.#networks.set(network.peerId, network);
  }

  /** Used by networks. */
  remove(network: MemoryNetwork): void {
    if (this.#networks.get(network.peerId) === network) this.#networks.delete(network.peerId);
  }

  /** Used by networks: whom a dial reaches; undefined when it gets no answer. */
  find(from: MemoryNetwork, address: string): MemoryNetwork | undefined {
    if (!/^\/[a-z0-9]+\/|^[^/\s]+:[0-9]{1,5}$/.test(address)) throw dialError("INVALID_ADDRESS", address);
    const [place = "", peerId] = address.split("/p2p/");
    if (place === from.address || peerId === from.peerId) throw dialError("SELF_CONNECTION", address);
    const found = [...this.#networks.values()].find((network) => network.address === place);
    if (found === undefined) throw dialError("CONNECTION_REFUSED", address);
    if (peerId !== undefined && peerId !== found.peerId) throw dialError("CONNECTION_FAILED", address);
    return this.#unreachable.has(pairOf(from.peerId, found.peerId)) ? undefined : found;
  }
}

class MemoryNetwork implements Network {
  readonly peerId: string;
  readonly address: string;
  readonly #hub: MemoryHub;
  readonly #peersMax: number;
  readonly #links = new Map<string, MemoryLink>();
  #accept: ((link: Link) => LinkHandlers) | undefined;

  constructor(hub: MemoryHub, peerId: string, address: string, peersMax: number) {
    this.#hub = hub;
    this.peerId = peerId;
    this.address = address;
    this.#peersMax = peersMax;
  }

  addresses(): readonly string[] {
    if (this.#accept === undefined) return [];
    return [this.address.startsWith("/") ? `${this.address}/p2p/${this.peerId}` : this.address];
  }

  async start(accept: (link: Link) => LinkHandlers): Promise<void> {
    this.#hub.add(this);
    this.#accept = accept;
  }

  async dial(address: string, signal: AbortSignal): Promise<Link> {
    if (this.#accept === undefined) throw new CodedError("NOT_READY", "the network is not started, or stopping");
    await Promise.resolve();
    if (signal.aborted) throw timeout(address);
    const peer = this.#hub.find(this, address);
    if (peer === undefined) return await noAnswer(address, signal);
    const closing = this.linkTo(peer.peerId);
    if (closing?.isClosing) await closing.close();
    const existing = this.linkTo(peer.peerId);
    if (existing?.isConnected) return existing;
    // the other end of a link that does not answer has vanished, and may be back
    existing?.end("CONNECTION_TIMEOUT");
    if (!this.hasRoomFor(peer.peerId) || !peer.hasRoomFor(this.peerId)) throw dialError("TOO_MANY_PEERS", address);
    const near = new MemoryLink(this.#hub, this.peerId, peer.peerId, address, "outbound");
    const far = new MemoryLink(this.#hub, peer.peerId, this.peerId, this.address, "inbound");
    near.join(far);
    peer.open(far);
    if (far.isOpen) this.open(near);
    if (!near.isOpen) throw dialError("CONNECTION_FAILED", address);
    return near;
  }

  async stop(): Promise<void> {
    this.#accept = undefined;
    this.#hub.remove(this);
    await Promise.all(this.openLinks().map((link) => link.close()));
  }

  linkTo(peerId: string): MemoryLink | undefined {
    return this.#links.get(peerId);
  }

  openLinks(): MemoryLink[] {
    return [...this.#links.values()];
  }

  hasRoomFor(peerId: string): boolean {
    return this.#links.has(peerId) || this.#links.size < this.#peersMax;
  }

  open(link: MemoryLink): void {
    const accept = this.#accept;
    this.linkTo(link.peerId)?.end("PEER_DISCONNECTED");
    this.#links.set(link.peerId, link);
    link.whenEnded(() => {
      if (this.#links.get(link.peerId) === link) this.#links.delete(link.peerId);
    });
    try {
      if (accept === undefined) link.break("PEER_DISCONNECTED", "PEER_DISCONNECTED");
      else link.open(accept(link));
    } catch (error) {
      link.break(isCodedError(error) ? error.code : "INTERNAL_ERROR", "PEER_DISCONNECTED");
    }
  }
}

const pairOf = (peerA: string, peerB: string): string => [peerA, peerB].sort().join("|");

const dialError = (code: DialCode, address: string): CodedError =>
  new CodedError(code, `${address}: ${code.toLowerCase().replaceAll("_", " ")}`, { address });

const timeout = (address: string): CodedError =>
  new CodedError("CONNECTION_TIMEOUT", `${address}: the other side did not answer in time`, { address });

function noAnswer(address: string, signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(timeout(address)), { once: true }));
}
