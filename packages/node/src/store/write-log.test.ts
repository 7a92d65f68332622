import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { StoreWrite } from "@counterpart/core/ports/store";
import fc from "fast-check";
import { inPieces, withoutRoom } from "./full-disk.test-support.ts";
import { keyText } from "./key-text.ts";
import { openDatabase, openLmdbStore, TABLE_NAMES } from "./lmdb-store.ts";
import { createRecordWriter } from "./log-record.ts";
import {
  createLogFile,
  type LogPosition,
  lastRows,
  logFiles,
  loggedRows,
  newPosition,
  positionRow,
  readLogFile,
} from "./write-log.ts";

const WRITES = 5;
const row = (n: number): StoreWrite => ({ table: "codes", key: Uint8Array.of(n), value: new Uint8Array(40).fill(n) });

const plain = ({ table, key, value }: StoreWrite) => [table, [...key], value && [...value]];

function recordOf(number: number, rows: readonly StoreWrite[]): Buffer {
  const writer = createRecordWriter(TABLE_NAMES);
  writer.begin();
  for (const { table, key, value } of rows) writer.add(table, keyText(key), value);
  return writer.end(number);
}

/** A log of writes that put a row each, from `first` on. */
function writeLog(path: string, { id }: LogPosition, first: number): string {
  const log = createLogFile(path, id, first, TABLE_NAMES);
  for (let number = first; number < first + WRITES; number++) log.append(recordOf(number, [row(number)]));
  log.close();
  return log.path;
}

async function withDatabase(run: (path: string, position: LogPosition) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-log-"));
  try {
    const path = join(folder, "chain.mdb");
    const position = newPosition();
    const store = openLmdbStore(path);
    store.write([positionRow(position)]);
    await store.close();
    await run(path, position);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function keysIn(path: string): Promise<number[]> {
  const store = openLmdbStore(path);
  const found = store.range("codes", { limit: 99 }).map(({ key }) => key[0] as number);
  await store.close();
  return found;
}

test("a log that was cut short at any byte gives the writes that are whole, and opening it again gives them too", async () => {
  await withDatabase(async (path, position) => {
    const whole = readFileSync(writeLog(path, position, 1));
    const [file = ""] = logFiles(path);
    const size = recordOf(1, [row(1)]).length;
    const start = whole.length - WRITES * size;
    for (let length = 0; length <= whole.length; length++) {
      writeFileSync(file, whole.subarray(0, length));
      const found = readLogFile(file);
      const { writes, isCutShort, isDamaged } = found;
      const wanted = Math.max(0, Math.floor((length - start) / size));
      const numbers = Array.from({ length: wanted }, (_, n) => n + 1);
      assert.deepEqual(
        [writes.map(({ number }) => number), Array.from(loggedRows(found), plain)],
        [numbers, numbers.map((number) => plain(row(number)))],
      );
      const rest = whole.subarray(start + wanted * size, length);
      assert.deepEqual([isCutShort, isDamaged], [length < start || rest.some((byte) => byte !== 0), false]);
      // As it is while it has room for more.
      writeFileSync(file, Buffer.concat([whole.subarray(0, length), Buffer.alloc(100)]));
      assert.deepEqual([readLogFile(file).writes.length, readLogFile(file).isDamaged], [wanted, false]);
    }
    writeFileSync(file, whole.subarray(0, whole.length - 1));
    assert.deepEqual(await keysIn(path), [1, 2, 3, 4]);
    assert.deepEqual(logFiles(path), []);
    assert.deepEqual(await keysIn(path), [1, 2, 3, 4]);
  });
});

test("a damaged write with others behind it is an error, and the database is left as it was", async () => {
  await withDatabase(async (path, position) => {
    const file = writeLog(path, position, 1);
    const whole = readFileSync(file);
    const size = recordOf(1, [row(1)]).length;
    const start = whole.length - WRITES * size;
    for (let at = start + size; at < start + 2 * size; at++) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt8(whole.readUInt8(at) ^ 0x55, at);
      writeFileSync(file, damaged);
      assert.throws(() => openLmdbStore(path), { code: "STORE_CORRUPT", message: /a write in it cannot be read/ });
    }
    for (const at of [0, 9, 30, start - 1]) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt8(whole.readUInt8(at) ^ 0x55, at);
      writeFileSync(file, damaged);
      assert.throws(() => openLmdbStore(path), { code: "STORE_CORRUPT", message: /a write in it cannot be read/ });
    }
    const database = openDatabase(path);
    assert.deepEqual(database.range("codes", { limit: 9 }), []);
    await database.close();
    writeFileSync(file, whole);
    assert.deepEqual(await keysIn(path), [1, 2, 3, 4, 5]);
  });
});

