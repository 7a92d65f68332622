/** A block over a state, both made of a seed: what two engines are compared by. */

import { bigIntToBytes, bytesToHex, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { createAddress } from "../chain/address.ts";
import { DEV_GENESIS, genesisAlloc } from "../chain/genesis.ts";
import { EMPTY_CODE_HASH, ZERO_ADDRESS } from "../chain/header.ts";
import { BEACON_ROOTS_ADDRESS, HISTORY_ADDRESS } from "../chain/system-contracts.ts";
import type { Authorization, Transaction, TransactionType } from "../chain/types.ts";
import { encodeRlp } from "../codec/rlp.ts";
import { keccak256, keccak256Hex, signDigest } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT } from "../trie/ordered.ts";
import { createDice, type Dice } from "./dice.test-support.ts";
import {
  ALICE,
  BOB,
  blockContext,
  CHAIN_ID,
  COINBASE,
  ETHER,
  slotOf,
  type TestAccount,
  testAccount,
} from "./fixtures.test-support.ts";
import { type Fork, isAtLeast } from "./fork.ts";
import { NOT_AN_OPCODE, opcodeTable } from "./opcodes.ts";
import { precompilesOf } from "./precompiles/precompiles.ts";
import { createProgram, createRecursion, type Surroundings } from "./programs.test-support.ts";
import type { BlockContext, StateReader } from "./types.ts";

export interface CaseAccount {
  readonly nonce: bigint;
  readonly balance: bigint;
  readonly code: Uint8Array;
  readonly storage: ReadonlyMap<Hex, bigint>;
}

export interface FuzzCase {
  readonly fork: Fork;
  readonly context: BlockContext;
  readonly accounts: ReadonlyMap<Hex, CaseAccount>;
  readonly transactions: readonly Transaction[];
}

const CAROL = testAccount(3);
const SIGNERS: readonly TestAccount[] = [ALICE, BOB, CAROL];
/** Those that sign authorizations; the last is not in the state. */
const AUTHORITIES: readonly TestAccount[] = [...SIGNERS, testAccount(4)];
const CONTRACTS: readonly Hex[] = ["c1", "c2", "c3", "c4"].map((byte): Hex => `0x${byte.repeat(20)}`);
const NOBODY: readonly Hex[] = ["e1", "e2"].map((byte): Hex => `0x${byte.repeat(20)}`);
const NO_BYTES = new Uint8Array(0);
const NO_STORAGE: ReadonlyMap<Hex, bigint> = new Map();
/** Of storage that is not empty, which nobody reads. */
const SOME_ROOT: Hex = keccak256Hex(Uint8Array.of(1));
/** Enough to be a thousand calls deep when each passes on all but a 64th of its gas. */
const DEEP_GAS = 2n ** 38n;
const BLOCK_NUMBER = 300;

function surroundingsOf(fork: Fork, isDeep: boolean): Surroundings {
  const { stackMin } = opcodeTable(fork);
  const precompiles = [...precompilesOf(fork).keys()];
  const targets = [
    ...[
      ...CONTRACTS,
      ...CONTRACTS,
      ...CONTRACTS,
      ALICE.address,
      BOB.address,
      CAROL.address,
      testAccount(4).address,
      COINBASE,
      ...NOBODY,
    ],
    ...[ZERO_ADDRESS, ...precompiles.filter((_, at) => at < 4), precompiles.at(-1) as Hex],
    ...(isAtLeast(fork, "cancun") ? [BEACON_ROOTS_ADDRESS] : []),
    ...(isAtLeast(fork, "prague") ? [HISTORY_ADDRESS] : []),
  ];
  return {
    targets,
    precompiles: precompiles.map(Number),
    nesting: 2,
    mayLoop: !isDeep,
    has: (code) => stackMin[code] !== NOT_AN_OPCODE,
  };
}

export function stateReaderOf({ accounts }: FuzzCase): StateReader {
  const hashes = new Map<Hex, Uint8Array>([[EMPTY_CODE_HASH, NO_BYTES]]);
  const known = [...accounts].map(([address, { nonce, balance, code, storage }]) => {
    const codeHash = code.length === 0 ? EMPTY_CODE_HASH : keccak256Hex(code);
    hashes.set(codeHash, code);
    return [
      address,
      { nonce, balance, codeHash, storageRoot: storage.size === 0 ? EMPTY_TRIE_ROOT : SOME_ROOT },
    ] as const;
  });
  const read = new Map(known);
  return {
    account: (address) => read.get(address),
    storage: (address, slot) => accounts.get(address)?.storage.get(slot) ?? 0n,
    code(hash) {
      const code = hashes.get(hash);
      if (code === undefined) throw new Error(`no code ${hash}`);
      return code;
    },
  };
}

const designator = (address: Hex): Uint8Array => concatBytes(Uint8Array.of(0xef, 0x01, 0x00), hexToBytes(address));

