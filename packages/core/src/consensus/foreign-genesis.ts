/**
 * The genesis file of other clients, with its `config`: where a chain sealed elsewhere begins. Which fields the genesis
 * header has follows from the forks that are active in it.
 */

import { bigIntToFixedBytes, bytesToHex, type Hex, hexToBytes, isHex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { type AnyHeader, type AnySealedHeader, encodeAnyHeader, gasLimitOf } from "../chain/any-header.ts";
import type { GenesisAccount } from "../chain/genesis.ts";
import {
  ACCOUNTS_MAX,
  address,
  amount,
  asObject,
  invalidGenesis,
  type JsonObject,
  parseJson,
  UINT256_MAX,
} from "../chain/genesis-json.ts";
import { BLOOM_BYTES, EMPTY_OMMERS_HASH, EMPTY_REQUESTS_HASH, ZERO_ADDRESS, ZERO_HASH } from "../chain/header.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT } from "../trie/ordered.ts";
import { GAS_LIMIT_MAX } from "./foreign-headers.ts";
import { type ForkSchedule, parseForkSchedule } from "./fork-schedule.ts";

const CONFIG_CHARACTERS_MAX = 65_536;
const EXTRA_DATA_MAX = 32 * 1024;
const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);
const UINT64_MAX = 2n ** 64n - 1n;
const INITIAL_BASE_FEE = 1_000_000_000n;
/** What other clients take where the file says nothing. */
const DIFFICULTY = 131_072n;

export interface ForeignGenesis {
  readonly schedule: ForkSchedule;
  /** The file's `config` as JSON text, in which integers beyond 2^53 are text: what gives `schedule` again. */
  readonly config: string;
  /** By address. Empty accounts exist. */
  readonly alloc: ReadonlyMap<Hex, GenesisAccount>;
  /** Block 0 without its state root. */
  readonly draft: Omit<AnyHeader, "stateRoot">;
}

/** Hexadecimal text with or without its prefix, as other clients write addresses. */
const prefixed = (text: string): string => (text.startsWith("0x") || text.startsWith("0X") ? text : `0x${text}`);

function bytesOf(value: unknown, path: string, bytesMax: number): Uint8Array {
  const text = value ?? "0x";
  if (!isHex(text)) throw invalidGenesis(`${path} is not 0x and whole bytes of hexadecimal digits`);
  const bytes = hexToBytes(text);
  if (bytes.length > bytesMax) throw invalidGenesis(`${path} has more than ${bytesMax} bytes`);
  return bytes;
}

/** A word of 32 bytes, of which leading zeros may be left out. */
function wordOf(text: unknown, path: string): bigint {
  const digits = typeof text === "string" ? prefixed(text).slice(2) : undefined;
  if (digits === undefined || !/^[0-9a-fA-F]{0,64}$/.test(digits)) {
    throw invalidGenesis(`${path} is not a word of at most 32 bytes`);
  }
  return digits === "" ? 0n : BigInt(`0x${digits}`);
}

/** Slots that are zero are no slots. */
function storageOf(value: unknown, path: string): Map<Hex, bigint> {
  const storage = new Map<Hex, bigint>();
  for (const [key, text] of Object.entries(asObject(value ?? {}, path))) {
    const slot = bytesToHex(bigIntToFixedBytes(wordOf(key, `${path}, slot "${key}"`), 32));
    const stored = wordOf(text, `${path}.${key}`);
    if (storage.has(slot)) throw invalidGenesis(`${path} has slot ${slot} twice`);
    if (stored !== 0n) storage.set(slot, stored);
  }
  return storage;
}

function accountOf(value: unknown, path: string): GenesisAccount {
  const { balance, nonce, code, storage } = asObject(value, path, ["balance", "nonce", "code", "storage", "secretKey"]);
  return {
    balance: amount(balance ?? 0, `${path}.balance`, UINT256_MAX),
    nonce: amount(nonce ?? 0, `${path}.nonce`, UINT64_MAX),
    code: bytesOf(code, `${path}.code`, Number.POSITIVE_INFINITY),
    storage: storageOf(storage, `${path}.storage`),
  };
}

function allocOf(value: unknown): Map<Hex, GenesisAccount> {
  const entries = Object.entries(asObject(value, "alloc"));
  if (entries.length > ACCOUNTS_MAX) throw invalidGenesis(`alloc has more than ${ACCOUNTS_MAX} accounts`);
  const alloc = new Map<Hex, GenesisAccount>();
  for (const [key, entry] of entries) {
    const at = address(prefixed(key).toLowerCase(), `alloc, "${key}"`);
    if (alloc.has(at)) throw invalidGenesis(`alloc has ${at} twice`);
    alloc.set(at, accountOf(entry, `alloc.${key}`));
  }
  return alloc;
}