test("writes whose numbers do not follow on each other are damage, though each is whole", async () => {
  await withDatabase(async (path, { id }) => {
    const log = createLogFile(path, id, 1, TABLE_NAMES);
    for (const number of [1, 3]) log.append(recordOf(number, [row(number)]));
    log.close();
    assert.throws(() => openLmdbStore(path), { code: "STORE_CORRUPT", message: /a write in it cannot be read/ });
  });
});

test("a log is whole where the disk takes its writes in pieces, and nobody else may read it", async () => {
  await withDatabase(async (path, position) => {
    inPieces(7, () => void writeLog(path, position, 1));
    const [file = ""] = logFiles(path);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(await keysIn(path), [1, 2, 3, 4, 5]);
  });
});

test("zeros that a failing power supply left behind the last write are no write and no damage", async () => {
  await withDatabase(async (path, position) => {
    const file = writeLog(path, position, 1);
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.alloc(5_000)]));
    assert.deepEqual(await keysIn(path), [1, 2, 3, 4, 5]);
  });
});

test("a log of another database, or one of whose writes some are missing, is refused", async () => {
  await withDatabase(async (path, position) => {
    const foreign = writeLog(path, newPosition(), 1);
    assert.throws(() => openLmdbStore(path), { code: "STORE_CORRUPT", message: /belongs to another database/ });
    rmSync(foreign);
    const late = writeLog(path, position, 3);
    assert.throws(() => openLmdbStore(path), { code: "STORE_CORRUPT", message: /does not follow on write 0/ });
    rmSync(late);
    writeLog(path, position, 1);
    const second = writeLog(path, position, 1 + WRITES);
    rmSync(second);
    writeLog(path, position, 2 + WRITES);
    assert.throws(() => openLmdbStore(path), { code: "STORE_CORRUPT", message: /does not follow on write 5/ });
  });
});

test("files of a log are taken in order, and what the database has of them already is left out", async () => {
  await withDatabase(async (path, position) => {
    const store = openDatabase(path);
    store.write([row(1), row(2), { ...row(2), value: Uint8Array.of(9) }, positionRow({ ...position, last: 2 })]);
    await store.close();
    writeLog(path, position, 1);
    writeLog(path, position, 1 + WRITES);
    assert.deepEqual(await keysIn(path), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const again = openLmdbStore(path);
    assert.deepEqual(again.get("codes", Uint8Array.of(2)), Uint8Array.of(9));
    await again.close();
  });
});

test("a file that nothing was written to is passed over, wherever it is among the others", async () => {
  await withDatabase(async (path, position) => {
    const store = openDatabase(path);
    store.write([row(1), positionRow({ ...position, last: 1 })]);
    await store.close();
    writeFileSync(join(dirname(path), "chain.mdb-log-0000000000000001"), "");
    writeLog(path, position, 2);
    assert.deepEqual(await keysIn(path), [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(logFiles(path), []);
  });
});

test("a file that cannot be begun is not left behind, and one that cannot be cut off at its end is whole", async () => {
  await withDatabase(async (path, { id }) => {
    for (const call of ["fdatasyncSync", "fsyncSync"] as const) {
      withoutRoom([call], () => {
        assert.throws(() => createLogFile(path, id, 1, TABLE_NAMES), { code: "STORE_WRITE_FAILED", message: /ENOSPC/ });
      });
      assert.deepEqual(logFiles(path), []);
    }
    const log = createLogFile(path, id, 1, TABLE_NAMES);
    log.append(recordOf(1, [row(1)]));
    withoutRoom(["ftruncateSync"], () => log.close());
    const { writes, isCutShort } = readLogFile(log.path);
    assert.deepEqual([writes.map(({ number }) => number), isCutShort], [[1], false]);
  });
});

test("of rows that were written again the last value counts, in the order of the keys' bytes", () => {
  const write = fc.record({
    table: fc.constantFrom("codes" as const, "pool" as const),
    key: fc.uint8Array({ minLength: 1, maxLength: 3 }),
    value: fc.option(fc.uint8Array({ maxLength: 2 })),
  });
  const folder = mkdtempSync(join(tmpdir(), "counterpart-log-"));
  let first = 1;
  try {
    fc.assert(
      fc.property(fc.array(fc.array(write, { maxLength: 20 }), { maxLength: 5 }), (writes) => {
        const log = createLogFile(join(folder, "chain.mdb"), newPosition().id, first, TABLE_NAMES);
        for (const rows of writes) log.append(recordOf(first++, rows));
        log.close();
        const found = Array.from(lastRows(readLogFile(log.path)), plain);
        const all = writes.flat();
        for (const table of ["codes", "pool"] as const) {
          const last = new Map(all.filter((one) => one.table === table).map((one) => [one.key.toString(), one]));
          const wanted = [...last.values()].sort((a, b) => Buffer.compare(a.key, b.key));
          assert.deepEqual(
            found.filter(([name]) => name === table),
            wanted.map(plain),
          );
        }
        assert.equal(found.length, new Set(all.map(({ table, key }) => `${table} ${key}`)).size);
      }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
