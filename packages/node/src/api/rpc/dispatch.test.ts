import assert from "node:assert/strict";
import { test } from "node:test";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { CodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import { createManualClock } from "../../engine/engine.test-support.ts";
import { createSlowClock } from "../../engine/slow-clock.test-support.ts";
import { createDispatcher, type RpcMethod } from "./dispatch.ts";
import { RPC_CODES, RpcError } from "./errors.ts";
import { RPC_LIMITS, type RpcLimits } from "./limits.ts";

interface Reply {
  readonly jsonrpc: string;
  readonly id: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

function open(
  extra: Record<string, RpcMethod> = {},
  clock: Clock = createManualClock(),
  limits: Partial<RpcLimits> = {},
) {
  const defects: unknown[] = [];
  const seen: unknown[] = [];
  const methods = new Map<string, RpcMethod>(
    Object.entries({
      echo: (params: unknown) => {
        seen.push(params);
        return params;
      },
      nothing: () => undefined,
      revert: () => {
        throw new RpcError(RPC_CODES.reverted, "execution reverted", "0x01");
      },
      ...extra,
    }),
  );
  const dispatcher = createDispatcher({
    methods,
    clock,
    limits: { ...RPC_LIMITS, ...limits },
    onDefect: (error) => void defects.push(error),
  });
  const ask = async (text: string): Promise<Reply> => JSON.parse((await dispatcher.handle(text)) ?? "null") as Reply;
  return { dispatcher, ask, seen, defects };
}

const errorOf = ({ id, error }: Reply) => [id, error?.code];

test("a request is answered under its id, whatever legal kind the id is", async () => {
  const { dispatcher } = open();
  for (const id of ["1", "0", "-5", '"abc"', '"\\u00e9\\""', "null", "12345678901234567890123", "1.50"]) {
    const answer = await dispatcher.handle(`{"jsonrpc":"2.0","id":${id},"method":"echo","params":[1]}`);
    assert.equal(answer, `{"jsonrpc":"2.0","id":${id.replace("\\u00e9", "é")},"result":[1]}`);
  }
});

test("params may be absent, and a method without result answers null", async () => {
  const { ask } = open();
  assert.deepEqual(await ask('{"jsonrpc":"2.0","id":1,"method":"echo"}'), { jsonrpc: "2.0", id: 1, result: [] });
  assert.deepEqual(await ask('{"jsonrpc":"2.0","id":1,"method":"nothing"}'), { jsonrpc: "2.0", id: 1, result: null });
});

test("text that is no JSON is a parse error without id", async () => {
  const { ask } = open();
  for (const text of ["", "{", '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', "[".repeat(100)]) {
    assert.deepEqual(errorOf(await ask(text)), [null, -32700], text);
  }
});

test("what is no request is an invalid request", async () => {
  const { ask } = open();
  for (const text of ["1", '"x"', "null", "true", '{"jsonrpc":"2.0","method":1}', "{}", '{"method":"echo"}']) {
    assert.deepEqual(errorOf(await ask(text)), [null, -32600], text);
  }
  for (const id of ["{}", "[]", "true"]) {
    assert.deepEqual(errorOf(await ask(`{"jsonrpc":"2.0","id":${id},"method":"echo"}`)), [null, -32600], id);
  }
  assert.deepEqual(errorOf(await ask('{"jsonrpc":"1.0","id":7,"method":"echo"}')), [7, -32600]);
});

test("an unknown method is -32601, named", async () => {
  const { ask } = open();
  for (const name of ["eth_nothing", "toString", "__proto__x", "constructor"]) {
    const reply = await ask(`{"jsonrpc":"2.0","id":1,"method":"${name}"}`);
    assert.equal(reply.error?.code, -32601);
    assert.equal(reply.error?.message, `the method ${name} does not exist/is not available`);
  }
});

test("params by name are -32602", async () => {
  const { ask } = open();
  assert.deepEqual(errorOf(await ask('{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":1}}')), [1, -32602]);
});

test("an error carries its code, message and data", async () => {
  const { ask } = open();
  const { error } = await ask('{"jsonrpc":"2.0","id":1,"method":"revert"}');
  assert.deepEqual(error, { code: 3, message: "execution reverted", data: "0x01" });
});

test("a coded error has the words that tools look for", async () => {
  const { ask } = open({
    low: () => {
      throw new CodedError("NONCE_TOO_LOW", "nonce 1, the sender's next is 5");
    },
    poor: () => {
      throw new CodedError("INSUFFICIENT_FUNDS", "costs 5, the sender has 1");
    },
  });
  const message = async (method: string) => (await ask(`{"jsonrpc":"2.0","id":1,"method":"${method}"}`)).error;
  assert.deepEqual(await message("low"), { code: -32000, message: "nonce too low: nonce 1, the sender's next is 5" });
  assert.match((await message("poor"))?.message ?? "", /^insufficient funds for gas \* price \+ value: costs 5/);
});

test("a defect shows nothing of itself and is reported", async () => {
  const { ask, defects } = open({
    broken: () => {
      throw new Error("secret");
    },
    invariant: () => {
      throw new CodedError("INVARIANT_BROKEN", "secret");
    },
    folder: () => {
      throw new CodedError("DATA_DIR_UNUSABLE", "secret");
    },
  });
  for (const method of ["broken", "invariant", "folder"]) {
    const reply = await ask(`{"jsonrpc":"2.0","id":1,"method":"${method}"}`);
    assert.deepEqual(reply.error, { code: -32603, message: "internal error" });
  }
  assert.equal(defects.length, 3);
});

test("a full disk, a damaged database and a node that is not ready are told with their code, and are no defects", async () => {
  const { ask, defects } = open({
    fail: ([code]) => {
      throw new CodedError(code as ErrorCode, "why");
    },
  });
  for (const code of ["STORE_WRITE_FAILED", "STORE_CORRUPT", "NOT_READY"]) {
    const { error } = await ask(`{"jsonrpc":"2.0","id":1,"method":"fail","params":["${code}"]}`);
    assert.deepEqual(error, { code: -32000, message: "why", data: { code } });
  }
  assert.deepEqual(defects, []);
});

test("a notification is carried out and not answered, even when it fails", async () => {
  const { dispatcher, seen } = open();
  assert.equal(await dispatcher.handle('{"jsonrpc":"2.0","method":"echo","params":[5]}'), undefined);
  assert.deepEqual(seen, [[5]]);
  assert.equal(await dispatcher.handle('{"jsonrpc":"2.0","method":"revert"}'), undefined);
  assert.equal(await dispatcher.handle('{"jsonrpc":"2.0","method":"unknown"}'), undefined);
});

test("others have their turn between the slow requests of a batch", async () => {
  const clock = createSlowClock(50);
  const { dispatcher } = open({}, clock);
  const batch = Array.from({ length: 10 }, (_, id) => ({ jsonrpc: "2.0", id, method: "echo", params: [] }));
  await dispatcher.handle(JSON.stringify(batch));
  assert.equal(clock.turns, 10);
});

test("a batch is answered in order, without its notifications", async () => {
  const { dispatcher } = open();
  const answer = await dispatcher.handle(
    '[{"jsonrpc":"2.0","id":1,"method":"echo","params":[1]},{"jsonrpc":"2.0","method":"echo"},1,' +
      '{"jsonrpc":"2.0","id":"x","method":"none"}]',
  );
  const replies = JSON.parse(answer ?? "null") as Reply[];
  assert.deepEqual(
    replies.map(({ id, error }) => [id, error?.code]),
    [
      [1, undefined],
      [null, -32600],
      ["x", -32601],
    ],
  );
});

test("transactions that follow each other in a batch wait together; what comes after them finds them done", async () => {
  const [taken, done]: [unknown[], unknown[]] = [[], []];
  let release = (): void => {};
  const written = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { dispatcher } = open({
    eth_sendRawTransaction: async ([raw]) => {
      taken.push(raw);
      if (taken.length === 3) release();
      await written;
      done.push(raw);
      return raw;
    },
    seen: () => [...done],
  });
  const send = (raw: string) => ({ jsonrpc: "2.0", id: raw, method: "eth_sendRawTransaction", params: [raw] });
  const seen = { jsonrpc: "2.0", id: "seen", method: "seen" };
  const answer = await dispatcher.handle(JSON.stringify([seen, send("a"), send("b"), send("c"), seen]));
  const results = (JSON.parse(answer ?? "null") as Reply[]).map(({ result }) => result);
  assert.deepEqual(results, [[], "a", "b", "c", ["a", "b", "c"]]);
  assert.deepEqual(taken, ["a", "b", "c"]);
});

test("a batch of notifications is not answered; an empty or too long one is one error", async () => {
  const { dispatcher, ask } = open();
  const notification = '{"jsonrpc":"2.0","method":"echo"}';
  const batch = (count: number) => `[${Array.from({ length: count }, () => notification).join(",")}]`;
  assert.equal(await dispatcher.handle(batch(1_000)), undefined);
  assert.deepEqual(errorOf(await ask("[]")), [null, -32600]);
  const replies = async (text: string) =>
    (JSON.parse((await dispatcher.handle(text)) ?? "null") as Reply[]).map(errorOf);
  assert.deepEqual(await replies(batch(1_001)), [[null, -32600]]);
  const call = '{"jsonrpc":"2.0","id":12345678901234567890,"method":"echo"}';
  const text = await dispatcher.handle(`${batch(1_000).slice(0, -1)},${call},${call.replace("1", "2")}]`);
  assert.match(text ?? "", /^\[\{"jsonrpc":"2\.0","id":12345678901234567890,"error":\{"code":-32600,[^[]*\]$/);
});

test("an answer has a greatest size, alone and in a batch", async () => {
  const { ask, dispatcher } = open({
    large: () => "x".repeat(RPC_LIMITS.responseCharactersMax + 1),
    half: () => "x".repeat(RPC_LIMITS.responseCharactersMax / 2),
  });
  assert.deepEqual(errorOf(await ask('{"jsonrpc":"2.0","id":1,"method":"large"}')), [1, -32003]);
  const half = '{"jsonrpc":"2.0","id":1,"method":"half"}';
  assert.deepEqual(errorOf(JSON.parse((await dispatcher.handle(`[${half},${half}]`)) ?? "null") as Reply), [
    null,
    -32003,
  ]);
});

test("limits that are set hold for batches and answers, alone and together", async () => {
  const { ask, dispatcher } = open({ long: () => "x".repeat(60) }, createManualClock(), {
    batchMax: 2,
    responseCharactersMax: 100,
  });
  const long = '{"jsonrpc":"2.0","id":1,"method":"long"}';
  assert.equal((await ask(long)).result, "x".repeat(60));
  assert.deepEqual(errorOf(await ask(`[${long},${long}]`)), [null, -32003]);
  const [three] = JSON.parse((await dispatcher.handle(`[${long},${long},${long}]`)) ?? "[]") as Reply[];
  assert.match(three?.error?.message ?? "", /^batch too large: more than 2 requests$/);
});

/** A clock whose timers end when the test says so. */
function createHandClock() {
  const clock = createManualClock();
  const due: (() => void)[] = [];
  const setTimer = (_delayMs: number, callback: () => void): (() => void) => {
    due.push(callback);
    return () => {};
  };
  return { ...clock, setTimer, due };
}

test("a request that takes too long is answered with an error, and what a batch has left is not begun", async () => {
  const clock = createHandClock();
  const { dispatcher, seen } = open({ never: () => new Promise(() => {}) }, clock, { timeoutMs: 500 });
  const request = (id: number, method: string) => `{"jsonrpc":"2.0","id":${id},"method":"${method}"}`;
  const answer = dispatcher.handle(`[${request(1, "echo")},${request(2, "never")},${request(3, "echo")}]`);
  const giveUp = setInterval(() => {
    clock.advance(500);
    for (const callback of clock.due.splice(0)) callback();
  }, 1);
  const replies = JSON.parse((await answer) ?? "null") as Reply[];
  clearInterval(giveUp);
  assert.deepEqual(replies.map(errorOf), [
    [1, undefined],
    [2, -32002],
    [3, -32002],
  ]);
  assert.equal(replies[1]?.error?.message, "request timed out");
  assert.equal(seen.length, 1);
});

test("one timer watches over all that is waited for of a batch, and none is left when it is answered", async () => {
  const timers = { begun: 0, left: 0 };
  const setTimer = (): (() => void) => {
    timers.begun++;
    timers.left++;
    return () => timers.left--;
  };
  const clock = { ...createManualClock(), setTimer };
  const all = Promise.withResolvers<string>();
  let begun = 0;
  const untilAll = (): Promise<string> => {
    begun++;
    if (begun === 20) all.resolve("0x");
    return all.promise;
  };
  const { dispatcher } = open({ eth_sendRawTransaction: untilAll }, clock, { timeoutMs: 500 });
  const requests = Array.from({ length: 20 }, (_, id) => ({ jsonrpc: "2.0", id, method: "eth_sendRawTransaction" }));
  const replies = JSON.parse((await dispatcher.handle(JSON.stringify(requests))) ?? "null") as Reply[];
  assert.equal(replies.filter(({ result }) => result === "0x").length, 20);
  assert.deepEqual(timers, { begun: 1, left: 0 });
});

test("a clock that was set back meanwhile gives what is left of a batch no more time than a request may take", async () => {
  const manual = createManualClock();
  const delays: number[] = [];
  const setTimer = (delayMs: number, callback: () => void): (() => void) => {
    if (delayMs > 0) delays.push(delayMs);
    return manual.setTimer(delayMs, callback);
  };
  const setBack = async (): Promise<string> => {
    manual.advance(-60 * 86_400_000);
    return "0x";
  };
  const { dispatcher } = open({ setBack }, { ...manual, setTimer }, { timeoutMs: 500 });
  const requests = [0, 1].map((id) => ({ jsonrpc: "2.0", id, method: "setBack" }));
  const replies = JSON.parse((await dispatcher.handle(JSON.stringify(requests))) ?? "null") as Reply[];
  assert.deepEqual(
    replies.map(({ result }) => result),
    ["0x", "0x"],
  );
  assert.deepEqual(delays, [500, 500]);
});
