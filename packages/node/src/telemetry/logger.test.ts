import assert from "node:assert/strict";
import { test } from "node:test";
import { CodedError } from "@counterpart/core/base/errors";
import { createLogger, type LoggerOptions } from "./logger.ts";

function recorded(options: Pick<LoggerOptions, "level" | "format">) {
  const lines: string[] = [];
  const sink = { write: (line: string) => void lines.push(line), flush: () => void lines.push("flushed") };
  return { lines, logger: createLogger({ ...options, sink, color: false }) };
}

const json = (line: string | undefined): Record<string, unknown> => JSON.parse(line ?? "");

test("JSON lines carry level, time, message and fields", () => {
  const { lines, logger } = recorded({ level: "info", format: "json" });
  logger.info("block imported", { number: 7, hash: "0xab" });
  const { time, ...rest } = json(lines[0]);
  assert.deepEqual(rest, { level: "info", msg: "block imported", number: 7, hash: "0xab" });
  assert.ok(!Number.isNaN(Date.parse(String(time))));
  assert.ok(lines[0]?.endsWith("}\n"));
});

test("pretty lines are one line of time, level, message and fields", () => {
  const { lines, logger } = recorded({ level: "info", format: "pretty" });
  logger.warn("peer left", { peer: "12D3", client: "a\nb" });
  assert.match(lines[0] ?? "", /^\[\d\d:\d\d:\d\d\.\d\d\d\] WARN: peer left \{"peer":"12D3","client":"a\\nb"\}\n$/);
});

test("levels below the chosen one are not written", () => {
  const { lines, logger } = recorded({ level: "warn", format: "json" });
  logger.debug("a");
  logger.info("b");
  logger.warn("c");
  logger.error("d");
  assert.deepEqual(
    lines.map(json).map((line) => line.msg),
    ["c", "d"],
  );
});

test("the level silent writes nothing", () => {
  const { lines, logger } = recorded({ level: "silent", format: "json" });
  logger.error("a");
  assert.deepEqual(lines, []);
});

test("a child adds its fields to every line, and its children theirs", () => {
  const { lines, logger } = recorded({ level: "info", format: "json" });
  logger.child({ part: "net" }).child({ peer: "12D3" }).info("linked", { direction: "inbound" });
  const { time: _, ...rest } = json(lines[0]);
  assert.deepEqual(rest, { level: "info", msg: "linked", part: "net", peer: "12D3", direction: "inbound" });
});

test("errors show their code; the stack is in JSON only", () => {
  const error = new CodedError("PORT_IN_USE", "port 8080 is taken");
  const pretty = recorded({ level: "info", format: "pretty" });
  pretty.logger.error("cannot start", { error });
  assert.match(pretty.lines[0] ?? "", /ERROR: cannot start \{"error":"PORT_IN_USE: port 8080 is taken"\}\n$/);
  const machine = recorded({ level: "info", format: "json" });
  machine.logger.error("cannot start", { error });
  assert.deepEqual(json(machine.lines[0]).error, {
    name: "PORT_IN_USE",
    message: "port 8080 is taken",
    stack: error.stack,
  });
});

test("numbers of any size and bytes are written exactly", () => {
  const { lines, logger } = recorded({ level: "info", format: "json" });
  logger.info("values", { amount: 2n ** 200n, bytes: new Uint8Array([1, 255]) });
  const { amount, bytes } = json(lines[0]);
  assert.deepEqual([amount, bytes], [(2n ** 200n).toString(), "0x01ff"]);
});

test("flush reaches the sink", () => {
  const { lines, logger } = recorded({ level: "info", format: "json" });
  logger.flush();
  assert.deepEqual(lines, ["flushed"]);
});
