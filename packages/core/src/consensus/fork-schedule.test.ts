import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CodedError } from "../base/errors.ts";
import { blobsAt, bombDelayOf, forkOf, parseForkSchedule } from "./fork-schedule.ts";

/** Every fork three blocks after the one before, and after the Merge thirty seconds. */
const CONFIG = {
  chainId: 7,
  homesteadBlock: 3,
  eip150Block: 6,
  eip155Block: 9,
  eip158Block: 9,
  byzantiumBlock: 12,
  constantinopleBlock: 15,
  petersburgBlock: 18,
  istanbulBlock: 21,
  muirGlacierBlock: 24,
  berlinBlock: 27,
  londonBlock: 30,
  arrowGlacierBlock: 33,
  grayGlacierBlock: 36,
  terminalTotalDifficulty: 1_000_000,
  shanghaiTime: 300,
  cancunTime: 330,
  pragueTime: 360,
  osakaTime: 390,
  bpo1Time: 420,
  blobSchedule: { bpo1: { target: 10, max: 15, baseFeeUpdateFraction: 8_346_193 } },
};

const refused = (change: Readonly<Record<string, unknown>>, words: RegExp): void =>
  assert.throws(
    () => parseForkSchedule({ ...CONFIG, ...change }),
    (error) => error instanceof CodedError && error.code === "INVALID_GENESIS" && words.test(error.message),
  );

describe("the schedule of forks", () => {
  it("begins each fork at its block, and after the Merge at its time", () => {
    const schedule = parseForkSchedule(CONFIG);
    const numbered = [0, 2, 3, 6, 9, 12, 15, 18, 21, 26, 27, 30, 99].map((number) =>
      forkOf(schedule, number, 999, false),
    );
    assert.deepEqual(numbered, [
      "frontier",
      "frontier",
      "homestead",
      "tangerine",
      "spurious",
      "byzantium",
      "constantinople",
      "petersburg",
      "istanbul",
      "istanbul",
      "berlin",
      "london",
      "london",
    ]);
    const timed = [299, 300, 330, 360, 390, 420].map((time) => forkOf(schedule, 40, time, true));
    assert.deepEqual(timed, ["paris", "shanghai", "cancun", "prague", "osaka", "osaka"]);
  });

  it("takes the last of forks that begin together", () => {
    const schedule = parseForkSchedule({
      chainId: 7,
      homesteadBlock: 0,
      eip150Block: 0,
      eip158Block: 0,
      byzantiumBlock: 0,
    });
    assert.equal(forkOf(schedule, 0, 0, false), "byzantium");
  });

  it("puts the bomb off with each fork that did", () => {
    const schedule = parseForkSchedule(CONFIG);
    const delays = [11, 12, 15, 24, 30, 33, 36].map((number) => bombDelayOf(schedule, number));
    assert.deepEqual(delays, [0, 3_000_000, 5_000_000, 9_000_000, 9_700_000, 10_700_000, 11_400_000]);
  });

  it("changes the limits of blobs with and without a fork", () => {
    const schedule = parseForkSchedule(CONFIG);
    assert.equal(blobsAt(schedule, 329), undefined);
    assert.deepEqual(
      [330, 360, 390, 420].map((time) => blobsAt(schedule, time)?.max),
      [6, 9, 9, 15],
    );
  });

  it("is refused where it has no order, gap or no meaning", () => {
    refused({ eip150Block: 2 }, /eip150Block is before homesteadBlock/);
    refused({ homesteadBlock: null }, /homesteadBlock is missing/);
    refused({ pragueTime: undefined }, /pragueTime is missing/);
    refused({ bpo1Time: 10 }, /bpo1Time is before/);
    refused({ blobSchedule: {} }, /blobSchedule.bpo1 is missing/);
    refused({ blobSchedule: { bpo1: { target: 9, max: 8, baseFeeUpdateFraction: 1 } } }, /target is above its max/);
    refused({ londonBlock: -1 }, /londonBlock is not an integer/);
    refused({ chainId: 0 }, /chainId/);
    refused({ daoForkBlock: 4 }, /the DAO fork is not supported/);
    refused({ terminalTotalDifficulty: 58_750_000_000_000_000_000_000 }, /terminalTotalDifficulty/);
  });

  it("holds a total difficulty of any size as text", () => {
    const schedule = parseForkSchedule({ ...CONFIG, terminalTotalDifficulty: "58750000000000000000000" });
    assert.equal(schedule.terminalTotalDifficulty, 58_750_000_000_000_000_000_000n);
  });
});
