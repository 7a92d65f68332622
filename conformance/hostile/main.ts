/**
 * `npm run attacks [-- text …] [--rounds N] [--seed S] [--together]`: attacks on real nodes, those whose names contain a
 * text or all, in an order that the seed chooses, and what they cost the node. Each has nodes of its own, which makes
 * its figures comparable, unless all are to share theirs. Attacks on nodes that take a state over come last, with the
 * time until the node has what an honest peer has in place of that of a contract. Ends with 1 when one comes to anything but what it must.
 */

import { parseArgs } from "node:util";
import { NodeProcesses } from "../faults/node-process.ts";
import { createRandom, type RandomBelow } from "../network/random.ts";
import { ATTACKS } from "./attacks.ts";
import { FOLLOWING_ATTACKS } from "./attacks-following.ts";
import { TAKEOVER_ATTACKS } from "./attacks-takeover.ts";
import { follow } from "./following.ts";
import { type Attack, assertCost, type Cost, NO_ATTACK, withstand } from "./judge.ts";
import { HEADING, rowOf } from "./report.ts";
import { createScene, type Scene } from "./scene.ts";
import { makeTakenChain } from "./taken-chain.ts";
import { TAKERS, type TakeoverCost, takeOver } from "./takeover.ts";
import { nameLater, UNNAMED } from "./unnamed.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    together: { type: "boolean", default: false },
  },
});
const [seed, rounds] = [Number(values.seed), Number(values.rounds)];
if (![seed, rounds].every(Number.isSafeInteger)) throw new Error("--seed and --rounds are numbers");
const random = createRandom(seed);
const isChosen = ({ name }: { readonly name: string }): boolean =>
  positionals.length === 0 || positionals.some((text) => name.includes(text));
const chosen = ATTACKS.filter(isChosen);
const chosenTakeovers = TAKEOVER_ATTACKS.filter(isChosen);
const chosenFollowing = FOLLOWING_ATTACKS.filter(isChosen);
const isNamingChosen = isChosen({ name: UNNAMED });
const takeoversCount = chosenTakeovers.length + chosenFollowing.length + Number(isNamingChosen);
if (chosen.length + takeoversCount === 0) throw new Error(`no attack is called so: ${positionals.join(", ")}`);

function shuffle<T>(items: readonly T[], below: RandomBelow): readonly T[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const [item] = shuffled.splice(below(i + 1), 1);
    shuffled.push(item as T);
  }
  return shuffled;
}

async function stand(scene: Scene, attack: Attack): Promise<Cost> {
  const cost = await withstand(scene, attack);
  console.log(rowOf(attack.name, cost));
  return cost;
}

/** On nodes that nobody has attacked before. */
async function standAll(attacks: readonly Attack[]): Promise<void> {
  await using scene = await createScene();
  const idle = await stand(scene, NO_ATTACK);
  for (const attack of attacks) assertCost(attack, await stand(scene, attack), idle);
}

/** On a node that has nothing yet, or everything, for each way to take a state over. */
async function standTakeovers(): Promise<void> {
  await using processes = new NodeProcesses();
  const chain = await makeTakenChain(processes.folder);
  chain.copyTo(processes, "honest");
  const honest = await processes.start("honest", { genesis: chain.genesisPath });
  const show = (name: string, { equalMs, ...cost }: TakeoverCost): void =>
    console.log(rowOf(name, { ...cost, contractMs: equalMs }));
  for (const attack of chosenTakeovers) {
    for (const taker of attack.takers) {
      show(`${attack.name} (${taker})`, await takeOver(processes, chain, honest, attack, taker));
    }
  }
  for (const taker of isNamingChosen ? TAKERS : []) {
    show(`${UNNAMED} (${taker})`, await nameLater(processes, chain, honest, taker));
  }
  for (const attack of chosenFollowing) {
    for (const taker of attack.takers) show(`${attack.name} (${taker})`, await follow(processes, chain, attack, taker));
  }
}

console.log(HEADING);
for (let round = 0; round < rounds; round++) {
  const attacks = shuffle(chosen, random);
  for (const group of values.together ? [attacks] : attacks.map((attack) => [attack])) await standAll(group);
  if (takeoversCount > 0) await standTakeovers();
}
