import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { CodedError } from "@counterpart/core/base/errors";
import { transactionConflicted } from "../../contracts/inclusion.ts";
import {
  CONTRACT,
  CONTRACT_SHOWN,
  CONTRACT_VIEW,
  createFakeBackend,
  hash32,
  OWNER,
  OWNER_SHOWN,
  openTestApi,
  serverOptions,
} from "../fake-backend.test-support.ts";
import { createApiServer } from "../server.ts";
import { INCLUDED, CONTRACTS_PATH as PATH, PENDING, plain } from "./contracts.test-support.ts";

test("an execution answers with what it did", async () => {
  const api = await openTestApi();
  api.contracts.set({ execute: async () => INCLUDED });
  const body = `{"function":"mint","params":{"to":"${OWNER}","amount":1000000000000000000000001},"from":"${OWNER_SHOWN}","value":"5","wait_ms":9}`;
  const { status, json } = await api.send("POST", `${PATH}/${CONTRACT}/execute`, body);
  assert.equal(status, 200);
  assert.deepEqual(json, {
    transaction_hash: hash32("a"),
    block_hash: hash32("b"),
    block_number: 7,
    status: "success",
    result: { amount: (2n ** 80n).toString() },
    logs: [
      {
        address: CONTRACT_SHOWN,
        topics: [hash32("c")],
        data: "0x0102",
        event: "Transfer",
        args: { to: OWNER_SHOWN, value: "5" },
      },
    ],
    confirmations: 1,
  });
  assert.deepEqual(plain(api.contracts.calls[0]), [
    "execute",
    CONTRACT,
    {
      function: "mint",
      params: { to: OWNER, amount: { source: "1000000000000000000000001" } },
      from: OWNER,
      value: "5",
    },
    9,
    null,
  ]);
});

test("an execution hears when its client hangs up, and not before", async () => {
  const fake = createFakeBackend();
  const server = createApiServer(serverOptions(fake));
  after(() => server.stop());
  const { url } = await server.start();
  const caller = new AbortController();
  const { promise: told, resolve } = Promise.withResolvers<void>();
  fake.contracts.set({
    async execute(_address, _call, _waitMs, _key, gone) {
      assert.ok(gone);
      await setImmediate();
      assert.equal(gone.aborted, false, "all of the body has come by now");
      caller.abort();
      await once(gone, "abort");
      resolve();
      return INCLUDED;
    },
  });
  const request = { method: "POST", headers: { "content-type": "application/json" }, body: '{"function":"mint"}' };
  await assert.rejects(fetch(`${url}${PATH}/${CONTRACT}/execute`, { ...request, signal: caller.signal }));
  await told;
});

test("a request is known by its key, its route and its body", async () => {
  const api = await openTestApi();
  api.contracts.set({ execute: async () => PENDING });
  const path = `${PATH}/${CONTRACT}/execute`;
  const body = { function: "mint" };
  const headers = { "idempotency-key": "order 7/a" };
  for (const [to, what] of [
    [path, body],
    [path, body],
    [`${PATH}/${OWNER}/execute`, body],
    [path, { function: "burn" }],
  ] as const) {
    assert.equal((await api.send("POST", to, what, headers)).status, 202);
  }
  const keys = api.contracts.calls.map((call) => call.at(-1) as { key: string; fingerprint: string });
  assert.deepEqual(new Set(keys.map(({ key }) => key)), new Set(["order 7/a"]));
  assert.equal(keys[0]?.fingerprint, keys[1]?.fingerprint);
  assert.equal(new Set(keys.map(({ fingerprint }) => fingerprint)).size, 3);
  for (const key of ["", " ", "a ", "é", "a\tb", "k".repeat(256)]) {
    const { status, json } = await api.send("POST", path, body, { "idempotency-key": key });
    assert.deepEqual([status, json.code], [400, "INVALID_REQUEST"], JSON.stringify(key));
  }
  assert.equal(api.contracts.calls.length, 4);
});

