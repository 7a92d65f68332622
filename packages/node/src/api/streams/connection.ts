/**
 * One WebSocket connection: its requests, what is on the way to it, and how much of that there may be. Who sends faster
 * than is answered is not read from for a while; who does not take what is sent is cut, and harms nobody else.
 */

import type { Clock } from "@counterpart/core/ports/runtime";
import { textOf } from "../body.ts";
import type { Meter } from "../rate-limits.ts";
import type { Dispatcher } from "../rpc/dispatch.ts";
import type { Opening, Subscriptions } from "./subscriptions.ts";

/** A WebSocket as far as a connection needs to know it. */
export interface Socket {
  send(text: string, sent: (error?: Error) => void): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
  /** Reads nothing more, but for what has come already. */
  pause(): void;
  resume(): void;
  on(event: "message", listener: (data: Uint8Array) => void): unknown;
  on(event: "pong" | "close", listener: () => void): unknown;
}

export interface ConnectionLimits {
  /** Messages that are answered at the same time. */
  readonly inFlight: number;
  /** Bytes of messages that came and wait for that. */
  readonly waitingBytes: number;
  /** Bytes on the way at which nothing more is read. */
  readonly pauseBytes: number;
  /** Bytes on the way, and of notifications among them, at which the connection is cut. */
  readonly unsentBytes: number;
  readonly unsentNotificationBytes: number;
}

const MIB = 1024 * 1024;
/** An answer may be of 16 MiB. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  inFlight: 8,
  waitingBytes: 2 * MIB,
  pauseBytes: MIB,
  unsentBytes: 32 * MIB,
  unsentNotificationBytes: 4 * MIB,
};

/** WebSocket close codes (RFC 6455, 7.4.1, and its registry). */
export const CLOSE = { goingAway: 1001, policy: 1008, tryAgain: 1013 } as const;

export interface Connection {
  /** Bytes that were given to the socket and not sent yet. */
  readonly unsent: number;
  notify(text: string): void;
  /** Whether anything came, or was taken, since the last call. */
  isAlive(): boolean;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

export interface ConnectionDeps {
  readonly socket: Socket;
  readonly dispatcher: Dispatcher;
  /** What the other side's address has left; without limit when absent. */
  readonly meter?: Meter | undefined;
  readonly limits: ConnectionLimits;
  readonly clock: Clock;
  readonly open: (connection: Connection) => Subscriptions;
  /** More is on the way than before. */
  readonly onUnsent: (connection: Connection) => void;
  /** The other side does not read, or sends too much. */
  readonly onCut: () => void;
  readonly onClose: () => void;
}

export function createConnection(deps: ConnectionDeps): Connection {
  const { socket, dispatcher, limits, clock } = deps;
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let inFlight = 0;
  let unsent = 0;
  let unsentNotifications = 0;
  /** What came or was taken since the last look; at first, that it was opened. */
  let signsOfLife = 1;
  let isPaused = false;
  let isPumpDue = false;
  let isOpen = true;

  const cut = (): void => {
    if (!isOpen) return;
    deps.onCut();
    terminate();
  };
  const terminate = (): void => {
    isOpen = false;
    socket.terminate();
  };
  const send = (text: string, notificationBytes: number): void => {
    if (!isOpen) return;
    const bytes = text.length;
    unsent += bytes;
    unsentNotifications += notificationBytes;
    socket.send(text, () => {
      unsent -= bytes;
      unsentNotifications -= notificationBytes;
      signsOfLife++;
      pumpSoon();
    });
    if (unsent > limits.unsentBytes || unsentNotifications > limits.unsentNotificationBytes) cut();
    else deps.onUnsent(connection);
  };
  const answer = async (data: Uint8Array): Promise<void> => {
    const opening: Opening = subscriptions.opening();
    const text = await dispatcher.handle(readText(data), opening.methods, deps.meter?.take);
    if (text !== undefined) send(text, 0);
    opening.answered();
  };
  const pump = (): void => {
    while (isOpen && waiting.length > 0 && inFlight < limits.inFlight && unsent < limits.pauseBytes) {
      const data = waiting.shift() as Uint8Array;
      waitingBytes -= data.length;
      inFlight++;
      void answer(data).finally(() => {
        inFlight--;
        pumpSoon();
      });
    }
    const isBusy = waiting.length > 0 || unsent >= limits.pauseBytes;
    if (!isOpen || isBusy === isPaused) return;
    isPaused = isBusy;
    if (isBusy) socket.pause();
    else socket.resume();
  };
  /** Thousands of small messages may wait, and answers may take no time at all: others have their turn between. */
  const pumpSoon = (): void => {
    if (isPumpDue) return;
    isPumpDue = true;
    clock.setTimer(0, () => {
      isPumpDue = false;
      pump();
    });
  };
  const connection: Connection = {
    get unsent() {
      return unsent;
    },
    notify: (text) => send(text, text.length),
    isAlive() {
      const wasAlive = signsOfLife > 0;
      signsOfLife = 0;
      return wasAlive;
    },
    ping: () => socket.ping(),
    close(code, reason) {
      isOpen = false;
      socket.close(code, reason);
    },
    terminate,
  };
  const subscriptions = deps.open(connection);
  socket.on("message", (data) => {
    signsOfLife++;
    waiting.push(data);
    waitingBytes += data.length;
    pump();
    if (waitingBytes > limits.waitingBytes) cut();
  });
  socket.on("pong", () => signsOfLife++);
  socket.on("close", () => {
    isOpen = false;
    waiting.length = 0;
    subscriptions.close();
    deps.onClose();
  });
  return connection;
}

/** Text that is no UTF-8 is no JSON either: the dispatcher says so in its own form. */
function readText(data: Uint8Array): string {
  try {
    return textOf(data);
  } catch {
    return "";
  }
}
