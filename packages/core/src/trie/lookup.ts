/**
 * Looks keys up in a trie of which only the root is known, beside an earlier look at another root: where both have the
 * same node, what is below it is the same, and is not asked for again. A root commits to all of it, so nobody has to
 * say what has changed, and nobody can keep a change to himself.
 */

import { bytesToHex, type Hex, hexToBytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import type { WantedNode } from "./difference.ts";
import { nibbleAt, nibbleOf } from "./nibbles.ts";
import { type Child, invalidNode, type TrieNode } from "./node.ts";
import { EMPTY_TRIE_ROOT, type NibblePath, type TrieChange } from "./types.ts";

/** A node on the way to keys that were looked up, and those below it, by their paths. */
export interface SeenNode {
  readonly hash: Hex;
  readonly below: ReadonlyMap<NibblePath, SeenNode>;
}

export interface TrieLookup {
  /** Up to `max` nodes that are wanted. Each is handed out once, unless it was put back. */
  take(max: number): readonly WantedNode[];
  /** Takes back nodes that were handed out and did not come. */
  putBack(wanted: readonly WantedNode[]): void;
  /**
   * Takes a node that was handed out; its hash is checked already.
   * @throws CodedError `INVALID_TRIE_NODE` when it is deeper than keys reach
   */
  give(wanted: WantedNode, node: TrieNode): void;
  /** What was found since the last call; `null` where the trie has no such key. Keys that cannot differ are left out. */
  changes(): readonly TrieChange[];
  /** Nothing is wanted and nothing is out. */
  readonly isDone: boolean;
  /** For the next lookup, when this one is done; undefined in an empty trie. */
  readonly seen: SeenNode | undefined;
}

/** Keys below a node that is wanted. */
interface Question {
  readonly wanted: WantedNode;
  readonly keys: readonly NibblePath[];
  readonly before: SeenNode | undefined;
  /** Where the node is put when it comes. */
  readonly beside: Map<NibblePath, SeenNode>;
}

/**
 * @param keys hashed, all of the same length
 * @param before what an earlier lookup has seen, perhaps of other keys
 * @param isKnown whether the value is known that the key had then; what it has now is found in any case otherwise
 */
export function createTrieLookup(
  root: Hex,
  keys: readonly NibblePath[],
  before?: SeenNode,
  isKnown: (key: NibblePath) => boolean = () => true,
): TrieLookup {
  const waiting: Question[] = [];
  const out = new Map<NibblePath, Question>();
  const top = new Map<NibblePath, SeenNode>();
  let found: TrieChange[] = [];

  const note = (key: NibblePath, value: Uint8Array | null): void =>
    void found.push({ key: hexToBytes(`0x${key}`), value });
  const recall = ({ path, hash }: WantedNode): Question => {
    const question = out.get(path);
    assert(question?.wanted.hash === hash, `no node with hash ${hash} was handed out for path ${path}`);
    out.delete(path);
    return question;
  };
  /** Goes on with keys below a child, of a node that is `above`. */
  const follow = (path: NibblePath, child: Child, some: readonly NibblePath[], above: SeenNodeInMaking): void => {
    if (!(child instanceof Uint8Array)) {
      descend(path, child, some, above);
      return;
    }
    const [hash, earlier] = [bytesToHex(child), above.before?.below.get(path)];
    if (earlier?.hash === hash && some.every(isKnown)) above.below.set(path, earlier);
    else waiting.push({ wanted: { path, hash }, keys: some, before: earlier, beside: above.below });
  };
  function descend(path: NibblePath, node: TrieNode, some: readonly NibblePath[], above: SeenNodeInMaking): void {
    for (const { end, below, group } of partsOf(path, node, some)) {
      if (below !== undefined && "value" in below) for (const key of group) note(key, below.value);
      else if (below !== undefined) follow(end, below.child, group, above);
      else for (const key of group) note(key, null);
    }
  }

  if (root === EMPTY_TRIE_ROOT) for (const key of keys) note(key, null);
  else if (keys.length > 0) {
    const below = before === undefined ? new Map() : new Map([["", before]]);
    follow("", hexToBytes(root), keys, { before: { hash: root, below }, below: top });
  }
  return {
    take(max) {
      const taken = waiting.splice(-max);
      for (const question of taken) out.set(question.wanted.path, question);
      return taken.map(({ wanted }) => wanted);
    },
    putBack(wanted) {
      for (const one of wanted) waiting.push(recall(one));
    },
    give(wanted, node) {
      const { keys: some, before: earlier, beside } = recall(wanted);
      const below = new Map<NibblePath, SeenNode>();
      beside.set(wanted.path, { hash: wanted.hash, below });
      descend(wanted.path, node, some, { before: earlier, below });
    },
    changes() {
      const since = found;
      found = [];
      return since;
    },
    get isDone() {
      return waiting.length === 0 && out.size === 0;
    },
    get seen() {
      return top.get("");
    },
  };
}

interface SeenNodeInMaking {
  readonly before: SeenNode | undefined;
  readonly below: Map<NibblePath, SeenNode>;
}

/** Keys that go the same way from a node. */
interface Part {
  readonly end: NibblePath;
  /** Undefined where there is nothing. */
  readonly below: { readonly child: Child } | { readonly value: Uint8Array } | undefined;
  readonly group: readonly NibblePath[];
}

function partsOf(path: NibblePath, node: TrieNode, keys: readonly NibblePath[]): readonly Part[] {
  if (node.kind === "branch") {
    return [...byNibble(path, keys)].map(([nibble, group]) => {
      const child = node.child(nibble);
      return { end: path + nibbleOf(nibble), below: child && { child }, group };
    });
  }
  const end = path + node.path;
  const isOn = (key: NibblePath): boolean => (node.kind === "leaf" ? key === end : key.startsWith(end));
  const below = node.kind === "leaf" ? { value: node.value } : { child: node.child };
  return [
    { end, below, group: keys.filter(isOn) },
    { end, below: undefined, group: keys.filter((key) => !isOn(key)) },
  ].filter(({ group }) => group.length > 0);
}

/** @throws CodedError `INVALID_TRIE_NODE` when there is no nibble left */
function byNibble(path: NibblePath, keys: readonly NibblePath[]): ReadonlyMap<number, readonly NibblePath[]> {
  const groups = new Map<number, NibblePath[]>();
  for (const key of keys) {
    if (path.length >= key.length) throw invalidNode("it is deeper than keys reach", path);
    const nibble = nibbleAt(key, path.length);
    const group = groups.get(nibble) ?? [];
    group.push(key);
    groups.set(nibble, group);
  }
  return groups;
}

/** Paths of the nodes that were seen on the way to a key, from the root on. */
export function seenToward(root: SeenNode | undefined, key: NibblePath): readonly NibblePath[] {
  const paths: NibblePath[] = [];
  let [path, seen]: [NibblePath | undefined, SeenNode | undefined] = ["", root];
  while (path !== undefined && seen !== undefined) {
    paths.push(path);
    path = [...seen.below.keys()].find((next) => key.startsWith(next));
    seen = path === undefined ? undefined : seen.below.get(path);
  }
  return paths;
}
