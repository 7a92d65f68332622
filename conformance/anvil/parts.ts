/** Accounts, contracts and transactions that the questions are made of. */

import {
  bigIntToBytes,
  bigIntToFixedBytes,
  bytesToBigInt,
  bytesToHex,
  concatBytes,
  type Hex,
  hexToBytes,
} from "@counterpart/core/base/bytes";
import { signingHash } from "@counterpart/core/chain/transaction";
import { type AnyUnsignedTransaction, encodeFields } from "@counterpart/core/chain/transaction-fields";
import type { Authorization } from "@counterpart/core/chain/types";
import { encodeRlp } from "@counterpart/core/codec/rlp";
import { keccak256, privateKeyToAddress, signDigest } from "@counterpart/core/crypto/crypto";
import { assemble } from "../../packages/core/src/execution/fixtures.test-support.ts";
import type { Question, VectorAccount, VectorFork, VectorState } from "./vector.ts";

export const CHAIN_ID = 31_337;
export const ETHER = 10n ** 18n;

export interface Signer {
  readonly key: Uint8Array;
  readonly address: Hex;
}

export function signer(name: string): Signer {
  const key = keccak256(new TextEncoder().encode(`signer ${name}`));
  return { key, address: privateKeyToAddress(key) };
}

export const SENDER = signer("sender");
/** Accounts that sign authorizations: one that is in the state, one that is not, one that has sent before. */
export const [KNOWN, UNKNOWN, USED] = [signer("known"), signer("unknown"), signer("used")];

const contractAt = (byte: string): Hex => `0x${byte.repeat(20)}`;
export const [TARGET, OTHER, THIRD] = [contractAt("a1"), contractAt("a2"), contractAt("a3")];

export function account(parts: {
  readonly nonce?: number;
  readonly balance?: bigint;
  readonly code?: Uint8Array | string;
  readonly storage?: Readonly<Record<number, number>>;
}): VectorAccount {
  const { nonce = 0, balance = 0n, code = new Uint8Array(0), storage = {} } = parts;
  const slots = Object.entries(storage).map(([slot, value]) => [word(BigInt(slot)), word(BigInt(value))] as const);
  const bytes = typeof code === "string" ? assemble(code) : code;
  return { nonce, balance: String(balance), code: bytesToHex(bytes), storage: Object.fromEntries(slots) };
}

export const contract = (code: Uint8Array | string, storage: Readonly<Record<number, number>> = {}): VectorAccount =>
  account({ nonce: 1, code, storage });

export const word = (value: bigint): Hex => bytesToHex(bigIntToFixedBytes(value, 32));
export const words = (...values: readonly (bigint | Hex)[]): Uint8Array =>
  concatBytes(...values.map((value) => hexToBytes(word(BigInt(value)))));

type Parts = Partial<Omit<AnyUnsignedTransaction, "to">> & { readonly from?: Signer; readonly to?: Hex | undefined };

/** The bytes of a number without leading zeros. */
const scalarBytes = (bytes: Uint8Array): Uint8Array => bigIntToBytes(bytesToBigInt(bytes));

/**
 * Of type 2 to the target with a million gas, unless the parts say otherwise; with `to` undefined it creates. It is
 * signed whatever rule it breaks.
 */
export function signed({ from = SENDER, ...parts }: Parts = {}): Hex {
  const unsigned = {
    ...{ type: 2, chainId: BigInt(CHAIN_ID), nonce: 0n, gasLimit: 1_000_000n, value: 0n, data: new Uint8Array(0) },
    ...{ maxFeePerGas: 10n, maxPriorityFeePerGas: 1n, to: TARGET },
    ...parts,
  } as AnyUnsignedTransaction;
  const signature = signDigest(signingHash(unsigned), from.key);
  const parity = BigInt(signature[64] as number);
  const v = unsigned.type === 0 ? 35n + 2n * BigInt(CHAIN_ID) + parity : parity;
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32, 64)].map(scalarBytes) as [Uint8Array, Uint8Array];
  const payload = encodeRlp([...encodeFields(unsigned), bigIntToBytes(v), r, s]);
  return bytesToHex(unsigned.type === 0 ? payload : concatBytes(Uint8Array.of(unsigned.type), payload));
}

export function authorization(
  by: Signer,
  address: Hex,
  { nonce = 0n, chainId = BigInt(CHAIN_ID) }: { readonly nonce?: bigint; readonly chainId?: bigint } = {},
): Authorization {
  const payload = encodeRlp([bigIntToBytes(chainId), hexToBytes(address), bigIntToBytes(nonce)]);
  const signature = signDigest(keccak256(concatBytes(Uint8Array.of(5), payload)), by.key);
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32, 64)].map((part) => BigInt(bytesToHex(part)));
  return { chainId, address, nonce, yParity: signature[64] as number, r: r as bigint, s: s as bigint };
}

export const designator = (address: Hex): Uint8Array =>
  concatBytes(Uint8Array.of(0xef, 0x01, 0x00), hexToBytes(address));

const STATE: VectorState = { [SENDER.address]: account({ balance: 100n * ETHER }) };

/** A question for a fork; the sender has funds, whatever else is in the state. */
export const ask =
  (eip: number, fork: VectorFork, before: VectorState = {}) =>
  (name: string, ...transactions: readonly Hex[]): Question => ({
    ...{ eip, name, fork, transactions },
    before: { ...STATE, ...before },
  });

/**
 * Calls the address in calldata[0] with the gas in calldata[1] and the rest as input, and returns what it returns. Slot
 * 0: whether it succeeded; 1: bytes returned; 2: their hash; 3: gas that went.
 */
export const PROBE = assemble(`
  PUSH1 0x40 CALLDATASIZE SUB DUP1 PUSH1 0x40 PUSH0 CALLDATACOPY
  GAS PUSH0 PUSH0 0x83 PUSH0 PUSH0 CALLDATALOAD PUSH1 0x20 CALLDATALOAD 0xfa
  SWAP1 GAS SWAP1 SUB PUSH1 0x03 SSTORE PUSH0 SSTORE POP
  0x3d PUSH1 0x01 SSTORE 0x3d PUSH0 PUSH0 0x3e 0x3d PUSH0 KECCAK256 PUSH1 0x02 SSTORE 0x3d PUSH0 RETURN`);

const GAS_MAX = 2n ** 64n;

/** A transaction by which the probe calls a precompile. */
export const probed = (number: number, input: Uint8Array, gas = GAS_MAX, gasLimit = 16_000_000n): Hex =>
  signed({ gasLimit, data: concatBytes(words(BigInt(number), gas), input) });

export const fields = (bytes: number, ...values: readonly bigint[]): Uint8Array =>
  concatBytes(...values.map((value) => bigIntToFixedBytes(value, bytes)));
