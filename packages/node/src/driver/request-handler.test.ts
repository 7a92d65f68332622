import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { CodedError } from "@counterpart/core/base/errors";
import { NO_METRICS } from "@counterpart/core/base/no-metrics";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Message } from "@counterpart/core/sync/message-types";
import { decodeMessage, encodeMessage } from "@counterpart/core/sync/messages";
import { createAllowances } from "./allowances.ts";
import { createDriverMetrics } from "./driver-metrics.ts";
import { createFakeEngine } from "./fake-chain.test-support.ts";
import { createFakeContracts } from "./fake-contracts.test-support.ts";
import { SERVING_MS_BURST } from "./limits.ts";
import { createPacking } from "./packing.ts";
import { createRequestHandler } from "./request-handler.ts";
import type { Session } from "./session.ts";
import { createVirtualClock } from "./virtual-clock.test-support.ts";

const METRICS = createDriverMetrics(NO_METRICS);

function handlerOf(clock: Clock) {
  const engine = createFakeEngine("server");
  return createRequestHandler({
    engine,
    contracts: createFakeContracts(engine),
    clock,
    instanceId: "here",
    isDiverged: () => false,
    metrics: METRICS,
    allowances: createAllowances(clock, () => {}),
    peers: undefined as never,
  });
}

const sessionOf = (peerId: string): Session =>
  ({ peerId, serving: 0, turn: Promise.resolve(), packing: createPacking(undefined, METRICS) }) as unknown as Session;

const REQUEST = encodeMessage({ type: "GetHeaders", from: { number: 0 }, count: 1, direction: "up" });

describe("a request whose answer takes long", () => {
  it("is charged the time, so that the peer is told when to come back, and served then", async () => {
    const virtual = createVirtualClock();
    /** What each look at the clock costs. */
    let lookMs = 0;
    let ahead = 0;
    const pass = (): number => {
      ahead += lookMs;
      return ahead;
    };
    const handle = handlerOf({ now: () => virtual.now() + pass(), setTimer: virtual.setTimer });
    const session = sessionOf("a");
    const ask = async (): Promise<Message> => decodeMessage(await virtual.run(handle(session, REQUEST)));
    lookMs = SERVING_MS_BURST;
    assert.equal((await ask()).type, "Headers");
    lookMs = 0;
    const refused = await ask();
    assert.ok(refused.type === "Error" && refused.code === "BUSY" && refused.retryAfterMs > 0);
    await virtual.pass(refused.retryAfterMs);
    assert.equal((await ask()).type, "Headers");
  });
});

describe("requests of several peers at once", () => {
  it("are answered one peer after the other, and after each answer others have a turn, also after a failure", async () => {
    const waiting: (() => void)[] = [];
    const handle = handlerOf({
      now: () => 0,
      setTimer(_, callback) {
        waiting.push(callback);
        return () => {};
      },
    });
    const answered: string[] = [];
    const [many, few, wrong] = [sessionOf("many"), sessionOf("few"), sessionOf("wrong")];
    const ask = async (session: Session, request: Uint8Array): Promise<void> => {
      await handle(session, request).catch(() => {});
      answered.push(session.peerId);
    };
    for (let n = 0; n < 3; n++) void ask(many, REQUEST);
    void ask(wrong, Uint8Array.of(0));
    for (let n = 0; n < 2; n++) void ask(few, REQUEST);
    const order: string[] = [];
    for (let turn = 1; turn <= 6; turn++) {
      await nextTurn();
      assert.equal(answered.length, turn, "one answer in each turn");
      assert.equal(waiting.length, 1);
      order.push(answered.at(-1) as string);
      waiting.pop()?.();
    }
    assert.deepEqual(order, ["many", "wrong", "few", "many", "few", "many"]);
  });

  it("are not answered any more when the peer has gone before their turn", async () => {
    const virtual = createVirtualClock();
    const made: string[] = [];
    const handle = handlerOf(virtual);
    const named = (peerId: string): Session =>
      Object.assign(sessionOf(peerId), {
        packing: {
          pack(frame: Uint8Array) {
            made.push(peerId);
            return frame;
          },
        },
      });
    const [stays, goes] = [named("stays"), named("goes")];
    const asked = [stays, goes, goes, stays].map((session) => handle(session, REQUEST));
    const error = new CodedError("PEER_DISCONNECTED", "the link is gone");
    Object.assign(goes, { closing: { error, final: false } });
    const ended = await virtual.run(Promise.allSettled(asked));
    assert.deepEqual(
      ended.map(({ status }) => status),
      ["fulfilled", "rejected", "rejected", "fulfilled"],
    );
    assert.deepEqual(made, ["stays", "stays"]);
    assert.deepEqual([stays.serving, goes.serving], [0, 0]);
  });
});
