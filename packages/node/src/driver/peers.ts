/** The connected peers, and the one place where a peer's fault has consequences. */

import { CodedError } from "@counterpart/core/base/errors";
import type { Link } from "@counterpart/core/ports/network";
import type { Logger } from "@counterpart/core/ports/runtime";
import type { Session } from "./session.ts";

/**
 * What a peer can do wrong, and whether the connection ends for it. A bad reply condemns the reply, never the block or
 * record it was about.
 */
export const FAULTS = {
  /** Undecodable, oversized, unexpected. */
  BAD_MESSAGE: { disconnect: true },
  /** Decodable, but not what was asked for. */
  WRONG_REPLY: { disconnect: true },
  /** A block that breaks a rule: whoever checks before passing on never sends one. */
  INVALID_BLOCK: { disconnect: true },
  /** A record not signed by the owner as this node knows him; two chains may know different ones. */
  REFUSED_RECORD: { disconnect: false },
  TIMEOUT: { disconnect: false },
  /** Nothing, where the peer's own Status says there is something. */
  EMPTY_REPLY: { disconnect: false },
} as const;

export type Fault = keyof typeof FAULTS;

export interface Peers {
  all(): readonly Session[];
  /** Those that have shaken hands. */
  ready(): readonly Session[];
  get(peerId: string): Session | undefined;
  /** The session of a link, also when it has ended already. */
  of(link: Link): Session | undefined;
  add(session: Session): void;
  /** Removes the record if it is still this session's. */
  remove(session: Session): void;
  /** A peer was at fault. */
  penalise(session: Session, fault: Fault, details?: Readonly<Record<string, unknown>>): void;
}

/** The first, second, fourth, eighth… time: a peer that repeats its fault must not fill the log. */
const isPowerOfTwo = (count: number): boolean => (count & (count - 1)) === 0;

export function createPeers(logger: Logger): Peers {
  const sessions = new Map<string, Session>();
  const byLink = new WeakMap<Link, Session>();
  return {
    all: () => [...sessions.values()],
    ready: () => [...sessions.values()].filter((session) => session.isReady),
    get: (peerId) => sessions.get(peerId),
    of: (link) => byLink.get(link),
    add(session) {
      sessions.set(session.peerId, session);
      byLink.set(session.link, session);
    },
    remove(session) {
      if (sessions.get(session.peerId) === session) sessions.delete(session.peerId);
    },
    penalise(session, fault, details = {}) {
      if (session.closing !== undefined) return;
      const count = (session.faults.get(fault) ?? 0) + 1;
      session.faults.set(fault, count);
      if (isPowerOfTwo(count)) logger.warn("a peer is at fault", { peer: session.peerId, fault, count, ...details });
      if (!FAULTS[fault].disconnect) return;
      void session.close("BAD_MESSAGE", new CodedError("BAD_MESSAGE", `the peer is at fault: ${fault}`, details));
    },
  };
}
