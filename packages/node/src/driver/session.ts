/**
 * One peer: everything that is known of it is in its one record, and goes with it. The session does the handshake,
 * decodes what arrives and hands it on; what to do about it is decided elsewhere.
 */

import { type CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Link, LinkHandlers } from "@counterpart/core/ports/network";
import type { Clock, Logger, Random } from "@counterpart/core/ports/runtime";
import { CLOCK_SKEW_MAX_MS } from "@counterpart/core/sync/decisions";
import type {
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
import { HANDSHAKE_TIMEOUT_MS, SKEWED_STATUSES_MAX, STATUS_DEFERRED_MS } from "./limits.ts";
import type { Packing } from "./packing.ts";
import { askPeer, type RequestEvents } from "./requests.ts";
import { createSyncRecord, type SyncRecord } from "./sync-record.ts";
import { createDeferral } from "./timing.ts";

/** How a session ended, or is ending. */
export interface Closing {
  readonly error: CodedError;
  /** Whether whoever waits for this peer should give up: a refusal rather than a lost link. */
  readonly final: boolean;
  /** Goodbye that the peer sent. */
  readonly received?: GoodbyeCode;
}

export interface Session extends SyncRecord {
  readonly link: Link;
  readonly peerId: string;
  readonly connectedAtMs: number;
  /** Resolves when each side has accepted the other's `Version`; rejects with a CodedError when the link ends first. */
  readonly ready: Promise<void>;
  readonly isReady: boolean;
  /** This side has accepted the peer. */
  readonly isAdmitted: boolean;
  /** The same, and stays so when the session ends. */
  readonly wasAdmitted: boolean;
  readonly closing: Closing | undefined;
  readonly inbox: Inbox;
  readonly handlers: LinkHandlers;
  readonly version: VersionMessage | undefined;
  readonly status: Status | undefined;
  readonly heardAtMs: number;
  /** The peer's clock minus this node's when the last `Status` came, transit included. */
  readonly clockDifferenceMs: number | undefined;

  /** Sends this node's `Version`. Inbound links do it when they open, outbound ones once the dialler has them. */
  open(explicit: boolean): void;
  /** False when it cannot be sent now: what it announced, `Status` will repeat. */
  send(message: Message): boolean;
  sendFrame(frame: Uint8Array): boolean;
  readonly packing: Packing;
  /**
   * Asks and waits; repeats what seems lost, and while the peer is busy.
   * @throws CodedError `REQUEST_TIMEOUT`, `PEER_DISCONNECTED`, `BAD_MESSAGE`, `PEER_ERROR` (details: refusal)
   */
  request<T extends RequestType>(
    message: MessageOf<T> & { readonly type: T },
    events?: RequestEvents,
  ): Promise<ResponseTo<T>>;
  /** Says goodbye and ends the link. Idempotent. */
  close(code: GoodbyeCode, error?: CodedError, retryAfterMs?: number): Promise<void>;
}

export interface SessionHooks {
  ownVersion(explicit: boolean): VersionMessage;
  /** Verdict on the peer's `Version`: undefined to stay connected, or an error and the goodbye to say. */
  admit(session: Session, theirs: VersionMessage): Refusal | undefined;
  /** This side has accepted the peer: it says so with its first Status. */
  onAdmitted(session: Session): void;
  onReady(session: Session): void;
  /** The peer said something that may ask for action. */
  onNews(session: Session): void;
  /** Whether an announcement of this size is within what the peer may send. */
  mayAnnounce(session: Session, sizeBytes: number): boolean;
  /** Whether another `Status` is within what the peer may send. */
  maySendStatus(session: Session): boolean;
  /** An announcement was not handled, or a `Status` not when it came. */
  onDropped(reason: "inbox" | "rate" | "status"): void;
  /** Handles one announcement. Must not reject. */
  onAnnouncement(session: Session, message: Message): Promise<void>;
  onRequest(session: Session, frame: Uint8Array): Promise<Uint8Array>;
  /** The peer broke the protocol. */
  onFault(session: Session, error: unknown): void;
  /** This node could not do what a message asks for. */
  onTrouble(session: Session, error: unknown): void;
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
  readonly packing: Packing;
}

/** State that only the session itself changes. */
interface Inner {
  /** Own Version sent. */
  opened: boolean;
  /** The peer's Version accepted. */
  admitted: boolean;
  ready: boolean;
  ended: boolean;
  closing: Closing | undefined;
  version: VersionMessage | undefined;
  status: Status | undefined;
  heardAtMs: number;
  clockDifferenceMs: number | undefined;
  /** `Status` messages in a row whose clock is too far from this node's. */
  skewed: number;
  cancelTimer: () => void;
}

const newInner = (nowMs: number): Inner => ({
  opened: false,
  admitted: false,
  ready: false,
  ended: false,
  closing: undefined,
  version: undefined,
  status: undefined,
  heardAtMs: nowMs,
  clockDifferenceMs: undefined,
  skewed: 0,
  cancelTimer: () => {},
});

const ANNOUNCEMENTS: ReadonlySet<string> = new Set(["NewBlock", "NewTransaction", "NewContract", "UpdateContract"]);

/**
 * A Status that follows an announcement must not start a pull of what the announcement is about to bring. Transactions
 * change nothing that Status compares.
 */
const defersComparison = (message: Message): boolean => message.type !== "NewTransaction";

function noteStatus(inner: Inner, status: Status, nowMs: number): void {
  inner.status = status;
  const differenceMs = status.clockMs - nowMs;
  inner.clockDifferenceMs = differenceMs;
  inner.skewed = Math.abs(differenceMs) > CLOCK_SKEW_MAX_MS ? inner.skewed + 1 : 0;
}

/** Something has arrived. */
function noteHeard(inner: Inner, { awaiting }: SyncRecord, clock: Clock): void {
  inner.heardAtMs = clock.now();
  for (const repeat of awaiting) repeat();
}

async function closeLink(link: Link, logger: Logger): Promise<void> {
  try {
    await link.close();
  } catch (failure) {
    logger.debug("a link did not close cleanly", { peer: link.peerId, error: String(failure) });
  }
}

type Read =
  | { readonly message: Message; readonly sizeBytes: number }
  | { readonly message?: never; readonly fault: unknown };

/** The message in a frame, or why there is none, which is the peer's fault. What fails with a message is this node's own. */
function readFrame(packing: Packing, frame: Uint8Array): Read {
  try {
    const unpacked = packing.unpack(frame);
    return { message: decodeMessage(unpacked), sizeBytes: unpacked.length };
  } catch (fault) {
    return { fault };
  }
}

/** Looks at the peer's `Status`: of those that come too fast at the newest, as each says all that the others did. */
function createStatusNews(session: Session, { clock, hooks }: SessionDeps) {
  const look = createDeferral(clock, STATUS_DEFERRED_MS, () => {
    try {
      if (session.isReady) hooks.onNews(session);
    } catch (error) {
      hooks.onTrouble(session, error);
    }
  });
  return {
    noted(): void {
      if (hooks.maySendStatus(session)) {
        look.now();
        return;
      }
      hooks.onDropped("status");
      look.later();
    },
    cancel: look.cancel,
  };
}

export function createSession(link: Link, deps: SessionDeps): Session {
  const { clock, random, logger, hooks, packing } = deps;
  const done = Promise.withResolvers<void>();
  // Nobody may be waiting when a stranger's handshake fails.
  done.promise.catch(() => {});
  const inner = newInner(clock.now());
  const session: Session = {
    ...createSyncRecord(clock, random),
    link,
    peerId: link.peerId,
    connectedAtMs: clock.now(),
    ready: done.promise,
    get isReady() {
      return inner.ready && inner.closing === undefined;
    },
    get isAdmitted() {
      return inner.admitted && inner.closing === undefined;
    },
    get wasAdmitted() {
      return inner.admitted;
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
    inbox: createInbox(async (message) => {
      await hooks.onAnnouncement(session, message);
      if (!defersComparison(message)) return;
      session.busy--;
      if (session.isReady) hooks.onNews(session);
    }),
    handlers: {
      onFrame: (frame) => onFrame(frame),
      onRequest: async (frame) => {
        noteHeard(inner, session, clock);
        // A request's stream may overtake the Version on the other one.
        await done.promise;
        return hooks.onRequest(session, frame);
      },
      onClose(reason) {
        if (reason === "BAD_MESSAGE") hooks.onFault(session, new Error("the framing was broken"));
        end(closingError(reason), false);
      },
    },
    open(explicit) {
      if (inner.opened || inner.closing !== undefined) return;
      inner.opened = true;
      session.send(hooks.ownVersion(explicit));
      if (inner.admitted) hooks.onAdmitted(session);
    },
    send: (message) => session.sendFrame(encodeMessage(message)),
    sendFrame: (frame) => inner.closing === undefined && link.send(packing.pack(frame, inner.version?.codecs)),
    packing,
    request: <T extends RequestType>(message: MessageOf<T> & { readonly type: T }, events?: RequestEvents) =>
      askPeer<T>(session, message, clock, events),
    async close(code, error = closingError(code), retryAfterMs = 0) {
      if (inner.closing === undefined) {
        session.send({ type: "Goodbye", code, retryAfterMs });
        end(error, isFinalGoodbye(code));
      }
      await closeLink(link, logger);
    },
  };

  const news = createStatusNews(session, deps);
  function end(error: CodedError, final: boolean, received?: GoodbyeCode): void {
    if (inner.ended) return;
    inner.ended = true;
    inner.cancelTimer();
    news.cancel();
    inner.closing = { error, final, ...(received === undefined ? {} : { received }) };
    session.inbox.clear();
    session.early.clear();
    session.inStep = false;
    done.reject(error);
    hooks.onClosed(session);
  }

  function becomeReady(): void {
    if (inner.closing !== undefined) return;
    inner.ready = true;
    inner.cancelTimer();
    done.resolve();
    hooks.onReady(session);
  }

  function onVersion(theirs: VersionMessage): void {
    inner.version = theirs;
    noteStatus(inner, theirs.status, clock.now());
    const refusal = hooks.admit(session, theirs);
    if (refusal !== undefined) void session.close(refusal.code, refusal.error, refusal.retryAfterMs);
    else inner.admitted = true;
    if (inner.opened && inner.admitted) hooks.onAdmitted(session);
  }

  function onGoodbye(code: GoodbyeCode): void {
    end(closingError(code), isFinalGoodbye(code) && code !== "STOPPING", code);
    void session.close(code);
  }

  function onAnnouncement(message: Message, sizeBytes: number): void {
    if (!hooks.mayAnnounce(session, sizeBytes)) hooks.onDropped("rate");
    else if (!session.inbox.push(message, sizeBytes)) hooks.onDropped("inbox");
    else if (defersComparison(message)) session.busy++;
  }

  function onMessage(message: Message, sizeBytes: number): void {
    if (message.type === "Goodbye") onGoodbye(message.code);
    else if (message.type === "Version" && inner.version === undefined) onVersion(message);
    else if (message.type === "Status" && inner.admitted) {
      noteStatus(inner, message, clock.now());
      // One of the two clocks has jumped: the peers part as they would not have met, and meet when the clocks agree.
      if (inner.skewed >= SKEWED_STATUSES_MAX) void session.close("CLOCK_SKEW");
      // The first Status says that the peer has accepted this node's Version.
      else if (inner.ready) news.noted();
      else becomeReady();
    } else if (ANNOUNCEMENTS.has(message.type) && inner.admitted) onAnnouncement(message, sizeBytes);
    else hooks.onFault(session, new Error(`${message.type} was not expected`));
  }

  function onFrame(frame: Uint8Array): void {
    if (inner.closing !== undefined) return;
    noteHeard(inner, session, clock);
    const read = readFrame(packing, frame);
    if (read.message === undefined) {
      if (isCodedError(read.fault, "INCOMPATIBLE_VERSION")) void session.close("INCOMPATIBLE_VERSION", read.fault);
      else hooks.onFault(session, read.fault);
      return;
    }
    try {
      onMessage(read.message, read.sizeBytes);
    } catch (error) {
      hooks.onTrouble(session, error);
    }
  }

  inner.cancelTimer = clock.setTimer(HANDSHAKE_TIMEOUT_MS, () => void session.close("TIMEOUT"));
  return session;
}
