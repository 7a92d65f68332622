/**
 * Web3 Secret Storage, version 3: a private key in JSON, encrypted under a password with AES-128-CTR, by a key that
 * scrypt or PBKDF2 derives. go-ethereum, Foundry's `cast wallet`, ethers and others read and write it.
 *
 * Source: ethereum.org, Web3 Secret Storage definition; parameters of go-ethereum, accounts/keystore/passphrase.go.
 */

import { createCipheriv, pbkdf2Sync, randomBytes, randomUUID, scryptSync, timingSafeEqual } from "node:crypto";
import { bytesToHex, concatBytes, type Hex, hexToBytes, isHex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { isJsonObject, type JsonObject } from "@counterpart/core/base/json-object";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import { scrypt } from "@noble/hashes/scrypt.js";
import { type Account, isPrivateKey, toAccount } from "./account.ts";
import { damagedFile } from "./secret-file.ts";

const VERSION = 3;
const CIPHER = "aes-128-ctr";
const IV_BYTES = 16;
const SALT_BYTES = 32;
const DERIVED_BYTES = 32;
/** go-ethereum's `StandardScryptN` and `StandardScryptP`: 256 MiB and about a second. */
const STANDARD: ScryptCost = { n: 2 ** 18, r: 8, p: 1 };
/** What a file may ask for before its password can be tried: memory in bytes, and rounds. */
const SCRYPT_MEMORY_MAX = 512 * 1024 * 1024;
const SCRYPT_P_MAX = 64;
const PBKDF2_ROUNDS_MAX = 10_000_000;
const SALT_BYTES_MAX = 1_024;
/** Derived keys that are remembered: that of this node's own files, and those of files that came from elsewhere. */
const DERIVED_MAX = 16;

export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

interface ScryptParams extends ScryptCost {
  readonly kdf: "scrypt";
  readonly salt: Uint8Array;
}

interface Pbkdf2Params {
  readonly kdf: "pbkdf2";
  readonly rounds: number;
  readonly salt: Uint8Array;
}

type KdfParams = ScryptParams | Pbkdf2Params;

interface Sealed {
  readonly kdf: KdfParams;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly mac: Uint8Array;
  /** Lower case, where the file has one: Foundry leaves it out. */
  readonly address: Hex | undefined;
}

/** A password, and what was derived from it. */
export interface Vault {
  /**
   * The file's text for a key. The salt is the same for all keys of a vault, so that however many there are the
   * password is stretched once; each has an initialisation vector of its own.
   */
  seal(account: Account): string;
  /** @throws CodedError `WRONG_PASSWORD`; `STORE_CORRUPT` when this is no such file */
  open(content: object, path: string): Account;
}

/** Whether JSON is meant to be an encrypted key; `Crypto` is how early clients wrote it. */
export const isSealed = (content: object): boolean =>
  "version" in content && content.version === VERSION && ("crypto" in content || "Crypto" in content);

export function createVault(password: string, cost: ScryptCost = STANDARD): Vault {
  const derived = new Map<string, Uint8Array>();
  let own: ScryptParams | undefined;
  const derive = (params: KdfParams): Uint8Array => {
    const name = nameOf(params);
    const known = derived.get(name);
    if (known !== undefined) return known;
    const key = stretch(password, params);
    if (derived.size < DERIVED_MAX) derived.set(name, key);
    return key;
  };
  const open = (content: object, path: string): Account => {
    const sealed = readSealed(content, path);
    const key = derive(sealed.kdf);
    if (!timingSafeEqual(macOf(key, sealed.ciphertext), sealed.mac)) {
      const message = `the key file ${path} was encrypted with another password, or is damaged`;
      throw new CodedError("WRONG_PASSWORD", message, { path });
    }
    // What this vault finds in use it goes on with: the salt of the folder's own files.
    if (own === undefined && isLike(sealed.kdf, cost)) own = sealed.kdf;
    const privateKey = crypt(key, sealed.iv, sealed.ciphertext);
    if (!isPrivateKey(privateKey)) throw damagedFile(path, "what it encrypts is no key of secp256k1");
    const account = toAccount(privateKey);
    if (sealed.address === undefined || sealed.address === account.address) return account;
    throw damagedFile(path, "its address is not that of its key");
  };
  return {
    seal({ address, privateKey }) {
      own ??= { kdf: "scrypt", ...cost, salt: randomBytes(SALT_BYTES) };
      const key = derive(own);
      const iv = randomBytes(IV_BYTES);
      const ciphertext = crypt(key, iv, privateKey);
      const content = {
        version: VERSION,
        id: randomUUID(),
        address: digits(address),
        crypto: {
          cipher: CIPHER,
          cipherparams: { iv: digits(bytesToHex(iv)) },
          ciphertext: digits(bytesToHex(ciphertext)),
          kdf: "scrypt",
          kdfparams: { dklen: DERIVED_BYTES, n: own.n, r: own.r, p: own.p, salt: digits(bytesToHex(own.salt)) },
          mac: digits(bytesToHex(macOf(key, ciphertext))),
        },
      };
      // A key that cannot be had back would be worse than none.
      open(content, "");
      return `${JSON.stringify(content)}\n`;
    },
    open,
  };
}

const digits = (hex: string): string => hex.slice("0x".length);

const isLike = (params: KdfParams, { n, r, p }: ScryptCost): params is ScryptParams =>
  params.kdf === "scrypt" && params.n === n && params.r === r && params.p === p && params.salt.length === SALT_BYTES;

const nameOf = (params: KdfParams): string =>
  params.kdf === "scrypt"
    ? `scrypt ${params.n} ${params.r} ${params.p} ${bytesToHex(params.salt)}`
    : `pbkdf2 ${params.rounds} ${bytesToHex(params.salt)}`;

function stretch(password: string, params: KdfParams): Uint8Array {
  const { salt } = params;
  if (params.kdf === "pbkdf2") return pbkdf2Sync(password, salt, params.rounds, DERIVED_BYTES, "sha256");
  const { n: N, r, p } = params;
  const maxmem = 2 * memoryOf(params);
  // OpenSSL refuses an n that is large beside r (RFC 7914, 2), which eth-keyfile wrote and the definition's vector has.
  if (Math.log2(N) >= 16 * r) return scrypt(password, salt, { N, r, p, dkLen: DERIVED_BYTES, maxmem });
  return scryptSync(password, salt, DERIVED_BYTES, { N, r, p, maxmem });
}

const memoryOf = ({ n, r, p }: ScryptCost): number => 128 * r * (n + p + 2);

const macOf = (key: Uint8Array, ciphertext: Uint8Array): Uint8Array =>
  keccak256(concatBytes(key.subarray(16, 32), ciphertext));

/** Encrypts or decrypts: in counter mode that is the same. */
function crypt(key: Uint8Array, iv: Uint8Array, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createCipheriv(CIPHER, key.subarray(0, 16), iv).update(bytes));
}

