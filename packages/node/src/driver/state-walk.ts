/** Walks of the nodes in which a trie that is held and one that a header commits to differ. */

import type { Hex } from "@counterpart/core/base/bytes";
import { NODES_MAX } from "@counterpart/core/sync/limits";
import { createTrieDifference, type WantedNode } from "@counterpart/core/trie/difference";
import type { TrieChange } from "@counterpart/core/trie/types";
import type { TrustedHeader } from "@counterpart/core/verify/peer-answers";
import type { HeldTrie } from "../engine/adoption.ts";
import { WALK_CHANGES_MAX, WALK_LANES } from "./limits.ts";
import type { StateSource } from "./state-source.ts";

export interface Walk {
  readonly source: Pick<StateSource, "nodes">;
  readonly target: TrustedHeader;
  /** keccak(address) of the account whose storage it is; without it, the account trie. */
  readonly account?: Hex;
  /** To stay as it is until the walk has ended. */
  readonly held: HeldTrie;
  readonly root: Hex;
}

export interface Walked {
  readonly changes: readonly TrieChange[];
  /** Whether these are all; otherwise they are to be written, and the walk to begin again. */
  readonly isWhole: boolean;
}

/**
 * What turns the trie that is held into the one with `root`, up to about `changesMax`.
 * @throws CodedError `PRUNED` when nobody has the target's state any more
 */
export async function walkDifference(
  { source, target, account, held, root }: Walk,
  changesMax = WALK_CHANGES_MAX,
): Promise<Walked> {
  const difference = createTrieDifference(held.read, held.root, root);
  const changes: TrieChange[] = [];
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
      batches.push(batch);
    }
    await Promise.all(batches.map(fetch));
  }
}
