/** Nodes and peers to compare with, each a process of its own, all ended with the benchmark. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { constants, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "../packages/node/src/net/testing/free-port.ts";
import { hardhatProgram, writeProject } from "./hardhat.ts";

const LAUNCHER = fileURLToPath(new URL("../packages/node/bin/counterpart.mjs", import.meta.url));
/** On a busy machine, with nodes before it at work. */
const START_MS = 300_000;
const { PRIORITY_LOW } = constants.priority;

export interface NodeProcess {
  /** `http://127.0.0.1:port/api/v1`. */
  readonly api: string;
  readonly p2p: string;
  readonly account: string;
  readonly dataDir: string;
  stop(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  isRunning(): boolean;
  /** Resident now, as the kernel counts. */
  memoryBytes(): number;
  /** The most that was resident since the start. */
  peakMemoryBytes(): number;
}

/** Another node to compare with. */
export interface Peer {
  readonly url: string;
  stop(): Promise<void>;
  /** Resident now. */
  memoryBytes(): number;
}

interface NodeOptions {
  readonly dataDir?: string;
  readonly flags?: readonly string[];
  /** Once it is ready, gives way to the other processes of this machine, as if it ran on another one. */
  readonly givesWay?: boolean;
}

/** A size in the status of a process, which Linux keeps. */
function statusBytes({ pid }: ChildProcess, field: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1_024;
}

/** All threads that there are: those that they start do as they do. */
function giveWay({ pid }: ChildProcess): void {
  for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), PRIORITY_LOW);
}

async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await gone;
}

/** The first line of a process for which `pick` gives something. */
function firstLine<T>(child: ChildProcess, pick: (line: string) => T | undefined): Promise<T> {
  const { stdout } = child;
  if (stdout === null) throw new Error("the process has no output");
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the process did not get ready")), START_MS);
    child.once("exit", (code) => reject(new Error(`the process ended early (${code})`)));
    createInterface({ input: stdout }).on("line", (line) => {
      const found = pick(line);
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
  });
}

interface ReadyLine {
  readonly api: string;
  readonly p2p: readonly string[];
  readonly account: string;
}

function readyLine(line: string): ReadyLine | undefined {
  const entry = JSON.parse(line) as Partial<ReadyLine> & { readonly msg?: string };
  const { api, p2p, account } = entry;
  return entry.msg === "ready" && api && p2p && account ? { api, p2p, account } : undefined;
}

function hostAndPort(multiaddr: string | undefined): string {
  const [, host, port] = /^\/ip4\/([^/]+)\/tcp\/(\d+)/.exec(multiaddr ?? "") ?? [];
  return `${host}:${port}`;
}

/** Processes and folders that `end` takes away. */
export class Bench {
  readonly #folder = mkdtempSync(join(tmpdir(), "counterpart-bench-"));
  readonly #children = new Set<ChildProcess>();
  #names = 0;

  /** A data directory that does not exist yet. */
  folder(): string {
    return join(this.#folder, `node-${this.#names++}`);
  }

  /** What the program says of its flags. */
  async help(): Promise<string> {
    return (await promisify(execFile)(process.execPath, [LAUNCHER, "start", "--help"])).stdout;
  }

  /** Runs the program to its end. */
  async command(words: readonly string[], environment: Readonly<Record<string, string>>): Promise<void> {
    const env = { ...process.env, ...environment };
    await promisify(execFile)(process.execPath, [LAUNCHER, ...words], { env });
  }

  /** A node on a fresh data directory, unless one is given. */
  async node(options: NodeOptions = {}): Promise<NodeProcess> {
    const dataDir = options.dataDir ?? this.folder();
    const flags = [
      "--api-port",
      "0",
      "--p2p-port",
      "0",
      "--data-dir",
      dataDir,
      "--log-format",
      "json",
      "--log-level",
      "info",
      ...(options.flags ?? []),
    ];
    const child = spawn(process.execPath, [LAUNCHER, "start", ...flags], { stdio: ["ignore", "pipe", "inherit"] });
    this.#children.add(child);
    const { api, p2p, account } = await firstLine(child, readyLine);
    if (options.givesWay) giveWay(child);
    return {
      api: `${api}/api/v1`,
      p2p: hostAndPort(p2p[0]),
      account,
      dataDir,
      stop: () => this.#stop(child),
      kill: () => this.#stop(child, "SIGKILL"),
      isRunning: () => child.exitCode === null && child.signalCode === null,
      memoryBytes: () => statusBytes(child, "VmRSS"),
      peakMemoryBytes: () => statusBytes(child, "VmHWM"),
    };
  }

  /** Anvil, which seals automatically unless told otherwise; undefined where it is not installed. Gives its URL. */
  async anvil(flags: readonly string[] = []): Promise<Peer | undefined> {
    let binary: string;
    try {
      const [system, cpu] = [process.platform, process.arch === "x64" ? "amd64" : process.arch];
      binary = createRequire(import.meta.url).resolve(`@foundry-rs/anvil-${system}-${cpu}/bin/anvil`);
    } catch {
      return undefined;
    }
    const child = spawn(binary, ["--port", "0", "--host", "127.0.0.1", ...flags], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#children.add(child);
    const url = await firstLine(child, (line) => /Listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1]);
    return { url: `http://${url}`, stop: () => this.#stop(child), memoryBytes: () => statusBytes(child, "VmRSS") };
  }

  /** Hardhat's node, which seals automatically; undefined where it is not installed. Gives its URL. */
  async hardhat(
    chainId: number,
    gasLimit: number,
  ): Promise<{ readonly url: string; stop(): Promise<void> } | undefined> {
    const program = hardhatProgram();
    if (program === undefined) return undefined;
    const cwd = this.folder();
    writeProject(cwd, chainId, gasLimit);
    const port = await freePort();
    const flags = ["node", "--network", "node", "--hostname", "127.0.0.1", "--port", String(port)];
    const env = { ...process.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true", NO_COLOR: "1" };
    const child = spawn(process.execPath, [program, ...flags], { cwd, env, stdio: ["ignore", "pipe", "inherit"] });
    this.#children.add(child);
    const url = await firstLine(child, (line) => /(http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1]);
    return { url, stop: () => this.#stop(child) };
  }

  async #stop(child: ChildProcess, signal?: NodeJS.Signals): Promise<void> {
    this.#children.delete(child);
    await end(child, signal);
  }

  async end(): Promise<void> {
    await Promise.all([...this.#children].map((child) => end(child)));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
