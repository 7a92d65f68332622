import assert from "node:assert/strict";
import { test } from "node:test";
import { CodedError } from "@counterpart/core/base/errors";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import type { ContractService } from "../contracts/types.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createCheckpointCache } from "./checkpoint-cache.ts";
import { mergeRecord } from "./contract-pull.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import { createStoredBanBook, createStoredCheckpoints, createStoredPeerBook } from "./stored.ts";

test("the peer book gives back what was saved last, in its order", () => {
  const store = createMemoryStore();
  createStoredPeerBook(store).save(["b:1", "a:1", "c:1"]);
  createStoredPeerBook(store).save(["c:1", "b:1"]);
  assert.deepEqual(createStoredPeerBook(store).load(), ["c:1", "b:1"]);
});

test("the peer book keeps at most 64 addresses", () => {
  const book = createStoredPeerBook(createMemoryStore());
  book.save(Array.from({ length: 100 }, (_, i) => `10.0.0.1:${i}`));
  assert.equal(book.load().length, 64);
});

test("bans are given back as they were saved, the oldest first", () => {
  const store = createMemoryStore();
  const ban = (sinceMs: number, times: number) =>
    ({ reason: "INVALID_BLOCK", sinceMs, untilMs: sinceMs + 3_600_000, times }) as const;
  createStoredBanBook(store).save(
    new Map([
      ["a", ban(2, 1)],
      ["b", ban(1, 3)],
    ]),
  );
  assert.deepEqual(createStoredBanBook(store).load(), [
    ["b", ban(1, 3)],
    ["a", ban(2, 1)],
  ]);
  createStoredBanBook(store).save(new Map([["a", ban(2, 1)]]));
  assert.deepEqual(createStoredBanBook(store).load(), [["a", ban(2, 1)]]);
});

test("checkpoints are kept by instance, and the oldest go beyond the limit", () => {
  const store = createMemoryStore();
  let now = 0;
  const checkpoints = createStoredCheckpoints(store, { now: () => now, setTimer: () => () => {} });
  for (let i = 0; i < 1_100; i++) {
    now++;
    checkpoints.set(`node-${i}`, i);
  }
  assert.equal(checkpoints.get("node-1099"), 1_099);
  assert.equal(checkpoints.get("node-0"), undefined);
  assert.ok(store.range("checkpoints", { limit: 5_000 }).length <= 1_025);
  assert.equal(checkpoints.get("unknown"), undefined);
});

test("checkpoints that a full disk refused are kept in memory and written later", () => {
  const written = new Map<string, number>();
  let full = true;
  const cache = createCheckpointCache({
    get: (id) => written.get(id),
    set(id, sequence) {
      if (full) throw new CodedError("STORE_WRITE_FAILED", "the disk is full");
      written.set(id, sequence);
    },
  });
  cache.raise("peer", 7);
  cache.flush();
  assert.equal(cache.get("peer"), 7);
  full = false;
  cache.flush();
  assert.deepEqual([...written], [["peer", 7]]);
});

test("a record that cannot be kept at present is nobody's fault", async () => {
  const session = { credited: { add: () => assert.fail("nothing was kept") } } as unknown as Session;
  const record = { address: "0x00000000000000000000000000000000000000aa" } as unknown as ArtifactRecord;
  const peers = { penalise: () => assert.fail("the peer was blamed") } as unknown as Peers;
  for (const code of ["STORE_WRITE_FAILED", "STORE_CORRUPT", "NOT_READY"] as const) {
    const putRecord = (): Promise<never> => Promise.reject(new CodedError(code, "not now"));
    const contracts = { putRecord } as unknown as ContractService;
    assert.equal(await mergeRecord(session, record, { contracts, peers }), "unwritten");
  }
});
