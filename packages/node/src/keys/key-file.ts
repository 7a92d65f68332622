/** One private key in one file that only its owner can read. */

import { bytesToBigInt, bytesToHex, type Hex, hexToBytes, isHex } from "@counterpart/core/base/bytes";
import { assert, type CodedError } from "@counterpart/core/base/errors";
import { privateKeyToAddress, SECP256K1_ORDER } from "@counterpart/core/crypto/crypto";
import { damagedFile, readSecretFile, writeSecretFile } from "./secret-file.ts";

export interface Account {
  readonly address: Hex;
  /** 32 bytes. */
  readonly privateKey: Uint8Array;
}

const VERSION = 1;

/** Whether bytes are a key of secp256k1: 32 of them, above zero and below the curve's order. */
export function isPrivateKey(bytes: Uint8Array): boolean {
  const scalar = bytes.length === 32 ? bytesToBigInt(bytes) : 0n;
  return scalar > 0n && scalar < SECP256K1_ORDER;
}

export function toAccount(privateKey: Uint8Array): Account {
  assert(isPrivateKey(privateKey), "a private key is 32 bytes, above zero and below the curve's order");
  return { address: privateKeyToAddress(privateKey), privateKey };
}

/**
 * Writes a key so that a crash leaves the whole file or none.
 * @throws CodedError `DATA_DIR_UNUSABLE`
 */
export function writeKeyFile(path: string, account: Account): void {
  const content = { version: VERSION, address: account.address, private_key: bytesToHex(account.privateKey) };
  writeSecretFile(path, `${JSON.stringify(content)}\n`);
}

/**
 * @throws CodedError `STORE_CORRUPT` when the content is not a key file, or its address is not the key's;
 * `DATA_DIR_UNUSABLE` when it cannot be read
 */
export function readKeyFile(path: string): Account {
  const text = readSecretFile(path);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw corrupt(path, "it is not JSON");
  }
  if (typeof content !== "object" || content === null) throw corrupt(path, "it is no object");
  const { version, address, private_key: key } = content as Partial<Record<string, unknown>>;
  if (version !== VERSION) throw corrupt(path, `its version is not ${VERSION}`);
  if (!isHex(key, 32) || !isPrivateKey(hexToBytes(key))) throw corrupt(path, "its private_key is no key of secp256k1");
  const account = toAccount(hexToBytes(key));
  if (account.address !== address) throw corrupt(path, "its address is not that of its key");
  return account;
}

const corrupt = (path: string, why: string): CodedError => damagedFile(path, why);
