/** Two histories of one network that know nothing of each other, made once and copied for every round. */

import { chmodSync, cpSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "../network/random.ts";
import { Ledger } from "./ledger.ts";
import type { NodeProcess, NodeProcesses } from "./node-process.ts";
import { createTransfers, createWorkload, type Operation } from "./workload.ts";

/** Blocks of the two histories differ by so many, so that it is known which one gives way. */
const LEAD = 5;
/** Both sides send from this account, so that one of each two transfers loses its nonce. */
const SHARED_ACCOUNT = 0;
/** In this order again and again; with large transfers, long branches do not fit into memory. */
const OPERATIONS: readonly Operation[] = ["deploy", "mint", "transfer", "largeTransfer", "mint", "publish", "deploy"];

export interface History {
  readonly dataDir: string;
  readonly ledger: Ledger;
  readonly height: number;
  /** Hash of block 1. */
  readonly first: string;
}

/** Of the two the shorter, which gives way, and the longer. */
export interface Base {
  readonly shorter: History;
  readonly longer: History;
}

const heightOf = async (node: NodeProcess): Promise<number> => (await node.get("blocks/latest")).body.number as number;

async function makeHistory(processes: NodeProcesses, name: string, blocks: number, mark: number): Promise<History> {
  const node = await processes.start(name);
  const ledger = new Ledger();
  const transfers = createTransfers(SHARED_ACCOUNT, mark);
  const workload = createWorkload({ node, ledger, transfers, random: createRandom(mark) });
  for (let i = 0; (await heightOf(node)) < blocks; i++)
    await workload[OPERATIONS[i % OPERATIONS.length] as Operation]();
  await ledger.checkSettled(node);
  const height = await heightOf(node);
  const first = (await node.get("blocks/1")).body.hash as string;
  await node.stop();
  return { dataDir: node.dataDir, ledger, height, first };
}

/** @param blocks at least so many on the shorter side */
export async function makeBase(processes: NodeProcesses, blocks: number): Promise<Base> {
  const shorter = await makeHistory(processes, "base-shorter", blocks, 1);
  const longer = await makeHistory(processes, "base-longer", shorter.height + LEAD, 2);
  return { shorter, longer };
}

/** Puts a copy of a history where the node of that name has its data; of `keys` only, a node that has no blocks yet. */
export function copyHistory(processes: NodeProcesses, { dataDir }: History, name: string, what: "all" | "keys"): void {
  const to = processes.dataDirOf(name);
  if (what === "all") cpSync(dataDir, to, { recursive: true });
  else cpSync(join(dataDir, "keys"), join(to, "keys"), { recursive: true });
  // Copying does not keep the folder's mode, and a node complains of open ones.
  chmodSync(join(to, "keys"), 0o700);
}
