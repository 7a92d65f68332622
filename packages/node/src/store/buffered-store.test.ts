import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import type { RangeOptions, Store, StoreReader, StoreSnapshot, StoreWrite } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import fc from "fast-check";
import { createMetricsRegistry } from "../telemetry/metrics.ts";
import { BUFFER_LIMITS, type BufferLimits, openBufferedStore } from "./buffered-store.ts";
import type { FlushAnswer, StartFlusher } from "./flusher.ts";
import { withoutRoom } from "./full-disk.test-support.ts";
import { keyText } from "./key-text.ts";
import { openDatabase, openLmdbStore } from "./lmdb-store.ts";
import { createMemoryStore } from "./memory-store.ts";
import { takeWhole } from "./recovery.ts";
import { openSharedStore } from "./shared-store.ts";
import { logFiles } from "./write-log.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const row = (key: string, value: string | null, table: TableName = "codes"): StoreWrite => ({
  table,
  key: bytes(key),
  value: value === null ? null : bytes(value),
});

async function withFolder(run: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-buffered-"));
  try {
    await run(join(folder, "chain.mdb"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The other thread's work on this one, when the test says so. */
function createManualFlusher() {
  let database: ReturnType<typeof openDatabase> | undefined;
  let done: ((answer: FlushAnswer) => void) | undefined;
  const waiting: { readonly file: string; readonly last: number }[] = [];
  const manual = {
    /** Why the database takes nothing. */
    failure: undefined as string | undefined,
    /** Whether its thread has ended besides. */
    hasEnded: false,
    waiting,
    run(): void {
      for (let order = waiting.shift(); order !== undefined; order = waiting.shift()) {
        const { failure, hasEnded } = manual;
        if (failure === undefined && database !== undefined) {
          database.refresh();
          takeWhole(database, order.file, order.last);
        }
        done?.(failure === undefined ? {} : { failure, hasEnded });
      }
    },
    start: ((path, onDone) => {
      database = openDatabase(path, { migrates: false });
      done = onDone;
      return {
        flush: (file, last) => void waiting.push({ file, last }),
        wait: () => manual.run(),
        end: async () => database?.close(),
      };
    }) satisfies StartFlusher,
  };
  return manual;
}

/** Timers that the test fires. */
function createTimers() {
  const timers = new Set<() => void>();
  const time = { nowMs: 0 };
  return {
    time,
    clock: {
      now: () => time.nowMs,
      setTimer(_: number, callback: () => void) {
        timers.add(callback);
        return () => void timers.delete(callback);
      },
    },
    get waiting() {
      return timers.size;
    },
    fire(): void {
      for (const timer of [...timers]) {
        timers.delete(timer);
        timer();
      }
    },
  };
}

function openManual(path: string, limits: Partial<BufferLimits> = {}) {
  const timers = createTimers();
  const flusher = createManualFlusher();
  const failures: string[] = [];
  const registry = createMetricsRegistry(false);
  const store = openBufferedStore(path, {
    clock: timers.clock,
    start: flusher.start,
    limits: { ...BUFFER_LIMITS, ...limits },
    onFailure: (reason) => void failures.push(reason),
    onEnded: (reason) => void failures.push(`ended: ${reason}`),
    metrics: registry,
  });
  const metric = async (name: string): Promise<number> => {
    const value = new RegExp(`^counterpart_store_${name} (\\S+)$`, "m").exec(await registry.text())?.[1];
    return Number(value);
  };
  return { store, timers, flusher, failures, metric };
}

/** The directory as a crash at this moment would leave it. */
function crash(path: string): string {
  const to = mkdtempSync(join(tmpdir(), "counterpart-crashed-"));
  cpSync(dirname(path), to, { recursive: true });
  return join(to, "chain.mdb");
}

/** Which rows of these a crash at this moment leaves. */
async function leftOf(path: string, keys: readonly string[]): Promise<readonly boolean[]> {
  const left = crash(path);
  const after = openLmdbStore(left);
  const found = foundOf(after, keys);
  await after.close();
  rmSync(dirname(left), { recursive: true });
  return found;
}

const foundOf = (reader: StoreReader, keys: readonly string[]): readonly boolean[] =>
  keys.map((key) => reader.get("codes", bytes(key)) !== undefined);

const keys = fc.integer({ min: 0, max: 5 }).map((n) => new Uint8Array(n % 3).fill(n));
const values = fc.option(fc.uint8Array({ maxLength: 80 }), { nil: null, freq: 3 });
const tables = fc.constantFrom<TableName>("codes", "bodies");
const written = fc.array(
  fc.record({ table: tables, key: keys.map((key) => Uint8Array.of(0, ...key)), value: values }),
  {
    maxLength: 6,
  },
);
const ranges = fc.record(
  {
    start: keys.map((key) => Uint8Array.of(0, ...key)),
    end: keys.map((key) => Uint8Array.of(0, ...key)),
    limit: fc.integer({ min: 0, max: 5 }),
    reverse: fc.boolean(),
  },
  { requiredKeys: ["limit"] },
);
const MOVES = ["timer", "flushed", "done", "reopen", "crash", "share"] as const;
type Move = (typeof MOVES)[number] | "snapshot";
const actions = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("write" as const), rows: written }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("fail" as const), rows: written }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("refuse" as const), rows: written, after: fc.nat(1) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("read" as const), table: tables, range: ranges }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("snapshot" as const) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom(...MOVES) }) },
  ),
  { maxLength: 40 },
);

