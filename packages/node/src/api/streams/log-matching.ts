/** The logs of a block for every group of followers that they concern. Each log is made once, however many match it. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { Log } from "@counterpart/core/chain/types";
import type { ChainEngine } from "../../engine/types.ts";
import { formatLog, placeOf } from "../rpc/format.ts";
import { createItem, type Group, type Item, type LogTopic } from "./topics.ts";

export interface MatchedLog {
  readonly group: Group<LogTopic>;
  readonly item: Item;
  /** What it takes in memory, roughly. */
  readonly bytes: number;
}

const LOG_BYTES = 1_000;

interface PlacedLog {
  readonly log: Log;
  item(): Item;
}

const isWithin = ({ from = 0, to = Number.POSITIVE_INFINITY }: LogTopic, number: number): boolean =>
  number >= from && number <= to;

/** In the order of the block; empty where its receipts are not held. */
function logsOf(engine: ChainEngine, header: AnySealedHeader, removed: boolean): PlacedLog[] {
  const receipts = engine.receipts(header.hash) ?? [];
  const transactions = engine.block(header.hash)?.transactions ?? [];
  const logs: PlacedLog[] = [];
  for (const [index, receipt] of receipts.entries()) {
    const hash = transactions[index]?.hash as Hex;
    for (const log of receipt.logs) {
      const logIndex = logs.length;
      let made: Item | undefined;
      const item = (): Item => {
        made ??= createItem({ ...formatLog(log, placeOf(header), hash, index, logIndex), removed });
        return made;
      };
      logs.push({ log, item });
    }
  }
  return logs;
}

/**
 * With a pause after each group: there may be many, and most of them want nothing of a block.
 * @param removed the block leaves the chain: its last log comes first
 */
export function* matchedLogs(
  engine: ChainEngine,
  groups: readonly Group<LogTopic>[],
  header: AnySealedHeader,
  removed: boolean,
): Generator<MatchedLog | undefined> {
  let logs: PlacedLog[] | undefined;
  for (const group of groups) {
    if (isWithin(group.topic, header.number) && group.matcher.mayBeIn(header.logsBloom)) {
      logs ??= removed ? logsOf(engine, header, removed).reverse() : logsOf(engine, header, removed);
      for (const { log, item } of logs) {
        if (group.matcher.matches(log)) yield { group, item: item(), bytes: LOG_BYTES + 2 * log.data.length };
      }
    }
    yield undefined;
  }
}
