/** The accounts a node signs for: its own, those made on request, and keys lent to it for the time it runs. */

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { signDigest } from "@counterpart/core/crypto/crypto";
import type { Logger } from "@counterpart/core/ports/runtime";
import { type Account, readKeyFile, toAccount, writeKeyFile } from "./key-file.ts";
import { closeToOthers, messageOf } from "./secret-file.ts";
import type { KeyRing } from "./types.ts";

export interface KeyRingOptions {
  /** The folder of the key files, made when absent. Nobody else may write there while the ring is in use. */
  readonly dir: string;
  /** Private keys of 32 bytes that are held but never written. */
  readonly extraKeys?: readonly Uint8Array[];
  /** Hears of files that were open to other users. */
  readonly logger?: Logger;
}

const OWN_FILE = "node.json";
const ACCOUNT_FILE = /^0x[0-9a-f]{40}\.json$/;
const DRAFT = /^\..*\.tmp$/;
const ACCOUNTS_MAX = 10_000;

/**
 * Opens the ring in `dir`, or makes the node's own key there when there is none.
 * @throws CodedError `STORE_CORRUPT` when a key file is damaged (it is left as it is), `DATA_DIR_UNUSABLE`
 */
export function createKeyRing(options: KeyRingOptions): KeyRing {
  openFolder(options);
  const own = openOwnKey(options);
  const held = new Map<Hex, Account>([[own.address, own]]);
  for (const account of readAccounts(options)) held.set(account.address, account);
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
      writeKeyFile(join(options.dir, `${account.address}.json`), account);
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
    throw new CodedError("DATA_DIR_UNUSABLE", `the folder ${dir} cannot be used: ${messageOf(error)}`, { path: dir });
  }
  closeLoudly(dir, "folder", logger);
}

function openOwnKey({ dir, logger }: KeyRingOptions): Account {
  const path = join(dir, OWN_FILE);
  if (existsSync(path)) return openKey(path, logger);
  const account = randomAccount();
  writeKeyFile(path, account);
  return account;
}

function readAccounts({ dir, logger }: KeyRingOptions): Account[] {
  const names = readdirSync(dir).filter((name) => ACCOUNT_FILE.test(name));
  return names.sort().map((name) => {
    const account = openKey(join(dir, name), logger);
    if (name === `${account.address}.json`) return account;
    const path = join(dir, name);
    throw new CodedError("STORE_CORRUPT", `the key file ${path} holds the key of ${account.address}`, { path });
  });
}

function openKey(path: string, logger: Logger | undefined): Account {
  closeLoudly(path, "file", logger);
  return readKeyFile(path);
}

function closeLoudly(path: string, kind: "file" | "folder", logger: Logger | undefined): void {
  if (closeToOthers(path, kind)) logger?.warn("private keys were open to other users; access is now closed", { path });
}

/** Fails in one case of 2¹²⁸, where the bytes are no key. */
const randomAccount = (): Account => toAccount(new Uint8Array(randomBytes(32)));
