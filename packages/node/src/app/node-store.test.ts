import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { StoreWrite } from "@counterpart/core/ports/store";
import { createTestLogger, createVirtualClock, type LogEntry } from "../driver/virtual-clock.test-support.ts";
import type { FlushAnswer } from "../store/flusher.ts";
import { openLmdbStore } from "../store/lmdb-store.ts";
import { createMetricsRegistry } from "../telemetry/metrics.ts";
import { openNodeStore } from "./node-store.ts";

const row = (key: number): StoreWrite => ({ table: "codes", key: Uint8Array.of(key), value: Uint8Array.of(key) });

test("where the thread of the database has ended, writes, log and readiness say to start the node again", async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), "counterpart-node-store-"));
  t.after(() => rmSync(dataDir, { recursive: true }));
  const stops: (() => Promise<void> | void)[] = [];
  const logged: LogEntry[] = [];
  const clock = createVirtualClock();
  const ended: FlushAnswer = { failure: "the thread of the database: out of memory", hasEnded: true };
  const store = await openNodeStore({
    ...{ dataDir, clock, logger: createTestLogger(logged), metrics: createMetricsRegistry(false) },
    onStop: (stop) => stops.push(stop),
    start: (_, onDone) => ({ flush: () => onDone(ended), wait: () => {}, end: async () => {} }),
  });
  store.write([row(1)]);
  await clock.until(() => store.damage !== undefined);
  const message =
    /^the thread of the database: out of memory; this node writes nothing more.* until it is started again; /;
  assert.throws(() => store.write([row(2)]), { code: "STORE_WRITE_FAILED", message });
  assert.deepEqual([store.damage?.code, message.test(store.damage?.message ?? "")], ["STORE_WRITE_FAILED", true]);
  assert.deepEqual(store.get("codes", Uint8Array.of(1)), Uint8Array.of(1));
  const errors = logged.filter(({ level }) => level === "error");
  assert.equal(errors.length, 1);
  assert.match(errors[0]?.message ?? "", message);
  await assert.rejects(async () => stops.pop()?.(), { code: "STORE_WRITE_FAILED" });
  await stops.pop()?.();
  const again = openLmdbStore(join(dataDir, "chain.mdb"));
  assert.deepEqual(again.get("codes", Uint8Array.of(1)), Uint8Array.of(1));
  assert.equal(again.get("codes", Uint8Array.of(2)), undefined);
  await again.close();
});
