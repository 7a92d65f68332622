import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { longFlagOf } from "../../packages/node/src/cli/command.ts";
import { commandsIn } from "../../packages/node/src/cli/command-nodes.ts";
import { COMMANDS } from "../../packages/node/src/cli/command-tree.ts";
import { EXIT } from "../../packages/node/src/cli/exit-code.ts";
import { renderCommands } from "./command-page.ts";
import { codesIn, sectionOf } from "./markdown.ts";

const PAGE = readFileSync(resolve(import.meta.dirname, "../../docs/CLI.md"), "utf8");

test("docs/CLI.md is what the commands say of themselves", async () => {
  assert.equal(PAGE, await renderCommands(), "node tools/docs/commands.ts --write writes docs/CLI.md anew");
});

test("every command has a section with each of its flags and arguments", async () => {
  for (const { path, entry } of commandsIn(COMMANDS)) {
    const command = await entry.load();
    const codes = codesIn(sectionOf(PAGE, path.join(" ")));
    for (const spec of Object.values(command.options)) {
      assert.ok(
        codes.some((code) => code.split(" ")[0] === longFlagOf(spec)),
        `${path.join(" ")} ${spec.flags}`,
      );
    }
  }
});

test("every exit code is one that the program has, and every one of the program's is documented", async () => {
  const known = new Set<number>(Object.values(EXIT));
  const documented = new Set<number>();
  for (const { entry } of commandsIn(COMMANDS)) {
    for (const [code] of (await entry.load()).exits) documented.add(code);
  }
  assert.deepEqual(
    [...documented].sort((a, b) => a - b),
    [...known].sort((a, b) => a - b),
  );
});
