/**
 * Takes the steps of a document's tour as its reader would: in a checkout, in terminals, with real nodes. The reader's
 * folder is an empty one with the checkout's programs in it, so that what a tour makes goes with it.
 */

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { freePort } from "../../packages/node/src/net/testing/free-port.ts";
import { eventually } from "./nodes.ts";
import { Shell, type ShellOptions, Terminal } from "./shell.ts";
import { assertPrinted, type Shown, type Step, stepsOf } from "./tour.ts";

export const ROOT = resolve(import.meta.dirname, "../..");
/** What of the checkout a document's commands use. */
const PROGRAMS = ["package.json", "node_modules", "packages"];
/** Ports of documents, after what they always stand: a colon or a space. The first pair is what a node takes by itself. */
const PORTS = /(?<=[: ])(808[0-9]|500[0-9])\b/g;
const DEFAULT_PORTS = { api: "8080", p2p: "5000" } as const;
/** A node redials after 30 s at most. */
const ANSWER_WITHIN_MS = 45_000;

/** The ports of a tour may be taken on this machine: nodes get free ones, and all that follows names those. */
class Ports {
  readonly #actual = new Map<string, string>();

  /** Gives ports to a node that starts; one that starts again keeps those that it had. */
  async choose({ api, p2p }: NodePorts): Promise<void> {
    for (const port of [api, p2p]) if (!this.#actual.has(port)) this.#actual.set(port, String(await freePort()));
  }

  put(text: string): string {
    return text.replace(PORTS, (port) => this.#actual.get(port) ?? "0");
  }

  /** The port that stands for one of a document; undefined before its node has started. */
  get(port: string): string | undefined {
    return this.#actual.get(port);
  }
}

interface NodePorts {
  readonly api: string;
  readonly p2p: string;
}

/** The ports of a node by its commands; undefined where they start none. */
function portsIn(commands: string): NodePorts | undefined {
  if (!/\b(npm|counterpart) start\b/.test(commands)) return undefined;
  const [, api = DEFAULT_PORTS.api] = /--api-port (\d+)/.exec(commands) ?? [];
  const [, p2p = DEFAULT_PORTS.p2p] = /--p2p-port (\d+)/.exec(commands) ?? [];
  return { api, p2p };
}

/** The variables of this process without those that would set a node, or send its callers through a proxy. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(COUNTERPART_|npm_|NODE_)|_proxy$/i.test(name));
  return Object.fromEntries(kept);
}

const isShown = (printed: string, shown: Shown): boolean => {
  try {
    assertPrinted(printed, shown);
    return true;
  } catch {
    return false;
  }
};

export interface Surroundings {
  /** Contents by path in the reader's folder. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Folders of this machine by path in the reader's folder. */
  readonly links?: Readonly<Record<string, string>>;
  readonly env?: NodeJS.ProcessEnv;
}

class Tour implements AsyncDisposable {
  // the shortest path to it, as that is what programs print
  readonly #folder = realpathSync(mkdtempSync(join(tmpdir(), "counterpart-tour-")));
  readonly #ports = new Ports();
  readonly #terminals = new Map<string, Terminal>();
  readonly #env: NodeJS.ProcessEnv;
  readonly #shell: Shell;

