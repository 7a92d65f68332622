import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { genesisIn } from "./data-dir-genesis.ts";

test("whatever has the name of the genesis file counts as there, and nothing else", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-genesis-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const make = (name: string, fill: (path: string) => void): string => {
    mkdirSync(join(folder, name));
    fill(join(folder, name, "genesis.json"));
    return join(folder, name);
  };
  const held = [
    make("file", (path) => writeFileSync(path, "{}")),
    make("folder", (path) => mkdirSync(path)),
    make("dangling", (path) => symlinkSync(join(folder, "nowhere"), path)),
    make("loop", (path) => symlinkSync("genesis.json", path)),
  ];
  for (const dataDir of held) assert.equal(genesisIn(dataDir), join(dataDir, "genesis.json"));
  writeFileSync(join(folder, "plain"), "");
  for (const name of ["nothing", "plain", "."]) assert.equal(genesisIn(join(folder, name)), undefined);
});
