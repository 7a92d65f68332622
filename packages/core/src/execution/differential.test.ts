import assert from "node:assert/strict";
import { it } from "node:test";
import { createCoverage } from "./coverage.test-support.ts";
import { createDice } from "./dice.test-support.ts";
import { compare, createEngines, tightened } from "./differential.test-support.ts";
import { FORKS } from "./fork.ts";
import { createCase } from "./fuzz-cases.test-support.ts";

const SEEDS = 8;

for (const fork of FORKS) {
  it(`random programs do under the rules of ${fork} what they do on the library's EVM`, async () => {
    const coverage = createCoverage(fork);
    const engines = createEngines(fork, coverage);
    for (let seed = 1; seed <= SEEDS; seed++) {
      const one = createCase(fork, seed);
      const first = await compare(engines, one);
      assert.deepEqual(first.difference, [], `${fork}, seed ${seed}`);
      const tight = tightened(createDice(seed), one, first);
      if (tight === undefined) continue;
      assert.deepEqual((await compare(engines, tight)).difference, [], `${fork}, seed ${seed}, with less gas`);
    }
    const { transactions, halts } = coverage.report();
    assert.ok((transactions.get("success") ?? 0) > SEEDS / 3, JSON.stringify([...transactions]));
    assert.ok((halts.get("out of gas") ?? 0) > 0);
  });
}
