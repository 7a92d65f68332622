import assert from "node:assert/strict";
import { test } from "node:test";
import { forkHash } from "./fork-id.ts";
import { parseForkSchedule } from "./fork-schedule.ts";

const MAINNET = {
  genesis: { hash: "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3", timestamp: 0 },
  forkNumbers: [
    1_150_000, 1_920_000, 2_463_000, 2_675_000, 4_370_000, 7_280_000, 9_069_000, 9_200_000, 12_244_000, 12_965_000,
    13_773_000, 15_050_000,
  ],
  forkTimes: [1_681_338_455, 1_710_338_135, 1_746_612_311],
} as const;

/** Published in EIP-2124 and EIP-6122, and by the announcements of the forks. */
test("the identifiers of mainnet's forks are those that everybody knows", () => {
  const { genesis, forkNumbers, forkTimes } = MAINNET;
  const upTo = (count: number) => forkHash({ forkNumbers: forkNumbers.slice(0, count), forkTimes: [] }, genesis, 0);
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7].map(upTo), [
    "0xfc64ec04",
    "0x97c2c34c",
    "0x91d1f948",
    "0x7a64da13",
    "0x3edd5b10",
    "0xa00bc324",
    "0x668db0af",
    "0x879d6e30",
  ]);
  const timed = [0, 1_681_338_455, 1_710_338_135, 1_746_612_311].map((time) =>
    forkHash({ forkNumbers, forkTimes }, genesis, time),
  );
  assert.deepEqual(timed, ["0xf0afd0e3", "0xdce96c2d", "0x9f3d2254", "0xc376cf8b"]);
});

test("forks of the genesis do not count, and those that begin together count once", () => {
  const { hash } = MAINNET.genesis;
  const schedule = parseForkSchedule({
    chainId: 7,
    homesteadBlock: 0,
    eip150Block: 0,
    eip155Block: 5,
    eip158Block: 5,
    mergeNetsplitBlock: 9,
    shanghaiTime: 100,
    cancunTime: 200,
    bpo1Time: 300,
    blobSchedule: { bpo1: { target: 1, max: 2, baseFeeUpdateFraction: 3 } },
  });
  assert.deepEqual(
    [schedule.forkNumbers, schedule.forkTimes],
    [
      [0, 5, 9],
      [100, 200, 300],
    ],
  );
  const wanted = forkHash({ forkNumbers: [5, 9], forkTimes: [200, 300] }, { hash, timestamp: 0 }, 300);
  assert.equal(forkHash(schedule, { hash, timestamp: 100 }, 300), wanted);
  assert.notEqual(forkHash(schedule, { hash, timestamp: 100 }, 299), wanted);
});
