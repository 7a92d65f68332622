import assert from "node:assert/strict";
import { test } from "node:test";
import { CodedError } from "@counterpart/core/base/errors";
import type { Addresses, App } from "../app-types.ts";
import type { NodeConfig } from "../config.ts";
import { createLogger } from "../telemetry/logger.ts";
import { complaintOf, EXIT } from "./exit-code.ts";
import type { Host, HostEvent } from "./host.ts";
import { resolveConfig } from "./resolve-config.ts";
import { runNode } from "./run-node.ts";

const ADDRESSES: Addresses = {
  api: "http://127.0.0.1:8080",
  p2p: ["/ip4/127.0.0.1/tcp/5000/p2p/12D3", "/ip4/127.0.0.1/tcp/5002/ws/p2p/12D3"],
  dataDir: "/srv/data/p2p-5000",
  account: "0x00000000000000000000000000000000000000aa",
};

/** A process that notes what is done to it, with a clock moved by hand. */
function createFakeHost() {
  const listeners = new Map<HostEvent, (cause: unknown) => void>();
  const timers: { readonly delayMs: number; callback(): void }[] = [];
  const seen = { printed: "", errors: "", exits: [] as number[], nowMs: 0, outlivesReaders: false };
  const ended = Promise.withResolvers<number>();
  const host: Host = {
    print: (text) => {
      seen.printed += text;
    },
    printError: (text) => {
      seen.errors += text;
    },
    exit: (code) => {
      seen.exits.push(code);
      ended.resolve(code);
    },
    now: () => seen.nowMs,
    after: (delayMs, callback) => void timers.push({ delayMs, callback }),
    on: (event, listener) => void listeners.set(event, listener),
    outliveReaders: () => {
      seen.outlivesReaders = true;
    },
  };
  return {
    host,
    seen,
    timers,
    ended: ended.promise,
    emit: (event: HostEvent, cause?: unknown) => listeners.get(event)?.(cause),
  };
}

function run(app: Partial<App>, flags: Readonly<Record<string, string | boolean>> = {}) {
  const config: NodeConfig = resolveConfig({
    flags,
    environment: {},
    workingDir: "/srv",
    readFile: () => "",
    genesisIn: () => undefined,
  });
  const logged: string[] = [];
  const calls: string[] = [];
  const fake = createFakeHost();
  const sink = {
    write: (line: string) => {
      logged.push(line);
      // Both are on standard output.
      if (config.logFormat !== "json") fake.seen.printed += line;
    },
    flush: () => void calls.push("flush"),
  };
  const whole: App = {
    start: async () => ADDRESSES,
    isDiverged: () => false,
    stop: async () => void calls.push("stop"),
    ...app,
  };
  const given: NodeConfig[] = [];
  const done = runNode({
    config,
    logger: createLogger({ level: config.logLevel, format: config.logFormat, sink }),
    host: fake.host,
    createApp: async (passed) => {
      given.push(passed);
      return whole;
    },
  });
  return { ...fake, done, logged, calls, given, config };
}

test("when ready it says where it serves", async () => {
  const { done, seen } = run({});
  await done;
  assert.match(seen.printed, /is ready/);
  for (const [name, value] of [
    ["API", "http://127.0.0.1:8080/api/v1"],
    ["Docs", "http://127.0.0.1:8080/docs"],
    ["P2P", "127.0.0.1:5000  /ip4/127.0.0.1/tcp/5000/p2p/12D3"],
    ["P2P", "/ip4/127.0.0.1/tcp/5002/ws/p2p/12D3"],
    ["Data", "/srv/data/p2p-5000"],
    ["Account", ADDRESSES.account],
  ]) {
    assert.match(seen.printed, new RegExp(`^ {2}${name} +${value?.replaceAll(".", "\\.")}$`, "m"));
  }
  assert.deepEqual(seen.exits, []);
});

test("nothing is said to serve before it does", async () => {
  const started = Promise.withResolvers<Addresses>();
  const { done, seen } = run({ start: () => started.promise });
  await new Promise(setImmediate);
  assert.equal(seen.printed, "");
  started.resolve(ADDRESSES);
  await done;
  assert.match(seen.printed, /is ready/);
});

test("with JSON logs, standard output holds JSON only", async () => {
  const { done, seen, logged } = run({}, { logFormat: "json" });
  await done;
  assert.equal(seen.printed, "");
  const [line] = logged.map((text): unknown => JSON.parse(text)).slice(-1);
  assert.ok(typeof line === "object" && line !== null && "msg" in line && "api" in line);
  assert.deepEqual([line.msg, line.api], ["ready", ADDRESSES.api]);
});

