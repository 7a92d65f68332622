/** Nodes that are processes of their own, so that a test can kill them, starve them and start them again. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Reply } from "../network/nodes.ts";

const LAUNCHER = fileURLToPath(new URL("../../packages/node/bin/counterpart.mjs", import.meta.url));
const START_MS = 60_000;
const REQUEST_MS = 30_000;

export interface ProcessNode {
  readonly api: string;
  /** `127.0.0.1:port`, as peers are told. */
  readonly p2p: string;
  readonly account: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Lines of its log so far. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  get(path: string): Promise<Reply>;
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>;
  /** Asks it to end and gives its exit code. */
  stop(): Promise<number | null>;
  /** `kill -9`. */
  kill(): Promise<void>;
}

export interface StartOptions {
  readonly flags?: readonly string[];
  /** No file may grow beyond so many KiB: what a full disk looks like to a program. */
  readonly fileKiBMax?: number;
  /** A module that the process loads before the program. */
  readonly preload?: URL;
}

interface Ready {
  readonly api: string;
  readonly p2p: readonly string[];
  readonly account: string;
}

async function request(url: string, init: RequestInit): Promise<Reply> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_MS) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

function spawnNode(args: readonly string[], { fileKiBMax }: StartOptions): ChildProcess {
  const stdio = ["ignore", "pipe", "pipe"] as const;
  const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "counterpart-compile-cache") };
  if (fileKiBMax === undefined) return spawn(process.execPath, args, { stdio: [...stdio], env });
  const limited = `ulimit -S -f ${fileKiBMax}; exec "$@"`;
  return spawn("bash", ["-c", limited, "bash", process.execPath, ...args], { stdio: [...stdio] });
}

function hostAndPort(multiaddr = ""): string {
  const [, host, port] = /^\/ip4\/([^/]+)\/tcp\/(\d+)/.exec(multiaddr) ?? [];
  return `${host}:${port}`;
}

/** Runs `counterpart` to its end. */
export async function counterpart(
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly text: string }> {
  const child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, text };
}

/** Lifts the limit that `fileKiBMax` set: the disk has room again. */
export function liftFileLimit({ pid }: ProcessNode): void {
  const { status, stderr } = spawnSync("prlimit", ["--pid", String(pid), "--fsize=unlimited:"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

export class ProcessNodes implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "counterpart-processes-"));
  readonly #children = new Set<ChildProcess>();

  /** Starts a node on its folder; one that was started before goes on with what it had. */
  async start(name: string, options: StartOptions = {}): Promise<ProcessNode> {
    const dataDir = join(this.folder, name);
    const flags = ["--api-port", "0", "--p2p-port", "0", "--data-dir", dataDir, "--log-format", "json"];
    const preload = options.preload === undefined ? [] : ["--import", options.preload.href];
    const child = spawnNode([...preload, LAUNCHER, "start", ...flags, ...(options.flags ?? [])], options);
    this.#children.add(child);
    const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
    void ended.then(() => this.#children.delete(child));
    const log: Record<string, unknown>[] = [];
    const { api, p2p, account } = await this.#ready(child, log);
    const end = async (signal: NodeJS.Signals): Promise<number | null> => {
      child.kill(signal);
      return ended;
    };
    const json = { "content-type": "application/json" };
    return {
      ...{ api, account, dataDir, log, p2p: hostAndPort(p2p[0]), pid: child.pid ?? 0 },
      get: (path) => request(`${api}/api/v1/${path}`, {}),
      post: (path, body, headers = {}) =>
        request(`${api}/api/v1/${path}`, {
          method: "POST",
          headers: { ...json, ...headers },
          body: JSON.stringify(body),
        }),
      stop: () => end("SIGTERM"),
      kill: async () => void (await end("SIGKILL")),
    };
  }

  #ready(child: ChildProcess, log: Record<string, unknown>[]): Promise<Ready> {
    let errors = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the node did not get ready: ${errors}`)), START_MS);
      child.once("close", (code, signal) => reject(new Error(`the node ended (${signal ?? code}): ${errors}`)));
      assert.ok(child.stdout !== null);
      createInterface({ input: child.stdout }).on("line", (line) => {
        const entry = JSON.parse(line) as Ready & { readonly msg: string };
        log.push({ ...entry });
        if (entry.msg !== "ready") return;
        clearTimeout(timer);
        resolve(entry);
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = [...this.#children].map((child) => new Promise((resolve) => child.once("close", resolve)));
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(ends);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Asks until it holds; fails after a minute with what was last seen. */
export async function until(holds: () => Promise<boolean>, what: string, limitMs = 60_000): Promise<void> {
  const deadline = AbortSignal.timeout(limitMs);
  while (!(await holds())) {
    assert.ok(!deadline.aborted, `it did not come to hold: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
