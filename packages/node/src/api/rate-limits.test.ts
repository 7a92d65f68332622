import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import type { InjectOptions } from "fastify";
import { createTimedClock, type TimedClock } from "../contracts/contracts.test-support.ts";
import { createFakeBackend, openTestApi, rawRequest, serverOptions } from "./fake-backend.test-support.ts";
import { createRateLimits } from "./rate-limits.ts";
import { createApiServer } from "./server.ts";

const FAR = "192.0.2.1";
const HEALTH = "/api/v1/health";

const chainId = (id: number) => ({ jsonrpc: "2.0", id, method: "eth_chainId" });

async function open(rate: number, clock: TimedClock = createTimedClock()) {
  const { server } = await openTestApi({ rate, clock });
  const ask = async (options: InjectOptions, remoteAddress = FAR) => server.inject({ remoteAddress, ...options });
  const rpc = (payload: object, remoteAddress = FAR) =>
    ask({ method: "POST", url: "/", headers: { "content-type": "application/json" }, payload }, remoteAddress);
  const statuses = async (count: number, remoteAddress = FAR): Promise<number[]> => {
    const all: number[] = [];
    for (let i = 0; i < count; i++) all.push((await ask({ url: HEALTH }, remoteAddress)).statusCode);
    return all;
  };
  return { clock, ask, rpc, statuses };
}

const repeated = (count: number, value: number) => Array.from({ length: count }, () => value);

test("an address has its calls, and then again as many a second as it may", async () => {
  const { clock, ask, statuses } = await open(2);
  assert.deepEqual(await statuses(21), [...repeated(20, 200), 429]);
  const refused = await ask({ url: HEALTH });
  assert.equal(refused.headers["retry-after"], "1");
  assert.deepEqual(
    { ...(refused.json() as object), request_id: "", detail: "" },
    {
      type: "urn:counterpart:error:RATE_LIMITED",
      title: "too many requests",
      status: 429,
      code: "RATE_LIMITED",
      instance: HEALTH,
      retry_after_ms: 500,
      request_id: "",
      detail: "",
    },
  );
  clock.advance(500);
  assert.deepEqual(await statuses(2), [200, 429]);
  clock.advance(1_500);
  assert.deepEqual(await statuses(4), [200, 200, 200, 429]);
});

test("addresses have theirs each, but those of one network of IPv6 have theirs together, and loopback has no limit", async () => {
  const { statuses } = await open(1);
  await statuses(10);
  assert.deepEqual(await statuses(1), [429]);
  assert.deepEqual(await statuses(1, "192.0.2.2"), [200]);
  await statuses(10, "2001:db8::1");
  assert.deepEqual(await statuses(1, "2001:db8::ffff:2"), [429]);
  assert.deepEqual(await statuses(1, "2001:db8:0:1::1"), [200]);
  for (const local of ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]) {
    assert.deepEqual(await statuses(15, local), repeated(15, 200), local);
  }
});

test("a rate of 0 is none", async () => {
  const { statuses } = await open(0);
  assert.deepEqual(await statuses(30), repeated(30, 200));
});

test("what is refused otherwise counts as well, and so do unknown paths and wrong tokens", async () => {
  const { ask } = await open(1);
  for (let i = 0; i < 10; i++) assert.equal((await ask({ url: "/nothing" })).statusCode, 404);
  assert.equal((await ask({ url: "/nothing" })).statusCode, 429);
});

test("each call of a batch counts, and a batch is never torn", async () => {
  const clock = createTimedClock();
  const { rpc, statuses } = await open(2, clock);
  const batch = Array.from({ length: 15 }, (_, id) => chainId(id));
  assert.equal((await rpc(batch)).json().length, 15);
  assert.equal((await rpc(batch)).json().length, 15, "overdrawn by one batch");
  const refused = await rpc(chainId(1));
  assert.equal(refused.statusCode, 429);
  // 10 calls too many: 5 s and a bit
  assert.equal(refused.json().retry_after_ms, 5_500);
  assert.equal(refused.headers["retry-after"], "6");
  clock.advance(5_500);
  assert.deepEqual(await statuses(2), [200, 429]);
});

test("a batch that is refused for its size is not charged beyond the most that it may have", async () => {
  const { clock, rpc } = await open(100);
  const huge = Array.from({ length: 5_000 }, (_, id) => chainId(id));
  assert.equal((await rpc(huge)).json()[0].error.code, -32600);
  assert.equal((await rpc(chainId(1))).statusCode, 429);
  clock.advance(20);
  assert.equal((await rpc(chainId(1))).statusCode, 200);
});

test("addresses that are remembered are bounded: those not seen for longest begin anew", () => {
  let limited = 0;
  const metrics = { limited: { add: () => limited++ } };
  const { meterOf } = createRateLimits({ perSecond: 1, clock: createTimedClock(), metrics });
  const drain = (address: string) => meterOf(address)?.take(20);
  assert.equal(drain(FAR), 0);
  assert.equal(drain(FAR), 11_000);
  for (let i = 0; i < 4_095; i++) drain(`198.18.${i >> 8}.${i & 255}`);
  assert.equal(drain(FAR), 11_000, "still remembered");
  for (let i = 0; i < 4_096; i++) drain(`198.19.${i >> 8}.${i & 255}`);
  assert.equal(drain(FAR), 0);
  assert.equal(limited, 2);
});

test("real requests of another address than loopback are limited, over HTTP and over WebSocket", async (t) => {
  const own = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
  if (own === undefined) {
    t.diagnostic("this machine has no other address");
    return;
  }
  const clock = createTimedClock();
  const options = { ...serverOptions(createFakeBackend()), clock, host: "0.0.0.0", token: "s3cret", rate: 1 };
  const server = createApiServer(options);
  t.after(() => server.stop());
  const port = new URL((await server.start()).url).port;
  const socket = new WebSocket(`ws://${own}:${port}/`, { headers: { authorization: "Bearer s3cret" } } as never);
  t.after(() => socket.close());
  const heard = (async function* () {
    for (;;)
      yield await new Promise<MessageEvent>((resolve) => socket.addEventListener("message", resolve, { once: true }));
  })();
  const answerTo = async (message: object) => {
    const answer = heard.next();
    socket.send(JSON.stringify(message));
    return JSON.parse(String((await answer).value?.data));
  };
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", reject, { once: true });
  });
  // the upgrade was the first of ten
  assert.equal((await answerTo([1, 2, 3, 4, 5, 6, 7, 8].map(chainId))).length, 8);
  assert.equal((await answerTo(chainId(9))).result, "0x7a69");
  assert.deepEqual(await answerTo(chainId(10)), {
    jsonrpc: "2.0",
    id: 10,
    error: { code: -32005, message: "rate limit exceeded", data: { retry_after_ms: 1_000 } },
  });
  assert.equal((await answerTo([chainId(11)])).error.code, -32005);
  assert.equal((await rawRequest(`http://${own}:${port}${HEALTH}`, {})).status, 429);
  assert.equal((await rawRequest(`http://127.0.0.1:${port}${HEALTH}`, {})).status, 200);
  clock.advance(1_000);
  assert.equal((await answerTo(chainId(12))).result, "0x7a69");
});
