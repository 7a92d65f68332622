/**
 * One peer: everything that is known of it is in its one record, and goes with it. The session does the handshake,
 * decodes what arrives and hands it on; what to do about it is decided elsewhere.
 */

import { type CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Link, LinkHandlers } from "@counterpart/core/ports/network";
import type { Clock, Logger, Random } from "@counterpart/core/ports/runtime";
import { createKnownSet, type KnownSet } from "@counterpart/core/sync/known-set";
import { BLOCKS_MAX } from "@counterpart/core/sync/limits";
import type {
  BlockRef,
  GoodbyeCode,
  Message,
  MessageOf,
  RequestType,
  ResponseTo,
  Status,
  VersionMessage,
} from "@counterpart/core/sync/message-types";
import { decodeMessage, encodeMessage } from "@counterpart/core/sync/messages";
import { closingError, isFinalGoodbye } from "./goodbyes.ts";
import { createInbox, type Inbox } from "./inbox.ts";
import { HANDSHAKE_TIMEOUT_MS, KNOWN_MAX } from "./limits.ts";
import { sendRequest } from "./requests.ts";
import { createRetry, type Retry } from "./timing.ts";

/** How a session ended, or is ending. */
export interface Closing {
  readonly error: CodedError;
  /** Whether whoever waits for this peer should give up: a refusal rather than a lost link. */
  readonly final: boolean;
  /** Goodbye that the peer sent. */
  readonly received?: GoodbyeCode;
}

/** An announcement that came before its block. */
export interface EarlyMessage {
  readonly message: Message;
  readonly sizeBytes: number;
  readonly tries: number;
}

export interface Session {
  readonly link: Link;
  readonly peerId: string;
  readonly connectedAtMs: number;
  /** Resolves when both sides have said and accepted `Version`; rejects with a CodedError when the link ends first. */
  readonly ready: Promise<void>;
  readonly isReady: boolean;
  readonly closing: Closing | undefined;
  /** What the peer has, or was sent. */
  readonly known: KnownSet;
  readonly inbox: Inbox;
  readonly handlers: LinkHandlers;
  readonly version: VersionMessage | undefined;
  readonly status: Status | undefined;
  readonly heardAtMs: number;
  /** The peer's clock minus this node's when the last `Status` came, transit included. */
  readonly clockDifferenceMs: number | undefined;

  // Kept by the modules that sync:
  /** A head that the peer announced before its `Status` did. */
  announced: BlockRef | undefined;
  /** Greatest `Status` sequence of the peer that this node has fully applied. */
  applied: number;
  /** What the last `Status` sent to it said. */
  sent: { sequence: number; applied: number };
  inStep: boolean;
  /** Imports and pulls from this peer under way, and announcements that wait. */
  busy: number;
  /** Artifacts are being fetched from it. */
  pulling: boolean;
  /** Requests of the peer being served, and when the next one's turn is. */
  serving: number;
  turn: Promise<void>;
  /** The pool was offered to it. */
  offered: boolean;
  /** Blocks to ask for at once; halved by time-outs. */
  batch: number;
  readonly blockRetry: Retry;
  readonly artifactRetry: Retry;
  /** The two artifact digests last compared from the start, and when. */
  compared: { readonly key: string; readonly atMs: number } | undefined;
  readonly early: Map<string, EarlyMessage>;
  blocksSynced: number;
  contractsSynced: number;
  readonly credited: KnownSet;

  /** Sends this node's `Version`. Inbound links do it when they open, outbound ones once the dialler has them. */
  open(explicit: boolean): void;
  /** False when it cannot be sent now: what it announced, `Status` will repeat. */
  send(message: Message): boolean;
  sendFrame(frame: Uint8Array): boolean;
  /**
   * Asks and waits; repeats while the peer is busy.
   * @throws CodedError `REQUEST_TIMEOUT`, `PEER_DISCONNECTED`, `BAD_MESSAGE`, `PEER_ERROR` (details: refusal)
   */
  request<T extends RequestType>(message: MessageOf<T> & { readonly type: T }): Promise<ResponseTo<T>>;
  /** Says goodbye and ends the link. Idempotent. */
  close(code: GoodbyeCode, error?: CodedError, retryAfterMs?: number): Promise<void>;
}

export interface SessionHooks {
  ownVersion(explicit: boolean): VersionMessage;
  /** Verdict on the peer's `Version`: undefined to stay connected, or an error and the goodbye to say. */
  admit(session: Session, theirs: VersionMessage): Refusal | undefined;
  onReady(session: Session): void;
  /** The peer said something that may ask for action. */
  onNews(session: Session): void;
  /** Handles one announcement. Must not reject. */
  onAnnouncement(session: Session, message: Message): Promise<void>;
  onRequest(session: Session, frame: Uint8Array): Promise<Uint8Array>;
  /** The peer broke the protocol. */
  onFault(session: Session, error: unknown): void;
  onClosed(session: Session): void;
}

export interface Refusal {
  readonly code: GoodbyeCode;
  readonly error: CodedError;
  readonly retryAfterMs?: number;
}

export interface SessionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly hooks: SessionHooks;
}

/** State that only the session itself changes. */
interface Inner {
  opened: boolean;
  admitted: boolean;
  ready: boolean;
  ended: boolean;
  closing: Closing | undefined;
  version: VersionMessage | undefined;
  status: Status | undefined;
  heardAtMs: number;
  clockDifferenceMs: number | undefined;
  cancelTimer: () => void;
}

const ANNOUNCEMENTS: ReadonlySet<string> = new Set(["NewBlock", "NewTransaction", "NewContract", "UpdateContract"]);

