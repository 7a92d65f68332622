import assert from "node:assert/strict";
import { test } from "node:test";
import type { Taker } from "../hostile/takeover.ts";
import { createFollowingScene, followingRound } from "./following-round.ts";
import { NodeProcesses } from "./node-process.ts";

/** Those that hold everything; the campaign kills replicas of some contracts as well. */
const FOLLOWERS: readonly Taker[] = ["joining", "replica"];

test("nodes that are killed while they follow go on from whole files, and have what an executing node has", async () => {
  await using processes = new NodeProcesses();
  const scene = await createFollowingScene(processes);
  const kills = await followingRound(scene, FOLLOWERS, 1, 0);
  for (const taker of FOLLOWERS) assert.equal(kills.filter((one) => one.taker === taker).length, 2, taker);
});
