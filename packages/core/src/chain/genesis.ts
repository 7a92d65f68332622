/**
 * Where a chain begins. Two nodes are on the same chain when their genesis hashes are equal, so the genesis header
 * commits to everything of the genesis: its state root to the accounts, and its mixHash, which has no other use in
 * block 0, to chain id, consensus and signers.
 */

import { type Hex, hexToBytes, utf8ToBytes } from "../base/bytes.ts";
import { encodeRlp, rlpNumber } from "../codec/rlp.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT } from "../trie/ordered.ts";
import {
  BLOOM_BYTES,
  EMPTY_CODE_HASH,
  EMPTY_OMMERS_HASH,
  EMPTY_REQUESTS_HASH,
  sealHeader,
  ZERO_ADDRESS,
  ZERO_HASH,
} from "./header.ts";
import { MULTICALL3_CODE } from "./multicall3-code.ts";
import { BLOCK_GAS_LIMIT } from "./rules.ts";
import {
  BEACON_ROOTS_ADDRESS,
  BEACON_ROOTS_CODE,
  CREATE2_DEPLOYER_ADDRESS,
  CREATE2_DEPLOYER_CODE,
  HISTORY_ADDRESS,
  HISTORY_CODE,
  MULTICALL3_ADDRESS,
} from "./system-contracts.ts";
import type { SealedHeader } from "./types.ts";

export interface GenesisAccount {
  readonly balance: bigint;
  readonly nonce: bigint;
  readonly code: Uint8Array;
  /** 32-byte slot → value, never zero. */
  readonly storage: ReadonlyMap<Hex, bigint>;
}

export interface Genesis {
  readonly chainId: number;
  readonly consensus: "poa";
  /** Addresses that may seal, ascending; empty: any node may. */
  readonly signers: readonly Hex[];
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly gasLimit: number;
  /** By address; no account is empty (EIP-161). */
  readonly alloc: ReadonlyMap<Hex, GenesisAccount>;
}

/** The state of a genesis, in the form of changes to the empty state. */
export interface GenesisState {
  readonly accounts: ReadonlyMap<Hex, { readonly nonce: bigint; readonly balance: bigint; readonly codeHash: Hex }>;
  /** address → 32-byte slot → value. */
  readonly storage: ReadonlyMap<Hex, ReadonlyMap<Hex, bigint>>;
  /** Code by hash. */
  readonly codes: ReadonlyMap<Hex, Uint8Array>;
}

/** The accounts of "test test test test test test test test test test test junk", as Hardhat and Anvil have them. */
export const DEV_ACCOUNTS: readonly Hex[] = [
  "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
  "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
  "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
  "0x90f79bf6eb2c4f870365e785982e1f101e93b906",
  "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65",
  "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc",
  "0x976ea74026e726554db657fa54763abd0c3a0aa9",
  "0x14dc79964da2c08b23698b3d3cc7ca32193d9955",
  "0x23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f",
  "0xa0ee7a142d267c1f36714e4a8f75612f20a79720",
];

const DEV_BALANCE = 10_000n * 10n ** 18n;

function funded(address: Hex): [Hex, GenesisAccount] {
  return [address, { balance: DEV_BALANCE, nonce: 0n, code: new Uint8Array(0), storage: new Map() }];
}

/** Address and code of the contracts that tools, and calls of the system, expect on every chain. */
export const PREDEPLOYED: readonly (readonly [Hex, Hex])[] = [
  [BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE],
  [HISTORY_ADDRESS, HISTORY_CODE],
  [MULTICALL3_ADDRESS, MULTICALL3_CODE],
  [CREATE2_DEPLOYER_ADDRESS, CREATE2_DEPLOYER_CODE],
];

function predeployed([address, code]: readonly [Hex, Hex]): [Hex, GenesisAccount] {
  return [address, { balance: 0n, nonce: 1n, code: hexToBytes(code), storage: new Map() }];
}

/** The chain that a node is on when no other genesis is given. Changing anything here makes another chain. */
export const DEV_GENESIS: Genesis = Object.freeze({
  chainId: 31_337,
  consensus: "poa",
  signers: [],
  // 2026-01-01T00:00:00Z
  timestamp: 1_767_225_600,
  gasLimit: BLOCK_GAS_LIMIT,
  alloc: new Map([...DEV_ACCOUNTS.map(funded), ...PREDEPLOYED.map(predeployed)]),
});

/** The accounts of a genesis; assignable to the execution layer's `StateChanges`. */
export function genesisAlloc({ alloc }: Pick<Genesis, "alloc">): GenesisState {
  const accounts = new Map<Hex, { readonly nonce: bigint; readonly balance: bigint; readonly codeHash: Hex }>();
  const storage = new Map<Hex, ReadonlyMap<Hex, bigint>>();
  const codes = new Map<Hex, Uint8Array>();
  for (const [address, account] of alloc) {
    const codeHash = account.code.length === 0 ? EMPTY_CODE_HASH : keccak256Hex(account.code);
    accounts.set(address, { nonce: account.nonce, balance: account.balance, codeHash });
    if (account.code.length > 0) codes.set(codeHash, account.code);
    if (account.storage.size > 0) storage.set(address, account.storage);
  }
  return { accounts, storage, codes };
}

/** keccak(rlp([chainId, consensus, [signer…]])): what of the genesis no other header field commits to. */
function rulesCommitment({ chainId, consensus, signers }: Genesis): Hex {
  return keccak256Hex(encodeRlp([rlpNumber(chainId), utf8ToBytes(consensus), signers.map(hexToBytes)]));
}

/**
 * Block 0. Its extraData is the vanity and a seal, all zero: nobody sealed it.
 * @param stateRoot root of the state that `genesisAlloc` makes
 */
export function genesisHeader(genesis: Genesis, stateRoot: Hex): SealedHeader {
  return sealHeader({
    parentHash: ZERO_HASH,
    ommersHash: EMPTY_OMMERS_HASH,
    coinbase: ZERO_ADDRESS,
    stateRoot,
    transactionsRoot: EMPTY_TRIE_ROOT,
    receiptsRoot: EMPTY_TRIE_ROOT,
    logsBloom: new Uint8Array(BLOOM_BYTES),
    difficulty: 1n,
    number: 0,
    gasLimit: genesis.gasLimit,
    gasUsed: 0,
    timestamp: genesis.timestamp,
    extraData: new Uint8Array(32 + 65),
    mixHash: rulesCommitment(genesis),
    nonce: new Uint8Array(8),
    baseFeePerGas: 0n,
    withdrawalsRoot: EMPTY_TRIE_ROOT,
    blobGasUsed: 0,
    excessBlobGas: 0,
    parentBeaconBlockRoot: ZERO_HASH,
    requestsHash: EMPTY_REQUESTS_HASH,
  });
}
