import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { checksumAddress } from "@counterpart/core/crypto/crypto";
import { accountOf, openTestEngine } from "../../engine/engine.test-support.ts";
import type { Engine } from "../../engine/types.ts";
import { createFakeBackend, openTestApi } from "../fake-backend.test-support.ts";

const API = "/api/v1/replica";
const SHOWN = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
const FIRST: Hex = `0x${SHOWN.slice(2).toLowerCase()}`;
const SECOND = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0";

const openWith = (engine: Engine) => openTestApi({}, createFakeBackend(engine));

test("what is held is told: everything by a full node, the chosen contracts by a replica of some", async () => {
  const full = await openWith(openTestEngine());
  assert.deepEqual((await full.get(API)).json, { role: "full", holds: "all", contracts: null, taking_over: false });
  const all = await openWith(openTestEngine({ replica: "all" }));
  assert.deepEqual((await all.get(API)).json, { role: "replica", holds: "all", contracts: null, taking_over: false });
  const some = await openWith(openTestEngine({ replica: [FIRST] }));
  assert.deepEqual((await some.get(API)).json, {
    ...{ role: "replica", holds: "chosen", contracts: [{ address: SHOWN, status: "fetching" }], taking_over: false },
  });
});

test("a replica that cannot know of its own accounts, as nobody proves it or its state is to come, lists them", async () => {
  const engine = openTestEngine({ replica: [FIRST] });
  const api = await openWith(engine);
  const address = checksumAddress(accountOf(1));
  const wallet = { address, balance: null, nonce: null, next_nonce: null, held: true, own: true };
  for (const code of ["NOT_HELD", "NOT_READY"]) {
    const { status, json } = await api.get("/api/v1/wallets");
    assert.deepEqual([status, json], [200, { wallets: [wallet] }]);
    assert.equal((await api.get(`/api/v1/wallets/${address}`)).json.code, code);
    await engine.adoption.begin(true, new Uint8Array(0));
  }
});

test("a contract is added while it is still being fetched, and dropped again", async () => {
  const engine = openTestEngine({ replica: [FIRST] });
  const api = await openWith(engine);
  let looks = 0;
  api.network.set({ takeOver: () => void looks++ });
  const { status, json } = await api.send("PUT", `${API}/contracts/${SECOND}`, undefined);
  assert.deepEqual([status, json], [202, { address: SECOND, status: "fetching" }]);
  assert.equal(looks, 1);
  assert.deepEqual(engine.holding.chosen(), [FIRST, SECOND.toLowerCase()]);
  engine.holding.noteFetched(engine.holding.added);
  assert.equal((await api.send("PUT", `${API}/contracts/${SECOND}`, undefined)).status, 200);
  for (const dropped of [true, false]) {
    assert.deepEqual((await api.send("DELETE", `${API}/contracts/${SHOWN}`, undefined)).json, { dropped });
  }
  assert.deepEqual(engine.holding.chosen(), [SECOND.toLowerCase()]);
});

test("of each contract it is told whether it is held, being fetched or absent", async () => {
  const engine = openTestEngine({ replica: [FIRST] });
  const api = await openWith(engine);
  engine.holding.noteFetched(engine.holding.added);
  await api.send("PUT", `${API}/contracts/${SECOND}`, undefined);
  const { json } = await api.get(API);
  assert.deepEqual((json as { contracts: unknown }).contracts, [
    { address: SHOWN, status: "absent" },
    { address: SECOND, status: "fetching" },
  ]);
});

test("a node that holds everything can be told nothing, and a wrong address is refused", async () => {
  for (const engine of [openTestEngine(), openTestEngine({ replica: "all" })]) {
    const api = await openWith(engine);
    for (const method of ["PUT", "DELETE"] as const) {
      const { status, json } = await api.send(method, `${API}/contracts/${SHOWN}`, undefined);
      assert.deepEqual([status, (json as { code: string }).code], [409, "HOLDS_ALL"]);
    }
  }
  const api = await openWith(openTestEngine({ replica: [FIRST] }));
  assert.equal((await api.send("PUT", `${API}/contracts/0x12`, undefined)).status, 400);
});