type Step = typeof actions extends fc.Arbitrary<readonly (infer One)[]> ? One : never;

const plain = (reader: StoreReader, table: TableName, range: RangeOptions) =>
  reader.range(table, range).map(({ key, value }) => [[...key], [...value]]);

function checkSame(reader: StoreReader, model: StoreReader): void {
  for (const table of ["codes", "bodies"] as const) {
    for (const reverse of [false, true]) {
      assert.deepEqual(plain(reader, table, { limit: 99, reverse }), plain(model, table, { limit: 99, reverse }));
    }
    for (const { key, value } of model.range(table, { limit: 99 })) {
      assert.deepEqual(reader.get(table, key), value);
      assert.deepEqual(reader.get(table, key, keyText(key)), value);
      assert.equal(reader.get("headers", key), undefined);
    }
  }
}

const SMALL = { flushBytes: 600, bufferBytesMax: 1_500, writeBytesMax: 900 };

/** A store, and what it should be. */
class Checked {
  private readonly path: string;
  private readonly model = createMemoryStore();
  private readonly snapshots: { readonly mine: StoreSnapshot; readonly theirs: StoreSnapshot }[] = [];
  private opened: ReturnType<typeof openManual>;

  constructor(path: string) {
    this.path = path;
    this.opened = openManual(path, SMALL);
  }

  check(): void {
    checkSame(this.opened.store, this.model);
    for (const { mine, theirs } of this.snapshots) checkSame(mine, theirs);
  }

  write(rows: readonly StoreWrite[]): void {
    this.opened.store.write(rows);
    this.model.write(rows);
  }

  fail(rows: readonly StoreWrite[]): void {
    const failing = function* (): Iterable<StoreWrite> {
      yield* rows;
      throw new Error("no more");
    };
    assert.throws(() => this.opened.store.write(failing()), /no more/);
  }

  /** The disk takes no more after so many waits for it; the write may need fewer. */
  refuse(rows: readonly StoreWrite[], after: number): void {
    const before = this.opened.failures.length;
    let isRefused = false;
    const write = (): void => {
      try {
        this.opened.store.write(rows);
      } catch (error) {
        assert.equal(isCodedError(error, "STORE_WRITE_FAILED"), true);
        isRefused = true;
      }
    };
    withoutRoom(["fdatasyncSync"], write, after);
    if (!isRefused) this.model.write(rows);
    assert.equal(this.opened.failures.length, before);
  }

  read(table: TableName, range: RangeOptions): void {
    assert.deepEqual(plain(this.opened.store, table, range), plain(this.model, table, range));
  }

  readonly moves: Readonly<Record<Move, () => void | Promise<void>>> = {
    timer: () => this.opened.timers.fire(),
    flushed: () => this.opened.flusher.run(),
    snapshot: () => void this.snapshots.push({ mine: this.opened.store.snapshot(), theirs: this.model.snapshot() }),
    done: () => {
      for (const { mine } of this.snapshots.splice(0)) mine.done();
    },
    reopen: async () => {
      await this.close();
      this.opened = openManual(this.path, SMALL);
    },
    share: async () => {
      const shared = openSharedStore(this.path);
      checkSame(shared, this.model);
      await shared.close();
    },
    crash: async () => {
      const left = crash(this.path);
      const again = openLmdbStore(left);
      checkSame(again, this.model);
      assert.deepEqual(logFiles(left), []);
      await again.close();
      rmSync(dirname(left), { recursive: true });
    },
  };

