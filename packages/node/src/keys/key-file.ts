/** One private key in one file that only its owner can read: as it is, or encrypted under a password. */

import { bytesToHex, hexToBytes, isHex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { type Account, isPrivateKey, toAccount } from "./account.ts";
import { damagedFile, readSecretFile, writeSecretFile } from "./secret-file.ts";
import { isSealed, type Vault } from "./web3-secret.ts";

const VERSION = 1;

/** A key as a file has it. */
export interface StoredKey {
  readonly account: Account;
  readonly isEncrypted: boolean;
}

/**
 * Writes a key so that a crash leaves the whole file, the one that was there, or none.
 * @param vault encrypts it; without one it is written as it is
 * @throws CodedError `STORE_WRITE_FAILED` when the disk has no room, else `DATA_DIR_UNUSABLE`
 */
export function writeKeyFile(path: string, account: Account, vault?: Vault): void {
  const plain = { version: VERSION, address: account.address, private_key: bytesToHex(account.privateKey) };
  writeSecretFile(path, vault?.seal(account) ?? `${JSON.stringify(plain)}\n`);
}

/**
 * @throws CodedError `STORE_CORRUPT` when the content is not a key file, or its address is not the key's;
 * `PASSWORD_REQUIRED`, `WRONG_PASSWORD` when it is encrypted; `DATA_DIR_UNUSABLE` when it cannot be read
 */
export function readKeyFile(path: string, vault?: Vault): StoredKey {
  const content = parse(readSecretFile(path));
  if (content === undefined) throw damagedFile(path, "it is not JSON");
  if (typeof content !== "object" || content === null) throw damagedFile(path, "it is no object");
  if (isSealed(content)) return { account: unseal(content, path, vault), isEncrypted: true };
  const { version, address, private_key: key } = content as Partial<Record<string, unknown>>;
  if (version !== VERSION) throw damagedFile(path, `its version is not ${VERSION}, and it is no encrypted key`);
  if (!isHex(key, 32) || !isPrivateKey(hexToBytes(key))) {
    throw damagedFile(path, "its private_key is no key of secp256k1");
  }
  const account = toAccount(hexToBytes(key));
  if (account.address !== address) throw damagedFile(path, "its address is not that of its key");
  return { account, isEncrypted: false };
}

/**
 * The key in a file whose name says nothing, as other programs write them; undefined when it is no encrypted key.
 * @throws CodedError as `readKeyFile` does
 */
export function readForeignKeyFile(path: string, vault?: Vault): Account | undefined {
  const content = parse(readSecretFile(path));
  const isKey = typeof content === "object" && content !== null && isSealed(content);
  return isKey ? unseal(content, path, vault) : undefined;
}

function unseal(content: object, path: string, vault: Vault | undefined): Account {
  if (vault !== undefined) return vault.open(content, path);
  const message = `the key file ${path} is encrypted: give its password with --keystore-password-file`;
  throw new CodedError("PASSWORD_REQUIRED", message, { path });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
