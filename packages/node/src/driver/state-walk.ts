/** Walks of the nodes in which a trie that is held and one that a header commits to differ. */

import type { Hex } from "@counterpart/core/base/bytes";
import { NODES_MAX } from "@counterpart/core/sync/limits";
import { createTrieDifference, type WantedNode } from "@counterpart/core/trie/difference";
import { pathsToward } from "@counterpart/core/trie/node";
import { EMPTY_TRIE_ROOT, type NibblePath, type TrieChange } from "@counterpart/core/trie/types";
import type { ProvenNode, TrustedHeader } from "@counterpart/core/verify/peer-answers";
import type { HeldTrie } from "../engine/adoption.ts";
import { allEnded } from "./lanes.ts";
import { EXPECTED_NODES_MAX, WALK_CHANGES_MAX, WALK_LANES } from "./limits.ts";
import type { StateSource } from "./state-source.ts";

export interface Walk {
  readonly source: Pick<StateSource, "nodes" | "expectedNodes">;
  readonly target: TrustedHeader;
  /** keccak(address) of the account whose storage it is; without it, the account trie. */
  readonly account?: Hex;
  /** To stay as it is until the walk has ended. */
  readonly held: HeldTrie;
  readonly root: Hex;
  /** Keys that may well be among those that differ. The nodes on the way to them are asked for together, beforehand. */
  readonly likely?: readonly NibblePath[];
}

export interface Walked {
  readonly changes: readonly TrieChange[];
  /** Whether these are all; otherwise they are to be written, and the walk to begin again. */
  readonly isWhole: boolean;
}

/** What the target has where this trie has nodes on the way to the likely keys. */
async function fetchLikely({ source, target, account, held, root, likely = [] }: Walk) {
  const isNothing = likely.length === 0 || root === held.root || root === EMPTY_TRIE_ROOT;
  const paths = isNothing ? [] : [...new Set(likely.flatMap((key) => pathsToward(held.read, key)))].sort();
  if (paths.length === 0) return new Map<NibblePath, ProvenNode>();
  return source.expectedNodes(target, account, root, paths.slice(0, EXPECTED_NODES_MAX));
}

/**
 * What turns the trie that is held into the one with `root`, up to about `changesMax`.
 * @throws CodedError `PRUNED` when nobody has the target's state any more
 */
export async function walkDifference(walk: Walk, changesMax = WALK_CHANGES_MAX): Promise<Walked> {
  const { source, target, account, held, root } = walk;
  const known = await fetchLikely(walk);
  const difference = createTrieDifference(held.read, held.root, root);
  const changes: TrieChange[] = [];
  /** Gives those that came beforehand; the others are to be fetched. */
  const giveKnown = (wanted: readonly WantedNode[]): readonly WantedNode[] =>
    wanted.filter((one) => {
      const found = known.get(one.path);
      if (found !== undefined) difference.give(one, found.node);
      return found === undefined;
    });
  const fetch = async (wanted: readonly WantedNode[]): Promise<void> => {
    const nodes = await source.nodes(target, account, wanted);
    for (const [index, { node }] of nodes.entries()) difference.give(wanted[index] as WantedNode, node);
    difference.putBack(wanted.slice(nodes.length));
  };
  for (;;) {
    changes.push(...difference.changes());
    if (difference.isDone) return { changes, isWhole: true };
    if (changes.length >= changesMax) return { changes, isWhole: false };
    const batches: (readonly WantedNode[])[] = [];
    while (batches.length < WALK_LANES) {
      const batch = difference.take(NODES_MAX);
      if (batch.length === 0) break;
      const unknown = giveKnown(batch);
      if (unknown.length > 0) batches.push(unknown);
    }
    await allEnded(batches.map(fetch));
  }
}