test("the app gets the configuration, and --dev is in it and said", async () => {
  const { done, seen, given, config } = run({}, { dev: true });
  await done;
  assert.deepEqual(given, [config]);
  assert.equal(given[0]?.dev, true);
  assert.match(seen.printed, /development accounts are held/);
});

for (const event of ["SIGINT", "SIGTERM", "parentGone"] as const) {
  test(`${event} stops the app, flushes the log and ends with 0`, async () => {
    const { done, ended, emit, calls } = run({});
    await done;
    emit(event);
    assert.equal(await ended, 0);
    assert.deepEqual(calls.slice(-2), ["stop", "flush"]);
  });
}

test("a node that has diverged says so with its exit code when it has stopped", async () => {
  let isStopped = false;
  const stop = async () => {
    isStopped = true;
  };
  const { done, ended, emit, logged } = run({ stop, isDiverged: () => isStopped }, { logFormat: "json" });
  await done;
  emit("SIGTERM");
  assert.equal(await ended, EXIT.diverged);
  assert.equal(JSON.parse(logged.at(-1) ?? "").isDiverged, true);
});

test("a signal during the start waits for it, then stops", async () => {
  const started = Promise.withResolvers<Addresses>();
  const { ended, emit, calls } = run({ start: () => started.promise });
  emit("SIGTERM");
  await new Promise(setImmediate);
  assert.ok(!calls.includes("stop"));
  started.resolve(ADDRESSES);
  assert.equal(await ended, 0);
  assert.ok(calls.includes("stop"));
});

test("the same Ctrl-C heard twice stops cleanly", async () => {
  const stopped = Promise.withResolvers<void>();
  const { done, ended, emit, seen } = run({ stop: () => stopped.promise });
  await done;
  emit("SIGINT");
  seen.nowMs = 999;
  emit("SIGINT");
  assert.deepEqual(seen.exits, []);
  stopped.resolve();
  assert.equal(await ended, 0);
});

test("a second signal ends the process at once", async () => {
  const { done, emit, seen } = run({ stop: () => new Promise(() => {}) });
  await done;
  emit("SIGINT");
  seen.nowMs = 1000;
  emit("SIGINT");
  assert.deepEqual(seen.exits, [130]);
});

test("a stop that does not end is ended", async () => {
  const { done, emit, seen, timers } = run({ stop: () => new Promise(() => {}) });
  await done;
  emit("SIGTERM");
  timers[0]?.callback();
  assert.deepEqual(seen.exits, [1]);
  assert.match(seen.errors, /did not stop within 20 s/);
});

test("a stop that fails says so", async () => {
  const { done, ended, emit, seen } = run({ stop: () => Promise.reject(new Error("the store is stuck")) });
  await done;
  emit("SIGTERM");
  assert.equal(await ended, 1);
  assert.equal(seen.errors, "counterpart: the store is stuck\n");
});

for (const [code, exit] of [
  ["INVALID_GENESIS", 2],
  ["PORT_IN_USE", 3],
  ["DATA_DIR_LOCKED", 4],
  ["STORE_CORRUPT", 4],
  ["INTERNAL_ERROR", 1],
] as const) {
  test(`a start that fails with ${code} is one sentence and exit code ${exit}`, async () => {
    const error = new CodedError(code, "it is\nso");
    const { done, seen } = run({ start: () => Promise.reject(error) });
    await done;
    assert.deepEqual(seen.exits, [exit]);
    assert.ok(seen.errors.startsWith(`counterpart: it is so (${code})\n`), seen.errors);
    assert.equal(seen.errors, complaintOf(error));
    assert.equal(seen.printed, "");
  });
}

test("an error caught nowhere is one sentence and exit code 1", async () => {
  const { done, emit, seen } = run({});
  await done;
  emit("crash", new TypeError("x is not a function"));
  assert.deepEqual(seen.exits, [1]);
  assert.equal(seen.errors, "counterpart: x is not a function\n");
});

test("at log level debug the stack is shown too", async () => {
  const { done, emit, seen } = run({}, { logLevel: "debug" });
  await done;
  emit("crash", new TypeError("x is not a function"));
  assert.match(seen.errors, /TypeError: x is not a function\n +at /);
});
