/**
 * The network between simulated nodes: links that deliver late, and, where a fault says so, lose, repeat or disorder what
 * can be repaired, or deliver nothing in one direction or both.
 */

import { CodedError } from "@counterpart/core/base/errors";
import type { Link, LinkHandlers, Network, RequestWatch } from "@counterpart/core/ports/network";
import { FRAME_BYTES_MAX } from "@counterpart/core/sync/limits";
import type { Dice } from "./dice.ts";
import type { Timeline } from "./timeline.ts";

/** How badly links behave now. */
export interface Weather {
  latencyMs: number;
  /** Of announcements and answers, from 0 to 1. */
  loss: number;
  duplication: number;
  reordering: number;
}

export const CALM: Weather = { latencyMs: 5, loss: 0, duplication: 0, reordering: 0 };

export interface SimNetwork {
  weather: Weather;
  /** Directions in which nothing arrives, as `from>to`. */
  readonly blocked: Set<string>;
  /** How often each thing happened. */
  readonly counts: Record<
    "frames" | "lost" | "duplicated" | "reordered" | "blocked" | "requests" | "unanswered",
    number
  >;
  /** Called with every frame that arrives, in order. */
  onArrival: (from: string, to: string, frame: Uint8Array) => void;
  /** Called with every answer that arrives. */
  onAnswer: (from: string, to: string, frame: Uint8Array) => void;
  /** Called with every frame and every request that leaves. */
  onSend: (from: string, to: string, frame: Uint8Array) => void;
  /** A node's side of the network for one life of it. */
  join(name: string): Network;
  /** A node's end of its link with a peer, while it is open. */
  linkOf(name: string, peer: string): Link | undefined;
  /** Takes a node away without a word. */
  remove(name: string): void;
}

interface End {
  readonly owner: string;
  readonly link: Link;
  handlers: LinkHandlers | undefined;
  open: boolean;
  other: End | undefined;
  /** Requests under way, which the link's end takes with it. */
  readonly asking: Set<() => void>;
  /** Nothing may arrive before what was sent before, */
  arrivesAt: number;
  /** and not even what is out of order before what is essential, */
  essentialAt: number;
  /** nor anything once something essential could not. */
  stuck: boolean;
}

interface Place {
  readonly name: string;
  readonly ends: Map<string, End>;
  accept: ((link: Link) => LinkHandlers) | undefined;
}

export const addressOf = (name: string): string => `${name}:5000`;
const DIAL_TIMEOUT_MS = 3_000;
/** Message types that say something once: a transport that is there delivers them, and in order. */
const ESSENTIAL: ReadonlySet<number> = new Set([0x01, 0x03]);

/** The type of an encoded message: the first item of its list. */
export function typeOf(frame: Uint8Array): number {
  const first = frame[0] ?? 0;
  return frame[first <= 0xf7 ? 1 : first - 0xf7 + 1] ?? 0;
}

/** Requests: there and back, each way late, and lost where the way is bad. */
function createAsking(
  timeline: Timeline,
  network: Pick<SimNetwork, "counts" | "onAnswer">,
  latency: () => number,
  passes: (from: string, to: string) => boolean,
) {
  const { counts } = network;
  return (end: End, frame: Uint8Array, timeoutMs: number, watch?: RequestWatch): Promise<Uint8Array> => {
    counts.requests++;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const giveUp = (): void => {
      if (!end.asking.has(fail)) return;
      counts.unanswered++;
      cancel();
      reject(new CodedError("REQUEST_TIMEOUT", "no answer"));
    };
    const cancelTimer = timeline.at(timeoutMs, giveUp);
    const fail = (): void => {
      cancel();
      reject(new CodedError("PEER_DISCONNECTED", "the link ended"));
    };
    const cancel = (): void => {
      cancelTimer();
      end.asking.delete(fail);
    };
    end.asking.add(fail);
    watch?.signal.addEventListener("abort", giveUp, { once: true });
    const { owner, link } = end;
    const comeBack = (answer: Uint8Array): void => {
      // What comes to a request that is over is read by nobody.
      if (end.open && end.asking.has(fail) && passes(link.peerId, owner)) {
        cancel();
        watch?.onBegin();
        network.onAnswer(link.peerId, owner, answer);
        if (answer.length <= FRAME_BYTES_MAX) resolve(answer.slice());
        else reject(new CodedError("BAD_MESSAGE", "the answer is larger than any frame"));
      }
    };
    timeline.at(latency(), () => {
      if (!end.open || !end.other?.open) return fail();
      if (!passes(owner, link.peerId)) return;
      end.other.handlers?.onRequest(frame.slice()).then((answer) => {
        timeline.at(latency(), () => comeBack(answer));
      }, fail);
    });
    return promise;
  };
}

