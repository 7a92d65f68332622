/**
 * Whose execution is wrong? A block that is well sealed and that execution here contradicts is either a bad block, or
 * this node is the one that computes wrongly. Nobody's word decides that. Honest nodes hold as canonical only what they
 * have executed themselves, so what most peers hold does.
 *
 * A peer's stand is a claim. One peer alone, or any number of them that is not most of all that are connected, brings
 * about nothing; and of the peers that this node keeps connected of its own accord, to which strangers cannot add
 * themselves, at least half must hold it as well. No verdict changes anything of the chain that is stored.
 */

import type { Tip } from "../consensus/poa.ts";

/** `holds`: the block is on the peer's chain. `other`: another one is at its height. `silent`: neither is known yet. */
export type Stand = "holds" | "other" | "silent";

export interface Voice {
  readonly stand: Stand;
  /** Whether this node keeps the peer connected of its own accord. */
  readonly chosen: boolean;
}

/**
 * `diverged`: this node is the one that is wrong. `refused`: the block is, as far as peers tell. `open`: peers that are
 * silent yet may make it either.
 */
export type Verdict = "diverged" | "refused" | "open";

/** Fewer peers say nothing about which side is wrong. */
export const HOLDERS_MIN = 2;

/** Whether so many of all peers are enough to be believed. */
export const areMost = (count: number, all: number): boolean => count >= HOLDERS_MIN && 2 * count > all;

/**
 * A peer's stand on a block.
 * @param holds whether the peer has the block on its chain; undefined when it did not say
 * @param head the head that it says it has
 */
export function standOf({ number }: Tip, holds: boolean | undefined, head: Tip | undefined): Stand {
  if (holds === true) return "holds";
  return holds === false && head !== undefined && head.number >= number ? "other" : "silent";
}

/** What a peer says of this node's execution: that it is wrong, or nothing against it. */
export interface Opinion extends Pick<Voice, "chosen"> {
  readonly against: boolean;
}

/** Whether those that are against this node are to be believed. */
export function areBelieved(opinions: readonly Opinion[]): boolean {
  const against = (some: readonly Opinion[]): number => some.filter((opinion) => opinion.against).length;
  const own = opinions.filter(({ chosen }) => chosen);
  return areMost(against(opinions), opinions.length) && 2 * against(own) >= own.length;
}

const isDiverged = (voices: readonly Voice[]): boolean =>
  areBelieved(voices.map(({ stand, chosen }) => ({ against: stand === "holds", chosen })));

/** @param voices of all peers that have shaken hands, and of those that sent the block and are gone */
export function verdictOn(voices: readonly Voice[]): Verdict {
  if (isDiverged(voices)) return "diverged";
  const atBest = voices.map((voice): Voice => (voice.stand === "silent" ? { ...voice, stand: "holds" } : voice));
  return isDiverged(atBest) ? "open" : "refused";
}