function randomStorage(dice: Dice): ReadonlyMap<Hex, bigint> {
  if (dice.below(3) === 0) return NO_STORAGE;
  return new Map(
    [0n, 1n, 2n].filter(() => dice.below(2) === 0).map((slot) => [slotOf(slot), 1n + BigInt(dice.below(3))]),
  );
}

/** Contracts that the block begins and ends by (EIP-4788, 2935, 7002, 7251). */
function systemAccounts(): [Hex, CaseAccount][] {
  const { accounts, codes } = genesisAlloc(DEV_GENESIS);
  return [...accounts].flatMap(([address, account]) => {
    const code = account === null ? undefined : codes.get(account.codeHash);
    return code === undefined ? [] : [[address, { nonce: 1n, balance: 0n, code, storage: NO_STORAGE }]];
  });
}

function randomAccounts(dice: Dice, surroundings: Surroundings, fork: Fork, isDeep: boolean): Map<Hex, CaseAccount> {
  const make = isDeep ? createRecursion : createProgram;
  const accounts = new Map<Hex, CaseAccount>(isAtLeast(fork, "cancun") && dice.below(6) === 0 ? systemAccounts() : []);
  CONTRACTS.forEach((address, at) => {
    const code = make(dice, surroundings);
    const storage = randomStorage(dice);
    // Before EIP-6780 SELFDESTRUCT clears storage, which the state under the library cannot.
    const held = isAtLeast(fork, "cancun") ? storage : NO_STORAGE;
    accounts.set(address, { nonce: 1n, balance: BigInt(at * 3), code, storage: held });
  });
  const account = (balance: bigint, nonce = 0n, code: Uint8Array = NO_BYTES): CaseAccount => ({
    ...{ nonce, balance, code },
    storage: NO_STORAGE,
  });
  const delegated = isAtLeast(fork, "prague") && dice.below(2) === 0;
  accounts.set(ALICE.address, account(100n * ETHER));
  accounts.set(BOB.address, account(dice.below(3) === 0 ? BigInt(dice.below(400_000)) : ETHER, BigInt(dice.below(2))));
  accounts.set(CAROL.address, account(ETHER, 5n, delegated ? designator(dice.pick(surroundings.targets)) : NO_BYTES));
  // Where the first transaction creates, now and then something is there already.
  const odd = dice.below(60);
  if (odd < 3) accounts.set(createAddress(ALICE.address, 0n), account(odd === 0 ? 5n : 0n, odd === 1 ? 1n : 0n));
  // Before EIP-161 there are empty accounts.
  if (dice.below(6) === 0) accounts.set(NOBODY[0] as Hex, account(isAtLeast(fork, "spurious") ? 1n : 0n));
  return accounts;
}

const signatures = new Map<string, Authorization>();
const SIGNATURES_MAX = 4_096;

/** Signing takes long, and the same are signed again and again. */
function signedAuthorization(authority: TestAccount, chainId: bigint, address: Hex, nonce: bigint): Authorization {
  const key = `${authority.address} ${chainId} ${address} ${nonce}`;
  const known = signatures.get(key);
  if (known !== undefined) return known;
  const payload = encodeRlp([bigIntToBytes(chainId), hexToBytes(address), bigIntToBytes(nonce)]);
  const signature = signDigest(keccak256(concatBytes(Uint8Array.of(5), payload)), authority.key);
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32, 64)].map((part) => BigInt(bytesToHex(part)));
  const signed = { chainId, address, nonce, yParity: signature[64] as number, r: r as bigint, s: s as bigint };
  if (signatures.size < SIGNATURES_MAX) signatures.set(key, signed);
  return signed;
}

/** Most are for the account's present nonce, as far as it is known beforehand. */
function randomAuthorization(dice: Dice, surroundings: Surroundings, nonces: Map<Hex, bigint>): Authorization {
  const authority = dice.pick(AUTHORITIES);
  const present = nonces.get(authority.address) ?? 0n;
  const nonce = dice.below(6) === 0 ? dice.pick([0n, present + 1n, 2n ** 64n - 1n]) : present;
  const chainId = dice.pick([0n, BigInt(CHAIN_ID), BigInt(CHAIN_ID), BigInt(CHAIN_ID), 7n]);
  const signed = signedAuthorization(authority, chainId, dice.pick(surroundings.targets), nonce);
  if (dice.below(12) === 0) return { ...signed, s: dice.pick([0n, 1n, 2n ** 255n]) };
  if (nonce === present && chainId !== 7n) nonces.set(authority.address, present + 1n);
  return signed;
}

function typesOf(fork: Fork): readonly TransactionType[] {
  if (isAtLeast(fork, "prague")) return [0, 1, 2, 4, 4];
  if (isAtLeast(fork, "london")) return [0, 1, 2];
  return isAtLeast(fork, "berlin") ? [0, 1] : [0];
}

