/** The seeds of one fork: each gives a block, and most a second one in which the gas does not suffice. */

import { type Coverage, createCoverage } from "../../packages/core/src/execution/coverage.test-support.ts";
import { createDice } from "../../packages/core/src/execution/dice.test-support.ts";
import {
  type Comparison,
  compare,
  createEngines,
  type Engines,
  tightened,
} from "../../packages/core/src/execution/differential.test-support.ts";
import type { Fork } from "../../packages/core/src/execution/fork.ts";
import { createCase, type FuzzCase } from "../../packages/core/src/execution/fuzz-cases.test-support.ts";
import { describeCase, minimize } from "../../packages/core/src/execution/minimize.test-support.ts";

export interface Campaign {
  readonly fork: Fork;
  readonly coverage: Coverage;
  readonly engines: Engines;
  blocks: number;
  transactions: number;
  failures: number;
}

export function createCampaigns(forks: readonly Fork[]): Campaign[] {
  return forks.map((fork) => {
    const coverage = createCoverage(fork);
    return { fork, coverage, engines: createEngines(fork, coverage), blocks: 0, transactions: 0, failures: 0 };
  });
}

async function play(campaign: Campaign, name: string, each: FuzzCase, lines: string[]): Promise<Comparison> {
  const { engines } = campaign;
  const comparison = await compare(engines, each);
  campaign.blocks++;
  campaign.transactions += comparison.outcomes.length;
  if (comparison.difference.length === 0) return comparison;
  campaign.failures++;
  const differs = async (other: FuzzCase): Promise<boolean> => (await compare(engines, other)).difference.length > 0;
  const smallest = await minimize(each, differs);
  const { difference } = await compare(engines, smallest);
  lines.push(`${campaign.fork}, ${name}: the engines differ`, ...describeCase(smallest), ...difference);
  return comparison;
}

/** Plays a seed. Gives what to say of it: nothing when the engines agree. */
export async function playSeed(campaign: Campaign, seed: number): Promise<readonly string[]> {
  const lines: string[] = [];
  const whole = createCase(campaign.fork, seed);
  const comparison = await play(campaign, `seed ${seed}`, whole, lines);
  const tight = tightened(createDice(seed), whole, comparison);
  if (tight !== undefined) await play(campaign, `seed ${seed} with less gas`, tight, lines);
  return lines;
}
