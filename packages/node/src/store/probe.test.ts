import assert from "node:assert/strict";
import {
  closeSync,
  cpSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openLmdbStore } from "./lmdb-store.ts";
import { probeDatabase } from "./probe.ts";

let folder: string;
let sound: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "counterpart-probe-"));
  sound = join(folder, "sound.mdb");
  const store = openLmdbStore(sound);
  for (let round = 0; round < 20; round++) {
    const at = (n: number): Uint8Array => new Uint8Array([round, n >> 8, n & 255]);
    store.write(
      Array.from({ length: 200 }, (_, n) => ({
        table: "codes" as const,
        key: at(n),
        value: new Uint8Array(300).fill(n),
      })),
    );
  }
  await store.close();
});
after(() => rmSync(folder, { recursive: true, force: true }));

function damaged(name: string, damage: (file: number, size: number) => void): string {
  const path = join(folder, name);
  cpSync(sound, path);
  const file = openSync(path, "r+");
  damage(file, statSync(path).size);
  closeSync(file);
  return path;
}

test("a sound database, one that is not there, and an empty file pass", async () => {
  await probeDatabase(sound);
  await probeDatabase(join(folder, "none.mdb"));
  const empty = join(folder, "empty.mdb");
  writeFileSync(empty, "");
  await probeDatabase(empty);
});

test("a file that was cut short is damage, wherever it was cut", async () => {
  for (const kept of [100, 5_000, 0.05, 0.1, 0.3]) {
    const path = damaged(`cut-${kept}.mdb`, (file, size) =>
      ftruncateSync(file, kept < 1 ? Math.floor(size * kept) : kept),
    );
    await assert.rejects(probeDatabase(path), { code: "STORE_CORRUPT" }, String(kept));
  }
});

test("damaged pages of LMDB's own are damage, not the end of this process", async () => {
  const zeroed = damaged("meta.mdb", (file) => writeSync(file, new Uint8Array(8_192), 0, 8_192, 0));
  await assert.rejects(probeDatabase(zeroed), { code: "STORE_CORRUPT" });
  const garbled = damaged("pages.mdb", (file, size) => {
    for (let at = 8_192; at < size; at += 4_096) writeSync(file, new Uint8Array(2_000).fill(0xa5), 0, 2_000, at);
  });
  await assert.rejects(probeDatabase(garbled), { code: "STORE_CORRUPT" });
});

test("a file of something else is damage, with a sentence that says what to do", async () => {
  const path = join(folder, "text.mdb");
  writeFileSync(path, "this is a letter and no database\n".repeat(500));
  await assert.rejects(probeDatabase(path), {
    code: "STORE_CORRUPT",
    message: /restore a backup, or move \S+text\.mdb and every file whose name begins so away/,
  });
});
