import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { open } from "lmdb";
import { openLmdbStore } from "./lmdb-store.ts";
import { FORMAT_VERSION } from "./migrations.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function withFile(run: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-lmdb-"));
  try {
    await run(join(folder, "chain.mdb"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Changes what lies on disk, past the store. */
async function behindItsBack(
  path: string,
  change: (
    put: (table: string, key: Uint8Array, stored: Uint8Array) => void,
    get: (table: string, key: Uint8Array) => Uint8Array,
  ) => void,
): Promise<void> {
  const root = open({ path, maxDbs: 64, keyEncoding: "binary", encoding: "binary", overlappingSync: false });
  const table = (name: string) =>
    root.openDB<Uint8Array, Uint8Array>({ name, keyEncoding: "binary", encoding: "binary" });
  change(
    (name, key, stored) => void table(name).putSync(key, stored),
    (name, key) => new Uint8Array(table(name).get(key) ?? []),
  );
  await root.close();
}

test("a row that was garbled, cut short or put elsewhere is an error that names it, and never data", async () => {
  const damages: readonly ((stored: Uint8Array) => Uint8Array)[] = [
    (stored) => stored.with(0, 1),
    (stored) => stored.with(stored.length - 1, (stored.at(-1) ?? 0) ^ 1),
    (stored) => stored.subarray(0, stored.length - 1),
    () => new Uint8Array(2),
    () => new Uint8Array(0),
  ];
  for (const damage of damages) {
    await withFile(async (path) => {
      const store = openLmdbStore(path);
      store.write([
        { table: "codes", key: bytes("k"), value: bytes("value") },
        { table: "codes", key: bytes("l"), value: bytes("other") },
      ]);
      await store.close();
      await behindItsBack(path, (put, get) => put("codes", bytes("k"), damage(get("codes", bytes("k")))));
      const again = openLmdbStore(path);
      const corrupt = { code: "STORE_CORRUPT", details: { table: "codes", key: "0x6b" } };
      assert.throws(() => again.get("codes", bytes("k")), corrupt);
      assert.throws(() => again.range("codes", { limit: 9 }), corrupt);
      const snapshot = again.snapshot();
      assert.throws(() => snapshot.get("codes", bytes("k")), corrupt);
      snapshot.done();
      assert.deepEqual(again.get("codes", bytes("l")), bytes("other"));
      await again.close();
    });
  }
});

test("a whole row in another's place is damage too", async () => {
  await withFile(async (path) => {
    const store = openLmdbStore(path);
    store.write([{ table: "codes", key: bytes("k"), value: bytes("value") }]);
    await store.close();
    await behindItsBack(path, (put, get) => {
      put("codes", bytes("l"), get("codes", bytes("k")));
      put("headers", bytes("k"), get("codes", bytes("k")));
    });
    const again = openLmdbStore(path);
    assert.throws(() => again.get("codes", bytes("l")), { code: "STORE_CORRUPT" });
    assert.throws(() => again.get("headers", bytes("k")), { code: "STORE_CORRUPT" });
    await again.close();
  });
});

test("a database of a later format, or of none, is left as it is", async () => {
  const number = (value: number): Uint8Array => new Uint8Array([0, 0, 0, 0, 0, 0, 0, value]);
  await withFile(async (path) => {
    await behindItsBack(path, (put) => put("meta", bytes("version"), number(FORMAT_VERSION + 1)));
    assert.throws(() => openLmdbStore(path), { code: "STORE_VERSION" });
    await behindItsBack(path, (_, get) => assert.deepEqual(get("meta", bytes("version")), number(FORMAT_VERSION + 1)));
  });
  await withFile(async (path) => {
    await behindItsBack(path, (put) => put("meta", bytes("genesis"), new Uint8Array(32)));
    assert.throws(() => openLmdbStore(path), { code: "STORE_VERSION" });
  });
});

/** Opens the store in a process that may not make files larger than so many KiB, and gives what it printed. */
function openWithLimit(path: string, kib: number): string {
  const module = new URL("./lmdb-store.ts", import.meta.url).href;
  const script = `const { openLmdbStore } = await import(${JSON.stringify(module)});
    try { openLmdbStore(${JSON.stringify(path)}); console.log("opened"); } catch (error) { console.log(error.code); }`;
  const limited = `ulimit -f ${kib}; exec "$@"`;
  const node = [process.execPath, "--input-type=module", "-e", script];
  return spawnSync("bash", ["-c", limited, "bash", ...node], { encoding: "utf8" }).stdout.trim();
}

test("a migration that the disk has no room for leaves the old format whole", async () => {
  await withFile(async (path) => {
    const keyOf = (n: number): Uint8Array => new Uint8Array([n >> 8, n & 255]);
    await behindItsBack(path, (put) => {
      put("meta", bytes("version"), new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1]));
      for (let n = 0; n < 300; n++) put("codes", keyOf(n), new Uint8Array(4_000).fill(n));
    });
    assert.equal(openWithLimit(path, Math.ceil(statSync(path).size / 1024) + 64), "STORE_WRITE_FAILED");
    await behindItsBack(path, (_, get) => assert.equal(get("codes", keyOf(299)).length, 4_000));
    const store = openLmdbStore(path);
    for (let n = 0; n < 300; n++) assert.deepEqual(store.get("codes", keyOf(n)), new Uint8Array(4_000).fill(n));
    await store.close();
  });
});

/** In a process of its own: what this is about ends it. */
const FILL_A_COPY = `
  import { createHash } from "node:crypto";
  import { openDatabase } from "${new URL("./lmdb-store.ts", import.meta.url)}";
  const [, path] = process.argv;
  const rows = (from, to) => Array.from({ length: to - from }, (_, n) => ({
    table: "storage",
    key: new Uint8Array(createHash("sha256").update(String(from + n)).digest()),
    value: new Uint8Array(100),
  }));
  const store = openDatabase(path);
  for (let n = 0; n < 10_000; n += 500) store.write(rows(n, n + 500));
  await store.copyTo(path + ".copy");
  await store.close();
  const copy = openDatabase(path + ".copy");
  copy.write(rows(10_000, 19_000));
  console.log(copy.range("storage", { limit: 100_000 }).length);
  await copy.close();
`;

test("the first write to a copy without free pages may have thousands of rows", async () => {
  await withFile(async (path) => {
    const args = ["--input-type=module", "--eval", FILL_A_COPY, path];
    const { stdout, stderr, signal } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.deepEqual([signal, stdout.trim()], [null, "19000"], stderr);
  });
});
