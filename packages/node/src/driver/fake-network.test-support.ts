/** An in-memory network on a virtual clock, with faults to choose: frames lost, answers replaced, links cut. */

import { CodedError } from "@counterpart/core/base/errors";
import type { Link, LinkHandlers, Network } from "@counterpart/core/ports/network";
import type { Clock } from "@counterpart/core/ports/runtime";

const LATENCY_MS = 1;

/** Frames and requests on their way; a test may replace any of these. */
export interface Faults {
  /** True loses the frame. */
  loses(from: string, to: string, frame: Uint8Array): boolean;
  /** Answers in the peer's stead; undefined lets the peer answer. A promise that never settles is silence. */
  answers(from: string, to: string, frame: Uint8Array): Promise<Uint8Array> | undefined;
  /** From the first byte of an answer to its last. */
  answeringMs: number;
  /** How fast answers come over a link, each for itself. */
  answerBytesPerMs: number;
}

interface End {
  readonly owner: string;
  readonly link: Link;
  handlers: LinkHandlers | undefined;
  open: boolean;
  other: End | undefined;
  /** Ends requests that are not answered yet. */
  readonly asking: Set<() => void>;
}

export interface Hub {
  readonly faults: Faults;
  /** Everything that was sent, faults included. */
  readonly traffic: { readonly from: string; readonly to: string; readonly frame: Uint8Array; readonly kind: string }[];
  create(peerId: string, address: string): Network;
  cut(peerA: string, peerB: string): void;
  isLinked(peerA: string, peerB: string): boolean;
  /** Sends a frame in a node's name, behind its back. */
  inject(from: string, to: string, frame: Uint8Array): void;
  /** Asks in a node's name. */
  ask(from: string, to: string, frame: Uint8Array): Promise<Uint8Array>;
}

interface Place {
  readonly peerId: string;
  readonly address: string;
  readonly ends: Map<string, End>;
  accept: ((link: Link) => LinkHandlers) | undefined;
}

export function createHub(clock: Clock): Hub {
  const places = new Map<string, Place>();
  const faults: Faults = {
    loses: () => false,
    answers: () => undefined,
    answeringMs: 0,
    answerBytesPerMs: Number.POSITIVE_INFINITY,
  };
  const traffic: Hub["traffic"] = [];

  const shut = (end: End): void => {
    if (!end.open) return;
    end.open = false;
    const place = places.get(end.owner);
    if (place?.ends.get(end.link.peerId) === end) place.ends.delete(end.link.peerId);
    for (const fail of end.asking) fail();
    end.handlers?.onClose();
  };
  const makeEnd = (owner: string, peerId: string, address: string, direction: Link["direction"]): End => {
    const end: End = {
      owner,
      handlers: undefined,
      open: true,
      other: undefined,
      asking: new Set(),
      link: {
        peerId,
        address,
        direction,
        send(frame) {
          if (!end.open) return false;
          traffic.push({ from: owner, to: peerId, frame, kind: "frame" });
          if (faults.loses(owner, peerId, frame)) return true;
          clock.setTimer(LATENCY_MS, () => {
            if (end.other?.open) end.other.handlers?.onFrame(frame.slice());
          });
          return true;
        },
        request(frame, timeoutMs, watch) {
          traffic.push({ from: owner, to: peerId, frame, kind: "request" });
          return new Promise((resolve, reject) => {
            if (!end.open) {
              reject(new CodedError("PEER_DISCONNECTED", "closed"));
              return;
            }
            const giveUp = (): void => reject(new CodedError("REQUEST_TIMEOUT", "no answer"));
            const cancel = clock.setTimer(timeoutMs, giveUp);
            watch?.signal.addEventListener("abort", giveUp);
            const finish = (reply: Uint8Array): void => {
              clock.setTimer(LATENCY_MS, () => watch?.onBegin());
              const onWayMs = faults.answeringMs + Math.ceil(reply.length / faults.answerBytesPerMs);
              clock.setTimer(LATENCY_MS + onWayMs, () => {
                cancel();
                end.asking.delete(fail);
                resolve(reply.slice());
              });
            };
            const fail = (): void => {
              cancel();
              end.asking.delete(fail);
              reject(new CodedError("PEER_DISCONNECTED", "the stream was reset"));
            };
            end.asking.add(fail);
            clock.setTimer(LATENCY_MS, () => {
              const instead = faults.answers(owner, peerId, frame);
              const answer = instead ?? (end.other?.open ? end.other.handlers?.onRequest(frame.slice()) : undefined);
              if (answer === undefined) fail();
              else answer.then(finish, fail);
            });
          });
        },
        async close() {
          if (!end.open) return;
          const { other } = end;
          shut(end);
          // What was sent before arrives before.
          clock.setTimer(LATENCY_MS, () => other && shut(other));
        },
      },
    };
    return end;
  };
  const connect = (from: Place, to: Place, dialled: string): Link => {
    const held = from.ends.get(to.peerId);
    if (held?.open) return held.link;
    const near = makeEnd(from.peerId, to.peerId, dialled, "outbound");
    const far = makeEnd(to.peerId, from.peerId, `inbound-from-${from.peerId}`, "inbound");
    near.other = far;
    far.other = near;
    from.ends.set(to.peerId, near);
    to.ends.set(from.peerId, far);
    far.handlers = to.accept?.(far.link);
    near.handlers = from.accept?.(near.link);
    return near.link;
  };
  const place = (peerId: string): Place => {
    const found = places.get(peerId);
    if (found === undefined) throw new Error(`no network ${peerId}`);
    return found;
  };
  const linkOf = (from: string, to: string): Link => {
    const end = place(from).ends.get(to);
    if (end === undefined) throw new Error(`no link from ${from} to ${to}`);
    return end.link;
  };

  return {
    faults,
    traffic,
    create(peerId, address) {
      const own: Place = { peerId, address, ends: new Map(), accept: undefined };
      return {
        peerId,
        addresses: () => [address],
        async start(accept) {
          places.set(peerId, own);
          own.accept = accept;
        },
        dial: (dialled, signal) =>
          new Promise((resolve, reject) => {
            const found = [...places.values()].find(
              ({ address: own }) => own === dialled || `other-name-of-${own}` === dialled,
            );
            if (found === undefined) {
              reject(new CodedError("CONNECTION_REFUSED", "nobody there"));
              return;
            }
            signal.addEventListener("abort", () => reject(signal.reason));
            clock.setTimer(LATENCY_MS, () => {
              if (!signal.aborted) resolve(connect(own, found, dialled));
            });
          }),
        async stop() {
          for (const end of own.ends.values()) await end.link.close();
          if (places.get(peerId) === own) places.delete(peerId);
        },
      };
    },
    cut(peerA, peerB) {
      const end = place(peerA).ends.get(peerB);
      const other = end?.other;
      if (end !== undefined) shut(end);
      if (other !== undefined) shut(other);
    },
    inject: (from, to, frame) => void linkOf(from, to).send(frame),
    ask: (from, to, frame) => linkOf(from, to).request(frame, 60_000),
    isLinked: (peerA, peerB) => places.get(peerA)?.ends.get(peerB)?.open === true,
  };
}