const number = (value: unknown, name: string): number => Number(amount(value ?? 0, name, SAFE_MAX));

function hashOf(value: unknown, name: string): Hex {
  const text = value ?? ZERO_HASH;
  if (!isHex(text, 32)) throw invalidGenesis(`${name} is not 32 bytes`);
  return text.toLowerCase() as Hex;
}

/** A fork's fields, from the forks that begin with the genesis. */
function laterFields(file: JsonObject, schedule: ForkSchedule): Partial<AnyHeader> {
  const { byNumber, byTime } = schedule;
  if (!byNumber.some(({ at, fork }) => fork === "london" && at === 0)) return {};
  const timestamp = number(file.timestamp, "timestamp");
  const has = (name: string): boolean => byTime.some(({ at, fork }) => fork === name && at <= timestamp);
  return {
    baseFeePerGas: amount(file.baseFeePerGas ?? INITIAL_BASE_FEE.toString(), "baseFeePerGas", UINT256_MAX),
    ...(has("shanghai") && { withdrawalsRoot: EMPTY_TRIE_ROOT }),
    ...(has("cancun") && {
      blobGasUsed: number(file.blobGasUsed, "blobGasUsed"),
      excessBlobGas: number(file.excessBlobGas, "excessBlobGas"),
      parentBeaconBlockRoot: ZERO_HASH,
    }),
    ...(has("prague") && { requestsHash: EMPTY_REQUESTS_HASH }),
  };
}

function draftOf(file: JsonObject, schedule: ForkSchedule): Omit<AnyHeader, "stateRoot"> {
  if (file.gasLimit === undefined) throw invalidGenesis("gasLimit is missing");
  if (number(file.number, "number") !== 0) throw invalidGenesis("number is not 0");
  return {
    parentHash: hashOf(file.parentHash, "parentHash"),
    ommersHash: EMPTY_OMMERS_HASH,
    coinbase: address(prefixed(String(file.coinbase ?? ZERO_ADDRESS)).toLowerCase(), "coinbase"),
    transactionsRoot: EMPTY_TRIE_ROOT,
    receiptsRoot: EMPTY_TRIE_ROOT,
    logsBloom: new Uint8Array(BLOOM_BYTES),
    difficulty: amount(file.difficulty ?? DIFFICULTY.toString(), "difficulty", UINT256_MAX),
    number: 0,
    gasLimit: gasLimitOf(amount(file.gasLimit, "gasLimit", GAS_LIMIT_MAX)),
    gasUsed: number(file.gasUsed, "gasUsed"),
    timestamp: number(file.timestamp, "timestamp"),
    extraData: bytesOf(file.extraData, "extraData", EXTRA_DATA_MAX),
    mixHash: hashOf(file.mixHash ?? file.mixhash, "mixHash"),
    nonce: bigIntToFixedBytes(amount(file.nonce ?? 0, "nonce", UINT64_MAX), 8),
    ...laterFields(file, schedule),
  };
}

/**
 * Reads the genesis file of other clients.
 * @throws CodedError `INVALID_GENESIS` that names the member at fault
 */
export function parseForeignGenesis(text: string): ForeignGenesis {
  const file = asObject(parseJson(text), "the file");
  const schedule = parseForkSchedule(file.config);
  const config = JSON.stringify(file.config, (_key, value) => (typeof value === "bigint" ? value.toString() : value));
  if (config.length > CONFIG_CHARACTERS_MAX) {
    throw new CodedError("INVALID_GENESIS", `genesis: config is longer than ${CONFIG_CHARACTERS_MAX} characters`);
  }
  return Object.freeze({ schedule, config, alloc: allocOf(file.alloc ?? {}), draft: draftOf(file, schedule) });
}

/**
 * Block 0.
 * @param stateRoot root of the state that `genesisAlloc` makes
 */
export function foreignGenesisHeader({ draft }: ForeignGenesis, stateRoot: Hex): AnySealedHeader {
  const header = { ...draft, stateRoot };
  return { ...header, hash: keccak256Hex(encodeAnyHeader(header)) };
}

/** Whether a genesis file is one of other clients, which alone have a `config`. */
export function isForeignGenesis(text: string): boolean {
  const file = parseJson(text);
  return typeof file === "object" && file !== null && "config" in file;
}