  async take(step: Step): Promise<void> {
    if (step.kind === "write") this.write(step.rows);
    else if (step.kind === "fail") this.fail(step.rows);
    else if (step.kind === "refuse") this.refuse(step.rows, step.after);
    else if (step.kind === "read") this.read(step.table, step.range);
    else await this.moves[step.kind]();
  }

  async close(): Promise<void> {
    this.moves.done();
    await this.opened.store.close();
    assert.deepEqual(logFiles(this.path), []);
  }
}

test("whatever is written, read, flushed, reopened or lost in a crash, the rows are those of a plain map", async () => {
  await fc.assert(
    fc.asyncProperty(actions, async (steps) => {
      await withFolder(async (path) => {
        const checked = new Checked(path);
        for (const step of steps) {
          await checked.take(step);
          // A look at everything puts names in order, and would hide what several writes leave unordered.
          if (!("rows" in step)) checked.check();
        }
        await checked.close();
      });
    }),
    { numRuns: 60 },
  );
});

test("rows that are made while they are written see those before them, also in a write too large for memory", async () => {
  for (const writeBytesMax of [100, 1_000_000]) {
    await withFolder(async (path) => {
      const { store } = openManual(path, { writeBytesMax });
      store.write([row("0", "x")]);
      const chained = function* (): Iterable<StoreWrite> {
        for (let n = 0; n < 50; n++) {
          const before = new TextDecoder().decode(store.get("codes", bytes(`${n}`)));
          yield row(`${n + 1}`, `${before}x`);
        }
      };
      store.write(chained());
      assert.equal(store.get("codes", bytes("50"))?.length, 51);
      await store.close();
      const again = openLmdbStore(path);
      assert.equal(again.get("codes", bytes("50"))?.length, 51);
      await again.close();
    });
  }
});

test("what the database refuses stays in the log, further writes are refused until it takes it, and nothing is lost", async () => {
  await withFolder(async (path) => {
    const { store, timers, flusher, failures } = openManual(path);
    store.write([row("a", "1")]);
    flusher.failure = "no room";
    timers.fire();
    flusher.run();
    assert.deepEqual(failures, ["no room"]);
    assert.throws(() => store.write([row("b", "2")]), { code: "STORE_WRITE_FAILED", message: "no room" });
    assert.deepEqual(store.get("codes", bytes("a")), bytes("1"));
    assert.equal(store.get("codes", bytes("b")), undefined);
    const left = crash(path);
    const recovered = openLmdbStore(left);
    assert.deepEqual(recovered.get("codes", bytes("a")), bytes("1"));
    await recovered.close();
    rmSync(dirname(left), { recursive: true });
    flusher.failure = undefined;
    // By itself, after a while.
    timers.fire();
    flusher.run();
    assert.deepEqual(logFiles(path), []);
    store.write([row("b", "2")]);
    await store.close();
    const again = openLmdbStore(path);
    assert.deepEqual(
      again.range("codes", { limit: 9 }).map(({ value }) => value),
      [bytes("1"), bytes("2")],
    );
    await again.close();
  });
});

test("where its thread has ended the database is not asked again, and that is told apart", async () => {
  await withFolder(async (path) => {
    const { store, timers, flusher, failures } = openManual(path);
    store.write([row("a", "1")]);
    timers.fire();
    [flusher.failure, flusher.hasEnded] = ["out of memory", true];
    const waiting = timers.waiting;
    flusher.run();
    assert.deepEqual([failures, timers.waiting], [["ended: out of memory"], waiting]);
    assert.deepEqual(store.get("codes", bytes("a")), bytes("1"));
    await assert.rejects(store.close(), { code: "STORE_WRITE_FAILED", message: "out of memory" });
    const again = openLmdbStore(path);
    assert.deepEqual(again.get("codes", bytes("a")), bytes("1"));
    await again.close();
  });
});

