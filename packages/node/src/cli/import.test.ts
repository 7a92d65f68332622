import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { concatBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { decodeAnyBlock, encodeAnyBlock } from "@counterpart/core/chain/any-block";
import { DEV_GENESIS } from "@counterpart/core/chain/genesis";
import { resealed } from "@counterpart/core/consensus/foreign-chain.test-support";
import { BLOCKS, GENESIS } from "../engine/imported.test-support.ts";
import { openGenesis } from "../engine/open-genesis.ts";
import { numberKey } from "../engine/rows.ts";
import { openLmdbStore } from "../store/lmdb-store.ts";
import { backup, restore, verify } from "./db.ts";
import { complaintOf, EXIT, exitCodeOf } from "./exit-code.ts";
import { exportChain } from "./export.ts";
import { type ImportOptions, importChain } from "./import.ts";

const WHOLE = concatBytes(...BLOCKS);

function scene(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-import-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [genesis, file, dataDir] = ["genesis.json", "chain.rlp", "data"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(genesis, GENESIS);
  writeFileSync(file, WHOLE);
  const texts: string[] = [];
  const print = (text: string): void => void texts.push(text);
  const quiet = { print, now: () => performance.now() };
  const output = { ...quiet, isStopped: () => false };
  const run = (change: Partial<ImportOptions> = {}, more = {}): Promise<boolean> => {
    texts.length = 0;
    return importChain({ genesis, file, dataDir, ...change }, { ...output, ...more });
  };
  const shown = (): string => texts.join("");
  const at = (name: string): string => join(folder, name);
  return { folder, genesis, file, dataDir, quiet, run, shown, at };
}

const refusal =
  (code: string, words: RegExp) =>
  (error: unknown): boolean =>
    isCodedError(error, code as never) && words.test((error as Error).message);

const bytesOf = (path: string): Uint8Array => new Uint8Array(readFileSync(path));

test("a chain is imported, and exported as it was", async (t) => {
  const { run, shown, dataDir, quiet, at } = scene(t);
  assert.equal(await run(), true);
  assert.match(shown(), /^6 blocks, 5 transactions .*\nhead {6}block 6 {2}0x[0-9a-f]{64}\n$/);
  await exportChain({ dataDir, file: at("whole.rlp") }, quiet);
  assert.deepEqual(bytesOf(at("whole.rlp")), WHOLE);
  await exportChain({ dataDir, file: at("part.rlp"), from: 2, to: 3 }, quiet);
  assert.deepEqual(bytesOf(at("part.rlp")), concatBytes(...BLOCKS.slice(1, 3)));
  await exportChain({ dataDir, file: at("first.rlp"), from: 0, to: 1 }, quiet);
  await run({ file: at("first.rlp"), dataDir: at("second"), json: true });
  const { held, blocks } = JSON.parse(shown());
  assert.deepEqual([held, blocks], [1, 1]);
  const refused = (options: object, words: RegExp): Promise<void> =>
    assert.rejects(
      exportChain({ dataDir, file: at("other.rlp"), ...options }, quiet),
      refusal("INVALID_CONFIG", words),
    );
  await refused({ file: at("part.rlp") }, /is there already/);
  await refused({ file: at("no/such/folder.rlp") }, /the folder .*no\/such is not there/);
  await refused({ to: 7 }, /the chain ends with block 6/);
  await refused({ from: 5, to: 3 }, /--from 5 is after block 3/);
  await refused({ from: 7 }, /--from 7 is after block 6: there is nothing to write/);
});

test("an export that is told to end leaves nothing, and one that was killed leaves it to the next", async (t) => {
  const { run, folder, dataDir, quiet, at } = scene(t);
  await run();
  const draft = at(`a.rlp.${process.pid}.tmp`);
  let atStop: readonly string[] = [];
  const stopped = exportChain(
    { dataDir, file: at("a.rlp") },
    {
      ...quiet,
      onStop: (cleanUp) => {
        setImmediate(() => {
          assert.ok(existsSync(draft));
          cleanUp();
          atStop = readdirSync(folder);
        });
      },
    },
  );
  // The program ends here; what is left of it cannot give the file its name.
  await assert.rejects(stopped, refusal("DATA_DIR_UNUSABLE", /cannot be made/));
  assert.deepEqual(atStop.toSorted(), ["chain.rlp", "data", "genesis.json"]);
  const [abandoned, ...others] = ["a.rlp.4194303.tmp", `a.rlp.${process.ppid}.tmp`, "b.rlp.4194303.tmp", "a.rlp.tmp"];
  for (const name of [abandoned as string, ...others]) writeFileSync(at(name), "half");
  await exportChain({ dataDir, file: at("a.rlp") }, quiet);
  assert.deepEqual(bytesOf(at("a.rlp")), WHOLE);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith(".tmp")),
    others.toSorted(),
  );
});

