import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createTimedClock } from "../../contracts/contracts.test-support.ts";
import { openTestEngine, silentLogger } from "../../engine/engine.test-support.ts";
import { createSystemClock } from "../../telemetry/runtime.ts";
import { createFakeBackend } from "../fake-backend.test-support.ts";
import { word } from "../rpc/asking.test-support.ts";
import { createDispatcher, type RpcMethod } from "../rpc/dispatch.ts";
import { createChainFeed, FEED_LIMITS, type FeedLimits } from "./chain-feed.ts";
import { CONNECTION_LIMITS, type ConnectionLimits, createConnection, type Socket } from "./connection.ts";
import { sealLogs } from "./following.test-support.ts";
import { createSubscriptions, type SubscriptionRoom } from "./subscriptions.ts";

/** A socket that keeps what is sent until it is told to send it. */
class FakeSocket extends EventEmitter implements Socket {
  readonly texts: string[] = [];
  readonly unsent: (() => void)[] = [];
  isPaused = false;
  isTerminated = false;
  pings = 0;
  closed: string | undefined;

  send(text: string, sent: () => void): void {
    this.texts.push(text);
    this.unsent.push(sent);
  }
  flush(): void {
    for (const sent of this.unsent.splice(0)) sent();
  }
  ping(): void {
    this.pings++;
  }
  close(code: number, reason: string): void {
    this.closed = `${code} ${reason}`;
    this.emit("close");
  }
  terminate(): void {
    this.isTerminated = true;
    this.emit("close");
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  ask(id: number, method: string, ...params: unknown[]): void {
    this.emit("message", Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, method, params })));
  }
  get messages(): { id?: number; result?: unknown; error?: { code: number; message: string }; params?: never }[] {
    return this.texts.map((text) => JSON.parse(text));
  }
}

const text = (message: object | undefined): string => JSON.stringify(message);

function open(
  limits: Partial<ConnectionLimits> = {},
  room: Partial<SubscriptionRoom> = {},
  feedLimits: Partial<FeedLimits> = {},
) {
  const engine = openTestEngine();
  const { backend } = createFakeBackend(engine);
  const feed = createChainFeed({
    ...{ backend, clock: createTimedClock(), logger: silentLogger },
    limits: { ...FEED_LIMITS, ...feedLimits },
  });
  const held: (() => void)[] = [];
  const methods = new Map<string, RpcMethod>([
    ["echo", ([value]) => value],
    ["held", ([value]) => new Promise((resolve) => held.push(() => resolve(value)))],
  ]);
  const socket = new FakeSocket();
  const counts = { cut: 0, closed: 0 };
  const shared: SubscriptionRoom = { max: 10, maxOfConnection: 3, used: 0, ...room };
  const connection = createConnection({
    socket,
    dispatcher: createDispatcher({ methods, clock: createTimedClock(), onDefect: () => {} }),
    limits: { ...CONNECTION_LIMITS, ...limits },
    clock: createSystemClock(),
    open: ({ notify, close }) =>
      createSubscriptions({ engine, feed, room: shared, send: notify, lose: () => close(1013, "lost") }),
    onUnsent: () => {},
    onCut: () => counts.cut++,
    onClose: () => counts.closed++,
  });
  return { engine, feed, socket, connection, counts, held, room: shared };
}

/** The answer to a request: answers come in the order in which they are ready. */
const answerTo = ({ messages }: FakeSocket, wanted: number) => messages.find(({ id }) => id === wanted);

/** Turns of the loop in which everything that was asked is answered. */
async function answered(socket: FakeSocket, count: number): Promise<void> {
  while (socket.texts.length < count) await setImmediate();
}

test("requests, batches and nonsense are answered as over HTTP", async () => {
  const { socket } = open();
  socket.ask(1, "echo", 5);
  socket.emit("message", Buffer.from('[{"jsonrpc":"2.0","id":2,"method":"echo","params":["a"]}]'));
  socket.emit("message", Buffer.from("{"));
  socket.emit("message", Buffer.from([0xff, 0xfe]));
  await answered(socket, 4);
  assert.deepEqual(answerTo(socket, 1), { jsonrpc: "2.0", id: 1, result: 5 });
  assert.deepEqual(
    socket.messages.find((message) => Array.isArray(message)),
    [{ jsonrpc: "2.0", id: 2, result: "a" }],
  );
  assert.equal(socket.messages.filter(({ error }) => error?.code === -32700).length, 2);
});

