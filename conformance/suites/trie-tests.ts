/**
 * TrieTests of ethereum/tests: changes and the root that they lead to. Changes in a list are made in that order (null
 * removes); those in an object lead to the same root in any order. Tries of files named "secure" hash their keys.
 */

import { bytesToHex } from "@counterpart/core/base/bytes";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import { getFromTrie, proveKey, verifyProof } from "@counterpart/core/trie/proof";
import { createMemoryTrie, type MemoryTrie } from "@counterpart/core/trie/testing/memory-trie";
import type { TrieChange } from "@counterpart/core/trie/types";
import { check, type Report, runCase, type Suite } from "../suite.ts";
import { bytesOfText, isObject, type Json, readVectors, type Vector } from "../vector-files.ts";

/** Orders tried when all permutations would be more. */
const ORDERS_MAX = 120;

export const trieTests: Suite = {
  name: "TrieTests",
  async run(folder, report) {
    for (const vector of readVectors(folder)) await runVector(vector, report);
  },
};

async function runVector({ file, id, content }: Vector, report: Report): Promise<void> {
  if (isObject(content) && content.root === undefined && content.tests !== undefined) {
    report.skip(id, "it tests the next and previous key, and the trie offers no iteration");
    return;
  }
  await runCase(report, id, () => checkVector(content, /secure/i.test(file)));
}

function checkVector(content: Json, secure: boolean): void {
  check(isObject(content) && content.in !== undefined && typeof content.root === "string", "not a trie vector");
  const changes = pairsOf(content.in).map(([key, value]) => toChange(key, value, secure));
  const orders = Array.isArray(content.in) ? [changes] : someOrders(changes);
  for (const order of orders) {
    checkTrie([order], content.root);
    checkTrie(
      order.map((change) => [change]),
      content.root,
    );
  }
}

function pairsOf(changes: Json): (readonly [Json | undefined, Json | undefined])[] {
  if (isObject(changes)) return Object.entries(changes);
  check(Array.isArray(changes), "the changes are neither a list nor an object");
  return changes.map((pair: Json) => {
    check(Array.isArray(pair) && pair.length === 2, "a change is no pair");
    return [pair[0], pair[1]];
  });
}

function toChange(key: Json | undefined, value: Json | undefined, secure: boolean): TrieChange {
  check(typeof key === "string" && (typeof value === "string" || value === null), "a change is no pair of texts");
  const bytes = bytesOfText(key);
  return { key: secure ? keccak256(bytes) : bytes, value: value === null ? null : bytesOfText(value) };
}

function checkTrie(batches: readonly (readonly TrieChange[])[], root: string): void {
  const trie = createMemoryTrie();
  for (const batch of batches) trie.apply(batch);
  check(trie.root === root, `the root is ${trie.root}`);
  const last = new Map(batches.flat().map((change) => [bytesToHex(change.key), change]));
  for (const { key, value } of last.values()) checkKey(trie, key, value?.length === 0 ? null : value);
}

function checkKey(trie: MemoryTrie, key: Uint8Array, value: Uint8Array | null): void {
  const expected = value && bytesToHex(value);
  const read = getFromTrie(trie.read, trie.root, key);
  check((read ? bytesToHex(read) : null) === expected, `${bytesToHex(key)} has another value`);
  const proven = verifyProof(trie.root, key, proveKey(trie.read, trie.root, key));
  check((proven ? bytesToHex(proven) : null) === expected, `${bytesToHex(key)} is proven to have another value`);
}

/** All permutations of a short list; of a longer one, each rotation forwards and backwards, up to the limit. */
function someOrders<T>(list: readonly T[]): T[][] {
  if (list.length <= 5) return permutations(list);
  const rotations = list.map((_, start) => [...list.slice(start), ...list.slice(0, start)]);
  return rotations.flatMap((order) => [order, order.toReversed()]).slice(0, ORDERS_MAX);
}

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length <= 1) return [[...list]];
  return list.flatMap((first, index) => permutations(list.toSpliced(index, 1)).map((rest) => [first, ...rest]));
}
