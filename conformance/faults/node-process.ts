/** Nodes as processes of their own, so that they can be killed like any other. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { hostAndPort, requestsTo, type TestNode } from "../network/nodes.ts";

const LAUNCHER = fileURLToPath(new URL("../../packages/node/bin/counterpart.mjs", import.meta.url));
const START_MS = 60_000;

/** A line that a node logs. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface NodeProcess extends TestNode {
  readonly name: string;
  readonly pid: number;
  /** What it logged as warning or error, in order. */
  readonly complaints: readonly LogLine[];
  /** `kill -9`; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Resident memory in bytes, as the kernel counts it; the peak since the process started. */
  memory(): { readonly now: number; readonly peak: number };
}

interface ReadyLine extends LogLine {
  readonly api: string;
  readonly p2p: readonly string[];
  readonly account: string;
}

const isReady = (line: LogLine): line is ReadyLine => line.msg === "ready" && Array.isArray(line.p2p);

/** Reads the log of a process: resolves when it is ready, rejects when it ends before, or takes too long. */
function whenReady(name: string, child: ChildProcess, complaints: LogLine[]): Promise<ReadyLine> {
  const { stdout, stderr } = child;
  assert.ok(stdout !== null && stderr !== null);
  let problem = "";
  stderr.setEncoding("utf8").on("data", (text: string) => {
    problem = (problem + text).slice(-4_000);
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`node ${name} is not ready after ${START_MS} ms`)), START_MS);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`node ${name} ended early (${code ?? signal}): ${problem}${JSON.stringify(complaints)}`));
    });
    createInterface({ input: stdout }).on("line", (text) => {
      const line = JSON.parse(text) as LogLine;
      if (line.level === "warn" || line.level === "error") complaints.push(line);
      if (!isReady(line)) return;
      clearTimeout(timer);
      resolve(line);
    });
  });
}

/** A size in a process's status, in bytes. */
function statusBytes(pid: number, field: string): number {
  const [, kilobytes] =
    new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  assert.ok(kilobytes !== undefined, `the kernel does not say ${field}`);
  return Number(kilobytes) * 1_024;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("close", resolve));
  child.kill(signal);
  await gone;
}

/** Flags by name, without the dashes. */
export type Flags = Readonly<Record<string, string | readonly string[] | true>>;

export function toArguments(flags: Flags): string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (value === true) return [`--${name}`];
    return (typeof value === "string" ? [value] : value).flatMap((one) => [`--${name}`, one]);
  });
}

/** Node processes with data directories of their own; the rest of both is gone when the test ends. */
export class NodeProcesses implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "counterpart-processes-"));
  readonly #running = new Set<ChildProcess>();

  dataDirOf(name: string): string {
    return join(this.folder, name);
  }

  /** Starts the node of that name on its data directory; on free ports unless the flags name them. */
  async start(name: string, flags: Flags = {}): Promise<NodeProcess> {
    const dataDir = this.dataDirOf(name);
    const all = { "api-port": "0", "p2p-port": "0", "data-dir": dataDir, "log-format": "json", ...flags };
    // Over the channel the node hears when this process is gone, and ends too.
    const child = spawn(process.execPath, [LAUNCHER, "start", ...toArguments(all)], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "counterpart-compile-cache") },
    });
    this.#running.add(child);
    const complaints: LogLine[] = [];
    const { api, p2p, account } = await whenReady(name, child, complaints);
    const { pid } = child;
    assert.ok(pid !== undefined);
    return {
      ...requestsTo(api),
      name,
      pid,
      url: api,
      p2p: hostAndPort(p2p[0] ?? ""),
      account,
      dataDir,
      complaints,
      stop: () => end(child, "SIGTERM"),
      kill: () => end(child, "SIGKILL"),
      memory: () => ({ now: statusBytes(pid, "VmRSS"), peak: statusBytes(pid, "VmHWM") }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running].map((child) => end(child, "SIGKILL")));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What honest nodes do to each other is no fault, no failure, and is not refused; asking again is no complaint. */
export function assertNoComplaints(nodes: readonly NodeProcess[]): void {
  for (const { name, complaints } of nodes) {
    const unexpected = complaints.filter(({ msg }) => !/^(block|contract) sync stalled$/.test(msg));
    assert.deepEqual(unexpected, [], name);
  }
}
