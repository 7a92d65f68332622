import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  BAN_MEMORY_MS,
  BAN_MS_MAX,
  BAN_MS_MIN,
  bansAtOnce,
  FAULTS,
  type Fault,
  GOOD_STANDING,
  isBanned,
  judge,
  SCORE_HALF_LIFE_MS,
  type Standing,
  scoreAt,
  TIMEOUT_SCORE_MIN,
} from "./scores.ts";

const START = 1_700_000_000_000;

const repeat = (fault: Fault, count: number, from: Standing = GOOD_STANDING, nowMs = START): Standing => {
  let standing = from;
  for (let i = 0; i < count; i++) standing = judge(standing, fault, nowMs);
  return standing;
};

describe("a peer's standing", () => {
  test("forged content, forged proofs and invalid blocks ban at once, for an hour", () => {
    for (const fault of ["FORGED_CONTENT", "FORGED_PROOF", "INVALID_BLOCK"] as const) {
      const { ban } = judge(GOOD_STANDING, fault, START);
      assert.deepEqual(ban, { reason: fault, sinceMs: START, untilMs: START + BAN_MS_MIN, times: 1 });
    }
  });

  test("what bans at once is what nobody sends by mistake, and that and what is malformed ends the connection", () => {
    const faults = Object.keys(FAULTS) as Fault[];
    const atOnce = ["FORGED_CONTENT", "FORGED_PROOF", "INVALID_BLOCK"];
    assert.deepEqual(faults.filter(bansAtOnce), atOnce);
    assert.deepEqual(
      faults.filter((fault) => FAULTS[fault].disconnect),
      ["BAD_MESSAGE", "WRONG_REPLY", ...atOnce],
    );
  });

  test("the fourth malformed message in a row bans, the third does not", () => {
    for (const fault of ["BAD_MESSAGE", "WRONG_REPLY"] as const) {
      assert.equal(isBanned(repeat(fault, 3), START), false);
      assert.equal(isBanned(repeat(fault, 4), START), true);
    }
  });

  test("points come back, half of them in each half-life", () => {
    const standing = repeat("BAD_MESSAGE", 2);
    assert.equal(scoreAt(standing, START), -50);
    assert.equal(scoreAt(standing, START + SCORE_HALF_LIFE_MS), -25);
    assert.equal(scoreAt(standing, START + 2 * SCORE_HALF_LIFE_MS), -12.5);
    const later = repeat("BAD_MESSAGE", 3, repeat("BAD_MESSAGE", 3), START + SCORE_HALF_LIFE_MS);
    assert.equal(isBanned(later, START + SCORE_HALF_LIFE_MS), true, "37.5 points were left, and 75 more are 112.5");
    const rare = repeat("BAD_MESSAGE", 2, repeat("BAD_MESSAGE", 3), START + SCORE_HALF_LIFE_MS);
    assert.equal(rare.ban, undefined);
  });

  test("a clock set back gives no points back and takes none", () => {
    assert.equal(scoreAt(repeat("BAD_MESSAGE", 2), START - 10_000_000), -50);
  });

  test("no number of time-outs, empty answers or refused records bans", () => {
    for (const fault of ["TIMEOUT", "EMPTY_REPLY", "REFUSED_RECORD"] as const) {
      assert.equal(repeat(fault, 10_000).ban, undefined, fault);
    }
    assert.equal(repeat("TIMEOUT", 10_000).score, TIMEOUT_SCORE_MIN);
    assert.equal(FAULTS.EMPTY_REPLY.disconnect || FAULTS.TIMEOUT.disconnect, false);
  });

  test("a time-out does not mend a score that is lower than time-outs can make it", () => {
    const standing = repeat("BAD_MESSAGE", 3);
    assert.equal(judge(standing, "TIMEOUT", START).score, -75);
  });

  test("bans double up to a day", () => {
    const hours: number[] = [];
    let standing: Standing = GOOD_STANDING;
    let nowMs = START;
    for (let i = 0; i < 8; i++) {
      standing = judge(standing, "INVALID_BLOCK", nowMs);
      const untilMs = standing.ban?.untilMs ?? 0;
      hours.push((untilMs - nowMs) / 3_600_000);
      nowMs = untilMs;
    }
    assert.deepEqual(hours, [1, 2, 4, 8, 16, 24, 24, 24]);
    assert.equal(BAN_MS_MAX, 24 * 3_600_000);
  });

  test("a ban ends on time, and is forgotten after a week", () => {
    const first = judge(GOOD_STANDING, "INVALID_BLOCK", START);
    const untilMs = START + BAN_MS_MIN;
    assert.deepEqual([isBanned(first, untilMs - 1), isBanned(first, untilMs)], [true, false]);
    assert.equal(judge(first, "INVALID_BLOCK", untilMs + BAN_MEMORY_MS - 1).ban?.times, 2);
    assert.equal(judge(first, "INVALID_BLOCK", untilMs + BAN_MEMORY_MS).ban?.times, 1);
  });

  test("faults during a ban do not lengthen it", () => {
    const first = judge(GOOD_STANDING, "INVALID_BLOCK", START);
    assert.deepEqual(repeat("INVALID_BLOCK", 5, first, START + 1), first);
  });
});