/**
 * A Status that follows an announcement must not start a pull of what the announcement is about to bring. Transactions
 * change nothing that Status compares.
 */
const defersComparison = (message: Message): boolean => message.type !== "NewTransaction";

export function createSession(link: Link, deps: SessionDeps): Session {
  const { clock, random, logger, hooks } = deps;
  const done = Promise.withResolvers<void>();
  // Nobody may be waiting when a stranger's handshake fails.
  done.promise.catch(() => {});
  const inner: Inner = {
    opened: false,
    admitted: false,
    ready: false,
    ended: false,
    closing: undefined,
    version: undefined,
    status: undefined,
    heardAtMs: clock.now(),
    clockDifferenceMs: undefined,
    cancelTimer: () => {},
  };
  const session: Session = {
    link,
    peerId: link.peerId,
    connectedAtMs: clock.now(),
    ready: done.promise,
    get isReady() {
      return inner.ready && inner.closing === undefined;
    },
    get closing() {
      return inner.closing;
    },
    get version() {
      return inner.version;
    },
    get status() {
      return inner.status;
    },
    get heardAtMs() {
      return inner.heardAtMs;
    },
    get clockDifferenceMs() {
      return inner.clockDifferenceMs;
    },
    known: createKnownSet(KNOWN_MAX),
    inbox: createInbox(async (message) => {
      await hooks.onAnnouncement(session, message);
      if (!defersComparison(message)) return;
      session.busy--;
      if (session.isReady) hooks.onNews(session);
    }),
    handlers: {
      onFrame: (frame) => onFrame(frame),
      onRequest: async (frame) => {
        inner.heardAtMs = clock.now();
        // A request's stream may overtake the Version on the other one.
        await done.promise;
        return hooks.onRequest(session, frame);
      },
      onClose: (reason) => end(closingError(reason), false),
    },
    announced: undefined,
    applied: 0,
    sent: { sequence: 0, applied: 0 },
    inStep: false,
    busy: 0,
    pulling: false,
    serving: 0,
    turn: Promise.resolve(),
    offered: false,
    batch: BLOCKS_MAX,
    blockRetry: createRetry(clock, random),
    artifactRetry: createRetry(clock, random),
    compared: undefined,
    early: new Map(),
    blocksSynced: 0,
    contractsSynced: 0,
    credited: createKnownSet(KNOWN_MAX),
    open(explicit) {
      if (inner.opened || inner.closing !== undefined) return;
      inner.opened = true;
      session.send(hooks.ownVersion(explicit));
      becomeReady();
    },
    send: (message) => session.sendFrame(encodeMessage(message)),
    sendFrame: (frame) => inner.closing === undefined && link.send(frame),
    request: <T extends RequestType>(message: MessageOf<T> & { readonly type: T }) =>
      sendRequest<T>(session, message, clock),
    async close(code, error = closingError(code), retryAfterMs = 0) {
      if (inner.closing === undefined) {
        session.send({ type: "Goodbye", code, retryAfterMs });
        end(error, isFinalGoodbye(code));
      }
      try {
        await link.close();
      } catch (failure) {
        logger.debug("a link did not close cleanly", { peer: link.peerId, error: String(failure) });
      }
    },
  };

  function end(error: CodedError, final: boolean, received?: GoodbyeCode): void {
    if (inner.ended) return;
    inner.ended = true;
    inner.cancelTimer();
    inner.closing = { error, final, ...(received === undefined ? {} : { received }) };
    session.inbox.clear();
    session.early.clear();
    session.inStep = false;
    done.reject(error);
    hooks.onClosed(session);
  }

  function becomeReady(): void {
    if (!inner.opened || !inner.admitted || inner.ready || inner.closing !== undefined) return;
    inner.ready = true;
    inner.cancelTimer();
    done.resolve();
    hooks.onReady(session);
  }

  function noteStatus(status: Status): void {
    inner.status = status;
    inner.clockDifferenceMs = status.clockMs - clock.now();
  }

  function onVersion(theirs: VersionMessage): void {
    inner.version = theirs;
    noteStatus(theirs.status);
    const refusal = hooks.admit(session, theirs);
    if (refusal !== undefined) {
      void session.close(refusal.code, refusal.error, refusal.retryAfterMs);
      return;
    }
    inner.admitted = true;
    becomeReady();
  }

  function onGoodbye(code: GoodbyeCode): void {
    end(closingError(code), isFinalGoodbye(code) && code !== "STOPPING", code);
    void session.close(code);
  }

  function onMessage(message: Message, sizeBytes: number): void {
    if (message.type === "Goodbye") onGoodbye(message.code);
    else if (message.type === "Version" && inner.version === undefined) onVersion(message);
    else if (message.type === "Status" && inner.admitted) {
      noteStatus(message);
      if (inner.ready) hooks.onNews(session);
    } else if (ANNOUNCEMENTS.has(message.type) && inner.admitted) {
      if (session.inbox.push(message, sizeBytes) && defersComparison(message)) session.busy++;
    } else hooks.onFault(session, new Error(`${message.type} was not expected`));
  }

  function onFrame(frame: Uint8Array): void {
    if (inner.closing !== undefined) return;
    inner.heardAtMs = clock.now();
    try {
      onMessage(decodeMessage(frame), frame.length);
    } catch (error) {
      if (isCodedError(error, "INCOMPATIBLE_VERSION")) void session.close("INCOMPATIBLE_VERSION", error);
      else hooks.onFault(session, error);
    }
  }

  inner.cancelTimer = clock.setTimer(HANDSHAKE_TIMEOUT_MS, () => {
    void session.close("TIMEOUT", closingError("TIMEOUT"));
  });
  return session;
}
