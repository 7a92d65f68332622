import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { CONFIG_OPTIONS } from "../config.ts";
import { commandsIn } from "./command-nodes.ts";
import { COMMANDS } from "./command-tree.ts";
import { complaintOf } from "./exit-code.ts";
import { parseArguments } from "./program.ts";

interface Parsed {
  readonly path: string | undefined;
  readonly args: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly shown: string;
}

async function parsed(...words: string[]): Promise<Parsed> {
  const texts: string[] = [];
  const request = await parseArguments(words, { write: (text) => void texts.push(text), writeError: () => {} });
  const { args = {}, options = {} } = request?.given ?? {};
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { path: request?.path.join(" "), args, options: Object.fromEntries(given), shown: texts.join("") };
}

async function refused(message: RegExp, ...args: string[]): Promise<void> {
  await assert.rejects(
    () => parsed(...args),
    (error) => isCodedError(error, "INVALID_CONFIG") && message.test(error.message) && !error.message.includes("\n"),
  );
}

test("start without flags starts", async () => {
  const { path, options } = await parsed("start");
  assert.equal(path, "start");
  assert.deepEqual(options, {});
});

test("flags arrive by the names of the configuration", async () => {
  const { options } = await parsed("start", "--api-port", "8081", "--p2p-port=5001", "--config", "x.json", "--dev");
  assert.deepEqual(options, { apiPort: "8081", p2pPort: "5001", config: "x.json", dev: true });
});

test("every flag of the configuration is one of start, config and doctor", async () => {
  for (const path of [["start"], ["config", "print"], ["config", "check"], ["doctor"]]) {
    const { shown } = await parsed(...path, "--help");
    for (const option of CONFIG_OPTIONS) {
      const args = option.placeholder === undefined ? [option.flag] : [option.flag, "1"];
      const { options } = await parsed(...path, ...args);
      assert.ok(options[option.key] !== undefined, option.flag);
      assert.ok(shown.includes(`${option.flag} `), option.flag);
    }
  }
});

test("--peer is repeatable", async () => {
  assert.deepEqual((await parsed("start", "--peer", "a:1", "--peer", "b:2")).options, { peer: ["a:1", "b:2"] });
});

test("help of every command shows its examples and exit codes, and runs nothing", async () => {
  for (const { path: words, entry } of commandsIn(COMMANDS)) {
    for (const asked of [
      [...words, "--help"],
      ["help", ...words],
    ]) {
      const { path, shown } = await parsed(...asked);
      assert.equal(path, undefined);
      assert.match(shown, new RegExp(`^Usage: counterpart ${words.join(" ")} `));
      assert.match(shown, /\nExamples:\n {2}\S[\s\S]+\nExit codes:\n +0 {2}/);
      assert.ok(shown.includes(entry.summary.slice(0, 40)), words.join(" "));
    }
  }
  assert.match((await parsed("--help")).shown, /start +run a node/);
  assert.match((await parsed("contracts", "--help")).shown, /deploy/);
});

test("every command with a result has it as JSON, and every example is understood", async () => {
  for (const { path, entry } of commandsIn(COMMANDS)) {
    const command = await entry.load();
    const name = path.join(" ");
    if (!["start", "export", "completion"].includes(name)) assert.ok("json" in command.options, name);
    const own = command.examples.filter((example) => example.startsWith(`counterpart ${name}`));
    assert.ok(own.length > 0 || name === "completion", name);
    for (const example of own) {
      const line = example.replace(/ [|>] .*$/, "").replace(/"\$\(.*\)"/, "0x00");
      const words = [...line.matchAll(/'([^']*)'|\S+/g)].map(([whole, quoted]) => quoted ?? whole);
      assert.equal((await parsed(...words.slice(1))).path, name, example);
    }
  }
});

test("the version is shown with and without the command", async () => {
  for (const args of [["--version"], ["-V"], ["start", "--version"]]) {
    const { path, shown } = await parsed(...args);
    assert.equal(path, undefined);
    assert.match(shown, /^\d+\.\d+\.\d+/);
  }
});

test("what is not understood is refused in one sentence", async () => {
  await refused(/unknown option '--api-prt' \(Did you mean --api-port\?\)/, "start", "--api-prt", "1");
  await refused(/^--peer <address> needs a value; counterpart start --help shows/, "start", "--peer");
  await refused(/unknown command 'strat' .*; counterpart --help shows what there is/, "strat");
  await refused(/start takes 0 arguments, not 1/, "start", "now");
  await refused(/a command is missing; counterpart --help shows them/);
  await refused(/a command is missing; counterpart contracts --help shows them/, "contracts");
  await refused(/unknown command 'lst' \(Did you mean list\?\); counterpart contracts --help/, "contracts", "lst");
  await refused(/^<address> is missing; counterpart contracts show --help shows what there is/, "contracts", "show");
  await refused(/--limit must be a number from 1 to 1000000, not "0"/, "contracts", "list", "--limit", "0");
  await refused(/^--to <path> is missing; /, "db", "backup");
  await refused(/^check takes 0 arguments, not 1; /, "config", "check", "node.json");
  await refused(/^shell must be one of bash, zsh, fish, not tcsh; /, "completion", "tcsh");
  await refused(/^--color must be one of auto, always, never, not red; /, "status", "--color", "red");
});

test("what a command was not given rightly is shown by its first example", async () => {
  const complaint = async (...words: string[]) => complaintOf(await parsed(...words).catch((error: unknown) => error));
  assert.equal(
    await complaint("db", "backup"),
    "counterpart: --to <path> is missing; counterpart db backup --help shows what there is (INVALID_CONFIG)\n  such as: counterpart db backup --to backup-monday\n",
  );
  assert.match(
    await complaint("contracts", "deploy", "tokn"),
    /^counterpart: template must be one of token, nft, not tokn; .* \(INVALID_CONFIG\)\n {2}such as: counterpart contracts deploy token --name/,
  );
  assert.equal(
    await complaint("strat"),
    "counterpart: unknown command 'strat' (Did you mean start?); counterpart --help shows what there is (INVALID_CONFIG)\n",
  );
});

test("arguments and defaults arrive by name", async () => {
  const { args, options } = await parsed("contracts", "execute", "0x1", "mint", "to=0x2", "amount=1000", "--wait", "5");
  assert.deepEqual(args, { address: "0x1", function: "mint", parameters: ["to=0x2", "amount=1000"] });
  assert.deepEqual(options, { wait: 5 });
  assert.deepEqual((await parsed("contracts", "deploy", "--args", "a", "b", "--json")).options, {
    ...{ args: ["a", "b"], json: true, wait: 30 },
  });
  assert.equal((await parsed("db", "backup", "--to", "x")).options.keys, true);
  assert.equal((await parsed("db", "backup", "--to", "x", "--no-keys")).options.keys, false);
  assert.match((await parsed("db", "backup", "--help")).shown, / --no-keys +leave the keys out\n/);
});
