/**
 * `npm run attacks [-- text …] [--rounds N] [--seed S] [--together]`: attacks on real nodes, those whose names contain a
 * text or all, in an order that the seed chooses, and what they cost the node. Each has nodes of its own, which makes
 * its figures comparable, unless all are to share theirs. Ends with 1 when one comes to anything but what it must.
 */

import { parseArgs } from "node:util";
import { createRandom, type RandomBelow } from "../network/random.ts";
import { ATTACKS } from "./attacks.ts";
import { type Attack, assertCost, type Cost, NO_ATTACK, withstand } from "./judge.ts";
import { HEADING, rowOf } from "./report.ts";
import { createScene, type Scene } from "./scene.ts";

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
const chosen = ATTACKS.filter(
  ({ name }) => positionals.length === 0 || positionals.some((text) => name.includes(text)),
);
if (chosen.length === 0) throw new Error(`no attack is called so: ${positionals.join(", ")}`);

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

console.log(HEADING);
for (let round = 0; round < rounds; round++) {
  const attacks = shuffle(chosen, random);
  for (const group of values.together ? [attacks] : attacks.map((attack) => [attack])) await standAll(group);
}
