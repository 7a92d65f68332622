/**
 * One round of `kill -9` of nodes that have taken a state over and follow, one of each kind: they are killed while the
 * chain goes on, each at a moment that the seed chose. Each time their files must be whole. In the end they have what the
 * node has that executed everything.
 */

import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { makeTakenChain, type TakenChain } from "../hostile/taken-chain.ts";
import { assertEqual, flagsOf, makeContract, type Taker } from "../hostile/takeover.ts";
import { eventually, type TestNode } from "../network/nodes.ts";
import { createRandom } from "../network/random.ts";
import { counterpart } from "../processes/process-node.ts";
import type { NodeProcess, NodeProcesses } from "./node-process.ts";

export interface FollowingScene {
  readonly processes: NodeProcesses;
  readonly chain: TakenChain;
  /** It executed everything, and seals. */
  readonly honest: NodeProcess;
}

export interface FollowingKill {
  readonly taker: Taker;
  /** From when it had followed to a block that was sealed after it had started. */
  readonly afterMs: number;
  /** By which its head had moved when it was last asked. */
  readonly blocks: number;
}

/** Each on what the one before left. */
const KILLS = 2;
const WITHIN_MS = 500;
/** For a block to be sealed, and followed, on a machine that has other work. */
const PATIENCE_MS = 60_000;

export async function createFollowingScene(processes: NodeProcesses): Promise<FollowingScene> {
  const chain = await makeTakenChain(processes.folder);
  chain.copyTo(processes, "honest");
  const honest = await processes.start("honest", { genesis: chain.genesisPath });
  return { processes, chain, honest };
}

/** Checks the files of a node that is gone. */
export async function verifyTaken({ genesisPath }: TakenChain, dataDir: string): Promise<void> {
  const { code, text } = await counterpart("db", "verify", "--data-dir", dataDir, "--genesis", genesisPath);
  assert.equal(code, 0, text);
}

async function heightOf(node: TestNode): Promise<number> {
  return ((await node.get("network")).body.head as { readonly number: number }).number;
}

/** Lets it seal one block after another until the work is done. */
async function whileSealing<T>(node: NodeProcess, work: () => Promise<T>): Promise<T> {
  let isOver = false;
  const seal = async (): Promise<void> => {
    while (!isOver) await makeContract(node);
  };
  const sealing = seal();
  try {
    return await work();
  } finally {
    isOver = true;
    await sealing;
  }
}

/** Waits until the node has followed to where nobody was when it started, and kills it a little later. */
async function killFollowing(node: NodeProcess, taker: Taker, from: number, afterMs: number): Promise<FollowingKill> {
  let height = from;
  await eventually(async () => {
    height = await heightOf(node);
    assert.ok(height > from, `${node.name} stays at block ${height}`);
  }, PATIENCE_MS);
  await delay(afterMs);
  await node.kill();
  return { taker, afterMs, blocks: height - from };
}

export async function followingRound(
  { processes, chain, honest }: FollowingScene,
  takers: readonly Taker[],
  seed: number,
  number: number,
): Promise<readonly FollowingKill[]> {
  const random = createRandom(seed * 1_000_003 + number * 7_919);
  // The first numbers of close seeds are close, too.
  for (let i = 0; i < 8; i++) random(2);
  const startAll = () =>
    Promise.all(
      takers.map(async (taker) => {
        const flags = { ...flagsOf(chain, taker), peer: honest.p2p };
        return { taker, node: await processes.start(`follows-${number}-${taker}`, flags) };
      }),
    );
  const equalAll = (started: Awaited<ReturnType<typeof startAll>>) =>
    Promise.all(started.map(({ taker, node }) => assertEqual(node, honest, chain, taker)));
  const kills: FollowingKill[] = [];
  while (kills.length < KILLS * takers.length) {
    const started = await startAll();
    if (kills.length === 0) await equalAll(started);
    const from = await heightOf(honest);
    const work = () =>
      Promise.all(started.map(({ taker, node }) => killFollowing(node, taker, from, random(WITHIN_MS))));
    kills.push(...(await whileSealing(honest, work)));
    await Promise.all(started.map(({ node }) => verifyTaken(chain, node.dataDir)));
  }
  const restarted = await startAll();
  await equalAll(restarted);
  await Promise.all(restarted.map(({ node }) => node.kill()));
  await Promise.all(restarted.map(({ node }) => verifyTaken(chain, node.dataDir)));
  return kills;
}
