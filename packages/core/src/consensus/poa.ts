/**
 * Proof of authority: who may seal, what a sealed header must look like, and which of two heads wins.
 *
 * A sealed header's extraData is 32 bytes of vanity and a 65-byte seal. The seal signs the hash of the header with
 * extraData cut to the vanity; the block hash covers the seal as well. The seal's s is in the lower half, so that nobody
 * but the sealer can make a second block hash of the same content.
 */

import { concatBytes, type Hex, hexToBytes, utf8ToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { EMPTY_OMMERS_HASH, EMPTY_REQUESTS_HASH, encodeHeader, sealHeader, ZERO_HASH } from "../chain/header.ts";
import { MAX_BLOCK_BYTES, TX_GAS_MAX } from "../chain/rules.ts";
import type { Header, SealedHeader } from "../chain/types.ts";
import { keccak256, keccak256Hex, recoverAddress } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT } from "../trie/ordered.ts";

export const VANITY_BYTES = 32;
export const SEAL_BYTES = 65;
/** A block dated further ahead than this of the receiver's clock is not taken for now. */
export const FUTURE_LIMIT_S = 60;

/** Names the frozen rules: two nodes whose rules differ must not take each other's blocks. */
export const POA_RULES_ID: Hex = keccak256Hex(
  utf8ToBytes(`poa/1 osaka baseFee=0 maxBlockBytes=${MAX_BLOCK_BYTES} txGasMax=${TX_GAS_MAX}`),
);

const NO_NONCE = new Uint8Array(8);

export interface PoaRules {
  /** Addresses that may seal; empty: anyone may. */
  readonly signers: readonly Hex[];
}

export const maySeal = (rules: PoaRules, address: Hex): boolean =>
  rules.signers.length === 0 || rules.signers.includes(address);

/** Digest that the seal signs. */
export function sealDigest(header: Header): Uint8Array {
  return keccak256(encodeHeader({ ...header, extraData: header.extraData.subarray(0, VANITY_BYTES) }));
}

/** Completes a header whose extraData is the vanity alone. */
export function addSeal(header: Header, sign: (digest: Uint8Array) => Uint8Array): SealedHeader {
  const vanity = header.extraData.subarray(0, VANITY_BYTES);
  return sealHeader({ ...header, extraData: concatBytes(vanity, sign(sealDigest(header))) });
}

/** PREVRANDAO on this chain: known in advance to everyone, so contracts must not take it for randomness. */
export const mixHashOf = (parentHash: Hex): Hex => keccak256Hex(hexToBytes(parentHash));

export interface HeaderParts {
  readonly parent: SealedHeader;
  readonly coinbase: Hex;
  readonly timestamp: number;
  readonly vanity: Uint8Array;
}

/** The fields that follow from parent, sealer and time alone; execution fills in the rest. */
export function draftHeader({ parent, coinbase, timestamp, vanity }: HeaderParts): Header {
  return {
    parentHash: parent.hash,
    ommersHash: EMPTY_OMMERS_HASH,
    coinbase,
    stateRoot: ZERO_HASH,
    transactionsRoot: ZERO_HASH,
    receiptsRoot: ZERO_HASH,
    logsBloom: new Uint8Array(256),
    difficulty: 1n,
    number: parent.number + 1,
    gasLimit: parent.gasLimit,
    gasUsed: 0,
    timestamp,
    extraData: vanity,
    mixHash: mixHashOf(parent.hash),
    nonce: NO_NONCE,
    baseFeePerGas: 0n,
    withdrawalsRoot: EMPTY_TRIE_ROOT,
    blobGasUsed: 0,
    excessBlobGas: 0,
    parentBeaconBlockRoot: ZERO_HASH,
    requestsHash: EMPTY_REQUESTS_HASH,
  };
}

function fixedFieldsFault(header: SealedHeader, parent: SealedHeader): string | undefined {
  const facts: readonly (readonly [boolean, string])[] = [
    [header.parentHash === parent.hash, "parent hash"],
    [header.number === parent.number + 1, "number is not the parent's plus one"],
    [header.timestamp >= parent.timestamp, "timestamp is before the parent's"],
    [header.ommersHash === EMPTY_OMMERS_HASH, "ommers"],
    [header.difficulty === 1n, "difficulty is not 1"],
    [header.gasLimit === parent.gasLimit, "gas limit differs from the parent's"],
    [header.gasUsed <= header.gasLimit, "more gas used than the limit"],
    [header.mixHash === mixHashOf(parent.hash), "mix hash"],
    [header.nonce.every((byte) => byte === 0), "nonce is not zero"],
    [header.baseFeePerGas === 0n, "base fee is not zero"],
    [header.withdrawalsRoot === EMPTY_TRIE_ROOT, "withdrawals"],
    [header.blobGasUsed === 0 && header.excessBlobGas === 0, "blob gas"],
    [header.parentBeaconBlockRoot === ZERO_HASH, "beacon block root"],
    [header.requestsHash === EMPTY_REQUESTS_HASH, "requests"],
    [header.extraData.length === VANITY_BYTES + SEAL_BYTES, "extra data is not a vanity and one seal"],
  ];
  return facts.find(([holds]) => !holds)?.[1];
}

/**
 * Who sealed a header: its coinbase.
 * @throws CodedError `INVALID_HEADER` when the seal is malformed or another's
 */
export function sealerOf(header: SealedHeader): Hex {
  let sealer: Hex;
  try {
    sealer = recoverAddress(sealDigest(header), header.extraData.subarray(VANITY_BYTES));
  } catch {
    throw new CodedError("INVALID_HEADER", `header ${header.number}: the seal is malformed`);
  }
  if (sealer === header.coinbase) return sealer;
  throw new CodedError("INVALID_HEADER", `header ${header.number}: sealed by another than its coinbase`);
}

/**
 * Checks everything about a header that needs neither its body nor the clock.
 * @throws CodedError `INVALID_HEADER`
 */
export function checkHeader(header: SealedHeader, parent: SealedHeader, rules: PoaRules): void {
  const fault = fixedFieldsFault(header, parent);
  if (fault !== undefined) throw new CodedError("INVALID_HEADER", `header ${header.number}: ${fault}`);
  const sealer = sealerOf(header);
  if (!maySeal(rules, sealer)) {
    throw new CodedError("INVALID_HEADER", `header ${header.number}: ${sealer} is not a listed signer`);
  }
}

/** Whether a header is dated too far ahead to be taken now. It is no fault: the clocks may be apart. */
export function isFromFuture(header: Header, nowMs: number): boolean {
  return header.timestamp > Math.floor(nowMs / 1000) + FUTURE_LIMIT_S;
}

/** A chain's tip, as far as fork choice looks at it. */
export interface Tip {
  readonly number: number;
  readonly hash: Hex;
}

/**
 * Total order of heads: the longest chain wins, of equally long ones the lowest hash.
 * @returns positive when `a` is the better head, zero only for the same block
 */
export function compareHeads(a: Tip, b: Tip): number {
  if (a.number !== b.number) return a.number - b.number;
  if (a.hash === b.hash) return 0;
  return a.hash < b.hash ? 1 : -1;
}
