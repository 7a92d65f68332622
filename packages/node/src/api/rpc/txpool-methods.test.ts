import assert from "node:assert/strict";
import { test } from "node:test";
import { checksumAddress } from "@counterpart/core/crypto/crypto";
import { accountOf, openTestEngine, sealAll, transactionOf } from "../../engine/engine.test-support.ts";
import { BLOCKS } from "../../engine/imported.test-support.ts";
import { createSlowClock } from "../../engine/slow-clock.test-support.ts";
import { createFakeBackend, openTestApi } from "../fake-backend.test-support.ts";
import { openImportedApi } from "../imported-api.test-support.ts";
import { ask, fails, OWN, STRANGER } from "./asking.test-support.ts";

type Content = Readonly<Record<"pending" | "queued", Record<string, Record<string, unknown>>>>;

const [SHOWN, OTHER_SHOWN] = [checksumAddress(OWN), checksumAddress(accountOf(2))];
/** Of the balance of 100 ether, 60. */
const MOST = 60n * 10n ** 18n;

/** One sender with a gap, one who can pay for the first of two. */
async function openPool() {
  const engine = openTestEngine();
  await sealAll(engine, [transactionOf(1, 0)]);
  for (const nonce of [4, 1, 2]) await engine.submit(transactionOf(1, nonce), "local");
  await engine.submit(transactionOf(2, 0, { value: MOST }), "local");
  return { engine, api: await openTestApi({}, createFakeBackend(engine)) };
}

test("what waits is shown by sender and nonce, apart from what waits for something else", async () => {
  const { api } = await openPool();
  const { pending, queued } = await ask<Content>(api, "txpool_content");
  assert.deepEqual(Object.keys(pending).sort(), [SHOWN, OTHER_SHOWN].sort());
  assert.deepEqual([Object.keys(pending[SHOWN] ?? {}), Object.keys(queued[SHOWN] ?? {})], [["1", "2"], ["4"]]);
  assert.deepEqual(Object.keys(queued), [SHOWN]);
  const { hash } = transactionOf(1, 2);
  assert.deepEqual(pending[SHOWN]?.["2"], await ask(api, "eth_getTransactionByHash", hash));
  const { blockHash, blockTimestamp } = (pending[SHOWN]?.["2"] ?? {}) as Record<string, unknown>;
  assert.deepEqual([blockHash, blockTimestamp], [null, null]);
  assert.deepEqual(await ask(api, "txpool_status"), { pending: "0x3", queued: "0x1" });
  const mine = await ask(api, "txpool_contentFrom", OWN);
  assert.deepEqual(mine, { pending: pending[SHOWN], queued: queued[SHOWN] });
  assert.deepEqual(await ask(api, "txpool_contentFrom", STRANGER), { pending: {}, queued: {} });
});

test("a transaction that its sender cannot pay for any more waits, with all behind it", async () => {
  const { engine } = await openPool();
  const account = engine.snapshot().account(accountOf(2));
  assert.ok(account !== undefined && account.balance > MOST);
  const second = transactionOf(2, 1, { value: account.balance - MOST / 2n });
  await engine.submit(second, "local");
  await engine.submit(transactionOf(2, 2), "local");
  const nonces = ({ pending, queued }: ReturnType<typeof engine.pool.contentOf>) =>
    [pending, queued].map((each) => each.map(({ nonce }) => Number(nonce)));
  assert.deepEqual(nonces(engine.pool.contentOf(accountOf(2))), [[0, 1, 2], []]);
  await sealAll(engine, []);
  assert.deepEqual(nonces(engine.pool.contentOf(accountOf(2))), [[], [1, 2]]);
});

test("in brief each is one line, as in go-ethereum", async () => {
  const { api, engine } = await openPool();
  await engine.submit(transactionOf(3, 0, { to: undefined, value: 0n, maxFeePerGas: 7n } as object), "local");
  const { pending } = await ask<Content>(api, "txpool_inspect");
  const to = checksumAddress("0x00000000000000000000000000000000000000aa");
  assert.equal(pending[SHOWN]?.["1"], `${to}: 1 wei + 200000 gas × 0 wei`);
  const creation = pending[checksumAddress(accountOf(3))]?.["0"];
  assert.equal(creation, "contract creation: 0 wei + 200000 gas × 7 wei");
});

test("a pool that an answer has no room for is refused, and others have their turn meanwhile", async () => {
  const { engine } = await openPool();
  const large = { ...transactionOf(1, 1), raw: new Uint8Array(9 * 1024 * 1024) };
  const contentOf = () => ({ pending: [large], queued: [] });
  const full = { ...engine, pool: { ...engine.pool, senders: () => [OWN, accountOf(2)], contentOf } };
  await fails(await openTestApi({}, createFakeBackend(full)), -32003, /response too large/, "txpool_content");
  const clock = createSlowClock(50);
  const api = await openTestApi({ clock }, createFakeBackend(engine));
  await ask(api, "txpool_status");
  assert.equal(clock.turns, 2);
});

test("the pool of an imported chain is empty", async () => {
  const { api } = await openImportedApi(BLOCKS);
  for (const method of ["txpool_content", "txpool_inspect"]) {
    assert.deepEqual(await ask(api, method), { pending: {}, queued: {} });
  }
  assert.deepEqual(await ask(api, "txpool_status"), { pending: "0x0", queued: "0x0" });
  assert.deepEqual(await ask(api, "txpool_contentFrom", OWN), { pending: {}, queued: {} });
});
