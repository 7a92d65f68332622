import assert from "node:assert/strict";
import { test } from "node:test";
import { accountOf, chainOf, openTestEngine, sealAll, transactionOf } from "./engine.test-support.ts";
import type { Engine } from "./types.ts";

async function sealedBy(sealer: number, blocks: number): Promise<Engine> {
  const engine = openTestEngine({ sealer });
  for (let nonce = 0; nonce < blocks; nonce++) await sealAll(engine, [transactionOf(1, nonce)]);
  return engine;
}

test("the head does not go to a block whose branch was given up while its state came, and nothing is written", async () => {
  const [before, after] = [await sealedBy(1, 2), await sealedBy(2, 3)];
  const replica = openTestEngine({ replica: [accountOf(9)] });
  const { adoption } = replica;
  const follow = (engine: Engine) =>
    adoption.addHeaders(
      chainOf(engine).map(({ header }) => header),
      new Uint8Array(0),
    );
  await follow(before);
  await follow(after);
  const { hash } = replica.head();
  await assert.rejects(adoption.complete(before.head()), { code: "PRUNED" });
  assert.equal(replica.head().hash, hash);
  await adoption.complete(after.head());
  assert.equal(replica.head().hash, after.head().hash);
});
