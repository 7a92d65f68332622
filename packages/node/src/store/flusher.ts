/** Takes files of the log into the database in a thread of its own, so that nobody waits for the database. */

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { CodedError } from "@counterpart/core/base/errors";

/** What the thread is started with. */
export interface FlusherData {
  readonly database: string;
  readonly port: MessagePort;
  /** Shared numbers, at the places below. */
  readonly signs: Int32Array;
}

/** How many answers were sent; whoever waits is woken by it. */
export const ANSWERS = 0;
/** 1 when the thread has ended. */
export const ENDED = 1;
const SIGNS = 2;

/** What the thread is told of one file; undefined ends it. */
export interface FlushOrder {
  readonly logFile: string;
  /** Number of its last write. */
  readonly last: number;
}

/** What the thread says of one file. */
export interface FlushAnswer {
  /** Why the database did not take it; it is as before then. */
  readonly failure?: string;
  /** Whether the thread has ended: then the database takes nothing more until somebody opens it anew. */
  readonly hasEnded?: boolean;
}

/** One file after the other. */
export interface Flusher {
  /** Begins; `onDone` is called once, later or by `wait`. A file that lacks anything up to write `last` is a failure. */
  flush(logFile: string, last: number): void;
  /**
   * Holds the thread until the flush under way has ended; one that `onDone` begins is not waited for.
   * @throws CodedError `STORE_WRITE_FAILED` when the other thread has ended, or takes too long
   */
  wait(): void;
  /** To be called when nothing is under way. */
  end(): Promise<void>;
}

export type StartFlusher = (database: string, onDone: (answer: FlushAnswer) => void) => Flusher;

/** A disk that takes longer for one file of the log is no longer waited for. */
const WAIT_MS_MAX = 120_000;

export const startFlusher: StartFlusher = (database, onDone) => {
  const { port1: port, port2 } = new MessageChannel();
  const signs = new Int32Array(new SharedArrayBuffer(SIGNS * Int32Array.BYTES_PER_ELEMENT));
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const workerData: FlusherData = { database, port: port2, signs };
  const worker = new Worker(new URL(`./flush-worker.${ending}`, import.meta.url), {
    name: "database",
    workerData,
    transferList: [port2],
  });
  let sent = 0;
  let received = 0;
  let lost: string | undefined;
  const receive = (answer: FlushAnswer): void => {
    received++;
    onDone(answer);
  };
  port.on("message", receive);
  worker.on("error", (error) => {
    lost = String(error);
  });
  const receiveEnd = (): void => receive({ failure: `the thread of the database: ${lost}`, hasEnded: true });
  const ended = new Promise<void>((resolve) => {
    worker.once("exit", () => {
      lost ??= "it ended";
      if (received < sent) receiveEnd();
      resolve();
    });
  });
  // They end with the program.
  worker.unref();
  port.unref();
  return {
    flush(logFile, last) {
      sent++;
      if (lost !== undefined) receiveEnd();
      else port.postMessage({ logFile, last } satisfies FlushOrder);
    },
    wait() {
      for (const before = received; received === before && received < sent; ) {
        const seen = Atomics.load(signs, ANSWERS);
        const hasEnded = Atomics.load(signs, ENDED) === 1;
        const message = receiveMessageOnPort(port) as { readonly message: FlushAnswer } | undefined;
        if (message !== undefined) receive(message.message);
        else if (hasEnded) throw new CodedError("STORE_WRITE_FAILED", "the thread of the database has ended");
        else if (Atomics.wait(signs, ANSWERS, seen, WAIT_MS_MAX) === "timed-out")
          throw new CodedError("STORE_WRITE_FAILED", "the database does not take what is written");
      }
    },
    async end() {
      worker.ref();
      port.postMessage(undefined);
      await ended;
      port.close();
    },
  };
};
