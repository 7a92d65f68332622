import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import type { StoreWrite } from "@counterpart/core/ports/store";
import { accountOf, creationOf, openTestEngine } from "../engine/engine.test-support.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createTestKeys } from "./contracts.test-support.ts";
import { createSender, type Preparation } from "./sender.ts";

const MESSAGE = { from: accountOf(1), to: accountOf(9), data: new Uint8Array(0), value: 0n };
const companion: StoreWrite = { table: "meta", key: new Uint8Array([1]), value: new Uint8Array([2]) };

describe("sending", () => {
  it("gives concurrent requests of one account consecutive nonces", async () => {
    const sender = createSender(openTestEngine(), createTestKeys(1));
    const sent = await Promise.all(Array.from({ length: 5 }, () => sender.send(MESSAGE, 50_000)));
    assert.deepEqual(
      sent.map(({ nonce }) => nonce),
      [0n, 1n, 2n, 3n, 4n],
    );
  });

  it("offers twice the base fee that was set for the next block", async () => {
    const engine = openTestEngine({ development: true });
    const { send } = createSender(engine, createTestKeys(1));
    engine.development?.setNext({ baseFeePerGas: 7n });
    assert.equal((await send(MESSAGE, 50_000)).maxFeePerGas, 14n);
    await engine.seal();
    assert.equal((await send(MESSAGE, 50_000)).maxFeePerGas, 0n);
  });

  it("makes what goes with a transaction durable in the same write, in a block or in the journal", async () => {
    for (const seals of [true, false]) {
      const inner = createMemoryStore();
      const writes: (readonly StoreWrite[])[] = [];
      const write = (rows: Iterable<StoreWrite>): void => {
        const written = [...rows];
        writes.push(written);
        inner.write(written);
      };
      const store = { ...inner, write };
      const engine = openTestEngine({ store });
      const preparation: Preparation = { before: () => [companion], undo: () => assert.fail("it was not refused") };
      if (seals) engine.on("pooled", () => void engine.seal());
      writes.length = 0;
      const { hash } = await createSender(engine, createTestKeys(1)).send(MESSAGE, 50_000, preparation);
      assert.equal(engine.transaction(hash)?.status, seals ? "included" : "pending");
      assert.deepEqual(
        writes.map((rows) => rows.includes(companion)),
        [true],
      );
    }
  });

  it("takes back what was prepared when the pool refuses", async () => {
    const engine = openTestEngine();
    const undone: bigint[] = [];
    const preparation: Preparation = { before: () => [], undo: ({ nonce }) => void undone.push(nonce) };
    const tooMuch = { ...MESSAGE, value: 10n ** 30n };
    const sending = createSender(engine, createTestKeys(1)).send(tooMuch, 50_000, preparation);
    await assert.rejects(sending, (error) => isCodedError(error, "INSUFFICIENT_FUNDS"));
    assert.deepEqual(undone, [0n]);
  });

  it("is only done for accounts that are held", async () => {
    const engine = openTestEngine();
    const sending = createSender(engine, createTestKeys(2)).send(MESSAGE, 50_000);
    await assert.rejects(sending, (error) => isCodedError(error, "FROM_NOT_HELD"));
    assert.equal(engine.pool.pending, 0);
    await engine.submit(creationOf(1, 0, new Uint8Array([0])), "local");
  });
});
