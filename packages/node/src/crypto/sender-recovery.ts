/**
 * Recovers the senders of transactions in other threads, ahead of everything that needs them, and a share of them in
 * this one when the others have enough to do. Threads begin with the first burst: a quiet node has none. When one ends,
 * this thread takes its work over.
 */

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Hex } from "@counterpart/core/base/bytes";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { RecoverSenders, SignedDigest } from "@counterpart/core/ports/senders";
import type { CryptoFallback } from "./native.ts";
import { packSigned, recoverOne, unpackSigners } from "./packed-signatures.ts";

/** Signatures in one message: some milliseconds of work. */
const MESSAGE_SIGNATURES = 64;
/** Messages that a thread may have before it; more wait here. */
const MESSAGES_MAX = 8;
/** As many at once are worth a thread. */
const BURST = 32;
/** What this thread recovers at a stretch, when the others have enough to do and when there are none. */
const SHARE = 8;
/** Beyond this whoever asks has to wait until this thread has caught up. */
const WAITING_MAX = 65_536;

/** A thread that answers every message in turn. */
export interface RecoveryThread {
  send(packed: Uint8Array<ArrayBuffer>): void;
  end(): Promise<void>;
}

export interface ThreadEvents {
  ready(fallbacks: readonly CryptoFallback[]): void;
  answer(answer: Uint8Array): void;
  /** It has ended by itself. */
  lost(reason: string): void;
}

export interface SenderRecoveryDeps {
  /** Threads besides this one; one a core, but for this one's, unless given. */
  readonly threads?: number;
  readonly clock: Pick<Clock, "setTimer">;
  readonly logger: Logger;
  /** A thread of this program unless given. */
  readonly start?: (events: ThreadEvents) => RecoveryThread;
  /** Signatures that may wait. */
  readonly waitingMax?: number;
}

export interface SenderRecovery {
  readonly recover: RecoverSenders;
  /** Ends the threads; whatever is asked then is done in this one. */
  stop(): Promise<void>;
}

interface Request {
  readonly senders: (Hex | undefined)[];
  left: number;
  readonly resolve: (senders: readonly (Hex | undefined)[]) => void;
}

interface Item {
  readonly signed: SignedDigest;
  readonly request: Request;
  readonly index: number;
}

interface Helper {
  readonly thread: RecoveryThread;
  isReady: boolean;
  /** What it was sent and has not answered, in order. */
  readonly sent: Item[][];
}

/** A thread of this program. */
export function startWorker(events: ThreadEvents): RecoveryThread {
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`./recovery-worker.${ending}`, import.meta.url), { name: "sender-recovery" });
  let isEnding = false;
  worker.on("message", (message: Uint8Array | { readonly fallbacks: readonly CryptoFallback[] }) => {
    if (message instanceof Uint8Array) events.answer(message);
    else events.ready(message.fallbacks);
  });
  let reason = "it ended";
  worker.on("error", (error) => {
    reason = String(error);
  });
  worker.on("exit", () => {
    if (!isEnding) events.lost(reason);
  });
  // It ends with the program.
  worker.unref();
  return {
    send: (packed) => worker.postMessage(packed, [packed.buffer]),
    async end() {
      isEnding = true;
      await worker.terminate();
    },
  };
}

export function createSenderRecovery(deps: SenderRecoveryDeps): SenderRecovery {
  const { clock, logger, start = startWorker, waitingMax = WAITING_MAX } = deps;
  const { threads = Math.max(1, availableParallelism() - 1) } = deps;
  const helpers = new Set<Helper>();
  let hasStarted = threads === 0;
  let waiting: Item[] = [];
  /** In the order in which they were made. */
  const requests: Request[] = [];
  let isScheduled = false;

  const settle = (items: readonly Item[], senders: readonly (Hex | undefined)[]): void => {
    for (const [at, { request, index }] of items.entries()) {
      request.senders[index] = senders[at];
      request.left--;
    }
    let done = 0;
    while (requests[done]?.left === 0) requests[done]?.resolve((requests[done++] as Request).senders);
    requests.splice(0, done);
  };
  const take = (count: number): Item[] => waiting.splice(0, count);
  const workHere = (): void => {
    const items = take(SHARE);
    const senders = items.map(({ signed }) => recoverOne(signed));
    settle(items, senders);
  };
  const schedule = (): void => {
    if (isScheduled || waiting.length === 0) return;
    isScheduled = true;
    clock.setTimer(0, () => {
      isScheduled = false;
      giveOut();
    });
  };
  const giveOut = (): void => {
    if (!hasStarted && waiting.length >= BURST) startAll();
    const isFew = waiting.length < SHARE && requests.length <= waiting.length;
    for (const { thread, isReady, sent } of helpers) {
      while (isReady && !isFew && sent.length < MESSAGES_MAX && waiting.length > 0) {
        const items = take(MESSAGE_SIGNATURES);
        sent.push(items);
        thread.send(packSigned(items.map(({ signed }) => signed)));
      }
    }
    if (waiting.length > 0) workHere();
    schedule();
  };
  const lose = (helper: Helper): void => {
    helpers.delete(helper);
    // Emptied: an answer that is still on its way is of no use any more.
    waiting = [...helper.sent.splice(0).flat(), ...waiting];
    schedule();
  };
  const mourn = (reason: string): void =>
    logger.error("a thread that recovers senders has ended: the main one takes its work over", { reason });
  const eventsFor = (helper: Omit<Helper, "thread">): ThreadEvents => ({
    ready(fallbacks) {
      helper.isReady = true;
      for (const { part, reason } of fallbacks) {
        logger.warn("a thread that recovers senders has no native cryptography", { part, reason });
      }
      schedule();
    },
    answer(answer) {
      settle(helper.sent.shift() ?? [], unpackSigners(answer));
      if (waiting.length > 0) giveOut();
    },
    lost(reason) {
      mourn(reason);
      lose(helper as Helper);
    },
  });
  const startOne = (): void => {
    const begun = { isReady: false, sent: [] };
    try {
      helpers.add(Object.assign(begun, { thread: start(eventsFor(begun)) }));
    } catch (error) {
      mourn(String(error));
    }
  };
  function startAll(): void {
    hasStarted = true;
    for (let i = 0; i < threads; i++) startOne();
  }

  return {
    recover(signed) {
      if (signed.length === 0 && requests.length === 0) return Promise.resolve([]);
      return new Promise((resolve) => {
        const request: Request = { senders: new Array(signed.length), left: signed.length, resolve };
        requests.push(request);
        for (const [index, one] of signed.entries()) waiting.push({ signed: one, request, index });
        while (waiting.length > waitingMax) workHere();
        schedule();
      });
    },
    async stop() {
      hasStarted = true;
      const ending = [...helpers];
      for (const helper of ending) lose(helper);
      await Promise.all(ending.map(({ thread }) => thread.end()));
    },
  };
}
