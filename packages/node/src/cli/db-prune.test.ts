import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { concatBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { BLOCKS, GENESIS } from "../engine/imported.test-support.ts";
import { openDataDir } from "../store/data-dir.ts";
import { openLmdbStore } from "../store/lmdb-store.ts";
import { createTestTerminal, runCommand } from "./context.test-support.ts";
import { verify } from "./db.ts";
import { prune } from "./db-prune.ts";
import { readStats } from "./db-stats.ts";
import { EXIT } from "./exit-code.ts";
import { importChain } from "./import.ts";

const now = (): number => performance.now();

/** A data directory with an imported chain of six blocks, each with its states. */
async function scene(t: TestContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-prune-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [genesis, file, dataDir] = ["genesis.json", "chain.rlp", "data"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(genesis, GENESIS);
  writeFileSync(file, concatBytes(...BLOCKS));
  await importChain({ genesis, file, dataDir }, { print: () => {}, now, isStopped: () => false });
  return dataDir;
}

/** Keys and values of everything but the history and where it begins. */
async function contentOf(dataDir: string): Promise<readonly string[]> {
  const store = openLmdbStore(join(dataDir, "chain.mdb"), { migrates: false });
  try {
    const tables = ["headers", "bodies", "receipts", "accounts", "storage", "codes", "changes", "canonical"] as const;
    return tables.flatMap((table) =>
      store
        .range(table, { limit: 100_000 })
        .map(({ key, value }) => `${table} ${Buffer.from(key).toString("hex")} ${Buffer.from(value).toString("hex")}`),
    );
  } finally {
    await store.close();
  }
}

test("the states of old blocks are forgotten, everything else stays, and the file gets shorter", async (t) => {
  const dataDir = await scene(t);
  const before = await readStats(dataDir);
  const content = await contentOf(dataDir);
  assert.deepEqual([before.head, before.historyStart], [6, 0]);
  const pruned = await prune({ dataDir, history: 2 }, { now });
  assert.deepEqual([pruned.history_start_before, pruned.history_start], [0, 4]);
  assert.ok(pruned.bytes < pruned.bytes_before, `${pruned.bytes_before} bytes before, ${pruned.bytes} now`);
  assert.deepEqual(await contentOf(dataDir), content);
  const after = await readStats(dataDir);
  assert.deepEqual([after.historyStart, after.fileBytes], [4, pruned.bytes]);
  const rows = (stats: typeof after): number => stats.tables.find(({ name }) => name === "accountHistory")?.rows ?? 0;
  assert.ok(rows(after) < rows(before) && rows(after) > 0);
  await verify({ dataDir }, { print: () => {}, now });
  assert.deepEqual(
    readdirSync(dataDir).filter((name) => name.includes("tmp")),
    [],
  );
  const again = await prune({ dataDir }, { now });
  assert.deepEqual([again.history_start_before, again.history_start], [4, 4], "what is forgotten does not come back");
});

test("the history to keep is a number of blocks or the archive, as a node takes it", async (t) => {
  const words = ["db", "prune", "--data-dir", await scene(t), "--json", "--history"];
  const kept = await runCommand([...words, "archive"]);
  assert.deepEqual([kept.code, kept.json().history_start], [EXIT.ok, 0], kept.errors);
  const some = await runCommand([...words, "2"]);
  assert.deepEqual([some.code, some.json().history_start], [EXIT.ok, 4], some.errors);
  for (const wrong of ["all", "0", "1000000000"]) {
    const { code, errors } = await runCommand([...words, wrong]);
    assert.equal(code, EXIT.usage);
    assert.match(errors, /--history must be a number of blocks from 1 to 999999999, or archive/);
  }
});

test("of a copy that is told to end nothing is left", async (t) => {
  const dataDir = await scene(t);
  const cleanUps: (() => void)[] = [];
  await prune({ dataDir }, { now, onStop: (cleanUp) => void cleanUps.push(cleanUp) });
  const draft = join(dataDir, "chain.mdb.compact.tmp");
  writeFileSync(draft, "some of it");
  for (const cleanUp of cleanUps) cleanUp();
  assert.equal(existsSync(draft), false);
});

test("a directory in use is not touched, nor one without a database; a draft of a killed run is replaced", async (t) => {
  const dataDir = await scene(t);
  const path = join(dataDir, "chain.mdb");
  const held = await openDataDir(dataDir);
  await assert.rejects(prune({ dataDir }, { now }), (error) => isCodedError(error, "DATA_DIR_LOCKED"));
  await held.release();
  await assert.rejects(prune({ dataDir: join(dataDir, "none") }, { now }), (error) =>
    isCodedError(error, "DATA_DIR_UNUSABLE"),
  );
  copyFileSync(path, `${path}.compact.tmp`);
  await prune({ dataDir }, { now });
  assert.equal(existsSync(`${path}.compact.tmp`), false);
});

test("statistics are a table or a document, and name every table", async (t) => {
  const dataDir = await scene(t);
  const shown = await runCommand(["db", "stats", "--data-dir", dataDir]);
  assert.equal(shown.code, EXIT.ok, shown.errors);
  assert.match(
    shown.out,
    /^file +\S+chain.mdb\nsize +[\d.]+ [KM]iB, of which .*\nhead +block 6\nstates +from block 0\n\nTABLE +ROWS +SIZE +SHARE\n/,
  );
  assert.match(shown.out, /\nheaders +7 +\d/);
  const { json } = await runCommand(["db", "stats", "--data-dir", dataDir, "--json"]);
  const {
    tables,
    file_bytes: file,
    used_bytes: used,
    free_bytes: free,
  } = json() as Record<string, number> & { tables: { bytes: number }[] };
  assert.equal((used as number) + (free as number), file);
  assert.ok(tables.reduce((sum, { bytes }) => sum + bytes, 0) <= (used as number));
  assert.equal((await runCommand(["db", "stats", "--data-dir", join(dataDir, "none")])).code, EXIT.dataDir);
});

test("a command on files finds them where the node of the same settings has them", async (t) => {
  const dataDir = await scene(t);
  const folder = dirname(dataDir);
  writeFileSync(join(folder, "node.json"), '{"data_dir": "data", "api_port": "any"}');
  const run = (words: string[], environment: Record<string, string>) =>
    runCommand(["db", ...words], createTestTerminal({ workingDir: folder, environment }));
  const none = { COUNTERPART_DATA_DIR: join(folder, "none") };
  const inFile = { COUNTERPART_CONFIG: "node.json" };
  for (const [words, environment] of [
    [["stats"], { COUNTERPART_DATA_DIR: "data" }],
    [["stats"], { ...inFile, COUNTERPART_DATA_DIR: "" }],
    [["stats", "--config", "node.json"], {}],
    [["stats", "--data-dir", "data"], { ...none, ...inFile }],
    [["verify"], { ...inFile, COUNTERPART_GENESIS: "genesis.json" }],
  ] as const) {
    const { code, errors } = await run([...words], environment);
    assert.equal(code, EXIT.ok, errors);
  }
  const wrong = await run(["stats"], { ...none, ...inFile });
  assert.deepEqual([wrong.code, wrong.errors.includes(none.COUNTERPART_DATA_DIR)], [EXIT.dataDir, true]);
  const lost = await run(["verify"], { ...inFile, COUNTERPART_GENESIS: "lost.json" });
  assert.deepEqual([lost.code, lost.errors.includes("INVALID_GENESIS")], [EXIT.usage, true], lost.errors);
});

test("a file in the place of a data directory is told by the doctor, and not restored to", async (t) => {
  const dataDir = await scene(t);
  const file = join(dirname(dataDir), "file");
  writeFileSync(file, "");
  const restored = await runCommand(["db", "restore", "--from", dataDir, "--data-dir", file]);
  assert.deepEqual(
    [restored.code, restored.errors.includes("file is no folder: name a new folder")],
    [EXIT.dataDir, true],
  );
  const { code, out } = await runCommand(["doctor", "--data-dir", file, "--url", "http://127.0.0.1:1"]);
  assert.equal(code, EXIT.unfit);
  assert.match(out, /WRONG {2}.*file cannot be written: ENOTDIR/);
});

test("the doctor finds that settings and data directory are of different chains, and damage", async (t) => {
  const dataDir = await scene(t);
  const flags = ["--data-dir", dataDir, "--api-port", "0", "--p2p-port", "0", "--url", "http://127.0.0.1:1", "--json"];
  const verdicts = async (...more: string[]): Promise<readonly [number, Record<string, string>]> => {
    const { code, json } = await runCommand(["doctor", ...flags, ...more], createTestTerminal());
    const { findings } = json() as { findings: { check: string; verdict: string }[] };
    return [code, Object.fromEntries(findings.map(({ check, verdict }) => [check, verdict]))];
  };
  const [wrong, found] = await verdicts();
  assert.deepEqual([wrong, found.genesis, found.node, found["node-version"]], [EXIT.unfit, "wrong", "unknown", "ok"]);
  const genesis = join(dataDir, "..", "genesis.json");
  const [fine, same] = await verdicts("--genesis", genesis);
  assert.deepEqual([fine, same.genesis], [EXIT.ok, "ok"]);
  const held = await openDataDir(dataDir);
  assert.equal((await verdicts("--genesis", genesis))[1]["data-dir"], "warning", "another process has it");
  await held.release();
  writeFileSync(join(dataDir, "chain.mdb"), "no database");
  const [damaged, broken] = await verdicts("--genesis", genesis);
  assert.deepEqual([damaged, broken.database], [EXIT.unfit, "wrong"]);
  assert.equal((await runCommand(["doctor", "--api-port", "x", "--json"])).code, EXIT.usage);
});