test("what waits for the database is counted, and how long it takes", async () => {
  await withFolder(async (path) => {
    const { store, timers, flusher, metric } = openManual(path);
    const waiting = async () => [await metric("unflushed_bytes"), await metric("log_bytes")] as const;
    assert.deepEqual([...(await waiting()), await metric("unflushed_age_seconds")], [0, 0, 0]);
    store.write([row("a", "1".repeat(1_000))]);
    const [bytesOfOne, logOfOne] = await waiting();
    assert.ok(bytesOfOne > 1_000 && logOfOne > 1_000);
    timers.fire();
    timers.time.nowMs = 3_000;
    store.write([row("b", "2")]);
    const [bytesOfTwo, logOfTwo] = await waiting();
    assert.ok(bytesOfTwo > bytesOfOne && logOfTwo > logOfOne);
    assert.equal(await metric("unflushed_age_seconds"), 3);
    flusher.failure = "no room";
    flusher.run();
    assert.equal(await metric("failed_flushes_total"), 1);
    flusher.failure = undefined;
    timers.fire();
    timers.time.nowMs = 7_000;
    flusher.run();
    assert.deepEqual(
      [await metric("flush_duration_seconds_count"), await metric("flush_duration_seconds_sum")],
      [1, 4],
    );
    assert.equal(await metric("unflushed_age_seconds"), 4);
    await store.close();
    assert.deepEqual([...(await waiting()), await metric("unflushed_age_seconds")], [0, 0, 0]);
  });
});

test("a writer that is faster than the database waits for it, and memory stays within its bound", async () => {
  await withFolder(async (path) => {
    const { store, flusher, metric } = openManual(path, { flushBytes: 2_000, bufferBytesMax: 4_000 });
    for (let n = 0; n < 200; n++) store.write([row(`${n}`, "v".repeat(100))]);
    assert.ok((await metric("unflushed_bytes")) < 2 * 5_000, "two buffers, each with a write above its bound");
    assert.ok(flusher.waiting.length <= 1);
    assert.ok(logFiles(path).length <= 2);
    assert.equal(store.range("codes", { limit: 999 }).length, 200);
    await store.close();
  });
});

