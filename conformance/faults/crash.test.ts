import assert from "node:assert/strict";
import { test } from "node:test";
import { makeBase } from "./crash-base.ts";
import { ACTIVITIES, crashRound } from "./crash-round.ts";
import { NodeProcesses } from "./node-process.ts";

test("a node that is killed while it works comes back whole, with everything that it acknowledged", async () => {
  await using processes = new NodeProcesses();
  const base = await makeBase(processes, 30);
  // One of those that start from a chain of their own, and the longest way.
  for (const activity of ["artifacts", "merging"] as const) {
    const { kills, counts } = await crashRound(base, 1, ACTIVITIES.indexOf(activity));
    assert.equal(kills.length, 3);
    assert.equal(counts.pending, 0);
    assert.ok((counts.included ?? 0) > 0);
  }
});
