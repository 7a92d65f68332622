import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { oneByOne, WAITING_MAX } from "./pipelining.ts";

interface Scene {
  /** Paths in the order in which they were handed over. */
  readonly seen: string[];
  readonly client: () => Client;
}

interface Client {
  readonly socket: Socket;
  /** Bodies of the answers so far. */
  readonly answers: () => string[];
  readonly until: (count: number) => Promise<void>;
}

function createClient(port: number): Client {
  const socket = connect(port, "127.0.0.1").setEncoding("latin1");
  let received = "";
  let noticed = (): void => {};
  socket.on("data", (part) => {
    received += part;
    noticed();
  });
  socket.on("error", () => {});
  const answers = (): string[] => [...received.matchAll(/<(.*?)>/g)].map(([, body]) => body as string);
  return {
    socket,
    answers,
    until: (count) =>
      new Promise((resolve) => {
        noticed = () => {
          if (answers().length >= count) resolve();
        };
        noticed();
      }),
  };
}

async function open(t: TestContext, listener: RequestListener): Promise<Scene> {
  const seen: string[] = [];
  const server = createServer(
    oneByOne((request, response) => {
      seen.push(request.url ?? "");
      listener(request, response);
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { seen, client: () => createClient(port) };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const MANY = WAITING_MAX;
const answerPath: RequestListener = ({ url }, response) => void response.end(`<${url}>`);

test("requests that were sent together are handed over one by one, in order, each with its body", async (t) => {
  let underway = 0;
  const answer = async (request: IncomingMessage): Promise<string> => {
    assert.equal(++underway, 1, "the one before is answered");
    const body = await text(request);
    for (let i = 0; i < 3; i++) await turn();
    underway--;
    return `<${request.url} ${body}>`;
  };
  const { client } = await open(t, (request, response) => {
    answer(request).then(
      (body) => response.end(body),
      (error) => response.destroy(error),
    );
  });
  const { socket, answers, until } = client();
  const large = "b".repeat(200_000);
  socket.write(get("/1") + post("/2", "two") + post("/3", large) + get("/4"));
  await until(4);
  assert.deepEqual(answers(), ["/1 ", "/2 two", `/3 ${large}`, "/4 "]);
  socket.write(get("/5"));
  await until(5);
});

test("others have their turn between the requests of one connection", async (t) => {
  const { seen, client } = await open(t, answerPath);
  const [many, one] = [client(), client()];
  one.socket.write(get("/first"));
  await one.until(1);
  many.socket.write(get("/many").repeat(MANY));
  await many.until(1);
  one.socket.write(get("/one"));
  await one.until(2);
  assert.ok(seen.indexOf("/one") < MANY - 100, `it waited for ${seen.indexOf("/one")} others`);
  await many.until(MANY);
});

test("a connection on which too many wait is ended, and nobody else's", async (t) => {
  const { seen, client } = await open(t, (request, response) => {
    if (request.url !== "/held") answerPath(request, response);
  });
  const [many, one] = [client(), client()];
  const ended = new Promise((resolve) => many.socket.once("close", resolve));
  many.socket.write(get("/held") + get("/").repeat(WAITING_MAX));
  while (seen.length === 0) await turn();
  one.socket.write(get("/one"));
  await one.until(1);
  assert.equal(many.socket.destroyed, false);
  many.socket.write(get("/"));
  await ended;
  one.socket.write(get("/two"));
  await one.until(2);
  assert.deepEqual(seen, ["/held", "/one", "/two"]);
});

test("of a client that has gone nothing more is handed over", async (t) => {
  let gone = (): void => {};
  const left = new Promise<void>((resolve) => {
    gone = resolve;
  });
  const { seen, client } = await open(t, (request, response) => {
    if (request.url === "/held") response.once("close", gone);
    else answerPath(request, response);
  });
  const { socket } = client();
  socket.write(get("/held") + get("/").repeat(10));
  while (seen.length === 0) await turn();
  socket.destroy();
  await left;
  for (let i = 0; i < 50; i++) await turn();
  assert.deepEqual(seen, ["/held"]);
});
