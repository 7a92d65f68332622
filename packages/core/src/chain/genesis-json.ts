/**
 * The genesis file:
 *
 *     {"chainId": 31337, "consensus": "poa", "signers": ["0x…"], "timestamp": 1767225600, "gasLimit": 60000000,
 *      "alloc": {"0x…": {"balance": "10000", "nonce": 0, "code": "0x…", "storage": {"0x…": "0x…"}}}}
 *
 * `signers` (default: none listed, so any node may seal) and each member of an account may be left out. Amounts are
 * decimal or 0x text. Nothing else is taken: a misspelt member would silently make another chain.
 */

import { bigIntToFixedBytes, bytesToHex, type Hex, hexToBytes, isHex } from "../base/bytes.ts";
import { CodedError, isCodedError, reasonOf } from "../base/errors.ts";
import { parseAddress } from "../crypto/crypto.ts";
import type { Genesis, GenesisAccount } from "./genesis.ts";
import { TX_GAS_MAX } from "./rules.ts";

const TEXT_LENGTH_MAX = 64 * 1024 * 1024;
export const ACCOUNTS_MAX = 100_000;
export const SIGNERS_MAX = 1_000;
/** EIP-170. */
const CODE_BYTES_MAX = 24_576;
/** Above it, v of a protected legacy transaction is no longer an exact number in common wallets. */
const CHAIN_ID_MAX = 4_503_599_627_370_476;
const GAS_LIMIT_MAX = 1_000_000_000;
export const UINT256_MAX = 2n ** 256n - 1n;
const NONCE_MAX = 2n ** 64n - 2n;

export type JsonObject = Readonly<Record<string, unknown>>;

export function invalidGenesis(message: string): CodedError {
  return new CodedError("INVALID_GENESIS", `genesis: ${message}`);
}

/** A JSON object that has no member but those of `known`. @throws CodedError `INVALID_GENESIS` */
export function asObject(value: unknown, path: string, known?: readonly string[]): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalidGenesis(`${path} is not an object`);
  const unknown = known === undefined ? undefined : Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw invalidGenesis(`${path} has the unknown member "${unknown}"`);
  return value as JsonObject;
}

function integer(value: unknown, path: string, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max) {
    throw invalidGenesis(`${path} is not an integer from ${min} to ${max}`);
  }
  return value;
}

/** A number, or decimal or 0x text. @throws CodedError `INVALID_GENESIS` */
export function amount(value: unknown, path: string, max: bigint): bigint {
  const isText = typeof value === "string" && /^(0|[1-9][0-9]{0,77}|0x[0-9a-fA-F]{1,64})$/.test(value);
  if (!isText && typeof value !== "bigint" && !Number.isSafeInteger(value))
    throw invalidGenesis(`${path} is neither an integer nor decimal or 0x text`);
  const parsed = BigInt(value as string | number | bigint);
  if (parsed < 0n || parsed > max) throw invalidGenesis(`${path} is negative or above ${max}`);
  return parsed;
}

/** @throws CodedError `INVALID_GENESIS` */
export function address(value: unknown, path: string): Hex {
  try {
    if (typeof value === "string") return parseAddress(value);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw invalidGenesis(`${path}: ${error.message}`);
  }
  throw invalidGenesis(`${path} is not an address`);
}

function storageOf(value: unknown, path: string): Map<Hex, bigint> {
  const storage = new Map<Hex, bigint>();
  for (const [key, text] of Object.entries(asObject(value, path))) {
    const slot = bytesToHex(bigIntToFixedBytes(amount(key, `${path}, slot "${key}"`, UINT256_MAX), 32));
    const stored = amount(text, `${path}.${key}`, UINT256_MAX);
    if (stored === 0n) throw invalidGenesis(`${path}.${key} is zero: leave it out`);
    if (storage.has(slot)) throw invalidGenesis(`${path} has slot ${slot} twice`);
    storage.set(slot, stored);
  }
  return storage;
}

function codeOf(value: unknown, path: string): Uint8Array {
  if (!isHex(value)) throw invalidGenesis(`${path} is not 0x and hexadecimal digits`);
  const code = hexToBytes(value);
  if (code.length > CODE_BYTES_MAX) throw invalidGenesis(`${path} has more than ${CODE_BYTES_MAX} bytes (EIP-170)`);
  if (code[0] === 0xef) throw invalidGenesis(`${path} begins with 0xef (EIP-3541)`);
  return code;
}

