/** The logs of a block for every group of followers that they concern. Each log is made once, however many match it. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { Log } from "@counterpart/core/chain/types";
import type { ChainEngine } from "../../engine/types.ts";
import { formatLog, placeOf } from "../rpc/format.ts";
import { createBloomTest, matchesLog } from "../rpc/log-filter.ts";
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

/** @param removed the block leaves the chain: its last log comes first */
export function* matchedLogs(
  engine: ChainEngine,
  groups: readonly Group<LogTopic>[],
  header: AnySealedHeader,
  removed: boolean,
): Generator<MatchedLog | undefined> {
  const asked = groups.filter(({ topic }) => isWithin(topic, header.number));
  const concerned = asked.filter(({ topic }) => createBloomTest(topic)(header.logsBloom));
  if (concerned.length === 0) return;
  const logs = logsOf(engine, header, removed);
  if (removed) logs.reverse();
  for (const group of concerned) {
    for (const { log, item } of logs) {
      if (!matchesLog(group.topic, log)) continue;
      yield { group, item: item(), bytes: LOG_BYTES + 2 * log.data.length };
    }
    yield undefined;
  }
}
