/** eth_getLogs: the logs of a bounded range of canonical blocks, those first that the index leads to. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { AnyDecodedBlock } from "@counterpart/core/chain/any-block";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { AnyReceipt } from "@counterpart/core/chain/types";
import type { Clock } from "@counterpart/core/ports/runtime";
import { createPatientPacer } from "../../engine/pacer.ts";
import type { ChainEngine } from "../../engine/types.ts";
import type { JsonValue } from "../json.ts";
import { canonicalBlock, canonicalHeader } from "../state.ts";
import { headerAt, LATEST, type NumberRef, numberOfRef, readBlockNumber } from "./block-ref.ts";
import type { RpcMethod } from "./dispatch.ts";
import { invalidParams, serverError } from "./errors.ts";
import { type FormattedLog, formatLog, placeOf } from "./format.ts";
import { createLogMatcher, itemsOf, type LogFilter, type LogMatcher } from "./log-filter.ts";
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

/** What one query may ask for. */
export interface LogLimits {
  /** Blocks of its range. */
  readonly blocks: number;
  /** Logs of its answer. */
  readonly results: number;
}

export const LOG_LIMITS: LogLimits = { blocks: 100_000, results: 10_000 };
const ADDRESSES_MAX = 1000;
const TOPIC_ALTERNATIVES_MAX = 1000;
const TOPIC_POSITIONS_MAX = 4;
const REORGANISATIONS_MAX = 3;

export interface LogQuery extends LogFilter {
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

/** What eth_getLogs and filters take. */
export function readLogQuery(value: JsonValue): LogQuery {
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

/** The logs of a canonical block; its body is read only where one matches. */
function* logsIn(engine: ChainEngine, header: AnySealedHeader, matcher: LogMatcher): Generator<FormattedLog> {
  const receipts = engine.receipts(header.hash);
  let block: AnyDecodedBlock | undefined;
  let logIndex = 0;
  for (const [index, { logs }] of (receipts ?? canonicalReceipts(engine, header)).entries()) {
    for (const log of logs) {
      if (matcher.matches(log)) {
        block ??= engine.block(header.hash) ?? canonicalBlock(engine, header.hash);
        const hash = block?.transactions[index]?.hash;
        if (hash === undefined) return;
        yield formatLog(log, placeOf(header), hash, index, logIndex);
      }
      logIndex++;
    }
  }
}

/** None where the block has left the chain meanwhile. @throws CodedError `PRUNED` where only the header is known */
function canonicalReceipts(engine: ChainEngine, { hash }: AnySealedHeader): readonly AnyReceipt[] {
  canonicalBlock(engine, hash);
  return [];
}

function collect(found: Iterable<FormattedLog>, into: FormattedLog[], { results }: LogLimits): void {
  for (const log of found) {
    if (into.length < results) into.push(log);
    else throw serverError(`query returned more than ${results} results: narrow the block range or the filter`);
  }
}

function logsOfBlock(engine: ChainEngine, hash: Hex, filter: LogFilter, limits: LogLimits): FormattedLog[] {
  const header = canonicalHeader(engine, hash);
  if (header === undefined) throw serverError("unknown block");
  const logs: FormattedLog[] = [];
  collect(logsIn(engine, header, createLogMatcher(filter)), logs, limits);
  return logs;
}

/**
 * The first block's number and the last block; undefined where a tag makes the range an empty one, as when all up to the
 * head is asked for from the block after it.
 * @throws RpcError -32602 for a range that is reversed or ends beyond the head, and for pending logs; -32000 for a wide one
 */
function rangeOf(
  engine: ChainEngine,
  { from, to }: LogQuery,
  { blocks }: LogLimits,
): { readonly first: number; readonly last: AnySealedHeader } | undefined {
  if (from.kind === "pending" || to.kind === "pending") throw invalidParams("pending logs are not supported");
  const first = numberOfRef(engine, from);
  const asked = numberOfRef(engine, to);
  if (first > asked) {
    if (from.kind !== "number" || to.kind !== "number") return undefined;
    throw invalidParams("invalid block range params");
  }
  const last = headerAt(engine, to);
  if (last === undefined) throw invalidParams("block range extends beyond current head block");
  if (asked - first >= blocks) throw serverError(`block range is wider than ${blocks} blocks`);
  return { first, last };
}

/** Undefined when the chain was reorganised while the range was read. */
async function logsOfRange({ engine, clock, limits }: LogSource, query: LogQuery): Promise<FormattedLog[] | undefined> {
  const range = rangeOf(engine, query, limits);
  if (range === undefined) return [];
  const { first, last } = range;
  const groups = itemsOf(query);
  const matcher = createLogMatcher(query);
  const logs: FormattedLog[] = [];
  const pause = createPatientPacer(clock);
  for (let number = first; number <= last.number; ) {
    const stretch = engine.logs.next(groups, number, last.number);
    for (const candidate of stretch.candidates) {
      const header = engine.header(candidate);
      if (header === undefined) return undefined;
      if (matcher.mayBeIn(header.logsBloom)) collect(logsIn(engine, header, matcher), logs, limits);
      await pause();
    }
    number = stretch.last + 1;
    await pause();
  }
  return engine.isCanonical(last.hash) ? logs : undefined;
}

export interface LogSource {
  readonly engine: ChainEngine;
  readonly clock: Clock;
  readonly limits: LogLimits;
}

/**
 * The canonical logs that a filter matches, in order.
 * @throws RpcError when the range is too wide or the logs are too many, or the chain does not stand still
 */
export async function logsOf(source: LogSource, query: LogQuery): Promise<FormattedLog[]> {
  if (query.blockHash !== undefined) return logsOfBlock(source.engine, query.blockHash, query, source.limits);
  for (let attempt = 0; attempt < REORGANISATIONS_MAX; attempt++) {
    const logs = await logsOfRange(source, query);
    if (logs !== undefined) return logs;
  }
  throw serverError("the chain was reorganised during the query: ask again");
}

export const logMethods = (source: LogSource): Record<string, RpcMethod> => ({
  eth_getLogs: defineMethod([required(readLogQuery)], (query) => logsOf(source, query)),
});
