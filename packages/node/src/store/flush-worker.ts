/** A thread that takes files of the log into the database for the main one: see `flusher.ts`. */

import { workerData } from "node:worker_threads";
import type { FlushAnswer, FlusherData } from "./flusher.ts";
import { openDatabase } from "./lmdb-store.ts";
import { takeMissing } from "./recovery.ts";
import { readLogFile } from "./write-log.ts";

const { database, port, answers } = workerData as FlusherData;
const store = openDatabase(database, { migrates: false });

function answerTo(logFile: string): FlushAnswer {
  try {
    takeMissing(store, [readLogFile(logFile)]);
    return {};
  } catch (error) {
    return { failure: String(error) };
  }
}

port.on("message", (logFile: string | undefined) => {
  if (logFile === undefined) {
    void store.close().then(() => port.close());
    return;
  }
  port.postMessage(answerTo(logFile));
  Atomics.add(answers, 0, 1);
  Atomics.notify(answers, 0);
});
