/** What goes wrong, and when: everything follows from the dice. */

import type { Dice } from "./dice.ts";
import { CALM, type SimNetwork } from "./network.ts";
import type { SimNode } from "./node.ts";
import type { Timeline } from "./timeline.ts";
import type { Coverage } from "./workload.ts";

/** Which kinds of faults a run has. */
export interface Profile {
  readonly weather: boolean;
  readonly partitions: boolean;
  readonly crashes: boolean;
  readonly disks: boolean;
  readonly clocks: boolean;
}

export interface FaultDeps {
  readonly nodes: readonly SimNode[];
  readonly network: SimNetwork;
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly profile: Profile;
  readonly coverage: Coverage;
  /** Starts a node that has crashed. */
  readonly restart: (node: SimNode) => void;
}

export interface Faults {
  step(): void;
  /** Everything is well again, and every node runs. */
  heal(): void;
}

export function createFaults({ nodes, network, timeline, dice, profile, coverage, restart }: FaultDeps): Faults {
  const count = (what: string): void => {
    coverage[what] = (coverage[what] ?? 0) + 1;
  };
  const die = (node: SimNode, what: string): void => {
    if (node.life === undefined) return;
    count(what);
    node.crash();
    timeline.at(dice.between(50, 5_000), () => restart(node));
  };
  const changeWeather = (): void => {
    const bad = dice.chance(0.6);
    const part = (max: number): number => (bad && dice.chance(0.5) ? dice.between(0, max) : 0);
    network.weather = {
      latencyMs: dice.between(1, bad ? 200 : 20),
      loss: part(0.3),
      duplication: part(0.3),
      reordering: part(0.3),
    };
    count("weather");
  };
  const split = (): void => {
    const left = new Set(nodes.filter(() => dice.chance(0.5)).map(({ name }) => name));
    const oneWay = dice.chance(0.3);
    for (const a of nodes) {
      for (const b of nodes) {
        if (left.has(a.name) === left.has(b.name) || (oneWay && left.has(b.name))) continue;
        network.blocked.add(`${a.name}>${b.name}`);
      }
    }
    count(oneWay ? "one-way partition" : "partition");
    timeline.at(dice.between(500, 20_000), () => network.blocked.clear());
  };
  const crash = (): void => {
    const node = dice.pick(nodes);
    if (node.life === undefined || node.disk.crash !== undefined) return;
    const when = dice.pick(["before", "after"] as const);
    if (dice.chance(0.4)) die(node, "crash");
    else node.disk.crash = { countdown: dice.below(6), when, die: () => die(node, `crash ${when} a write`) };
  };
  /** Soon, and in the middle of what a node is at that takes a state over. */
  const crashTaker = (): void => {
    const taking = nodes.filter(({ role, life }) => {
      if (role === "full" || life === undefined) return false;
      return life.engine.isReplica || life.engine.adoption.isUnderway;
    });
    if (taking.length === 0) return;
    const node = dice.pick(taking);
    if (node.disk.crash !== undefined) return;
    const when = dice.pick(["before", "after"] as const);
    node.disk.crash = {
      ...{ countdown: 1 + dice.below(6), when },
      die: () => die(node, "crash while a state is taken over"),
    };
  };
  const fillDisk = (): void => {
    const node = dice.pick(nodes);
    node.disk.full = true;
    count("full disk");
    timeline.at(dice.between(200, 4_000), () => {
      node.disk.full = false;
    });
  };
  const setClock = (node: SimNode, skewMs: number): void => {
    node.skewMs = skewMs;
    if (node.life !== undefined) node.life.clock.skewMs = skewMs;
  };
  const moveClock = (): void => {
    setClock(dice.pick(nodes), Math.round(dice.between(-100_000, 100_000)));
    count("clock moved");
  };

  const kinds = [
    ...(profile.weather ? [changeWeather] : []),
    ...(profile.partitions ? [split] : []),
    ...(profile.crashes ? [crash] : []),
    ...(profile.crashes && nodes.some(({ role }) => role !== "full") ? [crashTaker, crashTaker] : []),
    ...(profile.disks ? [fillDisk] : []),
    ...(profile.clocks ? [moveClock] : []),
  ];
  return {
    step() {
      if (kinds.length > 0) dice.pick(kinds)();
    },
    heal() {
      network.weather = CALM;
      network.blocked.clear();
      for (const node of nodes) {
        node.disk.full = false;
        node.disk.crash = undefined;
        setClock(node, 0);
        if (node.life === undefined) restart(node);
      }
    },
  };
}