test("in a thread of its own the database takes what is written, and the log ends when the store is closed", async () => {
  await withFolder(async (path) => {
    const clock = {
      now: Date.now,
      setTimer(ms: number, callback: () => void) {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
    };
    const store: Store = openBufferedStore(path, { clock, limits: { ...BUFFER_LIMITS, flushAfterMs: 1 } });
    for (let n = 0; n < 100; n++) store.write([row(`${n}`, "x"), row("last", `${n}`)]);
    while (logFiles(path).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(store.get("codes", bytes("last")), bytes("99"));
    store.write([row("after", "y")]);
    await store.close();
    assert.deepEqual(
      readdirSync(dirname(path)).filter((name) => name.includes("log")),
      [],
    );
    const again = openLmdbStore(path);
    assert.equal(again.range("codes", { limit: 999 }).length, 102);
    await again.close();
  });
});

test("values of any size are what they were, in the log and in the database", async () => {
  await withFolder(async (path) => {
    const sizes = [0, 65_531, 65_532, 1_048_576, 5_000_000];
    const keyOf = (size: number): Uint8Array => Uint8Array.of(sizes.indexOf(size));
    const filled = (size: number): Uint8Array => new Uint8Array(size).fill(7);
    const check = (reader: StoreReader): void => {
      for (const size of sizes)
        assert.ok(
          reader.get("bodies", keyOf(size))?.every((byte) => byte === 7),
          `${size}`,
        );
      assert.deepEqual(
        reader.range("bodies", { limit: 9 }).map(({ value }) => value.length),
        sizes,
      );
    };
    const { store, timers, flusher } = openManual(path);
    store.write([5_000_000, 0, 65_532].map((size) => ({ table: "bodies", key: keyOf(size), value: filled(size) })));
    for (const size of sizes) store.write([{ table: "bodies", key: keyOf(size), value: filled(size) }]);
    check(store);
    timers.fire();
    flusher.run();
    check(store);
    await store.close();
    const again = openLmdbStore(path);
    check(again);
    await again.close();
  });
});

test("a copy has everything that was written before, whether the database had it or the log alone", async () => {
  await withFolder(async (path) => {
    const { store, timers, flusher } = openManual(path);
    store.write([row("a", "1")]);
    timers.fire();
    store.write([row("b", "2"), row("a", null)]);
    const shared = openSharedStore(path);
    // The database is ahead of what was opened by now.
    flusher.run();
    await shared.copyTo(`${path}-copy`);
    await shared.close();
    const copy = openDatabase(`${path}-copy`, { migrates: false });
    assert.deepEqual(copy.range("codes", { limit: 9 }), [{ key: bytes("b"), value: bytes("2") }]);
    await copy.close();
    await store.close();
  });
});

/** The log of a fresh buffer is begun, its first write refused. */
const refusedFirst = (work: () => void): void =>
  withoutRoom(["fdatasyncSync"], () => assert.throws(work, { code: "STORE_WRITE_FAILED" }), 1);

test("a first write that the disk refuses stops none of those that follow", async () => {
  await withFolder(async (path) => {
    const { store, timers, flusher, failures } = openManual(path, { flushBytes: 1_000 });
    store.write([row("0", "x".repeat(2_000))]);
    flusher.run();
    refusedFirst(() => store.write([row("1", "refused")]));
    for (const key of ["2", "3"]) {
      timers.fire();
      flusher.run();
      store.write([row(key, "taken")]);
    }
    timers.fire();
    flusher.run();
    assert.deepEqual(failures, []);
    await store.close();
    assert.deepEqual(logFiles(path), []);
    const again = openLmdbStore(path);
    assert.deepEqual(
      ["0", "1", "2", "3"].map((key) => again.get("codes", bytes(key)) !== undefined),
      [true, false, true, true],
    );
    await again.close();
  });
});

test("a write that is too large for the log, after a first one that the disk refused, hides none that follow", async () => {
  await withFolder(async (path) => {
    const { store, timers, flusher, failures } = openManual(path, { writeBytesMax: 1_000 });
    refusedFirst(() => store.write([row("1", "refused")]));
    store.write([row("2", "x".repeat(2_000)), row("3", "with it")]);
    store.write([row("4", "taken")]);
    const rows = ["1", "2", "3", "4"];
    assert.deepEqual(await leftOf(path, rows), [false, true, true, true]);
    timers.fire();
    flusher.run();
    assert.deepEqual(failures, []);
    assert.deepEqual(foundOf(store, rows), [false, true, true, true]);
    await store.close();
    assert.deepEqual(logFiles(path), []);
  });
});

test("a log that holds nothing and cannot be removed refuses what is too large for it, until it can be", async () => {
  await withFolder(async (path) => {
    const { store, failures } = openManual(path, { writeBytesMax: 1_000 });
    refusedFirst(() => store.write([row("1", "refused")]));
    const large = [row("2", "x".repeat(2_000)), row("3", "with it")];
    withoutRoom(["rmSync"], () => assert.throws(() => store.write(large), { code: "STORE_WRITE_FAILED" }));
    assert.deepEqual(failures.length, 1);
    const rows = ["1", "2", "3", "4"];
    assert.deepEqual(foundOf(store, rows), [false, false, false, false]);
    store.write(large);
    store.write([row("4", "taken")]);
    assert.deepEqual(await leftOf(path, rows), [false, true, true, true]);
    await store.close();
    assert.deepEqual(logFiles(path), []);
  });
});

test("what a refused write left in the log is cut off before the log is given up, and nothing is written till then", async () => {
  await withFolder(async (path) => {
    const { store, timers, flusher } = openManual(path);
    store.write([row("0", "x")]);
    withoutRoom(["fdatasyncSync", "ftruncateSync"], () => {
      assert.throws(() => store.write([row("1", "refused")]), { code: "STORE_WRITE_FAILED" });
    });
    withoutRoom(["ftruncateSync"], () => {
      timers.fire();
      assert.deepEqual(flusher.waiting, []);
      assert.throws(() => store.write([row("2", "refused")]), { code: "STORE_WRITE_FAILED" });
    });
    store.write([row("3", "taken")]);
    const rows = ["0", "1", "2", "3"];
    assert.deepEqual(await leftOf(path, rows), [true, false, false, true]);
    assert.deepEqual(foundOf(store, rows), [true, false, false, true]);
    await store.close();
    assert.deepEqual(logFiles(path), []);
  });
});
