/** Peers that lie to a node that has nothing yet and asks them for state, and an honest one that comes later. */

import { mkdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { type NodeProcess, NodeProcesses } from "../faults/node-process.ts";
import { FOLLOWING_ATTACKS } from "./attacks-following.ts";
import { TAKEOVER_ATTACKS } from "./attacks-takeover.ts";
import { follow } from "./following.ts";
import { makeTakenChain, type TakenChain } from "./taken-chain.ts";
import { TAKERS, takeOver } from "./takeover.ts";
import { nameLater, UNNAMED } from "./unnamed.ts";

describe("a node that takes state over ends with what an honest peer has, and", () => {
  const processes = new NodeProcesses();
  let chain: TakenChain;
  let honest: NodeProcess;
  before(async () => {
    mkdirSync(processes.folder, { recursive: true });
    chain = await makeTakenChain(processes.folder);
    chain.copyTo(processes, "honest");
    honest = await processes.start("honest", { genesis: chain.genesisPath });
  });
  after(() => processes[Symbol.asyncDispose]());

  // Each on one of those whom it works on: all attacks on all of them take minutes (`npm run attacks`).
  for (const [at, attack] of TAKEOVER_ATTACKS.filter(({ isUsual }) => isUsual === true).entries()) {
    const taker = attack.takers[at % attack.takers.length] ?? "joining";
    test(`stands it when ${attack.name}: ${taker}`, async (context) => {
      const cost = await takeOver(processes, chain, honest, attack, taker);
      context.diagnostic(JSON.stringify(cost));
    });
  }

  for (const taker of TAKERS) {
    test(`stands it when ${UNNAMED}: ${taker}`, async (context) => {
      context.diagnostic(JSON.stringify(await nameLater(processes, chain, honest, taker)));
    });
  }

  for (const attack of FOLLOWING_ATTACKS.filter(({ isUsual }) => isUsual === true)) {
    const [taker = "replica"] = attack.takers;
    test(`stands it at the head when ${attack.name}: ${taker}`, async (context) => {
      context.diagnostic(JSON.stringify(await follow(processes, chain, attack, taker)));
    });
  }
});
