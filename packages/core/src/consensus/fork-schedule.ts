/**
 * Which rules a block of a chain sealed elsewhere has, from the `config` of the genesis file that other clients take:
 * forks by block number up to the Merge, by time after it, and the limits of blobs, which change without a fork as well
 * (EIP-7840, EIP-7892).
 */

import { type Hex, isHex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { isJsonObject } from "../base/json-object.ts";
import { ZERO_ADDRESS } from "../chain/header.ts";
import type { Fork } from "../execution/fork.ts";

/** How many blobs a block may carry, and how their price moves. */
export interface BlobSchedule {
  readonly target: number;
  readonly max: number;
  readonly updateFraction: bigint;
}

interface Activation {
  readonly at: number;
  readonly fork: Fork;
}

interface BlobActivation {
  /** Seconds since 1970. */
  readonly at: number;
  readonly blobs: BlobSchedule;
}

interface BombDelay {
  readonly at: number;
  /** Blocks by which the difficulty bomb is put off. */
  readonly blocks: number;
}

export interface ForkSchedule {
  readonly chainId: number;
  /** Forks by block number, in order. */
  readonly byNumber: readonly Activation[];
  /** Forks by time, in order; they hold for merged blocks alone. */
  readonly byTime: readonly Activation[];
  readonly bombDelays: readonly BombDelay[];
  readonly blobs: readonly BlobActivation[];
  /** What a fork identifier is made of (EIP-2124): each block and each time, in seconds, at which any fork begins. */
  readonly forkNumbers: readonly number[];
  readonly forkTimes: readonly number[];
  /** First block with replay protection (EIP-155). */
  readonly replayProtection: number;
  /** Total difficulty of a parent from which on blocks are merged (EIP-3675). */
  readonly terminalTotalDifficulty: bigint | undefined;
  /** Whose events are deposits (EIP-6110); the zero address, as which nothing runs, where the file names none. */
  readonly depositContract: Hex;
}

type Config = Readonly<Record<string, unknown>>;

const NEVER = Number.POSITIVE_INFINITY;

/** Names of other clients; each one's predecessors must come no later. */
const NUMBERED: readonly (readonly [string, Fork])[] = [
  ["homesteadBlock", "homestead"],
  ["eip150Block", "tangerine"],
  ["eip158Block", "spurious"],
  ["byzantiumBlock", "byzantium"],
  ["constantinopleBlock", "constantinople"],
  ["petersburgBlock", "petersburg"],
  ["istanbulBlock", "istanbul"],
  ["berlinBlock", "berlin"],
  ["londonBlock", "london"],
];

const TIMED: readonly (readonly [string, Fork])[] = [
  ["shanghaiTime", "shanghai"],
  ["cancunTime", "cancun"],
  ["pragueTime", "prague"],
  ["osakaTime", "osaka"],
];

/** EIP-649, 1234, 2384, 3554, 4345, 5133. */
const BOMB_DELAYS: readonly (readonly [string, number])[] = [
  ["byzantiumBlock", 3_000_000],
  ["constantinopleBlock", 5_000_000],
  ["muirGlacierBlock", 9_000_000],
  ["londonBlock", 9_700_000],
  ["arrowGlacierBlock", 10_700_000],
  ["grayGlacierBlock", 11_400_000],
];

const CANCUN_BLOBS: BlobSchedule = { target: 3, max: 6, updateFraction: 3_338_477n };
const PRAGUE_BLOBS: BlobSchedule = { target: 6, max: 9, updateFraction: 5_007_716n };

/** Names of further forks by number that count in a fork identifier, though no rule here depends on them. */
const UNRULED: readonly string[] = [
  "eip155Block",
  "muirGlacierBlock",
  "arrowGlacierBlock",
  "grayGlacierBlock",
  "mergeNetsplitBlock",
];

/** What changes the limits of blobs, in order, with the limits where the file gives none. */
const BLOB_CHANGES: readonly (readonly [string, BlobSchedule | undefined])[] = [
  ["cancun", CANCUN_BLOBS],
  ["prague", PRAGUE_BLOBS],
  ["osaka", PRAGUE_BLOBS],
  ["bpo1", undefined],
  ["bpo2", undefined],
  ["bpo3", undefined],
  ["bpo4", undefined],
  ["bpo5", undefined],
];

function invalid(message: string): CodedError {
  return new CodedError("INVALID_GENESIS", `genesis: config.${message}`);
}

/** Number or time at which something begins; never when it is absent or null. */
function beginning(config: Config, name: string): number {
  const value = config[name] ?? undefined;
  if (value === undefined) return NEVER;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(`${name} is not an integer from 0 to ${Number.MAX_SAFE_INTEGER}`);
}

function activations(config: Config, names: readonly (readonly [string, Fork])[]): Activation[] {
  let previous = { name: "", at: 0 };
  for (const [name] of names) {
    const at = beginning(config, name);
    if (at < previous.at) throw invalid(`${name} is before ${previous.name}, or ${previous.name} is missing`);
    previous = { name, at };
  }
  return names.map(([name, fork]) => ({ at: beginning(config, name), fork })).filter(({ at }) => at !== NEVER);
}

/** When the named forks begin, ascending, each moment once. */
const beginnings = (config: Config, names: readonly string[]): number[] =>
  [...new Set(names.map((name) => beginning(config, name)))].filter((at) => at !== NEVER).sort((a, b) => a - b);

function positive(value: unknown, path: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
  throw invalid(`${path} is not an integer above 0`);
}

function blobsOf(value: unknown, path: string): BlobSchedule {
  if (!isJsonObject(value)) throw invalid(`${path} is not an object`);
  const [target, max] = [positive(value.target, `${path}.target`), positive(value.max, `${path}.max`)];
  if (target > max) throw invalid(`${path}.target is above its max`);
  return {
    target,
    max,
    updateFraction: BigInt(positive(value.baseFeeUpdateFraction, `${path}.baseFeeUpdateFraction`)),
  };
}

function blobActivations(config: Config): BlobActivation[] {
  const given = config.blobSchedule ?? {};
  if (!isJsonObject(given)) throw invalid("blobSchedule is not an object");
  const found: BlobActivation[] = [];
  for (const [name, usual] of BLOB_CHANGES) {
    const at = beginning(config, `${name}Time`);
    if (at === NEVER) continue;
    const blobs = given[name] === undefined ? usual : blobsOf(given[name], `blobSchedule.${name}`);
    if (blobs === undefined) throw invalid(`blobSchedule.${name} is missing`);
    if (at < (found.at(-1)?.at ?? 0)) throw invalid(`${name}Time is before an earlier change of blobs`);
    found.push({ at, blobs });
  }
  return found;
}

/** Values above 2^53 are exact as bigints and as text; as a number such a value was rounded already. */
function terminalDifficulty(value: unknown): bigint | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "bigint") return value;
  if (Number.isSafeInteger(value) && (value as number) >= 0) return BigInt(value as number);
  if (typeof value === "string" && /^(0|[1-9][0-9]{0,77}|0x[0-9a-fA-F]{1,64})$/.test(value)) return BigInt(value);
  throw invalid("terminalTotalDifficulty is neither an exact integer nor decimal or 0x text");
}

