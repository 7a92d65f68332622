import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { createApiClient } from "./api-client.ts";
import { answerJson, serve } from "./http.test-support.ts";
import { NodeRefusal } from "./refusal.ts";
import { awaitTransaction, exitOfSent, type SentAnswer, sendAndWait, sendOnce } from "./sending.ts";

test("a request whose answer is lost is sent again under the same key", async (t) => {
  const keys: unknown[] = [];
  const { url } = await serve(t, (request, response) => {
    keys.push(request.headers["idempotency-key"]);
    if (keys.length < 3) request.socket.destroy();
    else answerJson(response, 200, { status: "success" });
  });
  const { body } = await sendOnce<{ status: string }>(createApiClient({ url }), "contracts", {}, { waitMs: 0 });
  assert.equal(body.status, "success");
  assert.equal(keys.length, 3);
  assert.match(String(keys[0]), /^[0-9a-f-]{36}$/);
  assert.equal(new Set(keys).size, 1);
});

test("when every answer is lost, the key to go on with is named", async (t) => {
  let asked = 0;
  const { url } = await serve(t, (request) => {
    asked++;
    request.socket.destroy();
  });
  await assert.rejects(
    sendOnce(createApiClient({ url }), "contracts", {}, { idempotencyKey: "order 17", waitMs: 0 }),
    (error) => isCodedError(error, "CONNECTION_FAILED") && /--idempotency-key order 17 tells/.test(error.message),
  );
  assert.equal(asked, 3);
});

test("a refusal and a node that is not there are not asked again", async (t) => {
  let asked = 0;
  const { url } = await serve(t, (_, response) => {
    asked++;
    answerJson(response, 422, { code: "EXECUTION_REVERTED", detail: "no" });
  });
  await assert.rejects(
    sendOnce(createApiClient({ url }), "x", {}, { waitMs: 0 }),
    (error) => error instanceof NodeRefusal,
  );
  assert.equal(asked, 1);
  const gone = createApiClient({ url: "http://127.0.0.1:1" });
  await assert.rejects(sendOnce(gone, "x", {}, { waitMs: 0 }), (error) => isCodedError(error, "CONNECTION_REFUSED"));
  await assert.rejects(sendOnce(gone, "x", {}, { idempotencyKey: "ä", waitMs: 0 }), (error) =>
    isCodedError(error, "INVALID_CONFIG"),
  );
});

test("a transaction is asked for until it is decided, or the time is over", async (t) => {
  let asked = 0;
  const { url } = await serve(t, (_, response) =>
    answerJson(response, 200, { hash: "0x1", status: ++asked < 3 ? "pending" : "included" }),
  );
  const waits: number[] = [];
  let now = 0;
  const clock = {
    now: () => now,
    wait: async (ms: number): Promise<void> => {
      waits.push(ms);
      now += ms;
    },
  };
  const client = createApiClient({ url });
  assert.equal((await awaitTransaction(client, "0x1", 10_000, clock)).status, "included");
  assert.deepEqual(waits, [1_000, 1_000]);
  asked = -100;
  assert.equal((await awaitTransaction(client, "0x1", now + 1_500, clock)).status, "pending");
  assert.deepEqual(waits.slice(2), [1_000, 500]);
});

test("what the request did not wait for is settled as a longer one would have, or conflicted", async (t) => {
  let found: object = {};
  const { url } = await serve(t, (request, response) =>
    answerJson(response, 200, request.method === "POST" ? { transaction_hash: "0x1", status: "pending" } : found),
  );
  let now = 0;
  const clock = {
    now: () => now,
    wait: async (ms: number): Promise<void> => {
      now += ms;
    },
  };
  const settle = ({ hash }: { hash: string }): SentAnswer => ({ transaction_hash: hash, status: "reverted" });
  const send = (wait: number) => sendAndWait(createApiClient({ url }), "x", {}, { wait }, clock, settle);
  const outcome = async (wait: number) => {
    const answer = await send(wait);
    return [answer.status, answer.reason, exitOfSent(answer, wait)];
  };
  assert.deepEqual(await outcome(0), ["pending", undefined, 0], "who does not want to wait asks no more");
  found = { hash: "0x1", status: "pending", reason: "a gap" };
  assert.deepEqual(await outcome(5), ["pending", "a gap", 9]);
  found = { hash: "0x1", status: "included" };
  assert.deepEqual(await outcome(5), ["reverted", undefined, 10]);
  found = { hash: "0x1", status: "conflicted" };
  await assert.rejects(send(5), (error) => isCodedError(error, "TRANSACTION_CONFLICTED"));
});