  constructor({ files = {}, links = {}, env = {} }: Surroundings) {
    this.#env = env;
    for (const name of PROGRAMS) symlinkSync(join(ROOT, name), join(this.#folder, name));
    for (const [path, target] of Object.entries(links)) symlinkSync(target, this.#room(path));
    for (const [path, content] of Object.entries(files)) writeFileSync(this.#room(path), content);
    this.#shell = new Shell(this.#options({}));
  }

  /** A path in the reader's folder, in a folder that is there. */
  #room(path: string): string {
    const absolute = join(this.#folder, path);
    mkdirSync(dirname(absolute), { recursive: true });
    return absolute;
  }

  async take(step: Step): Promise<void> {
    if (step.file !== undefined) return writeFileSync(this.#room(step.file), this.#ports.put(step.commands));
    if (step.stop !== undefined) await this.#terminals.get(step.stop)?.interrupt();
    if (step.printed !== undefined) return this.#read(step.printed, step.shown as Shown);
    if (step.terminal !== undefined) return this.#open(step.terminal, step);
    const shown = step.shown && { ...step.shown, content: this.#ports.put(step.shown.content) };
    const once = async (): Promise<void> => {
      const printed = await this.#shell.run(this.#ports.put(step.commands));
      if (shown !== undefined) assertPrinted(printed, shown);
    };
    await (step.repeat ? eventually(once, ANSWER_WITHIN_MS) : once());
  }

  async #open(name: string, { commands, shown }: Step): Promise<void> {
    const ports = portsIn(commands);
    if (ports !== undefined) await this.#ports.choose(ports);
    const options = this.#options(ports ? this.#nodeEnvironment(ports) : this.#callerEnvironment());
    const terminal = new Terminal(this.#ports.put(commands), options);
    this.#terminals.set(name, terminal);
    if (ports === undefined) {
      if (shown !== undefined) await this.#read(name, shown);
      return;
    }
    await terminal.printed((text) => /^ +Data +/m.test(text) && / is ready/.test(text));
    const callers = Object.entries(this.#callerEnvironment());
    if (callers.length > 0) await this.#shell.run(callers.map(([key, value]) => `export ${key}=${value}`).join("\n"));
    if (shown !== undefined) await this.#read(name, shown);
  }

  async #read(name: string, { kind, content }: Shown): Promise<void> {
    const shown = { kind, content: this.#ports.put(content) };
    const terminal = this.#terminals.get(name);
    if (terminal === undefined) throw new Error(`there is no terminal ${name}`);
    await terminal.printed((text) => isShown(text, shown));
  }

  /** Where commands name no port, the node takes a free one, and its folder is the one of the document's port. */
  #nodeEnvironment({ p2p }: NodePorts): NodeJS.ProcessEnv {
    return {
      COUNTERPART_API_PORT: this.#ports.get(DEFAULT_PORTS.api) ?? "0",
      COUNTERPART_P2P_PORT: this.#ports.get(DEFAULT_PORTS.p2p) ?? "0",
      COUNTERPART_DATA_DIR: `data/p2p-${p2p}`,
    };
  }

  /** Of commands that ask the node that they find by themselves. */
  #callerEnvironment(): NodeJS.ProcessEnv {
    const api = this.#ports.get(DEFAULT_PORTS.api);
    const p2p = this.#ports.get(DEFAULT_PORTS.p2p);
    if (api === undefined || p2p === undefined) return {};
    return {
      COUNTERPART_URL: `http://127.0.0.1:${api}`,
      COUNTERPART_API_PORT: api,
      COUNTERPART_P2P_PORT: p2p,
      COUNTERPART_DATA_DIR: `data/p2p-${DEFAULT_PORTS.p2p}`,
    };
  }

  #options(env: NodeJS.ProcessEnv): ShellOptions {
    return {
      cwd: this.#folder,
      env: { ...plainEnvironment(), TMPDIR: this.#folder, NO_COLOR: "1", ...this.#env, ...env },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#shell[Symbol.asyncDispose]();
    for (const terminal of this.#terminals.values()) await terminal[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * Takes every step of a document.
 *
 * @throws Error that names the step at which something is other than the document says
 */
export async function takeTour(document: string, surroundings: Surroundings = {}): Promise<readonly Step[]> {
  await using tour = new Tour(surroundings);
  const steps = stepsOf(document);
  for (const step of steps) {
    try {
      await tour.take(step);
    } catch (error) {
      throw new Error(`at this step of the tour:\n${step.commands || step.shown?.content}`, { cause: error });
    }
  }
  return steps;
}
