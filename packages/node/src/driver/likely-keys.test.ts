import assert from "node:assert/strict";
import { test } from "node:test";
import { bigIntToFixedBytes, bytesToHex } from "@counterpart/core/base/bytes";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { createLikelyKeys } from "./likely-keys.ts";
import { LIKELY_KEYS_MAX, LIKELY_TRIES_MAX } from "./limits.ts";

const key = (value: number): Uint8Array => bigIntToFixedBytes(BigInt(value), 32);
const name = (value: number): string => bytesToHex(key(value)).slice(2);
const account = (value: number) => bytesToHex(key(value));
const block = { number: 9, timestamp: 1_000 } as SealedHeader;

test("a key is likely to differ when it did so twice in a row, until it does so no more", () => {
  const likely = createLikelyKeys();
  likely.note(undefined, [1, 2, 3].map(key));
  assert.deepEqual(likely.of(undefined, block), []);
  likely.note(undefined, [2, 3, 4].map(key));
  assert.deepEqual(likely.of(undefined, block), [name(2), name(3)]);
  likely.note(undefined, [4, 5].map(key));
  assert.deepEqual(likely.of(undefined, block), [name(4)]);
  assert.deepEqual(likely.of(account(1), block), []);
});

test("few keys of few tries are remembered", () => {
  const likely = createLikelyKeys();
  const many = Array.from({ length: 10 * LIKELY_KEYS_MAX }, (_, at) => key(at));
  for (let at = 0; at <= LIKELY_TRIES_MAX; at++) {
    likely.note(account(at), many);
    likely.note(account(at), many);
  }
  assert.equal(likely.of(account(LIKELY_TRIES_MAX), block).length, LIKELY_KEYS_MAX);
  assert.equal(likely.of(account(0), block).length, 0);
});
