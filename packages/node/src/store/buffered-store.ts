/**
 * The database as a node uses it: a write is durable in a log, is read from memory, and reaches LMDB some moments later,
 * together with others and in another thread. LMDB alone copies a page for each row of a large table and waits for the
 * disk twice; of rows that change often it now sees the last value only.
 */

import { NO_METRICS } from "@counterpart/core/base/no-metrics";
import type { Metrics } from "@counterpart/core/ports/metrics";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Store, StoreReader, StoreSnapshot, StoreWrite } from "@counterpart/core/ports/store";
import { type StartFlusher, startFlusher } from "./flusher.ts";
import { createGenerations, type Generations } from "./generations.ts";
import { type LmdbStore, openLmdbStore, type StoreOptions } from "./lmdb-store.ts";
import { createStoreMetrics, declareStoreGauges } from "./store-metrics.ts";
import { readBuffered } from "./write-buffer.ts";
import { newPosition, positionRow, readPosition } from "./write-log.ts";

export interface BufferedStoreOptions extends StoreOptions {
  readonly clock: Pick<Clock, "now" | "setTimer">;
  readonly metrics?: Metrics;
  /** Called when the database has refused what the log has: nothing is lost, and it is tried again. */
  readonly onFailure?: (reason: string) => void;
  /** Called when the thread of the database has ended: nothing is lost, and nothing more is taken. */
  readonly onEnded?: (reason: string) => void;
  readonly start?: StartFlusher;
  readonly limits?: BufferLimits;
}

/** Bytes as `WriteBuffer` counts them. */
export interface BufferLimits {
  /** A buffer of this size goes to the database as soon as that is free. */
  readonly flushBytes: number;
  /** A writer waits for the database when the buffer has become so large. */
  readonly bufferBytesMax: number;
  /** A single write that is larger goes to the database at once: memory may have no room for it. */
  readonly writeBytesMax: number;
  /** For so long what was written may stay in the log alone. */
  readonly flushAfterMs: number;
}

const MIB = 1024 * 1024;
export const BUFFER_LIMITS: BufferLimits = {
  flushBytes: 24 * MIB,
  bufferBytesMax: 48 * MIB,
  writeBytesMax: 24 * MIB,
  flushAfterMs: 1_000,
};

/** What is left of a write that is too large, with what was taken of it already. */
function writeThrough(
  database: LmdbStore,
  generations: Generations,
  rows: readonly StoreWrite[],
  rest: Iterator<StoreWrite>,
  position: StoreWrite,
): void {
  generations.active.takeBack();
  generations.drain();
  const all = function* (): Iterable<StoreWrite> {
    yield* rows;
    for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value;
    yield position;
  };
  database.write(all());
}

/** A view of a moment. */
interface Moment {
  readonly reader: StoreReader;
  /** Readers that are not done. */
  uses: number;
  end(): void;
}

/** Views of moments, counted. Between two writes all are of one, which is kept for whoever reads next. */
function createSnapshots(database: LmdbStore, { buffers }: Generations) {
  let open = 0;
  let present: Moment | undefined;
  const begin = (): Moment => {
    const beneath = database.snapshot();
    const views = buffers().map((buffer) => buffer.freeze());
    open++;
    const end = (): void => {
      open--;
      beneath.done();
    };
    return { reader: readBuffered(beneath, () => views), uses: 0, end };
  };
  return {
    get open() {
      return open;
    },
    take(): StoreSnapshot {
      present ??= begin();
      const moment = present;
      moment.uses++;
      let isDone = false;
      return {
        ...moment.reader,
        done() {
          if (isDone) return;
          isDone = true;
          moment.uses--;
          if (moment.uses === 0 && moment !== present) moment.end();
        },
      };
    },
    /** The present has become a moment of the past. */
    pass(): void {
      const moment = present;
      present = undefined;
      if (moment?.uses === 0) moment.end();
    },
  };
}

async function closeAll(
  database: LmdbStore,
  generations: Generations,
  snapshots: ReturnType<typeof createSnapshots>,
): Promise<void> {
  snapshots.pass();
  try {
    generations.drain();
  } finally {
    try {
      await generations.end();
    } finally {
      await database.close();
    }
  }
}

/**
 * Opens or creates the database at `path`, which nobody else may write.
 * @throws CodedError `DATA_DIR_UNUSABLE`, `STORE_VERSION`, `STORE_CORRUPT`, `STORE_WRITE_FAILED`
 */
export function openBufferedStore(path: string, options: BufferedStoreOptions): Store {
  const { clock, onFailure = () => {}, onEnded = () => {}, start = startFlusher, limits = BUFFER_LIMITS } = options;
  const { metrics: registry = NO_METRICS } = options;
  const database = openLmdbStore(path, options);
  const position = readPosition(database) ?? newPosition();
  const { id } = position;
  let { last } = position;
  database.write([positionRow(position)]);
  const onFlushed = (): void => {
    // It would keep what was in memory, and in the database the pages of then.
    snapshots.pass();
    database.refresh();
  };
  const metrics = createStoreMetrics(registry);
  const generations = createGenerations({
    ...{ path, id, clock, start, metrics, ...limits },
    ...{ onFlushed, onFailure, onEnded },
  });
  declareStoreGauges(registry, generations.unflushed);
  const snapshots = createSnapshots(database, generations);
  let closed: Promise<void> | undefined;
  return {
    ...readBuffered(database, () => generations.buffers().map(({ present }) => present)),
    write(writes) {
      snapshots.pass();
      generations.makeRoom(limits.bufferBytesMax);
      const { active } = generations;
      const before = active.bytes;
      const rest = writes[Symbol.iterator]();
      try {
        let next = rest.next();
        for (; next.done !== true && active.bytes - before <= limits.writeBytesMax; next = rest.next()) {
          active.put(next.value);
        }
        if (next.done !== true) {
          const rows = [...active.pending(), next.value];
          writeThrough(database, generations, rows, rest, positionRow({ id, last: last + 1 }));
        } else if (active.isPending) generations.append(last + 1, snapshots.open > 0);
        else return;
        last++;
      } catch (error) {
        active.takeBack();
        throw error;
      } finally {
        // Whoever makes the rows may have looked.
        snapshots.pass();
      }
    },
    snapshot: () => snapshots.take(),
    close() {
      closed ??= closeAll(database, generations, snapshots);
      return closed;
    },
  };
}
