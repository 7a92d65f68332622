import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { keccak256, privateKeyToAddress, signDigest } from "@counterpart/core/crypto/crypto";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { SignedDigest } from "@counterpart/core/ports/senders";
import { createSystemClock } from "../telemetry/runtime.ts";
import { recoverPacked } from "./packed-signatures.ts";
import { createSenderRecovery, type RecoveryThread, startWorker, type ThreadEvents } from "./sender-recovery.ts";

const keyOf = (n: number): Uint8Array => keccak256(new Uint8Array([n >> 8, n & 255]));
const SIGNERS = 5;
const addresses = Array.from({ length: SIGNERS }, (_, n) => privateKeyToAddress(keyOf(n)));

const signedBy = (n: number): SignedDigest => {
  const digest = keyOf(1_000 + n);
  return { digest, signature: signDigest(digest, keyOf(n % SIGNERS)) };
};
const SIGNED = Array.from({ length: 40 }, (_, n) => signedBy(n));
const many = (count: number): SignedDigest[] =>
  Array.from({ length: count }, (_, n) => SIGNED[n % SIGNED.length] as SignedDigest);
const expected = (count: number): (Hex | undefined)[] =>
  Array.from({ length: count }, (_, n) => addresses[(n % SIGNED.length) % SIGNERS]);

function collectingLogger(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const note = (message: string): void => {
    lines.push(message);
  };
  const logger: Logger = { debug() {}, info() {}, warn: note, error: note, child: () => logger };
  return { logger, lines };
}

/** A thread whose answers come when the test says so. */
function heldThread() {
  const sent: Uint8Array[] = [];
  let events: ThreadEvents | undefined;
  const thread: RecoveryThread = {
    send: (packed) => sent.push(packed),
    async end() {},
  };
  return {
    sent,
    start(given: ThreadEvents): RecoveryThread {
      events = given;
      setImmediate(() => given.ready([]));
      return thread;
    },
    answerNext: () => events?.answer(recoverPacked(sent.shift() as Uint8Array)),
    die: () => events?.lost("gone"),
  };
}

const clock: Clock = createSystemClock();
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** Until `thread` has been sent something; what comes before the thread is ready is done without it. */
async function untilSent(thread: { readonly sent: readonly unknown[] }): Promise<void> {
  while (thread.sent.length === 0) await turn();
}

describe("recovering senders", () => {
  test("in a thread of its own gives what recovering here gives", async () => {
    const { logger, lines } = collectingLogger();
    let messages = 0;
    const start = (events: ThreadEvents): RecoveryThread => {
      const { send, end } = startWorker(events);
      const counted: RecoveryThread["send"] = (packed) => {
        messages++;
        send(packed);
      };
      return { send: counted, end };
    };
    const { recover, stop } = createSenderRecovery({ threads: 1, clock, logger, start });
    // What comes before the thread is ready is done without it.
    while (messages === 0) assert.deepEqual(await recover(many(600)), expected(600));
    await stop();
    assert.deepEqual(lines, []);
    assert.deepEqual(await recover(many(3)), expected(3), "it goes on without the thread");
  });

  test("says which signature recovers no key", async () => {
    const { recover } = createSenderRecovery({ threads: 0, clock, logger: collectingLogger().logger });
    const bad = { digest: keyOf(1), signature: new Uint8Array(65) };
    assert.deepEqual(await recover([signedBy(1), bad, signedBy(2)]), [addresses[1], undefined, addresses[2]]);
    assert.deepEqual(await recover([]), []);
  });

  test("answers in the order of the questions, whichever is done first", async () => {
    const thread = heldThread();
    const { logger } = collectingLogger();
    const { recover } = createSenderRecovery({ threads: 1, clock, logger, start: thread.start });
    const order: number[] = [];
    const ask = async (n: number, count: number): Promise<void> => {
      assert.deepEqual(await recover(many(count)), expected(count));
      order.push(n);
    };
    const first = ask(0, 400);
    await untilSent(thread);
    // Short enough to be done here at once, but for its place.
    const rest = [ask(1, 1), ask(2, 100), ask(3, 0)];
    for (let i = 0; i < 50; i++) await turn();
    assert.deepEqual(order, []);
    while (order.length < 4) {
      if (thread.sent.length > 0) thread.answerNext();
      await turn();
    }
    await Promise.all([first, ...rest]);
    assert.deepEqual(order, [0, 1, 2, 3]);
  });

  test("goes on in this thread, and says so, when the other one ends", async () => {
    const thread = heldThread();
    const { logger, lines } = collectingLogger();
    const { recover } = createSenderRecovery({ threads: 1, clock, logger, start: thread.start });
    const answer = recover(many(400));
    await untilSent(thread);
    thread.die();
    assert.deepEqual(await answer, expected(400));
    assert.deepEqual(lines, ["a thread that recovers senders has ended: the main one takes its work over"]);
  });

  test("goes on in this thread, and says so, when none can be begun", async () => {
    const { logger, lines } = collectingLogger();
    const start = (): RecoveryThread => {
      throw new Error("no more threads");
    };
    const { recover } = createSenderRecovery({ threads: 1, clock, logger, start });
    assert.deepEqual(await recover(many(100)), expected(100));
    assert.equal(lines.length, 1);
  });

  test("takes no answer for another when it is stopped meanwhile", async () => {
    const thread = heldThread();
    const { logger } = collectingLogger();
    const { recover, stop } = createSenderRecovery({ threads: 1, clock, logger, start: thread.start });
    const answer = recover(many(400));
    await untilSent(thread);
    await stop();
    thread.answerNext();
    assert.deepEqual(await Promise.all([answer, recover(many(2))]), [expected(400), expected(2)]);
  });

  test("makes whoever asks wait where more than there may be is waiting", async () => {
    const never: Clock = { now: () => 0, setTimer: () => () => {} };
    const { logger } = collectingLogger();
    const { recover } = createSenderRecovery({ threads: 0, clock: never, logger, waitingMax: 16 });
    const first = recover(many(8));
    let isDone = false;
    void first.then(() => {
      isDone = true;
    });
    await turn();
    assert.equal(isDone, false);
    void recover(many(16));
    assert.deepEqual(await first, expected(8));
  });

  test("begins no thread for a few", async () => {
    let started = 0;
    const start = (): RecoveryThread => {
      started++;
      return { send() {}, async end() {} };
    };
    const { recover } = createSenderRecovery({ threads: 2, clock, logger: collectingLogger().logger, start });
    assert.deepEqual(await recover(many(5)), expected(5));
    assert.equal(started, 0);
    await recover(many(100));
    assert.equal(started, 2);
  });
});