test("what was imported is whole, can be copied, and is known again", async (t) => {
  const { run, shown, genesis, dataDir, quiet, at } = scene(t);
  await run();
  await verify({ dataDir }, quiet);
  await verify({ dataDir, genesis }, quiet);
  await backup({ dataDir, to: at("copy"), keys: true }, quiet);
  await restore({ from: at("copy"), dataDir: at("restored") }, quiet);
  await run({ dataDir: at("restored"), json: true });
  const { kind, held, blocks } = JSON.parse(shown());
  assert.deepEqual([kind, held, blocks], ["done", 6, 0]);
  const store = openLmdbStore(join(dataDir, "chain.mdb"));
  const [transaction] = store.range("transactions", { limit: 1 });
  store.write([{ table: "transactions", key: transaction?.key as Uint8Array, value: null }]);
  await store.close();
  await assert.rejects(verify({ dataDir }, quiet), refusal("STORE_CORRUPT", /faults/));
});

test("an export of blocks that are not all held says which, and leaves nothing", async (t) => {
  const { run, folder, dataDir, quiet, at } = scene(t);
  await run();
  const store = openLmdbStore(join(dataDir, "chain.mdb"));
  const third = store.get("canonical", numberKey(3));
  assert.ok(third !== undefined);
  store.write([{ table: "bodies", key: third, value: null }]);
  await store.close();
  await assert.rejects(exportChain({ dataDir, file: at("a.rlp") }, quiet), (error) => {
    assert.equal(exitCodeOf(error), EXIT.usage);
    assert.match(complaintOf(error), /^counterpart: of block 3 .*\(PRUNED\)\n {2}--from names the first block/);
    return true;
  });
  assert.deepEqual(readdirSync(folder).toSorted(), ["chain.rlp", "data", "genesis.json"]);
  await exportChain({ dataDir, file: at("a.rlp"), from: 4 }, quiet);
  assert.deepEqual(bytesOf(at("a.rlp")), concatBytes(...BLOCKS.slice(3)));
});

test("a compressed file is imported too, and exported", async (t) => {
  const { run, shown, quiet, dataDir, at } = scene(t);
  writeFileSync(at("chain.rlp.gz"), gzipSync(WHOLE));
  assert.equal(await run({ file: at("chain.rlp.gz"), json: true }), true);
  assert.equal(JSON.parse(shown()).block, 6);
  await exportChain({ dataDir, file: at("again.rlp.gz") }, quiet);
  assert.deepEqual(new Uint8Array(gunzipSync(bytesOf(at("again.rlp.gz")))), WHOLE);
});

test("a file that is cut off or goes on with something else is refused, and the blocks before stay", async (t) => {
  const { run, shown, file } = scene(t);
  const refused = async (content: Uint8Array, words: RegExp, code = "INVALID_CHAIN_FILE"): Promise<void> => {
    writeFileSync(file, content);
    await assert.rejects(run(), refusal(code, words));
  };
  await refused(WHOLE.subarray(0, WHOLE.length - 5), /after block 5: /);
  assert.match(shown(), /head {6}block 5 /);
  await refused(concatBytes(WHOLE, new Uint8Array([0, 1])), /^after block 6 there is no block/);
  await refused(new Uint8Array(0), /is empty/);
  await refused(new Uint8Array([0xfb, 0xff, 0xff, 0xff, 0xff]), /at its beginning: .*above 67108864/);
  const first = decodeAnyBlock(BLOCKS[0] as Uint8Array);
  const other = { ...first, header: resealed(first.header, { extraData: new Uint8Array([1]) }) };
  await refused(encodeAnyBlock(other), /^block 1 is 0x.*, and this chain has 0x/, "INVALID_BLOCK");
  await refused(concatBytes(WHOLE, encodeAnyBlock(other)), /^block 1 is 0x/, "INVALID_BLOCK");
});

test("a broken compressed file is refused as a file", async (t) => {
  const { run, at } = scene(t);
  const compressed = gzipSync(WHOLE);
  writeFileSync(at("chain.rlp.gz"), compressed.subarray(0, compressed.length - 20));
  await assert.rejects(run({ file: at("chain.rlp.gz") }), refusal("INVALID_CHAIN_FILE", /cannot be read/));
  writeFileSync(at("chain.rlp.gz"), concatBytes(compressed, new Uint8Array([1, 2, 3])));
  await assert.rejects(
    run({ file: at("chain.rlp.gz"), dataDir: at("behind") }),
    refusal("INVALID_CHAIN_FILE", /cannot be read/),
  );
});

