/**
 * The addresses this node keeps connected: dialled when asked, redialled without end while they are remembered, with
 * jittered, doubling delays. Each has one record.
 */

import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { GoodbyeCode } from "@counterpart/core/sync/message-types";
import { DIAL_TIMEOUT_MS, LINK_PROVEN_MS, REDIAL_MAX_MS, REDIAL_MIN_MS, TARGETS_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { DriverDeps } from "./ports.ts";
import type { Session } from "./session.ts";
import { backoffMs } from "./timing.ts";

/** A remembered address. */
export interface Target {
  readonly address: string;
  /** Who answered there last. */
  peerId: string | undefined;
  /** Survives a restart. */
  saved: boolean;
  /** Failed or short-lived connections in a row. */
  failures: number;
  dialling: boolean;
  lastError: string | undefined;
  cancelTimer: () => void;
}

export interface Dialer {
  /** Starts to dial what was saved, and the bootstrap addresses. */
  start(): void;
  stop(): void;
  targets(): readonly Target[];
  /**
   * Connects and shakes hands; the session is ready when this resolves. Concurrent dials of one address are one.
   * @param explicit an operator asked for it now
   * @throws CodedError of `Network.dial` or of the handshake
   */
  dial(address: string, explicit: boolean): Promise<Session>;
  /** Keeps the address connected from now on, and after a restart. */
  remember(address: string, peerId: string): void;
  /** Forgets what `matches`; dials under way to it end. */
  forget(matches: (target: { readonly address: string; readonly peerId: string | undefined }) => boolean): void;
  /** A session has ended: its address is redialled, or forgotten if the other side wants no more of it. */
  sessionClosed(session: Session): void;
}

interface Dial {
  /** Raised when an operator asks for what was only being redialled. */
  readonly intent: { explicit: boolean };
  readonly abort: AbortController;
  readonly promise: Promise<Session>;
}

const FORGET: ReadonlySet<GoodbyeCode> = new Set(["DISCONNECTED", "SELF_CONNECTION"]);

export interface DialerDeps extends Pick<DriverDeps, "network" | "peerBook" | "clock" | "random" | "logger"> {
  readonly peers: Peers;
  readonly bootstrap: readonly string[];
}

export function createDialer(deps: DialerDeps): Dialer {
  const { network, peers, peerBook, clock, random, logger } = deps;
  const targets = new Map<string, Target>();
  const dials = new Map<string, Dial>();
  let running = false;

  const save = (): void => {
    peerBook.save([...targets.values()].filter(({ saved }) => saved).map(({ address }) => address));
  };
  const addTarget = (address: string, saved: boolean): Target => {
    const held = targets.get(address);
    if (held !== undefined) return held;
    for (const [oldest, target] of targets) {
      if (targets.size < TARGETS_MAX) break;
      target.cancelTimer();
      targets.delete(oldest);
    }
    const target: Target = {
      address,
      peerId: undefined,
      saved,
      failures: 0,
      dialling: false,
      lastError: undefined,
      cancelTimer: () => {},
    };
    targets.set(address, target);
    return target;
  };

  const openLink = async (address: string, signal: AbortSignal): Promise<Session> => {
    const link = await network.dial(address, signal);
    const session = peers.get(link.peerId);
    if (session === undefined) throw new CodedError("PEER_DISCONNECTED", "the peer closed the connection at once");
    return session;
  };
  /** Ready, or the session that took its place and is. */
  const whenReady = async (session: Session): Promise<Session> => {
    try {
      await session.ready;
      return session;
    } catch (error) {
      const successor = peers.get(session.peerId);
      if (successor === undefined || successor === session) throw error;
      return whenReady(successor);
    }
  };
  const connect = async (address: string, abort: AbortController, isExplicit: () => boolean): Promise<Session> => {
    const timeout = new CodedError("CONNECTION_TIMEOUT", "the peer did not answer in time", { address });
    const cancel = clock.setTimer(DIAL_TIMEOUT_MS, () => abort.abort(timeout));
    try {
      const session = await openLink(address, abort.signal);
      abort.signal.addEventListener("abort", () => {
        if (!session.isReady) void session.close("TIMEOUT");
      });
      session.open(isExplicit());
      return await whenReady(session);
    } catch (error) {
      throw abort.signal.reason instanceof CodedError ? abort.signal.reason : error;
    } finally {
      cancel();
    }
  };
  const dial = async (address: string, explicit: boolean): Promise<Session> => {
    const held = dials.get(address);
    if (held !== undefined) {
      held.intent.explicit ||= explicit;
      return held.promise;
    }
    const abort = new AbortController();
    const intent = { explicit };
    const promise = connect(address, abort, () => intent.explicit);
    dials.set(address, { intent, abort, promise });
    try {
      return await promise;
    } finally {
      dials.delete(address);
    }
  };

  const schedule = (target: Target): void => {
    target.cancelTimer();
    if (!running || targets.get(target.address) !== target) return;
    const delayMs = backoffMs(target.failures, REDIAL_MIN_MS, REDIAL_MAX_MS, random);
    target.cancelTimer = clock.setTimer(delayMs, () => void redial(target));
  };
  async function redial(target: Target): Promise<void> {
    const connected = target.peerId === undefined ? undefined : peers.get(target.peerId);
    if (!running || target.dialling || connected !== undefined) return;
    target.dialling = true;
    try {
      target.peerId = (await dial(target.address, false)).peerId;
      target.lastError = undefined;
    } catch (error) {
      target.failures++;
      target.lastError = isCodedError(error) ? error.code : String(error);
      logger.debug("a redial failed", { address: target.address, failures: target.failures, error: String(error) });
      schedule(target);
    } finally {
      target.dialling = false;
    }
  }
  const forget: Dialer["forget"] = (matches) => {
    for (const [address, target] of targets) {
      if (!matches(target)) continue;
      target.cancelTimer();
      targets.delete(address);
    }
    for (const [address, { abort }] of dials) {
      if (!matches({ address, peerId: undefined })) continue;
      abort.abort(new CodedError("PEER_DISCONNECTED", "this node was told to disconnect meanwhile", { address }));
    }
    save();
  };

  return {
    start() {
      running = true;
      for (const address of peerBook.load()) addTarget(address, true);
      for (const address of deps.bootstrap) addTarget(address, false);
      for (const target of targets.values()) void redial(target);
    },
    stop() {
      running = false;
      for (const { cancelTimer } of targets.values()) cancelTimer();
      for (const { abort } of dials.values()) abort.abort(new CodedError("NOT_READY", "the node is stopping"));
    },
    targets: () => [...targets.values()],
    dial,
    remember(address, peerId) {
      const target = addTarget(address, true);
      target.peerId = peerId;
      target.saved = true;
      target.lastError = undefined;
      // A peer has one remembered address: the one that an operator gave last.
      for (const other of targets.values()) {
        if (other === target || other.peerId !== peerId) continue;
        other.cancelTimer();
        targets.delete(other.address);
      }
      save();
      // The link may have ended while nobody remembered its address yet.
      if (peers.get(peerId) === undefined) schedule(target);
    },
    forget,
    sessionClosed({ peerId, connectedAtMs, closing }) {
      const received = closing?.received;
      if (received !== undefined && FORGET.has(received)) {
        forget((target) => target.peerId === peerId);
        return;
      }
      for (const target of targets.values()) {
        if (target.peerId !== peerId || target.dialling) continue;
        const proven = clock.now() - connectedAtMs >= LINK_PROVEN_MS;
        target.failures = proven ? 0 : target.failures + 1;
        target.lastError = closing?.error.code;
        schedule(target);
      }
    },
  };
}
