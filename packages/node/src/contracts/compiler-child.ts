/**
 * The compiler in a process of its own: standard JSON in, standard JSON out; or a line on why it gave up, without the trace,
 * which names files of this machine. What is imported must be in the input. It works in a thread, so that the process hears
 * the end of the one that started it, and ends.
 */

import { text } from "node:stream/consumers";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

/** What the thread says: the output, or a reason. */
interface Answer {
  readonly output?: string;
  readonly reason?: string;
}

const reasonLine = (error: unknown): string => String(error).split("\n", 1)[0] as string;

async function compile(input: string): Promise<Answer> {
  try {
    // It needs its memory as soon as it is there.
    const { default: solc } = await import("solc");
    return { output: solc.compile(input) };
  } catch (error) {
    return { reason: reasonLine(error) };
  }
}

function say({ output, reason }: Answer): void {
  if (output === undefined) process.exitCode = 1;
  (output === undefined ? process.stderr : process.stdout).write(output ?? reason ?? "");
}

if (isMainThread) {
  // At once: an exit would wait for the thread.
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  const worker = new Worker(new URL(import.meta.url), { workerData: await text(process.stdin) });
  let answer: Answer = { reason: "it ended without a word" };
  worker.once("message", (said: Answer) => {
    answer = said;
  });
  worker.once("error", (error) => {
    answer = { reason: reasonLine(error) };
  });
  worker.once("exit", () => {
    say(answer);
    process.channel?.unref();
  });
} else {
  parentPort?.postMessage(await compile(workerData as string));
}
