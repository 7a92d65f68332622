/** States in memory, and what proves them. */

import { bigIntToBytes, bigIntToFixedBytes, bytesToHex, type Hex, hexToBytes } from "../base/bytes.ts";
import { encodeAccount } from "../chain/account.ts";
import type { Account } from "../chain/types.ts";
import { encodeRlp } from "../codec/rlp.ts";
import { keccak256, keccak256Hex } from "../crypto/crypto.ts";
import { proveKey } from "../trie/proof.ts";
import { createMemoryTrie, type MemoryTrie } from "../trie/testing/memory-trie.ts";
import type { StateQuery } from "./state-proof.ts";

export const address = (index: number): Hex => bytesToHex(bigIntToFixedBytes(BigInt(index + 1), 20));
export const slot = (index: number): Hex => bytesToHex(bigIntToFixedBytes(BigInt(index), 32));
export const hashed = (text: Hex): Uint8Array => keccak256(hexToBytes(text));

export interface Contract {
  readonly address: Hex;
  readonly account: Account;
  readonly storage: MemoryTrie;
  readonly values: ReadonlyMap<Hex, bigint>;
}

export function contractOf(index: number, values: ReadonlyMap<Hex, bigint>): Contract {
  const storage = createMemoryTrie();
  storage.apply([...values].map(([name, value]) => ({ key: hashed(name), value: encodeRlp(bigIntToBytes(value)) })));
  const codeHash = keccak256Hex(Uint8Array.of(index));
  const account = { nonce: BigInt(index), balance: BigInt(index) * 7n, storageRoot: storage.root, codeHash };
  return { address: address(index), account, storage, values };
}

export function stateOf(contracts: readonly Contract[]): MemoryTrie {
  const state = createMemoryTrie();
  state.apply(contracts.map((one) => ({ key: hashed(one.address), value: encodeAccount(one.account) })));
  return state;
}

/** What proves the answers to the queries, each node once. */
export function proofOf(
  state: MemoryTrie,
  contracts: readonly Contract[],
  queries: readonly StateQuery[],
): Uint8Array[] {
  const nodes = new Map<string, Uint8Array>();
  const add = (list: readonly Uint8Array[]) => {
    for (const bytes of list) nodes.set(bytesToHex(bytes), bytes);
  };
  for (const query of queries) {
    add(proveKey(state.read, state.root, hashed(query.address)));
    const contract = contracts.find((one) => one.address === query.address);
    if (contract === undefined) continue;
    for (const name of query.slots) add(proveKey(contract.storage.read, contract.storage.root, hashed(name)));
  }
  return [...nodes.values()];
}
