/** The tour of README.md, typed as it stands: every command works, and answers what is shown. */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { eventually } from "./nodes.ts";
import { Shell, type ShellOptions, Terminal } from "./shell.ts";
import { assertPrinted, assertShown, type Step, stepsOf } from "./tour.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");
/** Ports of the tour, after what they always stand: a colon or a space. */
const PORTS = /(?<=[: ])(8080|5000|8081|5001)\b/g;
/** A node redials after 30 s at most. */
const ANSWER_WITHIN_MS = 45_000;

/** The ports of the tour may be taken on this machine: nodes take free ones, and all that follows names those. */
class Ports {
  readonly #actual = new Map<string, string>();

  put(text: string): string {
    return text.replace(PORTS, (port) => this.#actual.get(port) ?? "0");
  }

  /** Learns what the two ports of a start command have become. */
  learn(commands: string, printed: string): void {
    const [api = "", p2p = ""] = commands.match(PORTS) ?? [];
    this.#actual.set(api, /API +http:\/\/127\.0\.0\.1:(\d+)/.exec(printed)?.[1] ?? "");
    this.#actual.set(p2p, /P2P +127\.0\.0\.1:(\d+)/.exec(printed)?.[1] ?? "");
  }
}

/** The variables of this process without those that would set a node, or send its callers through a proxy. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(COUNTERPART_|npm_|NODE_)|_proxy$/i.test(name));
  return Object.fromEntries(kept);
}

class Tour implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "counterpart-tour-"));
  readonly #ports = new Ports();
  readonly #terminals = new Map<string, Terminal>();
  readonly #shell = new Shell(this.#options({}));

  async take(step: Step): Promise<void> {
    if (step.stop !== undefined) await this.#terminals.get(step.stop)?.interrupt();
    const shown = step.shown && { ...step.shown, content: this.#ports.put(step.shown.content) };
    if (step.terminal !== undefined) return this.#open(step.terminal, step);
    const once = async (): Promise<void> => {
      const printed = await this.#shell.run(this.#ports.put(step.commands));
      if (shown !== undefined) assertPrinted(printed, shown);
    };
    await (step.repeat ? eventually(once, ANSWER_WITHIN_MS) : once());
  }

  async #open(name: string, { commands, shown }: Step): Promise<void> {
    const p2pPort = commands.match(PORTS)?.[1];
    const env = { COUNTERPART_DATA_DIR: join(this.#folder, `data/p2p-${p2pPort}`) };
    const terminal = new Terminal(this.#ports.put(commands), this.#options(env));
    this.#terminals.set(name, terminal);
    const printed = await terminal.printed((text) => /Account +0x\w{40}/.test(text));
    this.#ports.learn(commands, printed);
    if (shown !== undefined) assertPrinted(printed, { ...shown, content: this.#ports.put(shown.content) });
  }

  #options(env: NodeJS.ProcessEnv): ShellOptions {
    return { cwd: ROOT, env: { ...plainEnvironment(), TMPDIR: this.#folder, ...env } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#shell[Symbol.asyncDispose]();
    for (const terminal of this.#terminals.values()) await terminal[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

test("the tour works as it is written", async () => {
  await using tour = new Tour();
  const steps = stepsOf(README);
  assert.ok(steps.length >= 10, "the tour is there");
  for (const step of steps) {
    try {
      await tour.take(step);
    } catch (error) {
      throw new Error(`at this step of the tour:\n${step.commands}`, { cause: error });
    }
  }
});

describe("what is shown", () => {
  test("is every member that a document names, as it is there", () => {
    const actual = { a: "0x12", b: [{ c: 1 }, { c: 2 }], duration_ms: 3, more: null };
    assertShown(actual, { a: "0x…", b: [{ c: 1 }], duration_ms: 99 });
    assertShown(actual, { b: ["…"], more: null });
    const wrong = [{ d: 1 }, { a: "0x1" }, { a: "1…" }, { b: [{ c: 2 }] }, { b: [{}, {}, {}] }, { duration_ms: "3" }];
    for (const shown of wrong) assert.throws(() => assertShown(actual, shown), assert.AssertionError);
  });

  test("is as many answers as there are, and lines of text anywhere", () => {
    assertPrinted('noise\n{"a":1}\n{"a":2}\n', { kind: "json", content: '{"a":1}\n{"a":2}\n' });
    assert.throws(() => assertPrinted('{"a":1}', { kind: "json", content: '{"a":1}\n{"a":1}\n' }));
    assertPrinted("one\n  two 3\nfour", { kind: "text", content: "  two …\n" });
    assert.throws(() => assertPrinted("one\ntwo 3", { kind: "text", content: "  two …\n" }));
  });

  test("belongs to the commands before it; a comment without commands is a mistake", () => {
    const document = "<!-- tour: stop 1 -->\n```sh\nls\n```\n\n```json\n{}\n```\n<!-- tour -->\n```sh\npwd\n```\n";
    assert.deepEqual(stepsOf(document), [
      { stop: "1", repeat: false, commands: "ls\n", shown: { kind: "json", content: "{}\n" } },
      { repeat: false, commands: "pwd\n" },
    ]);
    assert.throws(() => stepsOf(`${document}<!-- tour: wait -->\n`));
  });
});

test("a command that fails ends the tour with what it said", async () => {
  await using shell = new Shell({ cwd: ROOT, env: plainEnvironment() });
  assert.equal((await shell.run("word=kept; echo first")).trim(), "first");
  assert.equal((await shell.run('echo "$word"')).trim(), "kept");
  await assert.rejects(shell.run("ls /no-such-folder | cat"), /no-such-folder/);
});