test("a subscription tells after the answer that has its id, whatever happens in between", async () => {
  const { socket, engine, feed, held } = open();
  const subscribe = { jsonrpc: "2.0", id: 1, method: "eth_subscribe", params: ["newHeads"] };
  const wait = { jsonrpc: "2.0", id: 2, method: "held", params: [] };
  socket.emit("message", Buffer.from(text([subscribe, wait])));
  while (held.length === 0) await setImmediate();
  const first = await sealLogs(engine, 0);
  await feed.settled();
  assert.deepEqual(socket.texts, []);
  held[0]?.();
  await answered(socket, 2);
  const second = await sealLogs(engine, 1);
  await answered(socket, 3);
  const [batch, ...told] = socket.messages as unknown as [{ result: string }[], ...{ params: never }[]];
  const subscription = batch[0]?.result;
  assert.deepEqual(
    told.map(({ params }) => [
      (params as { subscription: string }).subscription,
      (params as { result: { hash: string } }).result.hash,
    ]),
    [
      [subscription, first],
      [subscription, second],
    ],
  );
  socket.ask(3, "eth_unsubscribe", subscription);
  socket.ask(4, "eth_unsubscribe", subscription);
  await answered(socket, 5);
  assert.equal(answerTo(socket, 3)?.result, true);
  assert.deepEqual(answerTo(socket, 4)?.error, { code: -32000, message: "subscription not found" });
  await sealLogs(engine, 2);
  await feed.settled();
  assert.equal(socket.texts.length, 5);
});

test("what cannot be subscribed to is refused in the words of others", async () => {
  const { socket } = open();
  const cases: [params: unknown[], code: number, message: RegExp][] = [
    [[], -32602, /^expected subscription name as first argument$/],
    [[5], -32602, /^expected subscription name as first argument$/],
    [["newHats"], -32601, /^no "newHats" subscription in eth namespace$/],
    [["constructor"], -32601, /^no "constructor" subscription in eth namespace$/],
    [["newHeads", {}], -32602, /^too many arguments, want at most 1$/],
    [["logs"], -32602, /^missing value for required argument 1$/],
    [["logs", { topics: "0x" }], -32602, /./],
    [["logs", { fromBlock: "pending" }], -32602, /pending logs are not supported/],
    [["newPendingTransactions", "yes"], -32602, /./],
  ];
  for (const [at, [params]] of cases.entries()) socket.ask(at, "eth_subscribe", ...params);
  await answered(socket, cases.length);
  for (const [at, [, code, message]] of cases.entries()) {
    assert.equal(answerTo(socket, at)?.error?.code, code);
    assert.match(answerTo(socket, at)?.error?.message ?? "", message);
  }
});

test("subscriptions are limited for each connection and for all, and those of a closed one are free again", async () => {
  const { socket, room, engine, feed } = open({}, { max: 10, maxOfConnection: 2 });
  for (let id = 0; id < 3; id++) socket.ask(id, "eth_subscribe", "newHeads");
  await answered(socket, 3);
  assert.equal(answerTo(socket, 2)?.error?.code, -32005);
  assert.equal(room.used, 2);
  room.used = 10;
  socket.ask(3, "eth_unsubscribe", answerTo(socket, 0)?.result);
  socket.ask(4, "eth_subscribe", "newHeads");
  socket.ask(5, "eth_subscribe", "newHeads");
  await answered(socket, 6);
  assert.deepEqual([answerTo(socket, 4)?.error, answerTo(socket, 5)?.error?.code], [undefined, -32005]);
  socket.emit("close");
  assert.equal(room.used, 8);
  await sealLogs(engine, 0);
  await feed.settled();
  assert.equal(socket.texts.length, 6);
});

test("a batch that goes on after its connection has closed subscribes to nothing", async () => {
  const { socket, room, held, feed, engine } = open();
  const wait = { jsonrpc: "2.0", id: 1, method: "held", params: [] };
  const subscribe = { jsonrpc: "2.0", id: 2, method: "eth_subscribe", params: ["newHeads"] };
  const last = { jsonrpc: "2.0", id: 3, method: "held", params: [] };
  socket.emit("message", Buffer.from(text([wait, subscribe, last])));
  while (held.length === 0) await setImmediate();
  socket.emit("close");
  held[0]?.();
  while (held.length === 1) await setImmediate();
  assert.equal(room.used, 0);
  held[1]?.();
  await sealLogs(engine, 0);
  await feed.settled();
  assert.deepEqual(socket.texts, []);
});

