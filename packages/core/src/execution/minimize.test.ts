import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createCoverage } from "./coverage.test-support.ts";
import { compare, createEngines, type Engines } from "./differential.test-support.ts";
import { createCase, type FuzzCase } from "./fuzz-cases.test-support.ts";
import { describeCase, minimize } from "./minimize.test-support.ts";
import { opcodeName } from "./opcodes.ts";
import type { Executor } from "./types.ts";

const FORK = "osaka";
const SHA3 = 0x20;
const TRIES = 300;

/** An engine that takes one gas too many from each transaction in which an opcode runs. */
function erring(opcode: number): Engines {
  const coverage = createCoverage(FORK);
  const engines = createEngines(FORK, coverage);
  const runs = (): number => {
    const counted = coverage.report().opcodes.get(opcodeName(opcode));
    return (counted?.succeeded ?? 0) + (counted?.failed ?? 0);
  };
  const traced: Executor = {
    ...engines.traced,
    async begin(context, state) {
      const execution = await engines.traced.begin(context, state);
      const run: typeof execution.run = async (transaction) => {
        const before = runs();
        const outcome = await execution.run(transaction);
        return outcome.valid && runs() > before ? { ...outcome, gasUsed: outcome.gasUsed + 1 } : outcome;
      };
      return {
        get gasUsed() {
          return execution.gasUsed;
        },
        run,
        finish: () => execution.finish(),
      };
    },
  };
  return { ...engines, traced };
}

describe("a difference between two engines", () => {
  it("is found, and made small: one transaction and the opcode that matters", async () => {
    const engines = erring(SHA3);
    const differs = async (each: FuzzCase): Promise<boolean> => (await compare(engines, each)).difference.length > 0;
    let found: FuzzCase | undefined;
    for (let seed = 1; found === undefined && seed < 100; seed++) {
      const each = createCase(FORK, seed);
      if (await differs(each)) found = each;
    }
    assert.ok(found !== undefined);
    const smallest = await minimize(found, differs, TRIES);
    assert.equal(await differs(smallest), true);
    assert.equal(smallest.transactions.length, 1);
    const text = describeCase(smallest).join("\n");
    assert.match(text, /KECCAK256/);
    assert.ok(text.length < describeCase(found).join("\n").length / 2, text);
  });

  it("is none where the engines agree", async () => {
    const engines = createEngines(FORK, createCoverage(FORK));
    assert.deepEqual((await compare(engines, createCase(FORK, 5))).difference, []);
  });
});
