/**
 * What accounts of a state need before they can be written: the storage that differs from what is held, their code, and
 * for contracts where they come from. Missing and small storages are fetched whole, many in one request; of others only
 * the nodes are fetched that differ.
 */

import { bytesToHex, compareBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { decodeAccount } from "@counterpart/core/chain/account";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import type { Account, SealedHeader } from "@counterpart/core/chain/types";
import { asBytes, decodeRlp } from "@counterpart/core/codec/rlp";
import { BLOBS_MAX, CONTRACTS_MAX, STORAGES_MAX } from "@counterpart/core/sync/limits";
import type { WantedStorage } from "@counterpart/core/sync/message-types-state";
import { EMPTY_TRIE_ROOT, type TrieChange } from "@counterpart/core/trie/types";
import type { ProvenStorage } from "@counterpart/core/verify/peer-answers";
import type { Adoption, KeyedChange } from "../engine/adoption.ts";
import { allEnded, chunks, inLanes } from "./lanes.ts";
import type { LikelyKeys } from "./likely-keys.ts";
import { STATE_LANES, WHOLE_STORAGE_SLOTS_MAX } from "./limits.ts";
import type { StateCollector } from "./state-collector.ts";
import type { StateSource } from "./state-source.ts";
import { walkDifference } from "./state-walk.ts";

export interface StateParts {
  readonly adoption: Adoption;
  readonly source: StateSource;
  readonly target: SealedHeader;
  readonly into: StateCollector;
  readonly likely: LikelyKeys;
}

const LOWEST = new Uint8Array(32);
const WORD_BYTES = 32;

/** The key after `key`; undefined after the last one. */
export function nextKey(key: Uint8Array): Uint8Array | undefined {
  const next = key.slice();
  for (let at = next.length - 1; at >= 0; at--) {
    next[at] = ((next[at] as number) + 1) & 255;
    if (next[at] !== 0) return next;
  }
  return undefined;
}

/** The value of a slot, from the leaf of a trie that a header commits to. */
function slotOf({ key, value: leaf }: TrieChange): KeyedChange {
  if (leaf === null) return { key, value: null };
  const value = asBytes(decodeRlp(leaf), "slot", WORD_BYTES);
  if (value.length === 0 || value[0] === 0) throw new CodedError("INVALID_PROOF", "a slot's value has leading zeros");
  return { key, value };
}

/** Up to `max` slots that are held of a storage; undefined when there are more. */
function heldSlots(adoption: Adoption, account: Uint8Array, max: number): readonly KeyedChange[] | undefined {
  const slots: KeyedChange[] = [];
  for (const slot of adoption.slots(account)) {
    if (slots.length === max) return undefined;
    slots.push(slot);
  }
  return slots;
}

/** Slots of a page, and the removal of those that are held where the page has none. */
function replacing(adoption: Adoption, { account, slots, more }: ProvenStorage, start: Uint8Array): KeyedChange[] {
  const fetched = new Set(slots.map(({ key }) => bytesToHex(key)));
  const end = more ? (slots.at(-1)?.key ?? start) : undefined;
  const changes: KeyedChange[] = [...slots];
  for (const { key } of adoption.slots(hexToBytes(account), start)) {
    if (end !== undefined && compareBytes(key, end) > 0) break;
    if (!fetched.has(bytesToHex(key))) changes.push({ key, value: null });
  }
  return changes;
}

/** Fetches storages by ranges, as many in one request as find room; the first one from `start` on. */
async function fetchWhole(
  { adoption, source, target, into }: StateParts,
  wanted: readonly WantedStorage[],
  start: Uint8Array,
): Promise<void> {
  let from = start;
  for (let rest = wanted; rest.length > 0; ) {
    const pages = await source.storages(target, rest.slice(0, STORAGES_MAX), from);
    for (const [index, page] of pages.entries()) {
      const changes = replacing(adoption, page, index === 0 ? from : LOWEST);
      if (changes.length > 0) await into.addSlots(hexToBytes(page.account), changes);
    }
    const last = pages.at(-1);
    const next = last?.more === true ? nextKey((last.slots.at(-1) as KeyedChange).key) : undefined;
    rest = rest.slice(next === undefined ? pages.length : pages.length - 1);
    from = next ?? LOWEST;
  }
}

/** Fetches the nodes of a storage that differ. */
async function fetchDifferent(parts: StateParts, { account, root }: WantedStorage): Promise<void> {
  const { source, target, likely } = parts;
  const key = hexToBytes(account);
  for (let isWhole = false; !isWhole; ) {
    const trie = { account, held: parts.adoption.storageTrie(key), root, likely: likely.of(account, target) };
    const walked = await walkDifference({ source, target, ...trie });
    likely.note(
      account,
      walked.changes.map((change) => change.key),
    );
    isWhole = walked.isWhole;
    await parts.into.addSlots(key, walked.changes.map(slotOf));
    if (!isWhole) await parts.into.flush();
  }
}

/** Storages that differ, by how they are brought. */
interface Plan {
  readonly whole: WantedStorage[];
  readonly different: WantedStorage[];
  /** Nothing is left of them. */
  readonly emptied: Uint8Array[];
}

function planFor({ adoption }: StateParts, accounts: readonly (readonly [Uint8Array, Account])[]): Plan {
  const plan: Plan = { whole: [], different: [], emptied: [] };
  for (const [key, { storageRoot: root }] of accounts) {
    if (adoption.storageTrie(key).root === root) continue;
    const isSmall = heldSlots(adoption, key, WHOLE_STORAGE_SLOTS_MAX) !== undefined;
    if (root === EMPTY_TRIE_ROOT) plan.emptied.push(key);
    else (isSmall ? plan.whole : plan.different).push({ account: bytesToHex(key), root });
  }
  return plan;
}

async function bringStorage(parts: StateParts, accounts: readonly (readonly [Uint8Array, Account])[]): Promise<void> {
  const { adoption, into } = parts;
  const { whole, different, emptied } = planFor(parts, accounts);
  for (const key of emptied) {
    await into.addSlots(
      key,
      [...adoption.slots(key)].map((slot) => ({ key: slot.key, value: null })),
    );
  }
  await inLanes(chunks(whole, STORAGES_MAX), STATE_LANES, (some) => fetchWhole(parts, some, LOWEST));
  await inLanes(different, STATE_LANES, (wanted) => fetchDifferent(parts, wanted));
}

async function bringCodes({ adoption, source, into }: StateParts, accounts: readonly Account[]): Promise<void> {
  const hashes = new Set(accounts.map(({ codeHash }) => codeHash));
  const missing = [...hashes].filter((hash) => hash !== EMPTY_CODE_HASH && !adoption.hasCode(hash));
  await inLanes(chunks(missing, BLOBS_MAX), STATE_LANES, async (some) => {
    const left = new Set<Hex>(some);
    while (left.size > 0) {
      const codes = await source.codes([...left]);
      await into.addCodes(codes);
      for (const hash of codes.keys()) left.delete(hash);
    }
  });
}

/** Contracts whose origin nobody can tell are in the state, and not in the index. */
async function bringOrigins(
  { adoption, source, into }: StateParts,
  accounts: readonly (readonly [Uint8Array, Account])[],
): Promise<void> {
  const unknown = accounts
    .filter(([, { codeHash }]) => codeHash !== EMPTY_CODE_HASH && !adoption.isDelegation(codeHash))
    .filter(([key]) => !adoption.isIndexed(key))
    .map(([key]) => bytesToHex(key));
  await inLanes(chunks(unknown, CONTRACTS_MAX), STATE_LANES, async (some) => {
    into.addOrigins(await source.origins(some));
  });
}

/**
 * Gathers accounts with all that belongs to them.
 * @param changes accounts of the target's state as its trie holds them; `null`: there is none
 * @throws CodedError `PRUNED` when nobody has the target's state any more
 */
export async function bringAccounts(parts: StateParts, changes: readonly TrieChange[]): Promise<void> {
  const accounts = changes.flatMap(({ key, value }) => (value === null ? [] : [[key, decodeAccount(value)] as const]));
  await allEnded([
    bringStorage(parts, accounts),
    bringCodes(
      parts,
      accounts.map(([, account]) => account),
    ),
    bringOrigins(parts, accounts),
  ]);
  await parts.into.addAccounts(changes);
}
