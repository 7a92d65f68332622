/**
 * Answers requests for state with its proof, from the state of the block asked for: one view for each answer, read in
 * one go, while the chain may have moved on.
 */

import { bytesToHex, EMPTY_BYTES, equalBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import type { Account } from "@counterpart/core/chain/types";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import type { Clock } from "@counterpart/core/ports/runtime";
import { PROOF_NODES_MAX } from "@counterpart/core/sync/limits";
import type { Message } from "@counterpart/core/sync/message-types";
import type {
  AnsweredState,
  GetAccountRangeMessage,
  GetNodesMessage,
  GetStateMessage,
  GetStorageMessage,
  KeyedRow,
  StateBlock,
  StoragePage,
  WantedState,
  WantedStorage,
} from "@counterpart/core/sync/message-types-state";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import { proveKey } from "@counterpart/core/trie/proof";
import { proveRange } from "@counterpart/core/trie/range-proof";
import type { StateView } from "../engine/state-view.ts";
import type { DriverDeps } from "./ports.ts";
import { type Budget, createBudget, ITEM_BYTES, refuse } from "./serve-budget.ts";

export type ServeStateDeps = Pick<DriverDeps, "engine" | "clock">;

/** A branch of 16 hashes with its headers. */
const BRANCH_BYTES = 16 * 33 + 8;
/** The proof of a range at most: a branch at each nibble of either end. */
const RANGE_PROOF_BYTES = 2 * 64 * BRANCH_BYTES;
/** An address with its account and list headers, at most. */
const ACCOUNT_BYTES = 192;
/** A slot's value with its header, at most. */
const VALUE_BYTES = 33;

const LOWEST = new Uint8Array(32);

/** Answers from the state after a block, or says why not. */
function withView({ engine }: ServeStateDeps, blockHash: Hex, answer: (view: StateView) => Message): Message {
  let view: StateView;
  try {
    view = engine.stateAt(blockHash, "peer");
  } catch (error) {
    if (isCodedError(error, "BLOCK_NOT_FOUND") || isCodedError(error, "NOT_HELD")) return refuse("NOT_HELD");
    if (isCodedError(error, "PRUNED")) return refuse("PRUNED");
    throw error;
  }
  return answer(view);
}

const blockOf = ({ header: { hash, number } }: StateView): StateBlock => ({ hash, number });

/** Nodes of an answer, each once, whichever tries they are of. */
function createNodeList(budget: Budget) {
  const nodes = new Map<Hex, Uint8Array>();
  return {
    nodes,
    /** Whether there is room for an item together with the nodes that prove it. */
    take(itemBytes: number, proof: readonly Uint8Array[]): boolean {
      const fresh = new Map<Hex, Uint8Array>();
      let bytes = itemBytes;
      for (const node of proof) {
        const name = bytesToHex(node);
        if (nodes.has(name) || fresh.has(name)) continue;
        fresh.set(name, node);
        bytes += node.length + ITEM_BYTES;
      }
      if (nodes.size + fresh.size > PROOF_NODES_MAX || !budget.take(bytes)) return false;
      for (const [name, node] of fresh) nodes.set(name, node);
      return true;
    },
  };
}

interface ProvenSlot {
  readonly value: bigint;
  readonly proof: readonly Uint8Array[];
}

function readSlot(view: StateView, key: Uint8Array, account: Account | undefined, slot: Hex): ProvenSlot {
  const name = keccak256(hexToBytes(slot));
  const proof = proveKey(view.storageNodes(key), account?.storageRoot ?? EMPTY_TRIE_ROOT, name);
  return { value: view.slot(key, name), proof };
}

/** The account with its first slot, and as many more slots as find room; undefined when not even those do. */
function answerOne(
  view: StateView,
  { address, slots }: WantedState,
  list: ReturnType<typeof createNodeList>,
): AnsweredState | undefined {
  const key = keccak256(hexToBytes(address));
  const account = view.account(key);
  const values: bigint[] = [];
  const accountProof = proveKey(view.accountNodes, view.header.stateRoot, key);
  if (slots.length === 0 && !list.take(ACCOUNT_BYTES, accountProof)) return undefined;
  for (const [index, slot] of slots.entries()) {
    const { value, proof } = readSlot(view, key, account, slot);
    const isTaken =
      index === 0 ? list.take(ACCOUNT_BYTES + VALUE_BYTES, [...accountProof, ...proof]) : list.take(VALUE_BYTES, proof);
    if (!isTaken) break;
    values.push(value);
  }
  if (values.length === 0 && slots.length > 0) return undefined;
  return { address, ...(account === undefined ? {} : { account }), slots: values };
}

export function serveState(deps: ServeStateDeps, { blockHash, wanted }: GetStateMessage): Message {
  return withView(deps, blockHash, (view) => {
    const list = createNodeList(createBudget("Contracts", deps.clock));
    const accounts: AnsweredState[] = [];
    for (const query of wanted) {
      const answered = answerOne(view, query, list);
      if (answered !== undefined) accounts.push(answered);
      if (answered?.slots.length !== query.slots.length) break;
    }
    return { type: "Contracts", kind: "state", block: blockOf(view), accounts, proof: [...list.nodes.values()] };
  });
}

interface Rows {
  readonly rows: readonly KeyedRow[];
  /** Whether these are all there are. */
  readonly complete: boolean;
}

/** The frame has room for fewer rows than a message may hold. */
function takeRows(source: Iterable<KeyedRow>, budget: Budget): Rows {
  const rows: KeyedRow[] = [];
  for (const row of source) {
    if (!budget.take(row.key.length + row.value.length + ITEM_BYTES)) return { rows, complete: false };
    rows.push(row);
  }
  return { rows, complete: true };
}

export function serveAccountRange(
  deps: ServeStateDeps,
  { blockHash, start, bytesMax }: GetAccountRangeMessage,
): Message {
  return withView(deps, blockHash, (view) => {
    const budget = createBudget("Contracts", deps.clock, RANGE_PROOF_BYTES, bytesMax);
    const { rows } = takeRows(view.accounts(start), budget);
    const proof = proveRange(view.accountNodes, view.header.stateRoot, start, rows.at(-1)?.key);
    return { type: "Contracts", kind: "range", block: blockOf(view), accounts: rows, proof };
  });
}

/** Slots of one storage from a key on; none, though there are some, when nothing more finds room. */
function answerStorage(
  view: StateView,
  { account, root }: WantedStorage,
  from: Uint8Array,
  budget: Budget,
): StoragePage & { readonly complete: boolean } {
  const key = hexToBytes(account);
  const { rows, complete } = takeRows(view.slots(key, from), budget);
  const isWhole = complete && equalBytes(from, LOWEST);
  const proof = isWhole ? [] : proveRange(view.storageNodes(key), root, from, rows.at(-1)?.key);
  return { slots: rows, proof, complete };
}

function storagePages(view: StateView, { wanted, start, bytesMax }: GetStorageMessage, clock: Clock): StoragePage[] {
  // Only the first and the last page have a proof.
  const budget = createBudget("Storage", clock, 2 * RANGE_PROOF_BYTES, bytesMax);
  const pages: StoragePage[] = [];
  for (const [index, storage] of wanted.entries()) {
    const isKnown = view.account(hexToBytes(storage.account))?.storageRoot === storage.root;
    if (!isKnown || (index > 0 && !budget.take(ITEM_BYTES))) break;
    const { slots, proof, complete } = answerStorage(view, storage, index === 0 ? start : LOWEST, budget);
    if (complete || slots.length > 0) pages.push({ slots, proof });
    if (!complete) break;
  }
  return pages;
}

export function serveStorage(deps: ServeStateDeps, request: GetStorageMessage): Message {
  return withView(deps, request.blockHash, (view) => {
    const pages = storagePages(view, request, deps.clock);
    if (pages.length === 0 && request.wanted.length > 0) return refuse("UNKNOWN_ROOT");
    return { type: "Storage", pages };
  });
}

export function serveNodes(deps: ServeStateDeps, { blockHash, account, paths }: GetNodesMessage): Message {
  return withView(deps, blockHash, (view) => {
    const budget = createBudget("Nodes", deps.clock);
    const read = account === undefined ? view.accountNodes : view.storageNodes(hexToBytes(account));
    const nodes: Uint8Array[] = [];
    for (const path of paths) {
      const node = read(path) ?? EMPTY_BYTES;
      if (!budget.take(node.length + ITEM_BYTES)) break;
      nodes.push(node);
    }
    return { type: "Nodes", nodes };
  });
}
