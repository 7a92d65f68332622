import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type FlushAnswer, startFlusher } from "./flusher.ts";
import { openDatabase, openLmdbStore, TABLE_NAMES } from "./lmdb-store.ts";
import { createRecordWriter } from "./log-record.ts";
import { createLogFile, newPosition, positionRow } from "./write-log.ts";

const folder = mkdtempSync(join(tmpdir(), "counterpart-flusher-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Opening a database in a folder that is a file ends the thread. */
const unusable = join(import.meta.filename, "chain.mdb");
const opened = join(folder, "chain.mdb");

test("a flush that the thread cannot make fails, whether it ends before or is asked for after", async () => {
  const answers: FlushAnswer[] = [];
  let tell = (): void => {};
  const answered = () =>
    new Promise<void>((resolve) => {
      tell = resolve;
    });
  const flusher = startFlusher(unusable, (answer) => {
    answers.push(answer);
    tell();
  });
  const first = answered();
  flusher.flush("a", 1);
  // Nothing else keeps the program alive: the thread is its own.
  const alive = setInterval(() => {}, 1_000);
  await first;
  flusher.flush("b", 1);
  clearInterval(alive);
  assert.equal(answers.length, 2);
  for (const { failure, hasEnded } of answers) {
    assert.match(failure ?? "", /^the thread of the database: .*cannot open the database/);
    assert.equal(hasEnded, true);
  }
  await flusher.end();
});

test("whoever waits for a thread that ends is told, and does not wait on", async () => {
  const flusher = startFlusher(unusable, () => {});
  flusher.flush("a", 1);
  assert.throws(() => flusher.wait(), { code: "STORE_WRITE_FAILED", message: "the thread of the database has ended" });
  await flusher.end();
});

test("a file that is not there is a failure of that flush alone", async () => {
  await openLmdbStore(opened).close();
  const answers: FlushAnswer[] = [];
  const flusher = startFlusher(opened, (answer) => void answers.push(answer));
  for (const name of ["a", "b"]) {
    flusher.flush(join(folder, name), 1);
    flusher.wait();
  }
  assert.equal(answers.length, 2);
  for (const { failure, hasEnded } of answers) {
    assert.match(failure ?? "", /ENOENT/);
    assert.equal(hasEnded, undefined);
  }
  await flusher.end();
});

test("a file that lacks what was written to it is a failure, and nothing of it is taken", async () => {
  const path = join(folder, "short.mdb");
  const position = newPosition();
  const store = openLmdbStore(path);
  store.write([positionRow(position)]);
  await store.close();
  const log = createLogFile(path, position.id, 1, TABLE_NAMES);
  const writer = createRecordWriter(TABLE_NAMES);
  writer.begin();
  writer.add("codes", "k", Uint8Array.of(1));
  log.append(writer.end(1));
  log.close();
  const answers: FlushAnswer[] = [];
  const flusher = startFlusher(path, (answer) => void answers.push(answer));
  const database = openDatabase(path);
  for (const [last, failure, taken] of [
    [2, /it was written up to 2 and is whole up to 1/, undefined],
    [1, undefined, 1],
  ] as const) {
    flusher.flush(log.path, last);
    flusher.wait();
    const answer = answers.shift();
    if (failure === undefined) assert.deepEqual(answer, {});
    else assert.match(answer?.failure ?? "", failure);
    database.refresh();
    assert.equal(database.get("codes", new TextEncoder().encode("k"))?.[0], taken);
  }
  await database.close();
  await flusher.end();
});