/** Gas for the execution alone. */
function randomGas(dice: Dice): number {
  const kind = dice.below(60);
  if (kind === 0) return 8_000_000;
  return kind < 15 ? 1_000 + dice.below(60_000) : 60_000 + dice.below(kind < 45 ? 400_000 : 1_500_000);
}

/** More than is charged before the execution. */
const intrinsicMost = ({ length }: Uint8Array, authorizations: number): number =>
  70_000 + 42 * length + 25_000 * authorizations;

/** What makes a transaction invalid more often than not. */
function spoilt(dice: Dice, transaction: Transaction): Transaction {
  const kind = dice.below(5);
  if (kind === 0) return { ...transaction, nonce: BigInt(dice.below(4)) };
  if (kind === 1) return { ...transaction, gasLimit: BigInt(20_990 + dice.below(3_000)) };
  if (kind === 2) return { ...transaction, value: 1_000n * ETHER };
  if (kind === 3 && transaction.type > 1)
    return { ...transaction, maxPriorityFeePerGas: transaction.maxFeePerGas + 1n };
  return { ...transaction, maxFeePerGas: 0n, maxPriorityFeePerGas: 0n };
}

interface Making {
  readonly fork: Fork;
  readonly surroundings: Surroundings;
  readonly isDeep: boolean;
  readonly baseFee: bigint;
  /** The next nonce of each account, so far as it is known beforehand. */
  readonly nonces: Map<Hex, bigint>;
}

const UNSIGNED = { hash: ZERO_ADDRESS, raw: NO_BYTES, v: 0n, r: 1n, s: 1n, yParity: 0 } as const;

function randomTransaction(dice: Dice, { fork, surroundings, isDeep, baseFee, nonces }: Making): Transaction {
  const { address: sender } = dice.below(8) === 0 ? dice.pick(SIGNERS) : ALICE;
  const nonce = nonces.get(sender) ?? 0n;
  const type = dice.pick(typesOf(fork));
  // In Frontier a creation that cannot pay for its code leaves a contract without code; by the library's word it failed.
  const creates = type !== 4 && dice.below(4) === 0 && fork !== "frontier";
  const code = isDeep ? createRecursion(dice, surroundings) : createProgram(dice, surroundings);
  const data = creates ? code : code.subarray(0, dice.below(3) === 0 ? 2_000 : 200);
  const isSpoilt = dice.below(16) === 0;
  if (!isSpoilt) nonces.set(sender, nonce + 1n);
  const authorizations = type === 4 ? 1 + dice.below(3) : 0;
  const maxFeePerGas = baseFee + BigInt(dice.below(4));
  // As a decoded transaction with one price has it.
  const maxPriorityFeePerGas = type < 2 || maxFeePerGas === 0n ? maxFeePerGas : BigInt(dice.below(2));
  const transaction: Transaction = {
    ...{ ...UNSIGNED, type, sender, nonce, maxFeePerGas, maxPriorityFeePerGas, data },
    chainId: BigInt(CHAIN_ID),
    gasLimit: isDeep ? DEEP_GAS : BigInt(intrinsicMost(data, authorizations) + randomGas(dice)),
    value: dice.below(40) === 0 ? ETHER : BigInt(dice.below(3)),
    accessList:
      type > 0 && dice.below(2) === 0
        ? [{ address: dice.pick(surroundings.targets), storageKeys: [slotOf(0n), slotOf(2n)] }]
        : [],
    authorizationList: Array.from({ length: authorizations }, () => randomAuthorization(dice, surroundings, nonces)),
    ...(creates ? {} : { to: dice.below(8) === 0 ? dice.pick(surroundings.targets) : dice.pick(CONTRACTS) }),
  };
  return isSpoilt ? spoilt(dice, transaction) : transaction;
}

/** The case of a seed. Some call themselves as deep as there can be, where a transaction may have the gas for it. */
export function createCase(fork: Fork, seed: number): FuzzCase {
  const dice = createDice(Math.imul(seed, 0x9e3779b1) ^ fork.length);
  const isDeep = dice.below(400) === 0 && isAtLeast(fork, "tangerine") && !isAtLeast(fork, "osaka");
  const surroundings = surroundingsOf(fork, isDeep);
  const accounts = randomAccounts(dice, surroundings, fork, isDeep);
  const nonces = new Map([...accounts].map(([address, { nonce }]) => [address, nonce] as const));
  const baseFee = isAtLeast(fork, "london") ? BigInt(dice.below(2)) : 0n;
  const making: Making = { fork, surroundings, isDeep, baseFee, nonces };
  const context = blockContext({
    number: BLOCK_NUMBER,
    difficulty: 12_345n,
    baseFeePerGas: baseFee,
    ...(isDeep ? { gasLimit: Number(8n * DEEP_GAS) } : {}),
  });
  const count = isDeep ? 1 : 1 + dice.below(5);
  return {
    fork,
    context,
    accounts,
    transactions: Array.from({ length: count }, () => randomTransaction(dice, making)),
  };
}
