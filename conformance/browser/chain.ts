/** A chain of a real node with a token on it, and its tries, rebuilt from what the node proves. */

import assert from "node:assert/strict";
import {
  bigIntToBytes,
  bigIntToFixedBytes,
  bytesToHex,
  compareBytes,
  concatBytes,
  type Hex,
  hexToBytes,
  utf8ToBytes,
} from "@counterpart/core/base/bytes";
import { encodeAccount } from "@counterpart/core/chain/account";
import { DEV_GENESIS } from "@counterpart/core/chain/genesis";
import { encodeRlp } from "@counterpart/core/codec/rlp";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import { proveRange } from "@counterpart/core/trie/range-proof";
import { createMemoryTrie, type MemoryTrie } from "@counterpart/core/trie/testing/memory-trie";
import type { StateQuery } from "@counterpart/core/verify/state-proof";
import type { ProcessNode } from "../processes/process-node.ts";
import type { Range, Row } from "./page.ts";

/** Of `contracts/token.sol`, as the compiler lays it out. */
const LAYOUT = { balances: 0, roles: 5, end: 8 };
const ROLES = [new Uint8Array(32), keccak256(utf8ToBytes("MINTER_ROLE")), keccak256(utf8ToBytes("BURNER_ROLE"))];
const SLOTS_MAX = 128;
export const WALLETS = 40;
export const LOWEST: Hex = `0x${"00".repeat(32)}`;

/** The answer of `GET contracts/{address}/proof`, as far as it is used here. */
export interface ProofAnswer {
  readonly address: string;
  readonly exists: boolean;
  readonly nonce: string;
  readonly balance: string;
  readonly code_hash: Hex;
  readonly storage_root: Hex;
  readonly account_proof: readonly Hex[];
  readonly storage_proof: readonly { readonly slot: Hex; readonly value: string; readonly proof: readonly Hex[] }[];
  readonly block_hash: Hex;
  readonly block_number: number;
  readonly state_root: Hex;
  readonly header: Hex;
}

const word = (value: number): Uint8Array => bigIntToFixedBytes(BigInt(value), 32);
export const walletOf = (index: number): Hex => bytesToHex(bigIntToFixedBytes(BigInt(index + 1), 20));
const inMapping = (key: Uint8Array, at: Uint8Array): Uint8Array => keccak256(concatBytes(key, at));
const padded = (address: Hex): Uint8Array => concatBytes(new Uint8Array(12), hexToBytes(address));

export const balanceSlot = (wallet: Hex): Hex => bytesToHex(inMapping(padded(wallet), word(LAYOUT.balances)));

/** Deploys a token and mints `index + 1` of it for each wallet; gives its address. */
export async function deployMinted(node: ProcessNode): Promise<Hex> {
  const { status, body } = await node.post("contracts", { contract_type: "token", name: "Token", symbol: "T" });
  assert.equal(status, 201, JSON.stringify(body));
  const mints = Array.from({ length: WALLETS }, (_, index) =>
    node.post(`contracts/${body.address}/execute`, {
      function: "mint",
      params: { to: walletOf(index), amount: index + 1 },
    }),
  );
  for (const minted of await Promise.all(mints)) assert.equal(minted.status, 200, JSON.stringify(minted.body));
  return String(body.address).toLowerCase() as Hex;
}

export const proofPath = ({ address, slots }: StateQuery, block = "latest"): string =>
  `contracts/${address}/proof?block=${block}${slots.length > 0 ? `&slots=${slots.join(",")}` : ""}`;

export async function proofFrom(node: ProcessNode, query: StateQuery, block?: string): Promise<ProofAnswer> {
  const { status, body } = await node.get(proofPath(query, block));
  assert.equal(status, 200, JSON.stringify(body));
  return body as unknown as ProofAnswer;
}

export async function codeFrom(node: ProcessNode, address: Hex): Promise<Hex> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_getCode", params: [address, "latest"] });
  const response = await fetch(node.api, { method: "POST", headers: { "content-type": "application/json" }, body });
  return ((await response.json()) as { readonly result: Hex }).result;
}

/** Each node of an answer once. */
export const nodesOf = ({ account_proof, storage_proof }: ProofAnswer): Hex[] => [
  ...new Set([...account_proof, ...storage_proof.flatMap(({ proof }) => proof)]),
];

/** A trie and its entries, in order, in the form that ranges of it are shown in. */
export interface Shown {
  readonly trie: MemoryTrie;
  readonly rows: readonly Row[];
}

interface Entry {
  readonly key: Uint8Array;
  /** As the trie holds it. */
  readonly value: Uint8Array;
  /** As a range shows it. */
  readonly shown: Uint8Array;
}

function showTrie(entries: readonly Entry[]): Shown {
  const trie = createMemoryTrie();
  trie.apply(entries);
  const sorted = entries.toSorted((a, b) => compareBytes(a.key, b.key));
  return { trie, rows: sorted.map(({ key, shown }) => ({ key: bytesToHex(key), value: bytesToHex(shown) })) };
}

function tokenSlots(owner: Hex): Hex[] {
  const fixed = Array.from({ length: LAYOUT.end }, (_, index) => word(index));
  const roles = ROLES.map((role) => inMapping(padded(owner), inMapping(role, word(LAYOUT.roles))));
  const balances = Array.from({ length: WALLETS }, (_, index) => balanceSlot(walletOf(index)));
  return [...[...fixed, ...roles].map(bytesToHex), ...balances];
}

/** The token's whole storage, which is whole because its root is the one that the node proves. */
export async function storageOf(node: ProcessNode, token: Hex, block: string): Promise<Shown> {
  const slots = tokenSlots(node.account as Hex);
  assert.ok(slots.length <= SLOTS_MAX);
  const answer = await proofFrom(node, { address: token, slots }, block);
  const entries = answer.storage_proof
    .filter(({ value }) => value !== "0")
    .map(({ slot, value }) => {
      const shown = bigIntToBytes(BigInt(value));
      return { key: keccak256(hexToBytes(slot)), value: encodeRlp(shown), shown };
    });
  const shown = showTrie(entries);
  assert.equal(shown.trie.root, answer.storage_root);
  return shown;
}

/** All accounts of the state, which are all because its root is the header's. */
export async function accountsOf(node: ProcessNode, token: Hex, block: string): Promise<Shown> {
  const addresses = [...DEV_GENESIS.alloc.keys(), node.account as Hex, token];
  const answers = await Promise.all(addresses.map((address) => proofFrom(node, { address, slots: [] }, block)));
  const entries = answers.map((answer, at) => {
    const { code_hash: codeHash, storage_root: storageRoot } = answer;
    const value = encodeAccount({
      nonce: BigInt(answer.nonce),
      balance: BigInt(answer.balance),
      codeHash,
      storageRoot,
    });
    return { key: keccak256(hexToBytes(addresses[at] as Hex)), value, shown: value };
  });
  const shown = showTrie(entries);
  assert.equal(shown.trie.root, answers[0]?.state_root);
  return shown;
}

/** A range with its proof: `count` rows from the one at `from` on. */
export function rangeOf({ trie, rows }: Shown, from: number, count: number): Range {
  const page = rows.slice(from, from + count);
  const [start, last] = [from === 0 ? LOWEST : (rows[from]?.key ?? LOWEST), page.at(-1)?.key ?? LOWEST];
  const proof = proveRange(trie.read, trie.root, hexToBytes(start), hexToBytes(last)).map(bytesToHex);
  return { root: trie.root, start, rows: page, proof };
}