test("a file is decompressed that does not say so in its name, and several that were joined", async (t) => {
  const { run, shown, file } = scene(t);
  writeFileSync(file, concatBytes(...BLOCKS.map((block) => gzipSync(block))));
  assert.equal(await run({ json: true }), true);
  assert.equal(JSON.parse(shown()).block, 6);
});

test("only a directory that is empty or holds the same chain is taken", async (t) => {
  const { run, folder, genesis, at } = scene(t);
  await run();
  writeFileSync(genesis, GENESIS.replace('"0xffffffffffffffffffff"', '"0x1"'));
  await assert.rejects(run(), refusal("INVALID_GENESIS", /another genesis/));
  writeFileSync(genesis, GENESIS.replace('"osakaTime":78', '"osakaTime":79'));
  await assert.rejects(run(), refusal("INVALID_GENESIS", /other rules/));
  writeFileSync(genesis, GENESIS);
  const own = at("own");
  await assert.rejects(run({ file: at("nothing") }), refusal("INVALID_CONFIG", /cannot be read/));
  await assert.rejects(run({ file: folder, dataDir: own }), refusal("INVALID_CONFIG", /is a folder/));
  assert.ok(!existsSync(own));
  await assert.rejects(run({ genesis: at("nothing") }), refusal("INVALID_GENESIS", /cannot be read/));
  await run({ dataDir: own });
  rmSync(join(own, "chain.mdb"));
  const store = openLmdbStore(join(own, "chain.mdb"));
  openGenesis(store, DEV_GENESIS);
  await store.close();
  await assert.rejects(run({ dataDir: own }), refusal("INVALID_GENESIS", /another genesis/));
});

test("a genesis of this program's own networks is told apart from one that can be imported", async (t) => {
  const { run, genesis } = scene(t);
  const own = { chainId: 7, consensus: "poa", timestamp: 1, gasLimit: 60_000_000, alloc: {} };
  writeFileSync(genesis, JSON.stringify(own));
  await assert.rejects(run(), (error: unknown) => {
    assert.ok(isCodedError(error, "INVALID_GENESIS"));
    assert.match(error.message, /has no config, as those of other clients have/);
    assert.match(String(error.details.advice), /start --genesis/);
    return true;
  });
  writeFileSync(genesis, JSON.stringify({ ...own, config: 7 }));
  await assert.rejects(run(), refusal("INVALID_GENESIS", /config is not an object/));
});

test("a directory with the genesis file of another chain is refused, and nothing is made in it", async (t) => {
  const { run, at } = scene(t);
  const folder = at("own");
  mkdirSync(folder);
  const path = join(folder, "genesis.json");
  const own = JSON.stringify({ chainId: 7, consensus: "poa", timestamp: 1, gasLimit: 60_000_000, alloc: {} });
  for (const other of [own, GENESIS.replace('"0xffffffffffffffffffff"', '"0x1"')]) {
    writeFileSync(path, other);
    await assert.rejects(run({ dataDir: folder }), refusal("INVALID_GENESIS", /genesis\.json is of another chain/));
    assert.deepEqual(readdirSync(folder), ["genesis.json"]);
  }
  writeFileSync(path, GENESIS);
  assert.equal(await run({ dataDir: folder }), true);
});

test("an import that is told to stop ends after the block it is at, and goes on from there", async (t) => {
  const { run, shown } = scene(t);
  let asked = 0;
  assert.equal(await run({}, { isStopped: () => ++asked === 2 }), false);
  assert.match(shown(), /head {6}block 2 .*\nstopped; /);
  assert.equal(await run({ json: true }), true);
  const { held, blocks, block } = JSON.parse(shown());
  assert.deepEqual([held, blocks, block], [2, 4, 6]);
});

test("progress tells rates and what is left", async (t) => {
  const { run, shown } = scene(t);
  let now = 0;
  await run({ json: true }, { now: () => (now += 600) });
  const lines = shown()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.ok(lines.length > 1);
  const { kind, block, blocks, bytes, bytes_total: total, remaining_ms: left } = lines[0];
  assert.equal(kind, "progress");
  assert.equal(block, blocks);
  assert.ok(bytes > 0 && bytes < total && total === WHOLE.length && left > 0);
});
