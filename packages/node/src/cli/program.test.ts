import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { CONFIG_OPTIONS } from "../config.ts";
import { parseArguments, type Request } from "./program.ts";

function parsed(...args: string[]): { readonly request: Request; readonly shown: string } {
  const texts: string[] = [];
  const request = parseArguments(args, { write: (text) => void texts.push(text), writeError: () => {} });
  return { request, shown: texts.join("") };
}

function refused(message: RegExp, ...args: string[]): void {
  assert.throws(
    () => parsed(...args),
    (error) => isCodedError(error, "INVALID_CONFIG") && message.test(error.message) && !error.message.includes("\n"),
  );
}

test("start without flags starts", () => {
  assert.deepEqual(parsed("start").request, { kind: "start", flags: {} });
});

test("flags arrive by the names of the configuration", () => {
  const { request } = parsed("start", "--api-port", "8081", "--p2p-port=5001", "--config", "x.json", "--dev");
  assert.deepEqual(request, {
    kind: "start",
    flags: { apiPort: "8081", p2pPort: "5001", config: "x.json", dev: true },
  });
});

test("every flag of the configuration is one of the command line", () => {
  const { shown } = parsed("start", "--help");
  for (const option of CONFIG_OPTIONS) {
    const args = option.placeholder === undefined ? [option.flag] : [option.flag, "1"];
    const { request } = parsed("start", ...args);
    assert.ok(request.kind === "start" && request.flags[option.key] !== undefined, option.flag);
    assert.ok(shown.includes(`${option.flag} `), option.flag);
  }
});

test("--peer is repeatable", () => {
  const { request } = parsed("start", "--peer", "a:1", "--peer", "b:2");
  assert.deepEqual(request, { kind: "start", flags: { peer: ["a:1", "b:2"] } });
});

test("help shows examples and exit codes and starts nothing", () => {
  const { request, shown } = parsed("start", "--help");
  assert.equal(request.kind, "shown");
  assert.match(shown, /Examples:\n {2}counterpart start\n/);
  assert.match(shown, /Exit codes:/);
  assert.match(parsed("--help").shown, /start \[options\]/);
});

test("the version is shown with and without the command", () => {
  for (const args of [["--version"], ["-V"], ["start", "--version"]]) {
    const { request, shown } = parsed(...args);
    assert.equal(request.kind, "shown");
    assert.match(shown, /^\d+\.\d+\.\d+/);
  }
});

test("what is not understood is refused in one sentence", () => {
  refused(/unknown option '--api-prt' \(Did you mean --api-port\?\)/, "start", "--api-prt", "1");
  refused(/'--peer <address>' argument missing/, "start", "--peer");
  refused(/unknown command 'strat'/, "strat");
  refused(/too many arguments/, "start", "now");
  refused(/a command is missing/);
});

test("status asks the node at the default address unless told otherwise", () => {
  const url = "http://127.0.0.1:8080";
  assert.deepEqual(parsed("status").request, { kind: "status", options: { url } });
  assert.deepEqual(parsed("status", "--url", "http://localhost:9/x", "--watch", "--json").request, {
    kind: "status",
    options: { url: "http://localhost:9", watch: true, json: true },
  });
  refused(/--url nowhere is no address/, "status", "--url", "nowhere");
  refused(/--url ftp:\/\/a is no address/, "status", "--url", "ftp://a");
  assert.match(parsed("status", "--help").shown, /Exit codes:/);
});
