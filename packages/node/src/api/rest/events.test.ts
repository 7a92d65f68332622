import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Compile } from "typebox/compile";
import { accountOf, chainOf, openTestEngine, sealAll, transactionOf } from "../../engine/engine.test-support.ts";
import { EVENT_SCHEMAS, type EventType } from "../events/event-types.ts";
import {
  createFakeBackend,
  openTestApi,
  rawRequest,
  sealingEngine,
  serverOptions,
} from "../fake-backend.test-support.ts";
import { createApiServer } from "../server.ts";

const DEADLINE_MS = 20_000;

async function started(engine = sealingEngine(openTestEngine())) {
  const fake = createFakeBackend(engine);
  const server = createApiServer(serverOptions(fake));
  after(() => server.stop());
  const { url } = await server.start();
  const open = (query = "", headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}/api/v1/events${query}`, { headers, signal: AbortSignal.timeout(DEADLINE_MS) });
  return { engine, server, url, open };
}

interface Heard {
  readonly id: string;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

function parse(block: string): Heard | undefined {
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
  const [id, type, data] = [field("id"), field("event"), field("data")];
  if (id === undefined || type === undefined || data === undefined) return undefined;
  return { id, type, data: JSON.parse(data) as Heard["data"] };
}

/** Reads events until this many have come, then hangs up. */
async function take(response: Response, count: number): Promise<Heard[]> {
  const heard: Heard[] = [];
  let text = "";
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    const blocks = text.split("\n\n");
    text = blocks.pop() as string;
    heard.push(...blocks.flatMap((block) => parse(block) ?? []));
    if (heard.length >= count) break;
  }
  return heard;
}

test("a replica's head is told with the number of blocks that it goes on by, and with those that have left", async () => {
  const replica = openTestEngine({ replica: [accountOf(9)] });
  const { open } = await started(replica);
  const stream = await open();
  const [losing, winning] = [openTestEngine({ sealer: 1 }), openTestEngine({ sealer: 2 })];
  for (const nonce of [0, 1]) await sealAll(losing, [transactionOf(1, nonce)]);
  for (const nonce of [0, 1, 2]) await sealAll(winning, [transactionOf(1, nonce)]);
  for (const full of [losing, winning]) {
    const headers = chainOf(full).map(({ header }) => header);
    await replica.adoption.addHeaders(headers, new Uint8Array(0));
    await replica.adoption.complete(full.head());
  }
  const heard = await take(stream, 4);
  assert.deepEqual(
    heard.map(({ type, data }) => [type, data.number, data.blocks_added, data.blocks_reorged]),
    [
      ["head", 2, 2, 0],
      ["block.reorged", 2, undefined, undefined],
      ["block.reorged", 1, undefined, undefined],
      ["head", 3, 3, 2],
    ],
  );
  const left = chainOf(losing).map(({ header }) => header.hash);
  assert.deepEqual([heard[2]?.data.hash, heard[1]?.data.hash], left);
});

test("a transaction's way is heard, in words that the schemas describe", async () => {
  const { engine, open } = await started(openTestEngine());
  const stream = await open();
  assert.equal(stream.headers.get("content-type"), "text/event-stream");
  assert.equal(stream.headers.get("x-content-type-options"), "nosniff");
  const loser = transactionOf(1, 0);
  const winner = transactionOf(1, 0, { maxFeePerGas: 10n, maxPriorityFeePerGas: 10n });
  await engine.submit(loser, "local");
  await engine.submit(winner, "peer");
  const block = await engine.seal();
  const heard = await take(stream, 5);
  assert.deepEqual(
    heard.map(({ type }) => type),
    ["transaction.pending", "transaction.conflicted", "transaction.pending", "head", "transaction.included"],
  );
  assert.deepEqual(heard[1]?.data, { hash: loser.hash, conflicted_by: winner.hash });
  assert.equal(heard[2]?.data.origin, "peer");
  assert.equal(heard[3]?.data.hash, block?.header.hash);
  assert.deepEqual(heard[4]?.data, {
    hash: winner.hash,
    block_hash: block?.header.hash,
    block_number: 1,
    index: 0,
  });
  for (const { type, data } of heard) {
    const [first] = Compile(EVENT_SCHEMAS[type as EventType]).Errors(data);
    assert.equal(first, undefined, `${type}: ${JSON.stringify(first)}`);
  }
});

test("Last-Event-ID brings what was missed, and types filters it", async () => {
  const { engine, open } = await started();
  const stream = await open();
  await engine.submit(transactionOf(1, 0), "local");
  const [first] = await take(stream, 1);
  await engine.submit(transactionOf(1, 1), "local");
  const again = await take(await open("?types=head", { "last-event-id": first?.id as string }), 2);
  assert.deepEqual(
    again.map(({ type, data }) => [type, data.number]),
    [
      ["head", 1],
      ["head", 2],
    ],
  );
});

test("an id of another run is answered by a reset", async () => {
  const { open } = await started();
  const [reset] = await take(await open("", { "last-event-id": "another-run-7" }), 1);
  assert.deepEqual([reset?.type, reset?.data], ["reset", { reason: "UNKNOWN_ID" }]);
});

test("unknown types, unknown query members and overlong ids are refused", async () => {
  const { get } = await openTestApi();
  for (const query of ["types=", "types=nothing", "types=head,", "types=head&types=head", "x=1"]) {
    const { status, json } = await get(`/api/v1/events?${query}`);
    assert.deepEqual([status, json.code], [400, "INVALID_REQUEST"], query);
  }
  const { status } = await get("/api/v1/events", { "last-event-id": "x".repeat(257) });
  assert.equal(status, 400);
});

test("HEAD would never end and is refused", async () => {
  const { url } = await started();
  const { status } = await rawRequest(`${url}/api/v1/events`, { method: "HEAD" });
  assert.equal(status, 405);
});

test("a page of another origin hears nothing", async () => {
  const { open } = await started();
  const answer = await open("", { origin: "https://example.org" });
  assert.equal(answer.status, 403);
});

test("one stream more than there may be is refused with Retry-After, until one ends", async () => {
  const { open } = await started();
  const streams = await Promise.all(Array.from({ length: 64 }, () => open()));
  const refused = await open();
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal(((await refused.json()) as { code: string }).code, "TOO_MANY_SUBSCRIBERS");
  await Promise.all(streams.map((stream) => stream.body?.cancel()));
});

test("a stopping server ends its streams", async () => {
  const { server, open } = await started();
  const stream = await open();
  const stopped = server.stop();
  assert.match(await stream.text(), /^retry: /);
  await stopped;
});
