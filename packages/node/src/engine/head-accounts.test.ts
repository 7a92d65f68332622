import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import type { Account } from "@counterpart/core/chain/types";
import { accountOf, chainOf, openTestEngine, sealAll, transactionOf } from "./engine.test-support.ts";
import { createHeadAccounts } from "./head-accounts.ts";
import { createPool, POOL_LIMITS } from "./pool.ts";
import { whileUnchanged } from "./transactions.ts";

const addressOf = (index: number): Hex => `0x${index.toString(16).padStart(40, "0")}`;

test("accounts of the head are read once, absent ones too, until the head changes", () => {
  let reads = 0;
  let nonce = 1n;
  const account = (address: Hex): Account | undefined => {
    reads++;
    return address === addressOf(0) ? undefined : ({ nonce } as Account);
  };
  const accounts = createHeadAccounts({ account }, 3);
  for (let i = 0; i < 5; i++)
    assert.deepEqual(
      [0, 1].map((one) => accounts.account(addressOf(one))?.nonce),
      [undefined, 1n],
    );
  assert.equal(reads, 2);
  nonce = 2n;
  accounts.clear();
  assert.equal(accounts.account(addressOf(1))?.nonce, 2n);
  for (let i = 0; i < 10; i++) accounts.account(addressOf(i));
  assert.equal(accounts.account(addressOf(9))?.nonce, 2n);
});

test("accounts that a block left as they were are not read again", () => {
  const reads: Hex[] = [];
  const accounts = createHeadAccounts({ account: (address) => void reads.push(address) });
  const ask = (): void => {
    for (const one of [1, 2, 3]) accounts.account(addressOf(one));
  };
  ask();
  const { version } = accounts;
  accounts.forget([addressOf(2), addressOf(4)]);
  assert.notEqual(accounts.version, version);
  ask();
  assert.deepEqual(reads, [1, 2, 3, 2].map(addressOf));
});

test("what could be sealed follows the head", async () => {
  const engine = openTestEngine();
  await engine.submit(transactionOf(1, 1), "local");
  assert.deepEqual(engine.pool.oldestExecutable(), {});
  await engine.submit(transactionOf(1, 0), "local");
  assert.notDeepEqual(engine.pool.oldestExecutable(), {});
  await sealAll(engine, []);
  assert.deepEqual(engine.pool.oldestExecutable(), {});
  await engine.submit(transactionOf(1, 3), "local");
  assert.deepEqual(engine.pool.oldestExecutable(), {});
  await engine.submit(transactionOf(1, 2), "local");
  assert.notDeepEqual(engine.pool.oldestExecutable(), {});
  assert.equal(engine.pool.nextNonce(accountOf(1)), 4n);
});

test("what comes back from a block that was given up can be sealed, though nothing else of its sender has changed", async () => {
  const [engine, rival] = [openTestEngine({ sealer: 101 }), openTestEngine({ sealer: 102 })];
  await sealAll(engine, [transactionOf(1, 0)]);
  assert.equal(engine.pool.nextNonce(accountOf(1)), 1n);
  for (const nonce of [0, 1]) await sealAll(rival, [transactionOf(2, nonce)]);
  await engine.import(chainOf(rival));
  assert.equal(engine.head().hash, rival.head().hash);
  assert.notDeepEqual(engine.pool.oldestExecutable(), {});
});

test("what could be sealed is looked for again only when pool or head have changed", () => {
  const pool = createPool(POOL_LIMITS);
  const accounts = createHeadAccounts({ account: () => undefined });
  let looks = 0;
  const looked = whileUnchanged({ pool, accounts }, () => ++looks);
  const seen = (change: () => void): number[] => {
    change();
    return [looked(), looked()];
  };
  const { hash } = transactionOf(1, 0);
  assert.deepEqual(
    seen(() => {}),
    [1, 1],
  );
  assert.deepEqual(
    seen(() => void pool.add(transactionOf(1, 0), "reinjected", 0)),
    [2, 2],
  );
  assert.deepEqual(
    seen(() => pool.noteTried([hash])),
    [3, 3],
  );
  assert.deepEqual(
    seen(() => void pool.remove(hash)),
    [4, 4],
  );
  assert.deepEqual(
    seen(() => accounts.clear()),
    [5, 5],
  );
});
