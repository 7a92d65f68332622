/** A node that executes every block, as tests see it that do not take state over. */

import type { SealedHeader } from "@counterpart/core/chain/types";
import type { Adoption } from "../engine/adoption.ts";
import type { Holding } from "../engine/holding.ts";

/** What the test does not do. */
export const unsupported = (): never => {
  throw new Error("not part of this test");
};

export const HOLDS_ALL: Holding = {
  role: "full",
  has: () => true,
  chosen: () => [],
  isBehind: false,
  isAwaited: () => false,
  added: 0,
  noteFetched() {},
  add: unsupported,
  drop: unsupported,
};

export const adoptsNothing = (head: () => SealedHeader): Adoption => ({
  isUnderway: false,
  tip: head,
  progress: unsupported,
  begin: unsupported,
  addHeaders: unsupported,
  endAt: unsupported,
  account: unsupported,
  accountTrie: unsupported,
  storageTrie: unsupported,
  slots: unsupported,
  hasCode: unsupported,
  isDelegation: unsupported,
  isIndexed: unsupported,
  unnamed: 0,
  unnamedAfter: () => [],
  name: unsupported,
  fork: () => undefined,
  isHeld: () => true,
  drop: unsupported,
  write: unsupported,
  complete: unsupported,
});
