import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openLmdbStore } from "../../packages/node/src/store/lmdb-store.ts";
import { counterpart, until } from "./process-node.ts";

const MAIN = new URL("../../packages/node/src/cli/main.ts", import.meta.url).pathname;
const PAGE = 4_096;
const ROUNDS = 96;
const ROWS = 256;

let folder: string;
let dataDir: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "counterpart-backup-"));
  dataDir = join(folder, "node");
  mkdirSync(dataDir);
  // So much that a copy takes its time.
  const store = openLmdbStore(join(dataDir, "chain.mdb"));
  for (let round = 0; round < ROUNDS; round++) {
    const rows = Array.from({ length: ROWS }, (_, n) => ({
      table: "codes" as const,
      key: new Uint8Array([round, n]),
      value: new Uint8Array(3_000).fill(n),
    }));
    store.write(rows);
  }
  await store.close();
});
after(() => rmSync(folder, { recursive: true, force: true }));

const backupArguments = (from: string, to: string): string[] => ["db", "backup", "--data-dir", from, "--to", to];

const withName = (start: string): string[] => readdirSync(folder).filter((name) => name.startsWith(start));

const processes = (): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** Empty for a process that has ended. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** Whether a process works on this path. */
const isInUse = (path: string): boolean => processes().some((pid) => commandOf(pid).includes(path));

/** Ends a command when its copy has begun and is not whole. Gives its draft, and how the process ended. */
async function endInMidCopy(
  to: string,
  signal: NodeJS.Signals,
  words: readonly string[] = backupArguments(dataDir, to),
): Promise<{ draft: string; end: number | string }> {
  const child: ChildProcess = spawn(process.execPath, [MAIN, ...words], { stdio: "ignore" });
  const ended = new Promise<number | string>((resolve) => child.once("close", (code, by) => resolve(code ?? by ?? "")));
  const draft = `${to}.${child.pid}.tmp`;
  await until(async () => (statSync(join(draft, "chain.mdb"), { throwIfNoEntry: false })?.size ?? 0) > 0, "it copies");
  child.kill(signal);
  const end = await ended;
  await until(async () => !isInUse(draft), "the process that copies ends with the one that asked for the copy");
  return { draft, end };
}

test("a backup that is killed leaves nothing with the name, and the next one removes what it left", async () => {
  const to = join(folder, "copy");
  const { draft, end } = await endInMidCopy(to, "SIGKILL");
  assert.equal(end, "SIGKILL");
  assert.equal(existsSync(to), false);
  assert.equal(existsSync(draft), true);
  const strangers = [
    `${to}.1x.tmp`,
    `${to}.${process.pid}.tmp`,
    `${to}.4194303.tmp`,
    join(folder, "other.4194303.tmp"),
  ];
  for (const path of strangers) mkdirSync(path);
  writeFileSync(`${to}.4194303.tmp/letter`, "not a draft");
  const { code, text } = await counterpart(...backupArguments(dataDir, to));
  assert.equal(code, 0, text);
  assert.equal(existsSync(draft), false);
  for (const path of strangers) assert.ok(existsSync(path), path);
  const copy = openLmdbStore(join(to, "chain.mdb"), { migrates: false });
  assert.equal([...copy.scan()].filter((damaged) => damaged === undefined).length, ROUNDS * ROWS + 1);
  await copy.close();
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`a backup that is told to end by ${signal} leaves nothing`, async () => {
    const { draft, end } = await endInMidCopy(join(folder, "copy-that-is-stopped"), signal);
    assert.equal(end, code);
    assert.equal(existsSync(draft), false);
    assert.deepEqual(withName("copy-that-is-stopped"), []);
  });
}

test("a restoration that is told to end leaves nothing, whatever it is at", async () => {
  const to = join(folder, "restored-and-stopped");
  const words = ["db", "restore", "--from", dataDir, "--data-dir", to];
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    const { end } = await endInMidCopy(to, signal, words);
    assert.equal(end, code);
    assert.deepEqual(withName("restored-and-stopped"), []);
  }
});

test("the keys in a copy are their owner's alone, whatever the originals were", async () => {
  const keys = join(dataDir, "keys");
  mkdirSync(keys, { mode: 0o755 });
  writeFileSync(join(keys, "node.json"), "{}");
  chmodSync(join(keys, "node.json"), 0o644);
  writeFileSync(join(keys, ".node.json.1.tmp"), "half a key");
  const to = join(folder, "with-keys");
  const { code, text } = await counterpart(...backupArguments(dataDir, to));
  assert.equal(code, 0, text);
  assert.deepEqual(readdirSync(join(to, "keys")), ["node.json"]);
  assert.equal(statSync(join(to, "keys", "node.json")).mode & 0o777, 0o600);
  assert.equal(statSync(join(to, "keys")).mode & 0o777, 0o700);
});

/** Fills pages from the middle of the tree; what the probe reads, its ends and its roots, stays. */
function garble(database: string): void {
  const file = openSync(database, "r+");
  const { size } = statSync(database);
  for (let at = Math.floor(size / 3 / PAGE) * PAGE; at < size / 2; at += PAGE) {
    writeSync(file, new Uint8Array(PAGE).fill(0xa5), 0, PAGE, at);
  }
  closeSync(file);
}

test("damage is an error with a sentence, and leaves nothing behind", async () => {
  const path = join(folder, "damaged");
  const to = join(folder, "copy-of-damaged");
  cpSync(dataDir, path, { recursive: true });
  garble(join(path, "chain.mdb"));
  const { code, text } = await counterpart(...backupArguments(path, to));
  assert.equal(code, 4, text);
  assert.match(text, /^counterpart: the database is damaged .* MDB_\w+: .* \(STORE_CORRUPT\)\n$/);
  assert.deepEqual(withName("copy-of-damaged"), []);
});

/** The process that copies into a draft of `to`. */
const copierOf = (to: string): number | undefined =>
  processes().find((pid) => commandOf(pid).includes("db-backup-child") && commandOf(pid).includes(`${to}.`));

test("a copying process that ends by a signal, as damage can end it, is an error too, and leaves nothing behind", async () => {
  const to = join(folder, "copy-that-ends");
  const backup = counterpart(...backupArguments(dataDir, to));
  await until(async () => copierOf(to) !== undefined, "a process copies");
  process.kill(copierOf(to) as number, "SIGSEGV");
  const { code, text } = await backup;
  assert.equal(code, 4, text);
  assert.match(text, /^counterpart: copying \S+ ended early \(SIGSEGV\) \(STORE_CORRUPT\)\n$/);
  assert.deepEqual(withName("copy-that-ends"), []);
});
