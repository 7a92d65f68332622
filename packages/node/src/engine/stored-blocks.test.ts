import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { encodeBlock } from "@counterpart/core/chain/block";
import { createMemoryStore } from "../store/memory-store.ts";
import { chainOf, openTestEngine, sealAll, transactionOf } from "./engine.test-support.ts";
import { metaKey } from "./rows.ts";
import { encodedBlocks, headNumber } from "./stored-blocks.ts";

test("blocks of this node's own chain are given as peers are sent them", async () => {
  const store = createMemoryStore();
  const engine = openTestEngine({ store });
  for (const nonce of [0, 1, 2]) await sealAll(engine, [transactionOf(1, nonce), transactionOf(2, nonce, { type: 0 })]);
  assert.equal(headNumber(store), 3);
  assert.deepEqual([...encodedBlocks(store, 1, 3)], chainOf(engine).map(encodeBlock));
  assert.equal([...encodedBlocks(store, 0, 0)].length, 1);
  assert.throws(
    () => [...encodedBlocks(store, 3, 4)],
    (error) => isCodedError(error, "BLOCK_NOT_FOUND"),
  );
});

test("a block of which only the header is held is refused by its number", async () => {
  const store = createMemoryStore();
  const engine = openTestEngine({ store });
  await sealAll(engine, [transactionOf(1, 0)]);
  store.write([{ table: "bodies", key: store.get("meta", metaKey("head")) as Uint8Array, value: null }]);
  assert.throws(
    () => [...encodedBlocks(store, 1, 1)],
    (error) => isCodedError(error, "PRUNED") && /block 1 /.test((error as Error).message),
  );
});
