/**
 * Holds as much of the history as is wanted: forgets what is too far behind the head, and makes again, from the previous
 * values that every block keeps, what is lacking where less was wanted before. It works in slices among the other
 * writers, each of them one write that leaves the history whole, so that a restart goes on where it was.
 */

import { isCodedError } from "@counterpart/core/base/errors";
import type { StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import { isAdopting } from "./adopted.ts";
import type { EngineCore } from "./core.ts";
import { historyStartRow, readHistoryStart, storedHistoryRows, withoutRow } from "./history.ts";
import type { WriterQueue } from "./writer-queue.ts";

/** A slice ends with the block that reaches this: some ten milliseconds of work. */
const ROWS_PER_SLICE = 1_000;
const BLOCKS_PER_SLICE = 256;
/**
 * Blocks too far behind that are forgotten together, so that not every block costs a second write: an eighth of what is
 * kept, and no more than this.
 */
const FORGOTTEN_TOGETHER_MAX = 64;

/** Numbers of the first block whose state can be read, now and as it is wanted. */
interface Bounds {
  readonly start: number;
  readonly wanted: number;
}

export interface HistoryKeeper {
  /** Sees to it that there is as much history as is wanted; resolves when there is, or when it cannot go on. */
  run(): Promise<void>;
}

/**
 * One slice of taking blocks out of the history, from its start on towards the first block that is wanted in it.
 * @throws CodedError `STORE_CORRUPT`
 */
export function forgottenRows(store: Pick<StoreReader, "get">, start: number, wanted: number): StoreWrite[] {
  const rows: StoreWrite[] = [];
  let at = start;
  while (at < wanted && at - start < BLOCKS_PER_SLICE && rows.length < ROWS_PER_SLICE) {
    for (const row of storedHistoryRows(store, ++at)) rows.push(withoutRow(row));
  }
  return [...rows, historyStartRow(at)];
}

/** @param blocksMax blocks before the head whose state is kept; infinity: of all that are held */
export function createHistoryKeeper(core: EngineCore, queue: WriterQueue, blocksMax: number): HistoryKeeper {
  const { store, clock, logger, emitter } = core;
  let running: Promise<void> | undefined;

  const bounds = (): Bounds => {
    const { head, adopted } = core;
    return { start: readHistoryStart(store), wanted: Math.max(adopted, head.number - blocksMax) };
  };
  const together = Math.min(FORGOTTEN_TOGETHER_MAX, Math.ceil(blocksMax / 8));
  const isDue = ({ start, wanted }: Bounds): boolean => start > wanted || wanted - start >= together;

  /** Puts the blocks up to the start, the last one first, into the history. */
  function recall({ start, wanted }: Bounds): StoreWrite[] {
    const rows: StoreWrite[] = [];
    let at = start;
    while (at > wanted && start - at < BLOCKS_PER_SLICE && rows.length < ROWS_PER_SLICE) {
      rows.push(...storedHistoryRows(store, at--));
    }
    return [...rows, historyStartRow(at)];
  }
  /** One slice; returns whether there was anything to do. */
  const step = (isFirst: boolean): boolean => {
    const now = bounds();
    if (isAdopting(store) || (isFirst ? !isDue(now) : now.start === now.wanted)) return false;
    store.write(now.start > now.wanted ? recall(now) : forgottenRows(store, now.start, now.wanted));
    return true;
  };
  const slices = async (): Promise<void> => {
    const { start, wanted } = bounds();
    const isRecalling = start > wanted && !isAdopting(store);
    if (isRecalling) logger.info("the history of states is being made, from this block backwards", { start, wanted });
    let written = 0;
    while (await queue.run(async () => step(written === 0))) {
      written++;
      await new Promise<void>((resolve) => clock.setTimer(0, resolve));
    }
    if (isRecalling || written > 1) {
      logger.info("states can be read from this block on", { start: bounds().start });
    }
  };
  const run = async (): Promise<void> => {
    try {
      await slices();
    } catch (error) {
      if (!isCodedError(error, "NOT_READY"))
        logger.error("the history of states is not kept as wanted", { error: String(error) });
    } finally {
      running = undefined;
    }
  };
  const keeper: HistoryKeeper = {
    run() {
      running ??= run();
      return running;
    },
  };
  emitter.on("head", () => {
    if (running === undefined && isDue(bounds())) void keeper.run();
  });
  return keeper;
}
