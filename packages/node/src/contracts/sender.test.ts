import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Transaction } from "@counterpart/core/chain/types";
import { accountOf, openTestEngine } from "../engine/engine.test-support.ts";
import { createTestKeys } from "./contracts.test-support.ts";
import { createSender, type Preparation } from "./sender.ts";

const MESSAGE = { from: accountOf(1), to: accountOf(9), data: new Uint8Array(0), value: 0n };

/** A pool that takes its time, and refuses what `refusals` say, first things first. */
function slowEngine(refusals: readonly ErrorCode[] = []) {
  const engine = openTestEngine();
  const taken: Transaction[] = [];
  const left = [...refusals];
  return {
    taken,
    engine: {
      chainId: engine.chainId,
      head: engine.head,
      pool: { ...engine.pool, nextNonce: () => BigInt(taken.length + refusals.length - left.length) },
      async submit(transaction: Transaction) {
        await new Promise((resolve) => setImmediate(resolve));
        const code = left.shift();
        if (code !== undefined) throw new CodedError(code, "refused");
        taken.push(transaction);
      },
    },
  };
}

function recorded(): { readonly preparation: Preparation; readonly log: string[] } {
  const log: string[] = [];
  const preparation: Preparation = {
    before: ({ nonce }) => log.push(`before ${nonce}`),
    undo: ({ nonce }) => log.push(`undo ${nonce}`),
  };
  return { preparation, log };
}

describe("sending", () => {
  it("gives concurrent requests of one account consecutive nonces, however long the pool takes", async () => {
    const { engine, taken } = slowEngine();
    const sender = createSender(engine, createTestKeys(1));
    await Promise.all(Array.from({ length: 5 }, () => sender.send(MESSAGE, 50_000)));
    assert.deepEqual(
      taken.map(({ nonce }) => nonce),
      [0n, 1n, 2n, 3n, 4n],
    );
  });

  it("signs again when somebody else used the nonce in between", async () => {
    for (const code of ["NONCE_TOO_LOW", "UNDERPRICED"] as const) {
      const { engine, taken } = slowEngine([code]);
      const { preparation, log } = recorded();
      const sent = await createSender(engine, createTestKeys(1)).send(MESSAGE, 50_000, preparation);
      assert.equal(sent.nonce, 1n);
      assert.deepEqual(taken, [sent]);
      assert.deepEqual(log, ["before 0", "undo 0", "before 1"]);
    }
  });

  it("gives up after a few nonces, and at once for any other reason", async () => {
    const often: ErrorCode[] = Array.from({ length: 9 }, () => "NONCE_TOO_LOW");
    const { preparation, log } = recorded();
    const sending = createSender(slowEngine(often).engine, createTestKeys(1)).send(MESSAGE, 50_000, preparation);
    await assert.rejects(sending, (error) => isCodedError(error, "NONCE_TOO_LOW"));
    assert.equal(log.length, 6);
    const full = createSender(slowEngine(["POOL_FULL"]).engine, createTestKeys(1)).send(MESSAGE, 50_000);
    await assert.rejects(full, (error) => isCodedError(error, "POOL_FULL"));
  });

  it("is only done for accounts that are held", async () => {
    const { engine, taken } = slowEngine();
    const sending = createSender(engine, createTestKeys(2)).send(MESSAGE, 50_000);
    await assert.rejects(sending, (error) => isCodedError(error, "FROM_NOT_HELD"));
    assert.deepEqual(taken, []);
  });

  it("asks for no gas price on a chain without base fee, so that accounts without funds can send", async () => {
    const { engine } = slowEngine();
    const sent = await createSender(engine, createTestKeys(1)).send(MESSAGE, 50_000);
    assert.equal(sent.type, 2);
    assert.equal(sent.maxFeePerGas, 0n);
    assert.equal(sent.sender, accountOf(1));
  });
});
