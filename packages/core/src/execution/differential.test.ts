import assert from "node:assert/strict";
import { it } from "node:test";
import { compare, createPair } from "./differential.test-support.ts";
import { FORKS } from "./fork.ts";

const SEEDS = 25;

for (const fork of FORKS) {
  it(`random programs do under the rules of ${fork} what they do on the library's EVM`, async () => {
    const pair = createPair(fork);
    let succeeded = 0;
    for (let seed = 1; seed <= SEEDS; seed++) succeeded += await compare(pair, seed);
    assert.ok(succeeded > SEEDS / 4, `${succeeded} transactions succeeded`);
  });
}
