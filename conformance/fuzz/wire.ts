/** HTTP/1.1 by hand, because a client library would not send what is wrong. One connection a request. */

import assert from "node:assert/strict";
import { connect } from "node:net";

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface WireRequest {
  readonly method: string;
  /** Path and query as they are sent. */
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: Buffer;
}

/** Longer than the node may wait for a peer or an inclusion. */
const ANSWER_MS = 45_000;

export function toBytes({ method, target, headers, body }: WireRequest): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([
    Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines}\r\n`, "latin1"),
    body ?? Buffer.alloc(0),
  ]);
}

const isInformation = (head: string): boolean => /^HTTP\/1\.1 1\d\d /.test(head);

/** The answer, when all of it that matters is there: a stream of events never ends. */
function parse(bytes: Buffer, isEnd: boolean): Answer | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const head = bytes.subarray(0, end).toString("latin1");
  if (isInformation(head)) return parse(bytes.subarray(end + 4), isEnd);
  const [first = "", ...lines] = head.split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
  assert.ok(status > 0, `no answer of HTTP: ${first}`);
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const isStream = headers["content-type"] === "text/event-stream";
  return isEnd || isStream ? { status, headers, body: bytes.subarray(end + 4) } : undefined;
}

function unchunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.subarray(at, line).toString("latin1"), 16);
    assert.ok(size >= 0, "a chunk has no size");
    if (size === 0) return Buffer.concat(parts);
    parts.push(body.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

function whole(answer: Answer): Answer {
  const isChunked = answer.headers["transfer-encoding"] === "chunked" && answer.body.length > 0;
  const isStream = answer.headers["content-type"] === "text/event-stream";
  return isChunked && !isStream ? { ...answer, body: unchunked(answer.body) } : answer;
}

/** Sends bytes and gives the answer; rejects when there is none within the time, or the node hangs up without one. */
export function exchange(port: number, bytes: Buffer): Promise<Answer> {
  const socket = connect({ port, host: "127.0.0.1" });
  const received: Buffer[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  const look = (isEnd: boolean): void => {
    const answer = parse(Buffer.concat(received), isEnd);
    if (answer !== undefined) resolve(whole(answer));
    else if (isEnd) reject(new Error(`hung up without an answer, after ${Buffer.concat(received).length} bytes`));
  };
  socket.on("data", (part) => {
    received.push(part);
    if (Buffer.concat(received).includes("text/event-stream")) look(false);
  });
  // Where the node refuses early, the rest of a large body meets a closed socket; the answer was sent all the same.
  socket.on("error", () => {});
  socket.once("close", () => {
    try {
      look(true);
    } catch (error) {
      reject(error);
    }
  });
  socket.write(bytes);
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