test("parameters go by position as well, and may be left out", async () => {
  const api = await openTestApi();
  api.contracts.set({ execute: async () => PENDING });
  const path = `${PATH}/${CONTRACT}/execute`;
  assert.equal((await api.send("POST", path, { function: "mint", params: [OWNER, "7"] })).status, 202);
  assert.equal((await api.send("POST", path, { function: "pause()" })).status, 202);
  assert.deepEqual(api.contracts.calls, [
    ["execute", CONTRACT, { function: "mint", params: [OWNER, "7"] }, undefined, undefined],
    ["execute", CONTRACT, { function: "pause()" }, undefined, undefined],
  ]);
  for (const body of [
    {},
    { function: "" },
    { function: "f", params: "x" },
    { function: "f", param: [] },
    { function: 5 },
  ]) {
    const { status, json } = await api.send("POST", path, body);
    assert.deepEqual([status, json.code], [400, "INVALID_REQUEST"], JSON.stringify(body));
  }
});

test("an execution that waits says what holds it up, and one that lost its nonce is a conflict", async () => {
  const api = await openTestApi();
  const path = `${PATH}/${CONTRACT}/execute`;
  api.contracts.set({ execute: async () => ({ ...PENDING, reason: "INSUFFICIENT_FUNDS" }) });
  const waiting = await api.send("POST", path, { function: "mint" });
  assert.equal(waiting.status, 202);
  assert.deepEqual(waiting.json, {
    transaction_hash: hash32("a"),
    status: "pending",
    address: CONTRACT_SHOWN,
    reason: "INSUFFICIENT_FUNDS",
  });
  api.contracts.set({ execute: () => Promise.reject(transactionConflicted(hash32("a"), hash32("b"))) });
  const { status, json } = await api.send("POST", path, { function: "mint" });
  assert.deepEqual(
    [status, json.code, json.transaction_hash, json.by],
    [409, "TRANSACTION_CONFLICTED", hash32("a"), hash32("b")],
  );
});

test("a revert found by simulation is 422 with its reason", async () => {
  const api = await openTestApi();
  const revert = new CodedError("EXECUTION_REVERTED", "the execution reverts: cap exceeded", {
    reason: "cap exceeded",
  });
  api.contracts.set({ execute: () => Promise.reject(revert) });
  const { status, json } = await api.send("POST", `${PATH}/${CONTRACT}/execute`, { function: "mint" });
  assert.deepEqual([status, json.code, json.reason], [422, "EXECUTION_REVERTED", "cap exceeded"]);
});

test("a call answers with the decoded result", async () => {
  const api = await openTestApi();
  api.contracts.set({ call: async () => ["5", { ok: true, amount: 7n }] });
  const { status, json } = await api.send("POST", `${PATH}/${CONTRACT}/call`, { function: "f", params: [1] });
  assert.equal(status, 200);
  assert.deepEqual(json, { result: ["5", { ok: true, amount: "7" }] });
  assert.deepEqual(plain(api.contracts.calls[0]), ["call", CONTRACT, { function: "f", params: [{ source: "1" }] }]);
  api.contracts.set({ call: async () => undefined });
  assert.deepEqual((await api.send("POST", `${PATH}/${CONTRACT}/call`, { function: "f" })).json, { result: null });
  assert.equal((await api.send("POST", `${PATH}/${CONTRACT}/call`, { function: "f", wait_ms: 1 })).status, 400);
});

test("artifact content is signed here, its cap exact", async () => {
  const api = await openTestApi();
  api.contracts.set({ publish: async () => ({ view: CONTRACT_VIEW }) });
  const path = `${PATH}/${CONTRACT}/artifact`;
  const { status, json } = await api.send(
    "PUT",
    path,
    '{"name":"N","symbol":"S","decimals":6,"cap":1e27,"abi":[],"contract_type":"x"}',
  );
  assert.equal(status, 200);
  assert.deepEqual([json.address, json.code_match], [CONTRACT_SHOWN, null]);
  assert.deepEqual(api.contracts.calls[0], [
    "publish",
    CONTRACT,
    { name: "N", symbol: "S", decimals: 6, cap: `1${"0".repeat(27)}`, abi: [], contractType: "x" },
    undefined,
  ]);
  assert.equal((await api.send("PUT", path, {})).status, 200);
  assert.deepEqual(api.contracts.calls[1], ["publish", CONTRACT, {}, undefined]);
  const refused = await api.send("PUT", path, { cap: "1.5" });
  assert.deepEqual([refused.status, refused.json.field], [400, "cap"]);
});

