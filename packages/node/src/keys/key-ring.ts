/** The accounts a node signs for: its own, those made on request, and keys lent to it for the time it runs. */

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError, reasonOf } from "@counterpart/core/base/errors";
import { signDigest } from "@counterpart/core/crypto/crypto";
import type { Logger } from "@counterpart/core/ports/runtime";
import { type Account, toAccount } from "./account.ts";
import { readForeignKeyFile, readKeyFile, type StoredKey, writeKeyFile } from "./key-file.ts";
import { closeToOthers, SECRET_FILE_BYTES_MAX } from "./secret-file.ts";
import type { KeyRing } from "./types.ts";
import type { Vault } from "./web3-secret.ts";

export interface KeyRingOptions {
  /** The folder of the key files, made when absent. Nobody else may write there while the ring is in use. */
  readonly dir: string;
  /** Private keys of 32 bytes that are held but never written. */
  readonly extraKeys?: readonly Uint8Array[];
  /** Encrypts what is written, also what is there in the clear, and opens what is encrypted. */
  readonly vault?: Vault | undefined;
  /** Hears of files that were open to other users, and of those that were encrypted. */
  readonly logger?: Logger;
}

const OWN_FILE = "node.json";
const ACCOUNT_FILE = /^0x[0-9a-f]{40}\.json$/;
const PEER_FILE = "peer.key";
const DRAFT = /^\..*\.tmp$/;
const ACCOUNTS_MAX = 10_000;

/**
 * Opens the ring in `dir`, or makes the node's own key there when there is none.
 * @throws CodedError `STORE_CORRUPT` when a key file is damaged (it is left as it is), `DATA_DIR_UNUSABLE`,
 * `PASSWORD_REQUIRED` and `WRONG_PASSWORD` when one is encrypted
 */
export function createKeyRing(options: KeyRingOptions): KeyRing {
  openFolder(options);
  const { own, accounts } = openKeys(options);
  const held = new Map<Hex, Account>([[own.address, own]]);
  for (const account of accounts) held.set(account.address, account);
  const lent = (options.extraKeys ?? []).map(toAccount);
  for (const account of lent) held.set(account.address, account);
  return {
    own: own.address,
    accounts: () => [...held.keys()],
    lent: lent.map(({ address }) => address),
    holds: (address) => held.has(address),
    async create() {
      if (held.size >= ACCOUNTS_MAX) {
        throw new CodedError("TOO_MANY_ACCOUNTS", `this node already holds ${held.size} accounts`);
      }
      const account = randomAccount();
      writeKeyFile(join(options.dir, `${account.address}.json`), account, options.vault);
      held.set(account.address, account);
      return account.address;
    },
    sign(address, digest) {
      const account = held.get(address);
      if (account !== undefined) return signDigest(digest, account.privateKey);
      throw new CodedError("FROM_NOT_HELD", `this node does not hold the key of ${address}`, { address });
    },
  };
}

/** Makes the folder, and removes drafts that a crash left: a draft never was anyone's key. */
function openFolder({ dir, logger }: KeyRingOptions): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(dir)) if (DRAFT.test(name)) rmSync(join(dir, name));
  } catch (error) {
    throw new CodedError("DATA_DIR_UNUSABLE", `the folder ${dir} cannot be used: ${reasonOf(error)}`, { path: dir });
  }
  closeLoudly(dir, "folder", logger);
}

/** Nothing is written before everything is open: a wrong password changes nothing. */
function openKeys(options: KeyRingOptions): { readonly own: Account; readonly accounts: readonly Account[] } {
  const { dir, vault } = options;
  const ownPath = join(dir, OWN_FILE);
  const ownKey = existsSync(ownPath) ? openKey(ownPath, options) : undefined;
  const names = readdirSync(dir).sort();
  const named = names.filter((name) => ACCOUNT_FILE.test(name)).map((name) => openNamed(name, options));
  const others = names
    .filter((name) => !ACCOUNT_FILE.test(name) && name !== OWN_FILE && name !== PEER_FILE)
    .flatMap((name) => openForeign(join(dir, name), options) ?? []);
  for (const key of [...(ownKey === undefined ? [] : [ownKey]), ...named]) encryptIfClear(key, options);
  const own = ownKey?.account ?? randomAccount();
  if (ownKey === undefined) writeKeyFile(ownPath, own, vault);
  return { own, accounts: [...named.map(({ account }) => account), ...others] };
}

interface OpenedKey extends StoredKey {
  readonly path: string;
}

function openKey(path: string, { vault, logger }: KeyRingOptions): OpenedKey {
  closeLoudly(path, "file", logger);
  return { path, ...readKeyFile(path, vault) };
}

function openNamed(name: string, options: KeyRingOptions): OpenedKey {
  const key = openKey(join(options.dir, name), options);
  const { path, account } = key;
  if (name === `${account.address}.json`) return key;
  throw new CodedError("STORE_CORRUPT", `the key file ${path} holds the key of ${account.address}`, { path });
}

/** Replaces the file in one step, so that a crash leaves it readable, one way or the other. */
function encryptIfClear({ path, account, isEncrypted }: OpenedKey, { vault, logger }: KeyRingOptions): void {
  if (isEncrypted || vault === undefined) return;
  writeKeyFile(path, account, vault);
  logger?.info("a private key that was in the clear is encrypted now", { path });
}

/** A link may lead nowhere, such as editors make beside a file that they edit. */
function sizeOfFile(path: string): number | "none" | "unreadable" {
  try {
    const found = statSync(path);
    return found.isFile() ? found.size : "none";
  } catch {
    return "unreadable";
  }
}

/** An account that another program wrote, under whatever name; other files are left alone, but not without a word. */
function openForeign(path: string, { vault, logger }: KeyRingOptions): Account | undefined {
  const found = sizeOfFile(path);
  if (found === "none") return undefined;
  const account = found === "unreadable" || found > SECRET_FILE_BYTES_MAX ? undefined : readForeignKeyFile(path, vault);
  if (account === undefined)
    logger?.warn("a file in the folder of keys holds no encrypted key, and is left alone", { path });
  else closeLoudly(path, "file", logger);
  return account;
}

function closeLoudly(path: string, kind: "file" | "folder", logger: Logger | undefined): void {
  if (closeToOthers(path, kind)) logger?.warn("private keys were open to other users; access is now closed", { path });
}

/** Fails in one case of 2¹²⁸, where the bytes are no key. */
const randomAccount = (): Account => toAccount(new Uint8Array(randomBytes(32)));