function accountOf(value: unknown, path: string): GenesisAccount {
  const object = asObject(value, path, ["balance", "nonce", "code", "storage"]);
  const account = {
    balance: amount(object.balance ?? 0, `${path}.balance`, UINT256_MAX),
    nonce: amount(object.nonce ?? 0, `${path}.nonce`, NONCE_MAX),
    code: codeOf(object.code ?? "0x", `${path}.code`),
    storage: storageOf(object.storage ?? {}, `${path}.storage`),
  };
  const { balance, nonce, code, storage } = account;
  // Such an account would vanish with its storage when it is next touched (EIP-161).
  if (code.length === 0 && storage.size > 0) throw invalidGenesis(`${path} has storage but no code`);
  if (balance === 0n && nonce === 0n && code.length === 0) throw invalidGenesis(`${path} is empty (EIP-161)`);
  return account;
}

function allocOf(value: unknown): Map<Hex, GenesisAccount> {
  const entries = Object.entries(asObject(value, "alloc"));
  if (entries.length > ACCOUNTS_MAX) throw invalidGenesis(`alloc has more than ${ACCOUNTS_MAX} accounts`);
  const alloc = new Map<Hex, GenesisAccount>();
  let total = 0n;
  for (const [key, entry] of entries) {
    const at = address(key, `alloc, "${key}"`);
    if (alloc.has(at)) throw invalidGenesis(`alloc has ${at} twice`);
    const account = accountOf(entry, `alloc.${key}`);
    alloc.set(at, account);
    total += account.balance;
  }
  if (total > UINT256_MAX) throw invalidGenesis("the balances together exceed 256 bits");
  return alloc;
}

function signersOf(value: unknown): Hex[] {
  if (!Array.isArray(value)) throw invalidGenesis("signers is not a list");
  if (value.length > SIGNERS_MAX) throw invalidGenesis(`signers has more than ${SIGNERS_MAX} addresses`);
  const signers = value.map((entry: unknown, index) => address(entry, `signers[${index}]`)).sort();
  if (new Set(signers).size !== signers.length) throw invalidGenesis("signers has an address twice");
  return signers;
}

/** `JSON.parse` as runtimes have it (ECMAScript: source text access); the library types lag behind. */
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context?: { readonly source?: string }) => unknown,
) => unknown;

/** Where an integer that may be beyond 2^53 stands as a number. Looking at each value takes three times as long. */
const LONG_NUMBER = /(?:^|[\s:,[])\d{16}/;

function exactly(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? "";
  return /^[1-9]\d{15,77}$/.test(source) ? BigInt(source) : value;
}

/** Integers beyond 2^53, which other clients write as numbers, are bigints. @throws CodedError `INVALID_GENESIS` */
export function parseJson(text: string): unknown {
  if (text.length > TEXT_LENGTH_MAX) throw invalidGenesis(`the file is longer than ${TEXT_LENGTH_MAX} characters`);
  try {
    return LONG_NUMBER.test(text) ? parseWithSource(text, exactly) : JSON.parse(text);
  } catch (error) {
    throw invalidGenesis(`not valid JSON: ${reasonOf(error)}`);
  }
}

/**
 * Reads a genesis file.
 * @throws CodedError `INVALID_GENESIS` that names the member at fault
 */
export function parseGenesis(text: string): Genesis {
  const members = ["chainId", "consensus", "signers", "timestamp", "gasLimit", "alloc"];
  const object = asObject(parseJson(text), "the file", members);
  if (object.consensus !== "poa") throw invalidGenesis('consensus is not "poa"');
  return Object.freeze({
    chainId: integer(object.chainId, "chainId", 1, CHAIN_ID_MAX),
    consensus: "poa",
    signers: signersOf(object.signers ?? []),
    timestamp: integer(object.timestamp, "timestamp", 0, 2 ** 40),
    gasLimit: integer(object.gasLimit, "gasLimit", TX_GAS_MAX, GAS_LIMIT_MAX),
    alloc: allocOf(object.alloc),
  });
}