const RECORD = {
  code_hash: hash32("1"),
  creation_nonce: 4,
  updated_at: 1_770_000_000_123,
  content_hash: hash32("2"),
  signature: `0x${"ab".repeat(65)}`,
  content: "0xc0",
};

test("a record signed elsewhere is kept as it is", async () => {
  const api = await openTestApi();
  api.contracts.set({ putRecord: async () => "added", get: async () => CONTRACT_VIEW });
  const path = `${PATH}/${CONTRACT}/artifact`;
  assert.equal((await api.send("PUT", path, { record: RECORD })).status, 200);
  assert.deepEqual(api.contracts.calls[0], [
    "putRecord",
    {
      address: CONTRACT,
      codeHash: hash32("1"),
      creationNonce: 4n,
      updatedAt: 1_770_000_000_123,
      contentHash: hash32("2"),
      signature: new Uint8Array(65).fill(0xab),
      content: new Uint8Array([0xc0]),
    },
  ]);
  await api.send("PUT", path, { record: { ...RECORD, creation_nonce: null } });
  const record = api.contracts.calls.findLast(([name]) => name === "putRecord")?.[1] as Record<string, unknown>;
  assert.equal(record.updatedAt, RECORD.updated_at);
  assert.equal("creationNonce" in record, false);
});

test("what became of a record is told by code", async () => {
  const api = await openTestApi();
  const path = `${PATH}/${CONTRACT}/artifact`;
  const outcomes = [
    ["older", 409, "STALE_ARTIFACT"],
    ["refused", 400, "INVALID_ARTIFACT"],
  ] as const;
  for (const [outcome, expected, code] of outcomes) {
    api.contracts.set({ putRecord: async () => outcome });
    const { status, json } = await api.send("PUT", path, { record: RECORD });
    assert.deepEqual([status, json.code], [expected, code]);
  }
});

test("a record of other code is invalid, and only one of no contract at all is not found", async () => {
  const api = await openTestApi();
  const path = `${PATH}/${CONTRACT}/artifact`;
  api.contracts.set({ putRecord: async () => "unknown-contract", get: async () => CONTRACT_VIEW });
  const other = await api.send("PUT", path, { record: { ...RECORD, code_hash: hash32("9") } });
  assert.deepEqual([other.status, other.json.code], [400, "INVALID_ARTIFACT"]);
  assert.equal(other.json.code_hash, CONTRACT_VIEW.entry.codeHash);
  api.contracts.set({ get: () => Promise.reject(new CodedError("CONTRACT_NOT_FOUND", "none")) });
  const none = await api.send("PUT", path, { record: RECORD });
  assert.deepEqual([none.status, none.json.code], [404, "CONTRACT_NOT_FOUND"]);
});

test("a wrong record names its field", async () => {
  const { send } = await openTestApi();
  const path = `${PATH}/${CONTRACT}/artifact`;
  const cases: [body: Record<string, unknown>, field: string][] = [
    [{ record: { ...RECORD, signature: "0x00" } }, "record.signature"],
    [{ record: { ...RECORD, extra: 1 } }, "record.extra"],
    [{ nme: "N" }, "nme"],
    [{ decimals: -1 }, "decimals"],
  ];
  for (const [body, field] of cases) {
    const { status, json } = await send("PUT", path, body);
    assert.deepEqual([status, json.code, json.field], [400, "INVALID_REQUEST", field]);
  }
  const odd = await send("PUT", path, { record: { ...RECORD, content: "0xc" } });
  assert.equal(odd.status, 400);
});
