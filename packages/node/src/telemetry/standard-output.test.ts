import assert from "node:assert/strict";
import { test } from "node:test";
import { createLineOutput } from "./standard-output.ts";

/** A pipe that holds so much, whose reader takes it all when the test says so. */
function createPipe(holdsBytes: number) {
  let read = "";
  let held = "";
  const pipe = {
    fault: undefined as string | undefined,
    put(bytes: Uint8Array): number {
      if (pipe.fault !== undefined) throw Object.assign(new Error(pipe.fault), { code: pipe.fault });
      const room = holdsBytes - held.length;
      if (room === 0) throw Object.assign(new Error("busy"), { code: "EAGAIN" });
      const taken = Buffer.from(bytes.subarray(0, room)).toString("latin1");
      held += taken;
      return taken.length;
    },
    read(): string {
      read += held;
      held = "";
      return read;
    },
  };
  return pipe;
}

function scene(holdsBytes: number) {
  const pipe = createPipe(holdsBytes);
  const timers: (() => void)[] = [];
  const told: number[] = [];
  let slept = 0;
  const output = createLineOutput({
    put: pipe.put,
    onDropped: (lines) => void told.push(lines),
    clock: {
      setTimer(_, callback) {
        timers.push(callback);
        return () => {};
      },
    },
    sleep: (ms) => {
      slept += ms;
    },
  });
  return { pipe, output, told, timers, slept: () => slept };
}

test("lines are written at once, and wait for a reader that pauses", () => {
  const { pipe, output, told, timers } = scene(10);
  for (const line of ["one\n", "two\n", "three\n", "four\n"]) output.write(line);
  assert.equal(pipe.read(), "one\ntwo\nth");
  assert.equal(timers.length, 1, "one timer, however much waits");
  timers.shift()?.();
  assert.equal(pipe.read(), "one\ntwo\nthree\nfour\n");
  assert.deepEqual([timers.length, told], [0, []]);
});

test("beyond a megabyte lines are dropped whole, and their number is told when the reader goes on", () => {
  const { pipe, output, told, timers } = scene(100);
  const line = `${"x".repeat(99_999)}\n`;
  for (let n = 0; n < 15; n++) output.write(line);
  for (let last = -1; pipe.read().length > last; timers.shift()?.()) last = pipe.read().length;
  const lines = pipe.read().split("\n").slice(0, -1);
  assert.deepEqual([lines.length, lines.every((text) => text.length === 99_999)], [10, true]);
  assert.deepEqual(told, []);
  output.write("more\n");
  assert.deepEqual([pipe.read().endsWith("\nmore\n"), told], [true, [5]]);
  output.write("more\n");
  assert.deepEqual(told, [5], "once");
});

test("the number of dropped lines is told again where telling it was refused, and a long line waits like others", () => {
  const { pipe, output, told, timers } = scene(2_000_000);
  pipe.fault = "ENOSPC";
  for (let n = 0; n < 5; n++) output.write("lost\n");
  pipe.fault = undefined;
  output.write("one\n");
  assert.deepEqual(told, [5]);
  const long = `${"x".repeat(1_500_000)}\n`;
  output.write(long);
  assert.equal(pipe.read(), `one\n${long}`);
  assert.deepEqual([told, timers.length], [[5], 0]);
});

test("telling how many lines were dropped is tried again where the disk refuses it", () => {
  const told: number[] = [];
  let room = 0;
  const output = createLineOutput({
    put(bytes) {
      if (bytes.length > room) throw Object.assign(new Error("full"), { code: "ENOSPC" });
      room -= bytes.length;
      return bytes.length;
    },
    onDropped(lines) {
      told.push(lines);
      output.write("some lines are missing\n");
    },
  });
  for (let n = 0; n < 5; n++) output.write("lost\n");
  room = 10;
  output.write("one\n");
  room = 1_000;
  output.write("two\n");
  output.write("three\n");
  assert.deepEqual(told, [5, 6]);
});

test("what a full disk refuses is dropped, and a line that was cut is ended before the next", () => {
  const { pipe, output, told, timers } = scene(6);
  output.write("one\n");
  output.write("two\n");
  pipe.fault = "ENOSPC";
  timers.shift()?.();
  output.write("three\n");
  pipe.fault = undefined;
  assert.equal(pipe.read(), "one\ntw");
  output.write("4\n");
  assert.deepEqual([pipe.read(), told], ["one\ntw\n4\n", [2]]);
});

test("a process that ends waits for its reader, but not for long", () => {
  const { pipe, output, slept } = scene(4);
  output.write("one\ntwo\n");
  output.flush();
  assert.deepEqual([pipe.read(), slept()], ["one\n", 500]);
  output.flush();
  assert.deepEqual([pipe.read(), slept()], ["one\ntwo\n", 500]);
});
