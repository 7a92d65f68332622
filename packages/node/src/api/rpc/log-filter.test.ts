import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { logsBloom } from "@counterpart/core/chain/receipt";
import type { Log } from "@counterpart/core/chain/types";
import fc from "fast-check";
import { createLogMatcher, type LogFilter } from "./log-filter.ts";

const address = (n: number): Hex => `0x${n.toString(16).padStart(40, "0")}`;
const topic = (n: number): Hex => `0x${n.toString(16).padStart(64, "0")}`;

const logOf = (at: number, ...topics: number[]): Log => ({
  address: address(at),
  topics: topics.map(topic),
  data: new Uint8Array(0),
});

const filterOf = (addresses: number[], ...topics: number[][]): LogFilter => ({
  addresses: addresses.map(address),
  topics: topics.map((alternatives) => alternatives.map(topic)),
});

test("filters match by address and by topic position", () => {
  const log = logOf(1, 10, 11);
  for (const filter of [
    filterOf([]),
    filterOf([1]),
    filterOf([2, 1]),
    filterOf([], [10]),
    filterOf([], [], [11]),
    filterOf([], [12, 10], [11]),
    filterOf([1], [], []),
  ]) {
    assert.ok(createLogMatcher(filter).matches(log), JSON.stringify(filter));
  }
  for (const filter of [
    filterOf([2]),
    filterOf([], [11]),
    filterOf([], [10], [10]),
    filterOf([], [10], [11], []),
    filterOf([2], [10]),
  ]) {
    assert.ok(!createLogMatcher(filter).matches(log), JSON.stringify(filter));
  }
});

const small = fc.integer({ min: 0, max: 5 });
const anyLog = fc
  .record({ at: small, topics: fc.array(small, { maxLength: 4 }) })
  .map(({ at, topics }) => logOf(at, ...topics));
const anyFilter = fc
  .record({
    addresses: fc.array(small, { maxLength: 2 }),
    topics: fc.array(fc.array(small, { maxLength: 2 }), { maxLength: 4 }),
  })
  .map(({ addresses, topics }) => filterOf(addresses, ...topics));

test("a bloom never rules out a block with a log that matches", () => {
  fc.assert(
    fc.property(fc.array(anyLog, { maxLength: 6 }), anyFilter, (logs, filter) => {
      const possible = createLogMatcher(filter).mayBeIn(logsBloom(logs));
      if (logs.some((log) => createLogMatcher(filter).matches(log))) assert.ok(possible);
    }),
  );
});

test("a bloom rules out what is not in the block", () => {
  const bloom = logsBloom([logOf(1, 10, 11)]);
  assert.ok(!createLogMatcher(filterOf([2])).mayBeIn(bloom));
  assert.ok(!createLogMatcher(filterOf([1], [12])).mayBeIn(bloom));
  assert.ok(!createLogMatcher(filterOf([1], [10], [12])).mayBeIn(bloom));
  assert.ok(!createLogMatcher(filterOf([1])).mayBeIn(new Uint8Array(256)));
  assert.ok(createLogMatcher(filterOf([])).mayBeIn(new Uint8Array(256)));
});
