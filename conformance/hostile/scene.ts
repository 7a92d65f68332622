/** Where attacks take place: a node under attack, an honest one that goes on working, and one that makes other histories. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Block } from "@counterpart/core/chain/types";
import { useCrypto } from "@counterpart/core/crypto/crypto";
import { createNativeCrypto } from "../../packages/node/src/crypto/native.ts";
import { Cleanup } from "../../packages/node/src/net/testing/real-network.ts";
import { type NodeProcess, NodeProcesses } from "../faults/node-process.ts";
import { createTransfers, type Transfers } from "../faults/workload.ts";
import { allAgree, connect, deployToken } from "../network/nodes.ts";
import { copyChain } from "./forgeries.ts";
import { createHostilePeer, type HostilePeer, PATIENCE_MS } from "./hostile-peer.ts";

export interface Scene extends AsyncDisposable {
  readonly processes: NodeProcesses;
  readonly victim: NodeProcess;
  /** Stays connected to the node under attack. */
  readonly honest: NodeProcess;
  /** A contract of the honest node's, with its artifact. */
  readonly token: Hex;
  /** Valid blocks that neither node has, on top of the head that both have: that one first. */
  branch(blocks: number): Promise<readonly Block[]>;
}

interface Elsewhere {
  readonly node: NodeProcess;
  readonly reader: HostilePeer;
  readonly transfers: Transfers;
}

const heightOf = async (node: NodeProcess): Promise<number> => (await node.get("blocks/latest")).body.number as number;

/** Catches up with the others, parts from them, and goes on alone. */
async function branchOff(
  { node, reader, transfers }: Elsewhere,
  { victim, honest }: Pick<Scene, "victim" | "honest">,
  blocks: number,
): Promise<readonly Block[]> {
  await connect(node, honest);
  await allAgree([node, honest, victim], PATIENCE_MS);
  await node.post("network/disconnect", { address: honest.p2p });
  await transfers.resume(node);
  const fork = await heightOf(node);
  while ((await heightOf(node)) < fork + blocks) await transfers.send(node);
  if (!reader.isOpen) await reader.meet();
  return copyChain(reader, fork);
}

async function startElsewhere(processes: NodeProcesses, cleanup: Cleanup): Promise<Elsewhere> {
  const node = await processes.start("elsewhere");
  return { node, reader: await createHostilePeer(cleanup, node.p2p), transfers: createTransfers(5, 7) };
}

export async function createScene(): Promise<Scene> {
  useCrypto(await createNativeCrypto());
  const processes = new NodeProcesses();
  const cleanup = new Cleanup();
  const end = async (): Promise<void> => {
    await cleanup.run();
    await processes[Symbol.asyncDispose]();
  };
  let elsewhere: Promise<Elsewhere> | undefined;
  try {
    const [victim, honest] = await Promise.all([processes.start("victim"), processes.start("honest")]);
    await connect(victim, honest);
    const token = (await deployToken(honest)) as Hex;
    await allAgree([honest, victim], PATIENCE_MS);
    const branch: Scene["branch"] = async (blocks) => {
      elsewhere ??= startElsewhere(processes, cleanup);
      return branchOff(await elsewhere, { victim, honest }, blocks);
    };
    return { processes, victim, honest, token, branch, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}
