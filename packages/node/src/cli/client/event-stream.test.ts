import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import fc from "fast-check";
import { createEventStreamParser, type StreamEvent } from "./event-stream.ts";

const STREAM = [
  "retry: 1000\nid: run-1\n\n",
  ": heartbeat\n\n",
  'event: head\r\nid: run-2\r\ndata: {"number": 2}\r\n\r\n',
  "data: one\rdata: two\r\r",
  "event: nothing\n\n",
  "data\nid\n\n",
  "unknown: x\ndata:spaced\nevent:  two spaces\n\n",
  "data: never dispatched\n",
].join("");

const EVENTS: StreamEvent[] = [
  { type: "head", data: '{"number": 2}', id: "run-2" },
  { type: "message", data: "one\ntwo", id: "run-2" },
  { type: "message", data: "", id: "" },
  { type: " two spaces", data: "spaced", id: "" },
];

test("events come out of a stream as the standard has it", () => {
  const parser = createEventStreamParser();
  assert.deepEqual(parser.push(STREAM), EVENTS);
});

test("it makes no difference where the stream is cut", () => {
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: STREAM.length - 1 }));
  fc.assert(
    fc.property(cuts, (places) => {
      const parser = createEventStreamParser();
      const ends = [...places.sort((a, b) => a - b), STREAM.length];
      const found = ends.flatMap((end, at) => parser.push(STREAM.slice(ends[at - 1] ?? 0, end)));
      assert.deepEqual(found, EVENTS);
    }),
  );
});

test("an id without an event moves the place to go on, once its block has ended", () => {
  const parser = createEventStreamParser("run-0");
  assert.equal(parser.lastId, "run-0");
  parser.push("id: run-7\n");
  assert.equal(parser.lastId, "run-0");
  parser.push("\n");
  assert.equal(parser.lastId, "run-7");
});

test("what does not end is refused before it fills the memory", () => {
  const endless = (error: unknown): boolean => isCodedError(error, "CONNECTION_FAILED");
  assert.throws(() => createEventStreamParser().push("x".repeat(2 ** 20 + 1)), endless);
  const parser = createEventStreamParser();
  const line = `data: ${"x".repeat(1_000)}\n`;
  assert.throws(() => {
    for (let i = 0; i < 1_100; i++) parser.push(line);
  }, endless);
});
