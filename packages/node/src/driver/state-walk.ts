/** Walks of the nodes in which what is held of a trie and one that a header commits to differ. */

import type { Hex } from "@counterpart/core/base/bytes";
import { NODES_MAX } from "@counterpart/core/sync/limits";
import { createTrieDifference, type TrieDifference, type WantedNode } from "@counterpart/core/trie/difference";
import { createTrieLookup, type SeenNode, seenToward } from "@counterpart/core/trie/lookup";
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

type Asked = Pick<Walk, "source" | "target" | "account" | "root">;

/** What the target has at these paths, where it may have nodes that differ. */
async function fetchLikely({ source, target, account, root }: Asked, paths: readonly NibblePath[]) {
  const expected = [...new Set(paths)].sort().slice(0, EXPECTED_NODES_MAX);
  if (expected.length === 0 || root === EMPTY_TRIE_ROOT) return new Map<NibblePath, ProvenNode>();
  return source.expectedNodes(target, account, root, expected);
}

/** Gives a walk the nodes that it wants until it is done, or has about `changesMax` changes. */
async function walkOn(
  { source, target, account }: Asked,
  walk: TrieDifference,
  known: ReadonlyMap<NibblePath, ProvenNode>,
  changesMax: number,
): Promise<Walked> {
  const changes: TrieChange[] = [];
  /** Gives those that came beforehand; the others are to be fetched. */
  const giveKnown = (wanted: readonly WantedNode[]): readonly WantedNode[] =>
    wanted.filter((one) => {
      const found = known.get(one.path);
      if (found !== undefined) walk.give(one, found.node);
      return found === undefined;
    });
  const fetch = async (wanted: readonly WantedNode[]): Promise<void> => {
    const nodes = await source.nodes(target, account, wanted);
    for (const [index, { node }] of nodes.entries()) walk.give(wanted[index] as WantedNode, node);
    walk.putBack(wanted.slice(nodes.length));
  };
  for (;;) {
    changes.push(...walk.changes());
    if (walk.isDone) return { changes, isWhole: true };
    if (changes.length >= changesMax) return { changes, isWhole: false };
    const batches: (readonly WantedNode[])[] = [];
    while (batches.length < WALK_LANES) {
      const batch = walk.take(NODES_MAX);
      if (batch.length === 0) break;
      const unknown = giveKnown(batch);
      if (unknown.length > 0) batches.push(unknown);
    }
    await allEnded(batches.map(fetch));
  }
}

/**
 * What turns the trie that is held into the one with `root`, up to about `changesMax`.
 * @throws CodedError `PRUNED` when nobody has the target's state any more
 */
export async function walkDifference(walk: Walk, changesMax = WALK_CHANGES_MAX): Promise<Walked> {
  const { held, root, likely = [] } = walk;
  const paths = root === held.root ? [] : likely.flatMap((key) => pathsToward(held.read, key));
  const known = await fetchLikely(walk, paths);
  return walkOn(walk, createTrieDifference(held.read, held.root, root), known, changesMax);
}

export interface Lookup extends Pick<Walk, "source" | "target" | "likely"> {
  readonly keys: readonly NibblePath[];
  /** What a lookup in the state that is held has seen. */
  readonly before: SeenNode | undefined;
  /** Whether that state's value of the key is held. */
  readonly isKnown: (key: NibblePath) => boolean;
}

/**
 * Accounts of the target that may be other ones than those that are held, by the nodes on the way to them that differ.
 * @throws CodedError `PRUNED` when nobody has the target's state any more
 */
export async function lookUpAccounts({ source, target, likely = [], keys, before, isKnown }: Lookup) {
  const asked = { source, target, root: target.stateRoot };
  const isSame = before?.hash === target.stateRoot;
  const paths = isSame ? [] : likely.flatMap((key) => seenToward(before, key));
  const known = await fetchLikely(asked, paths);
  const lookup = createTrieLookup(target.stateRoot, keys, before, isKnown);
  const { changes } = await walkOn(asked, lookup, known, Number.POSITIVE_INFINITY);
  return { changes, seen: lookup.seen };
}
