import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { createApiClient } from "./api-client.ts";
import { type FollowOptions, followEvents } from "./event-follower.ts";
import { answerJson, serve } from "./http.test-support.ts";
import { NodeRefusal } from "./refusal.ts";

const event = (id: number, data = "{}"): string => `id: run-${id}\nevent: head\ndata: ${data}\n\n`;

function begin(response: ServerResponse): ServerResponse {
  response.writeHead(200, { "content-type": "text/event-stream" });
  return response;
}

/** Keeps what is seen; ends after so many events. */
function reader(url: string, count: number, changes: Partial<FollowOptions> = {}) {
  const seen: string[] = [];
  const gone: number[] = [];
  const options: FollowOptions = {
    client: createApiClient({ url }),
    signal: new AbortController().signal,
    onEvent: ({ id }) => seen.push(id) < count,
    onOpen: () => {},
    onGone: (_reason, pauseMs) => void gone.push(pauseMs),
    wait: async () => {},
    ...changes,
  };
  return { seen, gone, options };
}

test("a stream that ends or breaks is gone on with after its last event", async (t) => {
  const asked: string[] = [];
  const { url } = await serve(t, (request, response) => {
    asked.push(`${request.url} ${request.headers["last-event-id"] ?? "-"}`);
    const turn = asked.length;
    if (turn === 1) begin(response).end(event(1) + event(2));
    else if (turn === 2) {
      // The last one is cut short: it was not received.
      begin(response).write(`${event(3)}: heartbeat\nid: run-5\n\nid: run-6\nevent: head\n`);
      setImmediate(() => request.socket.destroy());
    } else if (turn === 3) answerJson(response, 503, { code: "NOT_READY", detail: "starting" });
    else begin(response).write(event(6) + event(7));
  });
  const { seen, gone, options } = reader(url, 5, { types: ["head", "artifact"] });
  await followEvents(options);
  assert.deepEqual(seen, ["run-1", "run-2", "run-3", "run-6", "run-7"]);
  const path = "/api/v1/events?types=head,artifact";
  assert.deepEqual(asked, [`${path} -`, `${path} run-2`, `${path} run-5`, `${path} run-5`]);
  assert.deepEqual(gone, [500, 500, 1_000], "the pause grows until the stream is open again");
});

test("what asking again cannot mend ends it, and so does a node that was never there", async (t) => {
  const { url } = await serve(t, (_, response) =>
    answerJson(response, 400, { code: "INVALID_REQUEST", detail: "types" }),
  );
  await assert.rejects(
    followEvents(reader(url, 1).options),
    (error) => error instanceof NodeRefusal && error.status === 400,
  );
  await assert.rejects(followEvents(reader("http://127.0.0.1:1", 1).options), (error) =>
    isCodedError(error, "CONNECTION_REFUSED"),
  );
});

test("a signal ends it, while it reads and while it waits", async (t) => {
  const controller = new AbortController();
  const { url } = await serve(t, (_, response) => void begin(response).write(event(1)));
  const abort = (): boolean => {
    controller.abort();
    return true;
  };
  const reading = reader(url, 9, { signal: controller.signal, onEvent: abort });
  await followEvents(reading.options);
  const other = new AbortController();
  const short = await serve(t, (_, response) => void begin(response).end());
  const wait = async (): Promise<void> => {
    other.abort();
    throw other.signal.reason;
  };
  const waiting = reader(short.url, 9, { signal: other.signal, wait });
  await followEvents(waiting.options);
  assert.deepEqual(waiting.gone, [500]);
});

test("letters that are cut in two by the network arrive whole", async (t) => {
  const bytes = Buffer.from(event(1, '"漢"'));
  const { url } = await serve(t, (_, response) => {
    begin(response).write(bytes.subarray(0, bytes.length - 4));
    setImmediate(() => response.write(bytes.subarray(bytes.length - 4)));
  });
  const texts: string[] = [];
  await followEvents(reader(url, 1, { onEvent: ({ data }) => texts.push(data) < 1 }).options);
  assert.deepEqual(texts, ['"漢"']);
});
