/** Data directories with many contracts and a history, made once and kept in the folder for temporary files. */

import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getContractAddress, type Hex } from "viem";
import { type Call, type Plan, planDataset } from "./dataset-plan.ts";
import { type Message, openSealing } from "./sealing.ts";

/** Goes into the name of the folder: to be raised when data sets are made differently. */
const VERSION = 1;
/** As many as one transaction has gas for, with room. */
const CHANGES_PER_CALL = 300;
/** Other than those of the history. */
const CHANGED_SEED = -1;

export interface DatasetSize {
  readonly contracts: number;
  /** At least: there are more where they would hold more than a block may. */
  readonly blocks: number;
}

export interface Dataset extends DatasetSize {
  readonly genesis: string;
  readonly plan: Plan;
  /** Makes a data directory with the data set. */
  copyTo(dataDir: string): void;
}

interface Made {
  readonly account: Hex;
  readonly blocks: number;
  readonly seconds: number;
}

export const cacheFolder = (): string => join(tmpdir(), "counterpart-bench-data");
const factoryOf = (account: Hex): Hex => getContractAddress({ from: account, nonce: 0n }).toLowerCase() as Hex;

/** The calls in at most `blocks` parts of about the same gas. */
function inParts(calls: readonly Call[], blocks: number): Call[][] {
  const total = calls.reduce((sum, { gas }) => sum + gas, 0);
  const parts = new Map<number, Call[]>();
  let used = 0;
  for (const call of calls) {
    const part = Math.floor((used / total) * blocks);
    parts.set(part, [...(parts.get(part) ?? []), call]);
    used += call.gas;
  }
  return [...parts.values()];
}

async function make(folder: string, { contracts, blocks }: DatasetSize): Promise<Made> {
  const start = performance.now();
  const sealing = await openSealing(join(folder, "data"), join(folder, "genesis.json"));
  const { account, engine } = sealing;
  const to = factoryOf(account);
  const plan = planDataset(contracts, to);
  const messages = (calls: readonly Call[]): Message[] => calls.map(({ data }) => ({ to, data }));
  await sealing.seal([{ data: plan.creation }]);
  for (const part of inParts(plan.calls(), blocks - 1)) await sealing.seal(messages(part));
  for (let n = 0; engine.head().number < blocks; n++) {
    await sealing.seal(messages([plan.change([plan.changed(n)], n + 1)]));
  }
  if (engine.contractCount() !== contracts) throw new Error(`${engine.contractCount()} contracts were made`);
  const made = { account, blocks: engine.head().number, seconds: (performance.now() - start) / 1_000 };
  await sealing.stop();
  return made;
}

/** Makes it under another name, so that what is there under its own is whole. */
async function makeWhole(folder: string, size: DatasetSize): Promise<void> {
  mkdirSync(cacheFolder(), { recursive: true, mode: 0o700 });
  const draft = mkdtempSync(`${folder}.`);
  try {
    const made = await make(draft, size);
    writeFileSync(join(draft, "made.json"), JSON.stringify(made));
    renameSync(draft, folder);
    console.log(
      `made ${size.contracts} contracts in ${made.blocks} blocks in ${Math.round(made.seconds)} s: ${folder}`,
    );
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

export async function openDataset(size: DatasetSize): Promise<Dataset> {
  const folder = join(cacheFolder(), `${VERSION}-${size.contracts}-${size.blocks}`);
  if (!existsSync(folder)) await makeWhole(folder, size);
  const { account, blocks } = JSON.parse(readFileSync(join(folder, "made.json"), "utf8")) as Made;
  return {
    contracts: size.contracts,
    blocks,
    genesis: join(folder, "genesis.json"),
    plan: planDataset(size.contracts, factoryOf(account)),
    copyTo: (dataDir) => cpSync(join(folder, "data"), dataDir, { recursive: true }),
  };
}

/** Changes one slot of each of `count` contracts of a copy that no node uses, in blocks of their own. */
export async function changeContracts({ genesis, plan }: Dataset, dataDir: string, count: number): Promise<void> {
  const { holders } = plan;
  const chosen = Array.from({ length: count }, (_, n) => holders[Math.floor((n * holders.length) / count)] as Hex);
  const sealing = await openSealing(dataDir, genesis);
  const to = factoryOf(sealing.account);
  const calls: Call[] = [];
  for (let at = 0; at < count; at += CHANGES_PER_CALL) {
    calls.push(plan.change(chosen.slice(at, at + CHANGES_PER_CALL), CHANGED_SEED));
  }
  await sealing.seal(calls.map(({ data }) => ({ to, data })));
  await sealing.stop();
}
