/**
 * The addresses this node keeps connected: dialled when asked, redialled without end while they are remembered, with
 * jittered, doubling delays. Each has one record.
 */

import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { GoodbyeCode } from "@counterpart/core/sync/message-types";
import { createDialing, type Dialing } from "./dialing.ts";
import { LINK_PROVEN_MS, REDIAL_MAX_MS, REDIAL_MIN_MS, TARGETS_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { DriverDeps } from "./ports.ts";
import type { Session } from "./session.ts";
import { isUnwritten } from "./stored.ts";
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
  /** Connects and shakes hands, see `Dialing`. */
  dial: Dialing["dial"];
  /** @throws CodedError `TOO_MANY_PEERS` unless `remember` would have room for the address */
  checkRoom(address: string): void;
  /** Keeps the address connected from now on, and after a restart. @throws CodedError `TOO_MANY_PEERS` */
  remember(address: string, peerId: string): void;
  /** Forgets what `matches`; dials under way to it end. */
  forget(matches: (target: { readonly address: string; readonly peerId: string | undefined }) => boolean): void;
  /** A session has ended: its address is redialled, or forgotten if the other side wants no more of it. */
  sessionClosed(session: Session): void;
}

const FORGET: ReadonlySet<GoodbyeCode> = new Set(["DISCONNECTED", "SELF_CONNECTION"]);

export interface DialerDeps
  extends Pick<DriverDeps, "network" | "peerBook" | "clock" | "random" | "logger" | "detached"> {
  readonly peers: Peers;
  readonly bootstrap: readonly string[];
}

export function createDialer(deps: DialerDeps): Dialer {
  const { peers, peerBook, clock, random, logger } = deps;
  const targets = new Map<string, Target>();
  const dialing = createDialing(deps);
  let running = false;

  const tooMany = (): CodedError =>
    new CodedError("TOO_MANY_PEERS", `${TARGETS_MAX} addresses are kept connected already: disconnect one of them`);
  /** What a full disk keeps from being saved is saved with the next change. */
  const save = (): void => {
    try {
      peerBook.save([...targets.values()].filter(({ saved }) => saved).map(({ address }) => address));
    } catch (error) {
      if (!isUnwritten(error)) throw error;
      logger.warn("the addresses of peers could not be saved", { error: error.message });
    }
  };
  /**
   * One that is to be saved takes the place of one that is not, when there is no room.
   * @throws CodedError `TOO_MANY_PEERS`
   */
  const addTarget = (address: string, saved: boolean): Target => {
    const held = targets.get(address);
    if (held !== undefined) return held;
    const unsaved = saved ? [...targets.values()].find((target) => !target.saved) : undefined;
    if (targets.size >= TARGETS_MAX) {
      if (unsaved === undefined) throw tooMany();
      unsaved.cancelTimer();
      targets.delete(unsaved.address);
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
    let session: Session | undefined;
    try {
      session = await dialing.dial(target.address, false);
      target.peerId = session.peerId;
      target.lastError = undefined;
    } catch (error) {
      target.failures++;
      target.lastError = isCodedError(error) ? error.code : String(error);
      logger.debug("a redial failed", { address: target.address, failures: target.failures, error: String(error) });
      schedule(target);
    } finally {
      target.dialling = false;
    }
    // What the peer sent in one piece with its handshake may have ended the link before this was told of it.
    if (session?.closing !== undefined) sessionClosed(session);
  }
  function sessionClosed({ peerId, connectedAtMs, closing }: Session): void {
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
  }
  const forget: Dialer["forget"] = (matches) => {
    for (const [address, target] of targets) {
      if (!matches(target)) continue;
      target.cancelTimer();
      targets.delete(address);
    }
    const error = new CodedError("PEER_DISCONNECTED", "this node was told to disconnect meanwhile");
    dialing.abort((address) => matches({ address, peerId: undefined }), error);
    save();
  };

  return {
    start() {
      running = true;
      for (const address of peerBook.load().slice(0, TARGETS_MAX)) addTarget(address, true);
      for (const address of deps.bootstrap) {
        if (targets.size < TARGETS_MAX || targets.has(address)) addTarget(address, false);
        else logger.warn("an address is not dialled: too many are remembered", { address, limit: TARGETS_MAX });
      }
      for (const target of targets.values()) void redial(target);
    },
    stop() {
      running = false;
      for (const { cancelTimer } of targets.values()) cancelTimer();
      dialing.abort(() => true, new CodedError("NOT_READY", "the node is stopping"));
    },
    targets: () => [...targets.values()],
    dial: dialing.dial,
    checkRoom(address) {
      const hasRoom = targets.size < TARGETS_MAX || [...targets.values()].some(({ saved }) => !saved);
      if (!hasRoom && !targets.has(address)) throw tooMany();
    },
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
    sessionClosed,
  };
}