function depositContract(value: unknown): Hex {
  if (value === undefined || value === null) return ZERO_ADDRESS;
  if (isHex(value, 20)) return value.toLowerCase() as Hex;
  throw invalid("depositContractAddress is not an address");
}

/** Other rules than this program has would only show at the first block that follows them. */
function checkSupported(config: Config): void {
  if (beginning(config, "daoForkBlock") !== NEVER) throw invalid("daoForkBlock: the DAO fork is not supported");
  const other = ["clique", "amsterdamTime", "verkleTime", "bogotaTime"].find((name) => (config[name] ?? null) !== null);
  if (other !== undefined) throw invalid(`${other} is not supported`);
}

/**
 * Reads the `config` of a genesis file as other clients have it.
 * @throws CodedError `INVALID_GENESIS` that names the member at fault
 */
export function parseForkSchedule(config: unknown): ForkSchedule {
  if (!isJsonObject(config)) throw new CodedError("INVALID_GENESIS", "genesis: config is not an object");
  checkSupported(config);
  return Object.freeze({
    chainId: positive(config.chainId, "chainId"),
    byNumber: activations(config, NUMBERED),
    byTime: activations(config, TIMED),
    bombDelays: BOMB_DELAYS.map(([name, blocks]) => ({ at: beginning(config, name), blocks })),
    blobs: blobActivations(config),
    forkNumbers: beginnings(config, [...NUMBERED.map(([name]) => name), ...UNRULED]),
    forkTimes: beginnings(config, [...TIMED.map(([name]) => name), ...BLOB_CHANGES.map(([name]) => `${name}Time`)]),
    replayProtection: beginning(config, "eip155Block"),
    terminalTotalDifficulty: terminalDifficulty(config.terminalTotalDifficulty),
    depositContract: depositContract(config.depositContractAddress),
  });
}

/** Rules of a block. A merged block is one whose header has no difficulty. */
export function forkOf(schedule: ForkSchedule, number: number, timestamp: number, isMerged: boolean): Fork {
  if (!isMerged) return schedule.byNumber.findLast(({ at }) => at <= number)?.fork ?? "frontier";
  return schedule.byTime.findLast(({ at }) => at <= timestamp)?.fork ?? "paris";
}

/** Blocks by which the bomb is put off at a block: the last of the delays that have begun counts. */
export const bombDelayOf = (schedule: ForkSchedule, number: number): number =>
  schedule.bombDelays.findLast(({ at }) => at <= number)?.blocks ?? 0;

/** Limits of blobs at a time; undefined before Cancun. */
export const blobsAt = (schedule: ForkSchedule, timestamp: number): BlobSchedule | undefined =>
  schedule.blobs.findLast(({ at }) => at <= timestamp)?.blobs;
