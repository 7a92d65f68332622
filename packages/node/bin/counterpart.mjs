#!/usr/bin/env node
// Starts Counterpart on a Node that runs TypeScript: this one, or the one that came with `npm ci`.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module, { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// The sources in the repository, or what a published package has in their place.
const main = ["../src/cli/main.ts", "../src/cli/main.js"]
  .map((path) => new URL(path, import.meta.url))
  .find((url) => existsSync(url));

// Compiled code, kept in the user's own cache folder, some 15 MB: a short command starts in half the time, a node in four
// fifths of it. NODE_COMPILE_CACHE names another folder, NODE_DISABLE_COMPILE_CACHE=1 none. Nothing depends on it, so
// nothing is said when it cannot be had.
function compileCache() {
  try {
    return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "counterpart", "compiled");
  } catch {
    return undefined;
  }
}

function bundledNode() {
  try {
    return createRequire(import.meta.url).resolve(`node-linux-${process.arch}/bin/node`);
  } catch {
    return undefined;
  }
}

// npx runs this below a shell, which a signal ends without reaching anybody else; npm killed without warning passes none on.
// What they leave behind then gets another parent, and stops by itself.
function stopWithParent(stop) {
  if (process.env.npm_command !== "exec" && process.env.npm_lifecycle_event !== "start") return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    stop("SIGTERM");
  }, 500);
  watch.unref();
}

function fail(message) {
  process.stderr.write(`counterpart: ${message}\n`);
  process.exitCode = 1;
}

// The channel tells the child when this process is gone, however it ended, so that no node is left behind.
function run(node) {
  const stdio = ["inherit", "inherit", "inherit", "ipc"];
  const cache = compileCache();
  const env = { ...(cache !== undefined && { NODE_COMPILE_CACHE: cache }), ...process.env };
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio, env });
  const forward = (signal) => child.kill(signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, forward);
  stopWithParent(forward);
  child.on("error", (error) => fail(`${node} cannot be run: ${error.message}`));
  child.on("exit", (code, signal) => {
    for (const name of signals) process.off(name, forward);
    if (signal === null) process.exitCode = code;
    else process.kill(process.pid, signal);
  });
}

if (main === undefined) {
  fail("the program's files are missing; install it again");
} else if (process.features.typescript) {
  const cache = compileCache();
  if (cache !== undefined) module.enableCompileCache?.(cache);
  stopWithParent((signal) => process.kill(process.pid, signal));
  await import(main.href);
} else {
  const node = process.platform === "linux" ? bundledNode() : undefined;
  if (node === undefined) fail(`Node 24 or later is needed, this is ${process.version} (https://nodejs.org)`);
  else run(node);
}
