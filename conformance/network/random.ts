/** Small and seeded, so that a failure can be repeated. */

/** A whole number below the one that is given. */
export type RandomBelow = (below: number) => number;

export function createRandom(seed: number): RandomBelow {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}
