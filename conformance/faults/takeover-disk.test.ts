/** The disk gets full while a state is taken over: nobody is blamed, the node answers, and with room again it goes on. */

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { makeTakenChain, type TakenChain } from "../hostile/taken-chain.ts";
import { flagsOf } from "../hostile/takeover.ts";
import { eventually } from "../network/nodes.ts";
import { counterpart, liftFileLimit, ProcessNodes } from "../processes/process-node.ts";
import { type NodeProcess, NodeProcesses, toArguments } from "./node-process.ts";

const KIB = 1_024;
const PATIENCE_MS = 90_000;
/** Of a node that has nothing but its genesis there is a little less. */
const FILE_KIB_MAX = 1_100;

describe("a node whose disk gets full while it takes a state over", () => {
  const processes = new NodeProcesses();
  const limited = new ProcessNodes();
  let chain: TakenChain;
  let honest: NodeProcess;
  before(async () => {
    chain = await makeTakenChain(processes.folder);
    chain.copyTo(processes, "honest");
    honest = await processes.start("honest", { genesis: chain.genesisPath });
  });
  after(async () => {
    await limited[Symbol.asyncDispose]();
    await processes[Symbol.asyncDispose]();
  });

  test("answers meanwhile, and goes on by itself when there is room", async () => {
    const flags = toArguments({ ...flagsOf(chain, "joining"), peer: honest.p2p });
    const node = await limited.start("joining", { flags, fileKiBMax: FILE_KIB_MAX });
    // The log beside it has room for a while: what was taken over so far is durable, and tried again and again.
    const refused = () => node.log.filter(({ msg }) => String(msg).startsWith("the database takes nothing"));
    await eventually(async () => assert.ok(refused().length >= 2), PATIENCE_MS);
    assert.match(String(refused()[0]?.reason), /the disk has no room/);
    assert.equal((await node.get("network")).status, 200);
    assert.equal((await node.get("network/sync")).status, 200);
    assert.ok(statSync(join(node.dataDir, "chain.mdb")).size <= FILE_KIB_MAX * KIB);
    liftFileLimit(node);
    const headOf = async (one: Pick<NodeProcess, "get">): Promise<unknown> => (await one.get("network")).body.head;
    await eventually(async () => assert.deepEqual(await headOf(node), await headOf(honest)), PATIENCE_MS);
    for (const address of chain.contracts.slice(0, 3)) {
      const [mine, theirs] = [await node.get(`contracts/${address}`), await honest.get(`contracts/${address}`)];
      assert.equal(mine.body.integrity_hash, theirs.body.integrity_hash);
    }
    assert.ok(node.log.every(({ msg }) => msg !== "a peer is at fault"));
    await node.stop();
    const verify = ["db", "verify", "--data-dir", node.dataDir, "--genesis", chain.genesisPath];
    const { code, text } = await counterpart(...verify);
    assert.equal(code, 0, text);
  });
});
