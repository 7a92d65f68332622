/** The difficulty that proof of work demands. Sources: yellow paper, EIP-2, EIP-100, and the delays of the bomb. */

import type { AnyHeader } from "../chain/any-header.ts";
import { EMPTY_OMMERS_HASH } from "../chain/header.ts";
import { type Fork, isAtLeast } from "../execution/fork.ts";

const MINIMUM = 131_072n;
const BOUND_DIVISOR = 2_048n;
const BOMB_PERIOD = 100_000;

/** Steps of a 2,048th of the parent's difficulty by which a block's differs, before minimum and bomb. */
function stepsOf(fork: Fork, seconds: number, parent: AnyHeader): number {
  if (!isAtLeast(fork, "homestead")) return seconds < 13 ? 1 : -1;
  if (!isAtLeast(fork, "byzantium")) return Math.max(1 - Math.floor(seconds / 10), -99);
  const base = parent.ommersHash === EMPTY_OMMERS_HASH ? 1 : 2;
  return Math.max(base - Math.floor(seconds / 9), -99);
}

/**
 * Difficulty of the block after `parent`: never below the minimum, on which the bomb comes on top, as go-ethereum has it.
 * @param bombDelay blocks by which the bomb is put off
 */
export function difficultyOf(fork: Fork, timestamp: number, parent: AnyHeader, bombDelay: number): bigint {
  const steps = BigInt(stepsOf(fork, timestamp - parent.timestamp, parent));
  const stepped = parent.difficulty + (parent.difficulty / BOUND_DIVISOR) * steps;
  const difficulty = stepped < MINIMUM ? MINIMUM : stepped;
  const period = Math.floor(Math.max(parent.number + 1 - bombDelay, 0) / BOMB_PERIOD);
  return period > 1 ? difficulty + 2n ** BigInt(period - 2) : difficulty;
}
