/** The connected peers, and the one place where a peer's fault has consequences. */

import { CodedError } from "@counterpart/core/base/errors";
import type { Link } from "@counterpart/core/ports/network";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import { bansAtOnce, FAULTS, type Fault } from "@counterpart/core/sync/scores";
import type { DriverMetrics } from "./driver-metrics.ts";
import type { Session } from "./session.ts";
import { bannedError, type Standings } from "./standings.ts";

export interface Peers {
  all(): readonly Session[];
  /** Those that have shaken hands. */
  ready(): readonly Session[];
  /** Of those the ones that execute every block: what they hold as canonical says something. */
  executing(): readonly Session[];
  get(peerId: string): Session | undefined;
  /** The session of a link, also when it has ended already. */
  of(link: Link): Session | undefined;
  add(session: Session): void;
  /** Knows a session by its link only: it is refused, and takes no other session's place. */
  addRefused(session: Session): void;
  /** Removes the record if it is still this session's. */
  remove(session: Session): void;
  /** A peer was at fault. */
  penalise(session: Session, fault: Fault, details?: Readonly<Record<string, unknown>>): void;
}

/** The first, second, fourth, eighth… time: a peer that repeats its fault must not fill the log. */
const isPowerOfTwo = (count: number): boolean => (count & (count - 1)) === 0;

export interface PeersDeps {
  readonly standings: Standings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: DriverMetrics;
}

export function createPeers({ standings, clock, logger, metrics }: PeersDeps): Peers {
  const sessions = new Map<string, Session>();
  const byLink = new WeakMap<Link, Session>();
  const ready = () => [...sessions.values()].filter((session) => session.isReady);
  return {
    all: () => [...sessions.values()],
    ready,
    executing: () => ready().filter(({ version }) => version?.role === "full"),
    get: (peerId) => sessions.get(peerId),
    of: (link) => byLink.get(link),
    add(session) {
      sessions.set(session.peerId, session);
      byLink.set(session.link, session);
    },
    addRefused: (session) => void byLink.set(session.link, session),
    remove(session) {
      if (sessions.get(session.peerId) === session) sessions.delete(session.peerId);
    },
    penalise(session, fault, details = {}) {
      const { peerId } = session;
      // A peer that leaves before its fault is found out has committed it all the same; lesser ones end with the link.
      if (session.closing !== undefined && !bansAtOnce(fault)) return;
      const count = (session.faults.get(fault) ?? 0) + 1;
      session.faults.set(fault, count);
      metrics.faults.add({ fault });
      if (isPowerOfTwo(count)) logger.warn("a peer is at fault", { peer: peerId, fault, count, ...details });
      // Before the handshake nothing says that the other side means to speak this protocol.
      const ban = session.wasAdmitted ? standings.note(peerId, fault) : undefined;
      if (ban !== undefined) {
        metrics.bans.add({ fault });
        logger.warn("a peer is banned", { peer: peerId, fault, untilMs: ban.untilMs, times: ban.times });
        // It may be back on another link.
        void (sessions.get(peerId) ?? session).close("PEER_BANNED", bannedError(ban), ban.untilMs - clock.now());
      } else if (FAULTS[fault].disconnect) {
        void session.close("BAD_MESSAGE", new CodedError("BAD_MESSAGE", `the peer is at fault: ${fault}`, details));
      }
    },
  };
}
