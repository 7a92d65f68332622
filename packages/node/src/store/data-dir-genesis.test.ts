import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseGenesis } from "@counterpart/core/chain/genesis-json";
import { genesisIn } from "./data-dir-genesis.ts";
import { readGenesis } from "./genesis-file.ts";

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

test("a genesis.json that is no file is refused at once, where other names may be those of pipes", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-genesis-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "genesis.json");
  for (const make of [
    () => execFileSync("mkfifo", [path]),
    () => mkdirSync(path),
    () => symlinkSync("/dev/zero", path),
  ]) {
    make();
    const message = `the genesis file ${path} cannot be read: it is no file`;
    assert.throws(() => readGenesis(path), { code: "INVALID_GENESIS", message });
    rmSync(path, { recursive: true });
  }
  const pipe = join(folder, "63");
  execFileSync("mkfifo", [pipe]);
  const text = JSON.stringify({
    chainId: 4242,
    consensus: "poa",
    timestamp: 1767225600,
    gasLimit: 60000000,
    alloc: {},
  });
  spawn("sh", ["-c", 'printf %s "$1" >"$2"', "sh", text, pipe]);
  for (const _again of [1, 2]) assert.deepEqual(readGenesis(pipe), { own: parseGenesis(text) });
});
