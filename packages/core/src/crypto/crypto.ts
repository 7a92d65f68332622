/**
 * Hashing and signatures behind one small port. The portable implementation is the default; a node plugs in faster
 * ones with `useCrypto` once, before anything else runs.
 */

import type { Hex } from "../base/bytes.ts";
import { bytesToHex, concatBytes } from "../base/bytes.ts";
import { dropOldest } from "../base/drop-oldest.ts";
import { CodedError } from "../base/errors.ts";
import type { Bls12, PairingCurve } from "./curves.ts";
import { createPortableCrypto } from "./portable.ts";

export interface CryptoProvider {
  /** Name shown in logs and `GET version`, such as "portable" or "native". */
  readonly name: string;
  keccak256(bytes: Uint8Array): Uint8Array;
  /** Signs a 32-byte digest; s is in the lower half of the order (EIP-2). */
  sign(digest: Uint8Array, privateKey: Uint8Array): { readonly rs: Uint8Array; readonly yParity: 0 | 1 };
  /**
   * Uncompressed public key without the 0x04 prefix (64 bytes) that made the 64-byte signature `rs` over `digest`.
   * @throws when no key can be recovered
   */
  recover(digest: Uint8Array, rs: Uint8Array, yParity: 0 | 1): Uint8Array;
  /** Uncompressed public key without prefix (64 bytes). */
  publicKey(privateKey: Uint8Array): Uint8Array;
  /** For the precompiled contracts; where it is absent they have a portable one. */
  readonly bn254?: PairingCurve;
  readonly bls12381?: Bls12;
  /**
   * Whether a signature on P-256 is valid; either half of the order is taken as s.
   * @param signature r and s, 32 bytes each, above zero and below the order
   * @param publicKey x and y, 32 bytes each, elements of the field that are not both zero
   * @throws when the public key is no point of the curve
   */
  verifyP256?(digest: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean;
}

/** Half of the order of secp256k1, the greatest s of a canonical signature (EIP-2). */
export const SECP256K1_HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
export const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

let provider: CryptoProvider = createPortableCrypto();

/** Replaces the implementation for the whole process. */
export function useCrypto(next: CryptoProvider): void {
  provider = next;
}

export const currentCrypto = (): CryptoProvider => provider;

/** Runs `work` with another implementation. Whoever else hashes meanwhile gets it too, which changes no result. */
export async function withCrypto<T>(other: CryptoProvider, work: () => Promise<T>): Promise<T> {
  const usual = provider;
  provider = other;
  try {
    return await work();
  } finally {
    provider = usual;
  }
}

export const keccak256 = (bytes: Uint8Array): Uint8Array => provider.keccak256(bytes);
export const keccak256Hex = (bytes: Uint8Array): Hex => bytesToHex(provider.keccak256(bytes));

/** The last 20 bytes of a hash. Not of a view, for which the hash would have to be moved from V8's heap. */
export const hashToAddress = (hash: Uint8Array): Hex => bytesToHex(hash.slice(12));

/** 65 bytes: r ‖ s ‖ recovery bit (0 or 1). */
export function signDigest(digest: Uint8Array, privateKey: Uint8Array): Uint8Array {
  const { rs, yParity } = provider.sign(digest, privateKey);
  return concatBytes(rs, new Uint8Array([yParity]));
}

function isHighS(signature: Uint8Array): boolean {
  return BigInt(bytesToHex(signature.subarray(32, 64))) > SECP256K1_HALF_ORDER;
}

/**
 * Address that signed `digest`, whether s is low or high.
 * @param signature 65 bytes, r ‖ s ‖ recovery bit (0 or 1)
 * @throws CodedError `INVALID_SIGNATURE` when it is malformed or recovers no key
 */
export function recoverAnyAddress(digest: Uint8Array, signature: Uint8Array): Hex {
  const bit = signature[64];
  if (signature.length !== 65 || (bit !== 0 && bit !== 1)) {
    throw new CodedError("INVALID_SIGNATURE", "a signature has 65 bytes and ends in its recovery bit");
  }
  let key: Uint8Array;
  try {
    key = provider.recover(digest, signature.subarray(0, 64), bit);
  } catch {
    throw new CodedError("INVALID_SIGNATURE", "the signature recovers no public key");
  }
  return publicKeyToAddress(key);
}

/**
 * Address that signed `digest`.
 * @param signature 65 bytes, r ‖ s ‖ recovery bit (0 or 1)
 * @throws CodedError `INVALID_SIGNATURE` when it is malformed, has a high s (EIP-2), or recovers no key
 */
export function recoverAddress(digest: Uint8Array, signature: Uint8Array): Hex {
  if (signature.length === 65 && isHighS(signature)) {
    throw new CodedError("INVALID_SIGNATURE", "the signature's s is in the upper half");
  }
  return recoverAnyAddress(digest, signature);
}

/** @param publicKey 64 bytes, uncompressed, without prefix */
export function publicKeyToAddress(publicKey: Uint8Array): Hex {
  return hashToAddress(provider.keccak256(publicKey));
}

export function privateKeyToAddress(privateKey: Uint8Array): Hex {
  return publicKeyToAddress(provider.publicKey(privateKey));
}

const CHECKSUMMED_MAX = 4_096;
/** By lower-case address: callers name and read the same few again and again. */
const checksummed = new Map<string, Hex>();

/** Address text with the mixed-case checksum of EIP-55. */
export function checksumAddress(address: Hex): Hex {
  const lower = address.slice(2).toLowerCase();
  const known = checksummed.get(lower);
  if (known !== undefined) return known;
  const text = withChecksum(lower);
  checksummed.set(lower, text);
  dropOldest(checksummed, CHECKSUMMED_MAX);
  return text;
}

function withChecksum(lower: string): Hex {
  const upper = lower.toUpperCase();
  const hash = provider.keccak256(new TextEncoder().encode(lower));
  let text = "0x";
  for (let i = 0; i < 40; i++) {
    const isHigh = ((hash[i >> 1] as number) & (i % 2 === 0 ? 0x80 : 0x08)) !== 0;
    text += (isHigh ? upper : lower)[i];
  }
  return text as Hex;
}

/**
 * Lower-case form of an address that is all one case or has a right EIP-55 checksum.
 * @throws CodedError `INVALID_HEX`
 */
export function parseAddress(text: string): Hex {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) throw new CodedError("INVALID_HEX", "an address is 0x and 40 hex digits");
  const digits = text.slice(2);
  const lower = `0x${digits.toLowerCase()}` as Hex;
  const mixed = digits !== digits.toLowerCase() && digits !== digits.toUpperCase();
  if (mixed && checksumAddress(lower) !== text) {
    throw new CodedError("INVALID_HEX", "the address has a wrong EIP-55 checksum");
  }
  return lower;
}
