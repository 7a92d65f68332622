/** eth_getLogs: the logs of a bounded range of canonical blocks, blooms first. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { AnyDecodedBlock } from "@counterpart/core/chain/any-block";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { Clock } from "@counterpart/core/ports/runtime";
import { createPacer } from "../../engine/pacer.ts";
import type { ChainEngine } from "../../engine/types.ts";
import type { JsonValue } from "../json.ts";
import { canonicalBlock } from "../state.ts";
import { headerAt, LATEST, type NumberRef, numberOfRef, readBlockNumber } from "./block-ref.ts";
import type { RpcMethod } from "./dispatch.ts";
import { invalidParams, serverError } from "./errors.ts";
import { type FormattedLog, formatLog, placeOf } from "./format.ts";
import { createBloomTest, type LogFilter, matchesLog } from "./log-filter.ts";
import {
  badValue,
  defineMethod,
  type JsonObject,
  listOf,
  member,
  type Reader,
  readAddress,
  readHash,
  readObject,
  required,
} from "./params.ts";

export const LOG_BLOCKS_MAX = 10_000;
export const LOG_RESULTS_MAX = 10_000;
const ADDRESSES_MAX = 1000;
const TOPIC_ALTERNATIVES_MAX = 1000;
const TOPIC_POSITIONS_MAX = 4;
const REORGANISATIONS_MAX = 3;

interface LogQuery extends LogFilter {
  readonly blockHash: Hex | undefined;
  readonly from: NumberRef;
  readonly to: NumberRef;
}

/** One value or a list of alternatives; null means anything. */
const oneOrMany =
  <T>(read: Reader<T>, max: number): Reader<T[]> =>
  (value) => {
    if (value === null) return [];
    return Array.isArray(value) ? listOf(read, max)(value) : [read(value)];
  };

/** A null among alternatives matches anything, as in other clients. */
const readTopic: Reader<Hex[]> = (value: JsonValue) =>
  Array.isArray(value) && value.includes(null) ? [] : oneOrMany(readHash, TOPIC_ALTERNATIVES_MAX)(value);

function readLogQuery(value: JsonValue): LogQuery {
  const object: JsonObject = readObject(value);
  const blockHash = member(object, "blockHash", readHash);
  const from = member(object, "fromBlock", readBlockNumber);
  const to = member(object, "toBlock", readBlockNumber);
  if (blockHash !== undefined && (from !== undefined || to !== undefined)) {
    throw badValue("cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other");
  }
  return {
    blockHash,
    from: from ?? LATEST,
    to: to ?? LATEST,
    addresses: member(object, "address", oneOrMany(readAddress, ADDRESSES_MAX)) ?? [],
    topics: member(object, "topics", listOf(readTopic, TOPIC_POSITIONS_MAX)) ?? [],
  };
}

function collect(engine: ChainEngine, block: AnyDecodedBlock, filter: LogFilter, into: FormattedLog[]): void {
  const place = placeOf(block.header);
  let logIndex = 0;
  for (const [index, receipt] of (engine.receipts(block.header.hash) ?? []).entries()) {
    const hash = block.transactions[index]?.hash as Hex;
    for (const log of receipt.logs) {
      if (matchesLog(filter, log)) into.push(formatLog(log, place, hash, index, logIndex));
      logIndex++;
    }
  }
  if (into.length > LOG_RESULTS_MAX) {
    throw serverError(`query returned more than ${LOG_RESULTS_MAX} results: narrow the block range or the filter`);
  }
}

function logsOfBlock(engine: ChainEngine, hash: Hex, filter: LogFilter): FormattedLog[] {
  const block = canonicalBlock(engine, hash);
  if (block === undefined) throw serverError("unknown block");
  const logs: FormattedLog[] = [];
  collect(engine, block, filter, logs);
  return logs;
}

/**
 * The first block's number and the last block.
 * @throws RpcError -32602 for a range that is reversed or ends beyond the head, and for pending logs; -32000 for a wide one
 */
function rangeOf(
  engine: ChainEngine,
  { from, to }: LogQuery,
): { readonly first: number; readonly last: AnySealedHeader } {
  if (from.kind === "pending" || to.kind === "pending") throw invalidParams("pending logs are not supported");
  const first = numberOfRef(engine, from);
  const asked = numberOfRef(engine, to);
  if (first > asked) throw invalidParams("invalid block range params");
  const last = headerAt(engine, to);
  if (last === undefined) throw invalidParams("block range extends beyond current head block");
  if (asked - first >= LOG_BLOCKS_MAX) throw serverError(`block range is wider than ${LOG_BLOCKS_MAX} blocks`);
  return { first, last };
}

/** Undefined when the chain was reorganised while the range was read. */
async function logsOfRange(engine: ChainEngine, clock: Clock, query: LogQuery): Promise<FormattedLog[] | undefined> {
  const { first, last } = rangeOf(engine, query);
  const mayMatch = createBloomTest(query);
  const logs: FormattedLog[] = [];
  const pause = createPacer(clock);
  for (let number = first; number <= last.number; number++) {
    const header = engine.header(number);
    if (header === undefined) return undefined;
    if (mayMatch(header.logsBloom)) {
      const block = engine.block(header.hash) ?? canonicalBlock(engine, header.hash);
      if (block === undefined) return undefined;
      collect(engine, block, query, logs);
    }
    await pause();
  }
  return engine.isCanonical(last.hash) ? logs : undefined;
}

export function logMethods(engine: ChainEngine, clock: Clock): Record<string, RpcMethod> {
  return {
    eth_getLogs: defineMethod([required(readLogQuery)], async (query) => {
      if (query.blockHash !== undefined) return logsOfBlock(engine, query.blockHash, query);
      for (let attempt = 0; attempt < REORGANISATIONS_MAX; attempt++) {
        const logs = await logsOfRange(engine, clock, query);
        if (logs !== undefined) return logs;
      }
      throw serverError("the chain was reorganised during the query: ask again");
    }),
  };
}