export function createSimNetwork(timeline: Timeline, dice: Dice): SimNetwork {
  const places = new Map<string, Place>();
  const counts = { frames: 0, lost: 0, duplicated: 0, reordered: 0, blocked: 0, requests: 0, unanswered: 0 };
  const network: SimNetwork = {
    ...{ weather: CALM, blocked: new Set<string>(), counts },
    ...{ onArrival: () => {}, onAnswer: () => {}, onSend: () => {} },
    ...{ linkOf: (name: string, peer: string) => places.get(name)?.ends.get(peer)?.link, join, remove },
  };

  const isBlocked = (from: string, to: string): boolean => network.blocked.has(`${from}>${to}`);
  const latency = (): number => network.weather.latencyMs * dice.between(0.5, 1.5);
  const shut = (end: End, reason?: string): void => {
    if (!end.open) return;
    end.open = false;
    const place = places.get(end.owner);
    if (place?.ends.get(end.link.peerId) === end) place.ends.delete(end.link.peerId);
    for (const fail of end.asking) fail();
    end.handlers?.onClose(reason);
  };
  const arrive = (end: End, frame: Uint8Array): void => {
    const { other } = end;
    if (isBlocked(end.owner, end.link.peerId)) {
      counts.blocked++;
      end.stuck ||= ESSENTIAL.has(typeOf(frame));
      return;
    }
    if (!other?.open || end.stuck) return;
    network.onArrival(end.owner, end.link.peerId, frame);
    // Nobody reads on behind the length of such a frame.
    if (frame.length > FRAME_BYTES_MAX) shut(other, "BAD_MESSAGE");
    else other.handlers?.onFrame(frame.slice());
  };
  const post = (end: End, frame: Uint8Array): void => {
    counts.frames++;
    network.onSend(end.owner, end.link.peerId, frame);
    const essential = ESSENTIAL.has(typeOf(frame));
    if (!essential && dice.chance(network.weather.loss)) {
      counts.lost++;
      return;
    }
    const disordered = !essential && dice.chance(network.weather.reordering);
    if (disordered) counts.reordered++;
    const due = timeline.now + latency() + (disordered ? dice.between(0, 500) : 0);
    const at = Math.max(due, disordered ? end.essentialAt : end.arrivesAt);
    if (!disordered) end.arrivesAt = at;
    if (essential) end.essentialAt = at;
    timeline.at(at - timeline.now, () => arrive(end, frame));
    if (essential || !dice.chance(network.weather.duplication)) return;
    counts.duplicated++;
    timeline.at(at - timeline.now + dice.between(0, 200), () => arrive(end, frame));
  };
  const passes = (from: string, to: string): boolean => !isBlocked(from, to) && !dice.chance(network.weather.loss);
  const ask = createAsking(timeline, network, latency, passes);
  const makeEnd = (owner: string, peerId: string, direction: Link["direction"]): End => {
    const end: End = {
      owner,
      handlers: undefined,
      open: true,
      other: undefined,
      asking: new Set(),
      arrivesAt: 0,
      essentialAt: 0,
      stuck: false,
      link: {
        peerId,
        address: direction === "outbound" ? addressOf(peerId) : `from-${peerId}`,
        direction,
        send(frame) {
          if (end.open) post(end, frame);
          return end.open;
        },
        request(frame, timeoutMs, watch) {
          if (!end.open) return Promise.reject(new CodedError("PEER_DISCONNECTED", "closed"));
          network.onSend(owner, peerId, frame);
          return ask(end, frame, timeoutMs, watch);
        },
        async close() {
          if (!end.open) return;
          const { other, arrivesAt } = end;
          shut(end);
          // What was sent before arrives before, unless the way is blocked: then the other side finds out by itself.
          timeline.at(Math.max(arrivesAt - timeline.now, latency()) + 1, () => {
            if (other !== undefined && !isBlocked(owner, peerId)) shut(other);
          });
        },
      },
    };
    return end;
  };
  const connect = (from: Place, to: Place): Link => {
    const held = from.ends.get(to.name);
    if (held?.open === true && held.other?.open === true) return held.link;
    for (const stale of [held, to.ends.get(from.name)]) if (stale !== undefined) shut(stale);
    const near = makeEnd(from.name, to.name, "outbound");
    const far = makeEnd(to.name, from.name, "inbound");
    near.other = far;
    far.other = near;
    from.ends.set(to.name, near);
    to.ends.set(from.name, far);
    far.handlers = to.accept?.(far.link);
    near.handlers = from.accept?.(near.link);
    return near.link;
  };
  const dial = (from: Place, address: string, signal: AbortSignal): Promise<Link> =>
    new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new CodedError("CONNECTION_TIMEOUT", "given up")));
      const to = places.get(address.split(":")[0] ?? "");
      timeline.at(latency(), () => {
        if (signal.aborted) return;
        if (to?.accept === undefined || places.get(to.name) !== to) {
          reject(new CodedError("CONNECTION_REFUSED", "nobody there"));
        } else if (isBlocked(from.name, to.name) || isBlocked(to.name, from.name)) {
          timeline.at(DIAL_TIMEOUT_MS, () => reject(new CodedError("CONNECTION_TIMEOUT", "no answer")));
        } else {
          resolve(connect(from, to));
        }
      });
    });

  function remove(name: string): void {
    const place = places.get(name);
    places.delete(name);
    for (const end of [...(place?.ends.values() ?? [])]) {
      end.open = false;
      const { other } = end;
      if (other !== undefined) timeline.at(latency(), () => isBlocked(name, other.owner) || shut(other));
    }
  }
  function join(name: string): Network {
    const place: Place = { name, ends: new Map(), accept: undefined };
    return {
      peerId: name,
      addresses: () => [addressOf(name)],
      async start(accept) {
        place.accept = accept;
        places.set(name, place);
      },
      dial: (address, signal) => dial(place, address, signal),
      async stop() {
        for (const end of [...place.ends.values()]) await end.link.close();
        if (places.get(name) === place) places.delete(name);
      },
    };
  }
  return network;
}