test("a subscription whose filter names too much takes no room", async () => {
  const { socket, room } = open({}, {}, { filtered: 1 });
  socket.ask(0, "eth_subscribe", "logs", { topics: [[word(1), word(2)]] });
  socket.ask(1, "eth_subscribe", "logs", { topics: [word(1)] });
  await answered(socket, 2);
  assert.deepEqual([answerTo(socket, 0)?.error?.code, answerTo(socket, 1)?.error], [-32005, undefined]);
  assert.equal(room.used, 1);
});

test("only so many messages are answered at a time; the others wait, and nothing more is read", async () => {
  const { socket, held } = open({ inFlight: 2 });
  for (let id = 1; id <= 4; id++) socket.ask(id, "held", id);
  assert.deepEqual([held.length, socket.isPaused], [2, true]);
  for (const go of held.splice(0)) go();
  await answered(socket, 2);
  socket.flush();
  while (held.length < 2) await setImmediate();
  assert.equal(socket.isPaused, false);
  for (const go of held.splice(0)) go();
  await answered(socket, 4);
  assert.deepEqual(socket.messages.map(({ id }) => id).sort(), [1, 2, 3, 4]);
});

test("others have their turn after a few messages, however many come at once and are taken at once", async () => {
  const { socket } = open({ inFlight: 8 });
  for (let id = 0; id < 100; id++) socket.ask(id, "echo", id);
  for (let turn = 1; turn <= 3; turn++) {
    await setImmediate();
    assert.equal(socket.texts.length, turn * 8);
    socket.flush();
    await Promise.resolve();
    assert.equal(socket.texts.length, turn * 8);
  }
  await answered(socket, 100);
  assert.deepEqual(
    socket.messages.map(({ id }) => id),
    Array.from({ length: 100 }, (_, id) => id),
  );
});

test("while much is on the way nothing more is answered or read", async () => {
  const { socket } = open({ pauseBytes: 100 });
  socket.ask(1, "echo", "x".repeat(100));
  await answered(socket, 1);
  socket.ask(2, "echo", "y");
  await setImmediate();
  assert.deepEqual([socket.texts.length, socket.isPaused], [1, true]);
  socket.flush();
  await answered(socket, 2);
  assert.equal(socket.isPaused, false);
});

test("who sends on while nothing more is read is cut", async () => {
  const { socket, counts } = open({ inFlight: 1, waitingBytes: 200 });
  for (let id = 1; id <= 5 && !socket.isTerminated; id++) socket.ask(id, "held", "x".repeat(50));
  assert.deepEqual([socket.isTerminated, counts], [true, { cut: 1, closed: 1 }]);
});

test("who does not take what it is told is cut, and what comes later is not sent", async () => {
  const { socket, engine, feed, counts } = open({ unsentNotificationBytes: 3_000 });
  socket.ask(1, "eth_subscribe", "newHeads");
  await answered(socket, 1);
  socket.flush();
  for (let n = 0; n < 4; n++) await sealLogs(engine, n);
  await feed.settled();
  assert.deepEqual([socket.isTerminated, counts.cut], [true, 1]);
  const sent = socket.texts.length;
  await sealLogs(engine, 9);
  await feed.settled();
  assert.equal(socket.texts.length, sent);
});

test("who takes what it is told is not cut, however much that is", async () => {
  const { socket, engine, feed } = open({ unsentNotificationBytes: 3_000 });
  socket.ask(1, "eth_subscribe", "newHeads");
  await answered(socket, 1);
  for (let n = 0; n < 8; n++) {
    await sealLogs(engine, n);
    await feed.settled();
    socket.flush();
  }
  assert.deepEqual([socket.isTerminated, socket.texts.length], [false, 9]);
});

test("an answer that is not taken counts too", async () => {
  const { socket, counts } = open({ unsentBytes: 1_000, pauseBytes: 10_000 });
  for (let id = 1; id <= 3; id++) socket.ask(id, "echo", "x".repeat(400));
  while (!socket.isTerminated) await setImmediate();
  assert.equal(counts.cut, 1);
});

test("what comes, is taken or answers a ping is a sign of life", async () => {
  const { socket, connection } = open();
  assert.deepEqual([connection.isAlive(), connection.isAlive()], [true, false]);
  socket.emit("pong");
  assert.deepEqual([connection.isAlive(), connection.isAlive()], [true, false]);
  socket.ask(1, "echo", 1);
  await answered(socket, 1);
  assert.deepEqual([connection.isAlive(), connection.isAlive()], [true, false]);
  socket.flush();
  assert.equal(connection.isAlive(), true);
});
