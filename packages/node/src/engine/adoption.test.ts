import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { accountOf, chainOf, openTestEngine, sealAll, stateOf, transactionOf } from "./engine.test-support.ts";
import type { Engine } from "./types.ts";

async function sealedBy(sealer: number, blocks: number): Promise<Engine> {
  const engine = openTestEngine({ sealer });
  for (let nonce = 0; nonce < blocks; nonce++) await sealAll(engine, [transactionOf(1, nonce)]);
  return engine;
}

const addHeaders = (replica: Engine, from: Engine): Promise<void> =>
  replica.adoption.addHeaders(
    chainOf(from).map(({ header }) => header),
    new Uint8Array(0),
  );

async function takeOver(replica: Engine, from: Engine): Promise<void> {
  await addHeaders(replica, from);
  await replica.adoption.complete(from.head());
}

test("the head does not go to a block whose branch was given up while its state came, and nothing is written", async () => {
  const [before, after] = [await sealedBy(1, 2), await sealedBy(2, 3)];
  const replica = openTestEngine({ replica: [accountOf(9)] });
  const { adoption } = replica;
  await addHeaders(replica, before);
  await addHeaders(replica, after);
  const { hash } = replica.head();
  await assert.rejects(adoption.complete(before.head()), { code: "PRUNED" });
  assert.equal(replica.head().hash, hash);
  await adoption.complete(after.head());
  assert.equal(replica.head().hash, after.head().hash);
});

test("a head that a better chain has left stays canonical, with what led to it, until that chain's state is here", async () => {
  const [before, after] = [await sealedBy(1, 2), await sealedBy(2, 3)];
  const replica = openTestEngine({ replica: "all" });
  const hashesOf = (engine: Engine): (Hex | undefined)[] => [0, 1, 2, 3].map((number) => engine.header(number)?.hash);
  const canonical = (): (Hex | undefined)[] => [0, 1, 2, 3].map((number) => replica.canonicalHash(number));
  await addHeaders(replica, before);
  await replica.adoption.complete(before.head(), stateOf(before));
  await addHeaders(replica, after);
  assert.deepEqual(hashesOf(replica), hashesOf(after));
  assert.deepEqual(canonical(), hashesOf(before));
  for (const { header } of chainOf(before)) assert.ok(replica.isCanonical(header.hash));
  for (const { header } of chainOf(after)) assert.ok(!replica.isCanonical(header.hash));
  assert.equal(replica.stateAt(before.head().hash, "caller").header.hash, before.head().hash);
});

test("a replica tells which headers its head has left, highest first", async () => {
  const [before, after] = [await sealedBy(1, 2), await sealedBy(2, 3)];
  const replica = openTestEngine({ replica: [accountOf(9)] });
  const told: Hex[][] = [];
  replica.on("head", ({ reverted }) => void told.push(reverted.map(({ hash }) => hash)));
  await takeOver(replica, before);
  await takeOver(replica, after);
  const left = chainOf(before).map(({ header }) => header.hash);
  assert.deepEqual(told, [[], left.reverse()]);
});