function readSealed(content: object, path: string): Sealed {
  const members = content as JsonObject;
  const inner = members.crypto ?? members.Crypto;
  if (!isJsonObject(inner)) throw damagedFile(path, "it has no member crypto");
  if (inner.cipher !== CIPHER) throw damagedFile(path, `its cipher is not ${CIPHER}`);
  const { iv } = isJsonObject(inner.cipherparams) ? inner.cipherparams : {};
  const { address } = members;
  return {
    kdf: readKdf(inner, path),
    iv: readBytes(iv, "iv", path, IV_BYTES),
    ciphertext: readBytes(inner.ciphertext, "ciphertext", path, 32),
    mac: readBytes(inner.mac, "mac", path, 32),
    address: address === undefined || address === "" ? undefined : bytesToHex(readBytes(address, "address", path, 20)),
  };
}

function readKdf({ kdf, kdfparams }: JsonObject, path: string): KdfParams {
  if (!isJsonObject(kdfparams)) throw damagedFile(path, "it has no member kdfparams");
  const { n, r, p, c, prf, dklen } = kdfparams;
  const salt = readBytes(kdfparams.salt, "salt", path);
  if (salt.length > SALT_BYTES_MAX) throw damagedFile(path, "its salt is too long");
  if (dklen !== DERIVED_BYTES) throw damagedFile(path, `its dklen is not ${DERIVED_BYTES}`);
  if (kdf === "pbkdf2") {
    if (prf !== "hmac-sha256") throw damagedFile(path, "its prf is not hmac-sha256");
    if (!isCount(c, PBKDF2_ROUNDS_MAX)) throw damagedFile(path, `its c is not between 1 and ${PBKDF2_ROUNDS_MAX}`);
    return { kdf, rounds: c, salt };
  }
  if (kdf !== "scrypt") throw damagedFile(path, "its kdf is neither scrypt nor pbkdf2");
  const isCost = isCount(n, 2 ** 30) && n > 1 && Number.isInteger(Math.log2(n)) && isCount(r, 2 ** 20);
  if (!isCost || !isCount(p, SCRYPT_P_MAX)) throw damagedFile(path, "its n, r or p cannot be used");
  if (memoryOf({ n, r, p }) <= SCRYPT_MEMORY_MAX) return { kdf, n, r, p, salt };
  throw damagedFile(path, `its n and r ask for more than ${SCRYPT_MEMORY_MAX} bytes of memory`);
}

const isCount = (value: unknown, max: number): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max;

/** Hexadecimal digits, with 0x or without. */
function readBytes(value: unknown, name: string, path: string, length?: number): Uint8Array {
  const text = typeof value === "string" ? `0x${value.replace(/^0x/i, "").toLowerCase()}` : "";
  if (!isHex(text, length)) throw damagedFile(path, `its ${name} is not what it has to be`);
  return hexToBytes(text);
}
