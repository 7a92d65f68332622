import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Base, makeBase } from "./crash-base.ts";
import { ACTIVITIES, crashRound } from "./crash-round.ts";
import { NodeProcesses } from "./node-process.ts";

const processes = new NodeProcesses();
let base: Base;

before(async () => {
  base = await makeBase(processes, 20);
});

after(() => processes[Symbol.asyncDispose]());

// One of those that start from a chain of their own, and the longest way; the campaign plays all of them, many times.
for (const activity of ["artifacts", "merging"] as const) {
  test(`a node that is killed again and again (${activity}) comes back whole, with all it acknowledged`, async () => {
    const { kills, counts } = await crashRound(base, 1, ACTIVITIES.indexOf(activity));
    assert.equal(kills.length, 3);
    assert.equal(counts.pending, 0);
    assert.ok((counts.included ?? 0) > 0);
  });
}
