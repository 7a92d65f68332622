import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeEngine } from "./fake-chain.test-support.ts";
import { createFakeContracts } from "./fake-contracts.test-support.ts";
import type { Self } from "./ports.ts";
import { createStatusBoard } from "./status-board.ts";
import { createVirtualClock } from "./virtual-clock.test-support.ts";

for (const [certifies, number] of [
  [true, 2],
  [false, 0],
] as const) {
  test(`the certified head is block ${number} where ${certifies ? "signers are listed" : "anyone may seal"}`, () => {
    const engine = createFakeEngine("a");
    engine.make();
    const self = { certifies } as Self;
    const board = createStatusBoard({
      engine,
      contracts: createFakeContracts(engine),
      clock: createVirtualClock(),
      self,
    });
    const first = board.read(0).sequence;
    engine.make();
    const { sequence, head, certifiedHead } = board.read(0);
    assert.deepEqual([sequence, head.number, certifiedHead.number], [first + 1, 2, number]);
    assert.equal(certifiedHead.hash, engine.header(number)?.hash);
  });
}
