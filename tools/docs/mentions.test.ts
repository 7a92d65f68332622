/** Commands that any document tells a reader to type, against the commands and scripts that there are. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { longFlagOf } from "../../packages/node/src/cli/command.ts";
import { commandsIn, isGroup } from "../../packages/node/src/cli/command-nodes.ts";
import { COMMANDS } from "../../packages/node/src/cli/command-tree.ts";
import { readTextFiles } from "../tidy/files.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const pages = readTextFiles(ROOT).filter(({ path }) => path.endsWith(".md"));

/** Flags by command, with the words of its path between single spaces. */
async function flagsByCommand(): Promise<ReadonlyMap<string, readonly string[]>> {
  const flags = new Map<string, readonly string[]>();
  for (const { path, entry } of commandsIn(COMMANDS)) {
    flags.set(path.join(" "), Object.values((await entry.load()).options).map(longFlagOf));
  }
  return flags;
}

const GROUPS: readonly string[] = COMMANDS.filter(isGroup).map(({ name }) => name);
/** Every command takes it. */
const COMMON_FLAGS = ["--help"];

/** A line and, apart from it, what stands in `$(…)` in it. */
function apart(line: string): string[] {
  const inner: string[] = [];
  const outer = line.replace(/\$\(([^()]*)\)/g, (_, part: string) => {
    inner.push(part);
    return "…";
  });
  return [outer, ...inner];
}

/** Command lines in blocks and in backticks; what follows a pipe, a redirection or a comment is another program's. */
function commandLinesIn(page: string): string[] {
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block.replace(/\\\n\s*/g, ""));
  const prose = page.replace(/^```.*?^```$/gms, "");
  const codes = [...prose.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code.replace(/\s+/g, " "));
  const lines = [...blocks.flatMap((block) => block.split("\n")), ...codes].flatMap(apart);
  return lines.flatMap((line) =>
    [...line.matchAll(/(?:^|[\s(])(?:counterpart|npm (?=start --)) ?([a-z][^|;&>#]*)/g)].map(([, rest = ""]) =>
      rest.trim(),
    ),
  );
}

/** What is wrong with a command line; undefined when nothing is. */
function faultOf(line: string, flags: ReadonlyMap<string, readonly string[]>): string | undefined {
  const words = line.split(/\s+/);
  const command = [words.slice(0, 2).join(" "), words[0] ?? ""].find((name) => flags.has(name));
  if (command === undefined) return GROUPS.includes(line) ? undefined : `there is no command for: ${line}`;
  const known = [...COMMON_FLAGS, ...(flags.get(command) ?? [])];
  const unknown = (line.match(/(?<![\w-])--[a-z][a-z-]+/g) ?? []).filter((flag) => !known.includes(flag));
  return unknown.length === 0 ? undefined : `counterpart ${command} has no ${unknown.join(", ")}: ${line}`;
}

test("every command that a document names exists, with every flag that it is given", async () => {
  const flags = await flagsByCommand();
  let checked = 0;
  for (const { path, text } of pages) {
    for (const line of commandLinesIn(text)) {
      assert.equal(faultOf(line, flags), undefined, path);
      checked++;
    }
  }
  assert.ok(checked > 150, `only ${checked} commands were found`);
});

test("a command or flag that is not there is told", async () => {
  const flags = await flagsByCommand();
  const page =
    "`counterpart contracts`, `counterpart db verify --json`\n\n```sh\nX=$(npx counterpart tx shows 0x1 | jq)\ncounterpart \\\n  status --wach --json # --not\nnpm start -- --role full --roll\n```\n";
  assert.deepEqual(
    commandLinesIn(page).map((line) => faultOf(line, flags)?.split(":")[0]),
    [
      "there is no command for",
      "counterpart status has no --wach",
      "counterpart start has no --roll",
      undefined,
      undefined,
    ],
  );
});

test("every script that a document names exists", () => {
  const { scripts } = JSON.parse(readFileSync(resolve(ROOT, "package.json"), "utf8")) as { readonly scripts: object };
  let checked = 0;
  for (const { path, text } of pages) {
    for (const [, name = ""] of text.matchAll(/`?npm run ([a-z][a-z:]*)/g)) {
      assert.ok(Object.hasOwn(scripts, name), `${path}: npm run ${name}`);
      checked++;
    }
  }
  assert.ok(checked > 20, `only ${checked} scripts were found`);
});
