/** Seeded chance: everything random in a run comes from one seed, so that the run can be repeated. */

import type { Random } from "@counterpart/core/ports/runtime";

export interface Dice extends Random {
  /** A whole number from 0 to `max` - 1. */
  below(max: number): number;
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Dice of its own for one part, so that what one part throws does not move another's throws. */
  fork(label: string): Dice;
}

/** FNV-1a over the label, mixed with the seed. */
function seedOf(seed: number, label: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const character of label) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}

/** Mulberry32. */
export function createDice(seed: number): Dice {
  let state = seed | 0;
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (max: number): number => Math.floor(fraction() * max);
  return {
    fraction,
    below,
    between: (low, high) => low + fraction() * (high - low),
    chance: (probability) => fraction() < probability,
    pick: <T>(items: readonly T[]): T => items[below(items.length)] as T,
    bytes: (size) => Uint8Array.from({ length: size }, () => below(256)),
    fork: (label) => createDice(seedOf(seed, label)),
  };
}
