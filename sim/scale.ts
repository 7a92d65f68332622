/**
 * Bounds that are made small while the program is loaded: a simulated state of some hundred rows is fetched in many pages,
 * written in many portions and pruned after some blocks, as one of gigabytes is. Nothing but numbers is changed.
 */

import type { Edit } from "./edits.ts";

const LIMITS = "packages/node/src/driver/limits.ts";
const VIEWS = "packages/node/src/engine/state-views.ts";
const SERVING = "packages/node/src/driver/serve-state.ts";

const bound = (file: string, name: string, from: string, to: number): Edit => ({
  file,
  find: `const ${name} = ${from};`,
  replace: `const ${name} = ${to};`,
});

/** An answer has room for so many bytes; `from` is the budget's beginning, up to what is reserved. */
const room = (from: string, to: string, sizeBytes: number): Edit => ({
  file: SERVING,
  find: from,
  replace: `${to}512 * 1_024 - 128 - ${sizeBytes}`,
});

export const SCALE: readonly Edit[] = [
  bound(LIMITS, "SEGMENTS_MAX", "8", 3),
  bound(LIMITS, "WALK_CHANGES_MAX", "65_536", 8),
  bound(LIMITS, "WHOLE_STORAGE_SLOTS_MAX", "32", 3),
  bound(LIMITS, "ACCOUNTS_AT_A_TIME", "512", 4),
  bound(LIMITS, "PORTION_BYTES_MAX", "512 * KIB", 1_500),
  bound(LIMITS, "PORTION_BYTES_MIN", "32 * KIB", 100),
  bound(LIMITS, "STEP_BYTES_MAX", "32 * KIB * KIB", 5_000),
  bound(LIMITS, "JOIN_BLOCKS_MIN", "64", 4),
  bound(VIEWS, "HELD_BLOCKS", "256", 6),
  bound(VIEWS, "HELD_MS", "15 * 60 * 1_000", 3_000),
  room('createBudget("Contracts", deps.clock, RANGE_PROOF_BYTES', 'createBudget("Contracts", deps.clock, ', 800),
  room('createBudget("Nodes", deps.clock', 'createBudget("Nodes", deps.clock, ', 2_000),
  room('createBudget("Storage", clock, 2 * RANGE_PROOF_BYTES', 'createBudget("Storage", clock, ', 400),
];
