/** A thread that takes files of the log into the database for the main one: see `flusher.ts`. */

import { workerData } from "node:worker_threads";
import { ANSWERS, ENDED, type FlushAnswer, type FlusherData, type FlushOrder } from "./flusher.ts";
import { openDatabase } from "./lmdb-store.ts";
import { takeWhole } from "./recovery.ts";

const { database, port, signs } = workerData as FlusherData;

function wake(): void {
  Atomics.add(signs, ANSWERS, 1);
  Atomics.notify(signs, ANSWERS);
}

// However that is: whoever waits is not to wait on.
process.once("exit", () => {
  Atomics.store(signs, ENDED, 1);
  wake();
});
const store = openDatabase(database, { migrates: false });

function answerTo({ logFile, last }: FlushOrder): FlushAnswer {
  try {
    // What is too large for the log the main thread writes itself: this one is to see how far that went.
    store.refresh();
    takeWhole(store, logFile, last);
    return {};
  } catch (error) {
    return { failure: String(error) };
  }
}

port.on("message", (order: FlushOrder | undefined) => {
  if (order === undefined) {
    void store.close().then(() => port.close());
    return;
  }
  port.postMessage(answerTo(order));
  wake();
});
