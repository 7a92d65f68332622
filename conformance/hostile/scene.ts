/** Where attacks take place: a node under attack, an honest one that goes on working, and what both are judged by. */

import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import type { Block } from "@counterpart/core/chain/types";
import type { Message } from "@counterpart/core/sync/message-types";
import { encodeMessage } from "@counterpart/core/sync/messages";
import { Cleanup } from "../../packages/node/src/net/testing/real-network.ts";
import { type NodeProcess, NodeProcesses } from "../faults/node-process.ts";
import { createTransfers } from "../faults/workload.ts";
import { allAgree, connect, deployToken, eventually, viewOf } from "../network/nodes.ts";
import { copyChain } from "./forgeries.ts";
import { createHostilePeer, type HostilePeer } from "./hostile-peer.ts";

/** What an attack may make the node's resident memory grow by, at the peak. */
export const PEAK_BYTES_MAX = 160 * 2 ** 20;
/** What its data file may grow by meanwhile, the honest node's contract included; the file grows in steps. */
export const FILE_BYTES_MAX = 4 * 2 ** 20;
/** More than honest nodes seal here, so that it is the longer branch. */
const BRANCH_BLOCKS = 60;

export interface Scene extends AsyncDisposable {
  readonly victim: NodeProcess;
  readonly honest: NodeProcess;
  /** A contract of the honest node's, with its artifact. */
  readonly token: Hex;
  /** A valid chain that neither node has seen, the genesis first. */
  readonly branch: readonly Block[];
  /** A peer of the node under attack. */
  newPeer(): Promise<HostilePeer>;
}

/** What an attack left to be judged. */
export interface Evidence {
  readonly attackers: readonly HostilePeer[];
  /** Hashes and addresses that nobody must hear from the node under attack. */
  readonly forged: readonly Hex[];
}

async function makeBranch(processes: NodeProcesses, cleanup: Cleanup): Promise<readonly Block[]> {
  const elsewhere = await processes.start("elsewhere");
  const transfers = createTransfers(5, 7);
  const reached = async (): Promise<boolean> =>
    ((await elsewhere.get("blocks/latest")).body.number as number) >= BRANCH_BLOCKS;
  while (!(await reached())) await transfers.send(elsewhere);
  const reader = await createHostilePeer(cleanup, elsewhere.p2p);
  await reader.meet();
  const branch = await copyChain(reader);
  await elsewhere.stop();
  return branch;
}

export async function createScene(): Promise<Scene> {
  const processes = new NodeProcesses();
  const cleanup = new Cleanup();
  const [victim, honest] = await Promise.all([processes.start("victim"), processes.start("honest")]);
  await connect(victim, honest);
  const token = (await deployToken(honest)) as Hex;
  const branch = await makeBranch(processes, cleanup);
  await allAgree([honest, victim]);
  return {
    ...{ victim, honest, token, branch },
    newPeer: () => createHostilePeer(cleanup, victim.p2p),
    async [Symbol.asyncDispose]() {
      await cleanup.run();
      await processes[Symbol.asyncDispose]();
    },
  };
}

/** Lets the kernel count the peak from now on. */
const resetPeak = ({ pid }: NodeProcess): void => writeFileSync(`/proc/${pid}/clear_refs`, "5");
const fileBytes = ({ dataDir }: NodeProcess): number => statSync(join(dataDir, "chain.mdb")).size;

/** Faults that the node noted against a peer, in order. */
export function faultsOf({ complaints }: NodeProcess, { peerId }: HostilePeer): readonly unknown[] {
  return complaints
    .filter(({ msg, peer }) => msg === "a peer is at fault" && peer === peerId)
    .map(({ fault }) => fault);
}

export async function isBanned({ victim }: Scene, { peerId }: HostilePeer): Promise<boolean> {
  const { body } = await victim.get("network/bans");
  return (body.bans as readonly { readonly peer_id: string }[]).some((ban) => ban.peer_id === peerId);
}

/** Asks the node for all that was forged, in each way that there is. */
async function everythingOf(
  witness: HostilePeer,
  { token }: Scene,
  forged: readonly Hex[],
): Promise<readonly Message[]> {
  const hashes = forged.filter((hex) => hex.length === 66);
  const addresses = [token, ...forged.filter((hex) => hex.length === 42)];
  const wanted = hashes.flatMap((hash) => addresses.map((address) => ({ hash, address })));
  const replies = [
    await witness.ask({
      type: "GetContracts",
      kind: "since",
      instanceId: "none",
      sequence: 0,
      inlineBytesMax: 2 ** 18,
    }),
    ...(hashes.length === 0 ? [] : [await witness.ask({ type: "GetBlocks", hashes })]),
    ...(wanted.length === 0 ? [] : [await witness.ask({ type: "GetBlobs", wanted })]),
  ];
  return replies.filter((reply) => reply !== undefined);
}

async function assertNothingForged(scene: Scene, witness: HostilePeer, forged: readonly Hex[]): Promise<void> {
  const replies = (await everythingOf(witness, scene, forged)).map((message) => encodeMessage(message));
  const heard = [...witness.frames, ...replies].map(bytesToHex);
  for (const hex of forged) {
    assert.ok(!heard.some((frame) => frame.includes(hex.slice(2))), `the node told others of ${hex}`);
    const path = hex.length === 42 ? `contracts/${hex}` : `blocks/${hex}`;
    assert.equal((await scene.victim.get(path)).status, 404, path);
  }
  assert.deepEqual(await viewOf(scene.victim), await viewOf(scene.honest));
}

/**
 * Runs an attack. While it goes on, the honest node makes a contract that the node under attack must get; after it, both
 * hold the same, the node has told nobody of what was forged, and it has cost little memory and disk.
 */
export async function withstand(
  scene: Scene,
  attack: { readonly name: string; readonly run: (scene: Scene) => Promise<Evidence> },
): Promise<Evidence> {
  const { victim, honest } = scene;
  const witness = await scene.newPeer();
  await witness.meet();
  resetPeak(victim);
  const [bytesBefore, memoryBefore] = [fileBytes(victim), victim.memory().now];
  const underWay = attack.run(scene);
  const deployed = deployToken(honest);
  // Whatever comes first: the other must not fail unheard.
  const [evidence, address] = await Promise.all([underWay, deployed]);
  await eventually(async () => assert.equal((await victim.get(`contracts/${address}`)).status, 200));
  await allAgree([honest, victim]);
  await assertNothingForged(scene, witness, evidence.forged);
  const grownBytes = fileBytes(victim) - bytesBefore;
  assert.ok(grownBytes <= FILE_BYTES_MAX, `the data file grew by ${grownBytes} bytes`);
  const peakBytes = victim.memory().peak - memoryBefore;
  assert.ok(peakBytes <= PEAK_BYTES_MAX, `memory grew by ${peakBytes} bytes`);
  assert.ok(witness.isOpen, "an honest peer was sent away");
  return evidence;
}
