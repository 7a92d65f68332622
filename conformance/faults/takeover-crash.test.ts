/** `kill -9` while a state is being taken over, again and again: the files are whole each time, and it goes on to the end. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { makeTakenChain, type TakenChain } from "../hostile/taken-chain.ts";
import { assertEqual, flagsOf, TAKERS } from "../hostile/takeover.ts";
import { createRandom } from "../network/random.ts";
import { counterpart } from "../processes/process-node.ts";
import { type NodeProcess, NodeProcesses } from "./node-process.ts";

const KILLS = 2;
const WITHIN_MS = 700;

describe("a node that is killed while it takes a state over", () => {
  const processes = new NodeProcesses();
  let chain: TakenChain;
  let honest: NodeProcess;
  before(async () => {
    chain = await makeTakenChain(processes.folder);
    chain.copyTo(processes, "honest");
    honest = await processes.start("honest", { genesis: chain.genesisPath });
  });
  after(() => processes[Symbol.asyncDispose]());

  const verifyWhole = async (dataDir: string): Promise<void> => {
    const { code, text } = await counterpart("db", "verify", "--data-dir", dataDir, "--genesis", chain.genesisPath);
    assert.equal(code, 0, text);
  };

  for (const [seed, taker] of TAKERS.entries()) {
    test(`goes on from whole files, as does a restored copy of them: ${taker}`, async () => {
      const random = createRandom(seed + 1);
      const flags = { ...flagsOf(chain, taker), peer: honest.p2p };
      for (let kills = 0; kills < KILLS; kills++) {
        const killed = await processes.start(taker, flags);
        await delay(random(WITHIN_MS));
        await killed.kill();
        await verifyWhole(killed.dataDir);
      }
      const [from, backup, copy] = [taker, `${taker}-backup`, `${taker}-copy`].map((name) => processes.dataDirOf(name));
      const steps = [
        ["backup", "--data-dir", from, "--to", backup, "--no-keys"],
        ["restore", "--from", backup, "--data-dir", copy, "--genesis", chain.genesisPath],
      ] as const;
      for (const step of steps) {
        const { code, text } = await counterpart("db", ...(step as readonly string[]));
        assert.equal(code, 0, text);
      }
      for (const name of [taker, `${taker}-copy`]) {
        const node = await processes.start(name, flags);
        await assertEqual(node, honest, chain, taker);
        await node.kill();
        await verifyWhole(join(processes.folder, name));
      }
    });
  }
});
