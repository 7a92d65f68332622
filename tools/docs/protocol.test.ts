/** docs/PROTOCOL.md against the constants of the program. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import { MAX_BLOCK_BYTES } from "@counterpart/core/chain/rules";
import { CATCH_UP_SILENCE_MS } from "@counterpart/core/consensus/poa-sealing";
import { CLOCK_SKEW_MAX_MS } from "@counterpart/core/sync/decisions";
import * as wireLimits from "@counterpart/core/sync/limits";
import { GOODBYES, MESSAGE_NUMBERS, REFUSALS } from "@counterpart/core/sync/message-types";
import { PROTOCOL_VERSIONS } from "@counterpart/core/sync/messages-session";
import * as scores from "@counterpart/core/sync/scores";
import * as driverLimits from "../../packages/node/src/driver/limits.ts";
import { NET_LIMITS } from "../../packages/node/src/net/limits.ts";
import { ANNOUNCE_PROTOCOL } from "../../packages/node/src/net/link-table.ts";
import { REQUEST_PROTOCOL } from "../../packages/node/src/net/request-client.ts";
import { codesIn, rowsOf, sectionOf } from "./markdown.ts";

const PAGE = readFileSync(resolve(import.meta.dirname, "../../docs/PROTOCOL.md"), "utf8");

/** Name → number, of rows whose first cell is a name in backticks. */
function numbersOf(rows: readonly (readonly string[])[], column = 1): Record<string, number> {
  return Object.fromEntries(rows.map((cells) => [codesIn(cells[0] ?? "")[0] ?? "", Number(cells[column])]));
}

const onlyNumbers = (module: object): Record<string, number> =>
  Object.fromEntries(Object.entries(module).filter(([, value]) => typeof value === "number"));

describe("docs/PROTOCOL.md", () => {
  test("lists every message with its number and greatest size", () => {
    const rows = rowsOf(PAGE, "message", "type", "stream", "bytes at most");
    assert.deepEqual(numbersOf(rows), { ...MESSAGE_NUMBERS });
    assert.deepEqual(numbersOf(rows, 3), { ...wireLimits.FRAME_BYTES_BY_TYPE });
  });

  test("describes the fields of every message", () => {
    const described = new Set([...sectionOf(PAGE, "Fields").matchAll(/\*\*(\w+)\*\*/g)].map(([, name]) => name));
    assert.deepEqual([...described].sort(), Object.keys(MESSAGE_NUMBERS).sort());
  });

  test("lists every refusal and goodbye with its code", () => {
    assert.deepEqual(numbersOf(rowsOf(PAGE, "refusal", "code", "sent")), { ...REFUSALS });
    assert.deepEqual(numbersOf(rowsOf(PAGE, "goodbye", "code", "meaning", "the receiver")), { ...GOODBYES });
  });

  test("names the protocols and their version", () => {
    const named = rowsOf(PAGE, "protocol", "stream", "carries").flatMap(([first = ""]) => codesIn(first));
    assert.deepEqual(named, [ANNOUNCE_PROTOCOL, REQUEST_PROTOCOL]);
    assert.deepEqual(PROTOCOL_VERSIONS, [1]);
    assert.ok(PAGE.includes("as version 1 of the protocol does it"));
  });

  test("lists every fault with its points and what becomes of the link", () => {
    const rows = rowsOf(PAGE, "fault", "points", "the link").map(([fault = "", points, link]) => [
      codesIn(fault)[0],
      Number(points),
      link === "ends",
    ]);
    assert.deepEqual(
      rows,
      Object.entries(scores.FAULTS).map(([fault, { points, disconnect }]) => [fault, points, disconnect]),
    );
  });

  test("has the limits that the program has, and every one of the messages", () => {
    const documented = numbersOf(rowsOf(PAGE, "constant", "value", "of"));
    const known: Record<string, number> = {
      ...onlyNumbers(wireLimits),
      ...onlyNumbers(driverLimits),
      ...onlyNumbers(scores),
      ...NET_LIMITS,
      MAX_BLOCK_BYTES,
      CLOCK_SKEW_MAX_MS,
      CATCH_UP_SILENCE_MS,
    };
    for (const [name, value] of Object.entries(documented)) assert.equal(value, known[name], name);
    const internal = new Set(["FRAME_OVERHEAD_BYTES"]);
    for (const name of Object.keys(onlyNumbers(wireLimits))) {
      assert.ok(Object.hasOwn(documented, name) || internal.has(name), `${name} is not documented`);
    }
  });

  test("speaks of no constant that there is not", () => {
    const known = new Set(
      Object.keys({
        ...wireLimits,
        ...driverLimits,
        ...scores,
        MAX_BLOCK_BYTES,
        CLOCK_SKEW_MAX_MS,
        CATCH_UP_SILENCE_MS,
      }),
    );
    const words = codesIn(PAGE).filter((code) => /^[A-Z_]+_(MAX|MIN|MS)$/.test(code));
    assert.ok(words.length > 20);
    for (const word of words) assert.ok(known.has(word), word);
  });
});
