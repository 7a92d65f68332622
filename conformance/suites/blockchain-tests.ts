/**
 * BlockchainTests of ethereum/tests: a genesis and blocks on it, each of which an import must take or refuse. Nobody's
 * work or beacon chain is checked, which the vectors do not have either.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { parseForeignGenesis } from "@counterpart/core/consensus/foreign-genesis";
import type { Fork } from "@counterpart/core/execution/fork";
import { type ChainImport, createChainImport } from "../../packages/node/src/engine/chain-import.ts";
import { createMemoryStore } from "../../packages/node/src/store/memory-store.ts";
import { check, describeError, type Report, runCase, type Suite } from "../suite.ts";
import { hexOf, isObject, type Json, type JsonObject, readVectors, type Vector } from "../vector-files.ts";
import { forkNamed } from "./forks.ts";
import { fixedHex, listOf, numberOf, objectOf, textOf } from "./json-fields.ts";

/** The main network's, for which the vectors' transactions are signed. */
const CHAIN_ID = 1;

/** Fields of a genesis file's `config` that begin a fork, oldest fork first. */
const FIELDS: readonly (readonly [Fork, readonly string[]])[] = [
  ["frontier", []],
  ["homestead", ["homesteadBlock"]],
  ["tangerine", ["eip150Block"]],
  ["spurious", ["eip155Block", "eip158Block"]],
  ["byzantium", ["byzantiumBlock"]],
  ["constantinople", ["constantinopleBlock"]],
  ["petersburg", ["petersburgBlock"]],
  ["istanbul", ["istanbulBlock"]],
  ["berlin", ["berlinBlock"]],
  ["london", ["londonBlock"]],
  ["paris", ["terminalTotalDifficulty"]],
  ["shanghai", ["shanghaiTime"]],
  ["cancun", ["cancunTime"]],
  ["prague", ["pragueTime"]],
  ["osaka", ["osakaTime"]],
];
const placeOf = (fork: Fork): number => FIELDS.findIndex(([name]) => name === fork);

export const blockchainTests: Suite = {
  name: "BlockchainTests",
  async run(folder, report) {
    for (const vector of readVectors(folder)) await runVector(vector, report);
  },
};

/** `15k` and `5` are decimal, what a difficulty is reached with is hexadecimal. */
function momentOf(kind: string | undefined, text: string): number {
  if (kind === "Diff") return Number.parseInt(text, 16);
  return Number(text.replace(/k$/, "000"));
}

/**
 * The `config` of a network: one fork from the genesis on, or with another one that begins later, as in
 * `ParisToShanghaiAtTime15k`. Undefined where the fork table does not have it.
 */
function configOf(network: string): object | undefined {
  const [, before, after, kind, moment = ""] = /^(\w+?)To(\w+)At(Diff|Time)?(\w+)$/.exec(network) ?? [];
  const first = forkNamed(before ?? network);
  const second = after === undefined ? first : forkNamed(after);
  if (first === undefined || second === undefined) return undefined;
  const config: Record<string, number> = { chainId: CHAIN_ID };
  for (const [place, [, fields]] of FIELDS.entries()) {
    if (place > placeOf(second)) break;
    for (const field of fields) config[field] = place <= placeOf(first) ? 0 : momentOf(kind, moment);
  }
  return config;
}

/** Of a header that is no genesis: they follow from the block, or from the forks. */
const FOLLOWING = ["bloom", "hash", "receiptTrie", "stateRoot", "transactionsTrie", "uncleHash", "withdrawalsRoot"];

function genesisOf(header: JsonObject, pre: Json | undefined, config: object): string {
  const own = Object.entries(header).filter(([field]) => !FOLLOWING.includes(field));
  return JSON.stringify({ ...Object.fromEntries(own), config, alloc: pre });
}

interface VectorBlock {
  readonly bytes: Uint8Array;
  /** Absent where the bytes are no block. */
  readonly parent: Hex | undefined;
  readonly timestamp: bigint;
  readonly isRefused: boolean;
}

function blockOf(value: Json): VectorBlock {
  const block = objectOf(value, "a block");
  const decoded = isObject(block.rlp_decoded) ? block.rlp_decoded : block;
  const header = decoded.blockHeader;
  return {
    bytes: hexOf(textOf(block.rlp, "rlp")),
    parent: isObject(header) ? fixedHex(header.parentHash, "parentHash", 32) : undefined,
    timestamp: isObject(header) ? numberOf(header.timestamp, "timestamp") : 0n,
    // Older vectors say of such a block no more than its bytes.
    isRefused: Object.keys(block).some((name) => name.startsWith("expectException")) || !isObject(block.blockHeader),
  };
}

/** Why an import cannot be asked for it. */
function reasonToSkip(blocks: readonly VectorBlock[]): string | undefined {
  const taken = blocks.filter(({ isRefused }) => !isRefused);
  if (new Set(taken.map(({ parent }) => parent)).size < taken.length)
    return "it has branches, and an import follows one chain";
  const isFar = taken.some(({ timestamp }) => timestamp > Number.MAX_SAFE_INTEGER);
  return isFar ? "it has a block hundreds of millions of years ahead: a timestamp above 2^53 - 1" : undefined;
}

async function runVector({ id, content }: Vector, report: Report): Promise<void> {
  let network: string;
  let header: JsonObject;
  let blocks: VectorBlock[];
  let vector: JsonObject;
  try {
    vector = objectOf(content, "the vector");
    network = textOf(vector.network, "network");
    header = objectOf(vector.genesisBlockHeader, "genesisBlockHeader");
    blocks = listOf(vector.blocks, "blocks").map(blockOf);
    check(blocks.length > 0, "it has no blocks");
  } catch (error) {
    report.fail(id, describeError(error));
    return;
  }
  const config = configOf(network);
  const reason = reasonToSkip(blocks);
  if (config === undefined) report.skip(id, `there is no network ${network}`);
  else if (reason !== undefined) report.skip(id, reason);
  else await runCase(report, id, () => checkChain(vector, header, blocks, genesisOf(header, vector.pre, config)));
}

/** @throws what is no judgement on the block */
async function faultOf(chain: ChainImport, { bytes }: VectorBlock): Promise<string | undefined> {
  try {
    await chain.add(bytes);
    return undefined;
  } catch (error) {
    if (isCodedError(error, "INVALID_BLOCK") || isCodedError(error, "INVALID_HEADER")) return error.message;
    if (isCodedError(error, "INVALID_CHAIN_FILE")) return error.message;
    throw error;
  }
}

async function checkChain(vector: JsonObject, header: JsonObject, blocks: readonly VectorBlock[], file: string) {
  const clock = { now: () => 0 };
  const chain = createChainImport({ store: createMemoryStore(), genesis: parseForeignGenesis(file), clock });
  check(chain.head().hash === fixedHex(header.hash, "hash", 32), `the genesis is ${chain.head().hash}`);
  for (const [at, block] of blocks.entries()) {
    const before = chain.head().hash;
    const fault = await faultOf(chain, block);
    if (block.isRefused) check(chain.head().hash === before, `block ${at} was taken, though it must be refused`);
    else check(fault === undefined, `block ${at} was refused: ${fault}`);
  }
  const last = fixedHex(vector.lastblockhash, "lastblockhash", 32);
  check(chain.head().hash === last, `the last block is ${chain.head().hash}`);
}
