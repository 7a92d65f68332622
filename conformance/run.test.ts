import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { FIXTURES_VARIABLE } from "./fixtures.ts";
import { codeOf, fixturesOf, runSuites as run } from "./testing/vectors.ts";

const RLP_FILE = "ethereum-tests/RLPTests/a.json";
const TRIE_FILE = "ethereum-tests/TrieTests/a.json";
const SECURE_FILE = "ethereum-tests/TrieTests/b_secureTrie.json";
const DOG_ROOT = "0xed6e08740e4a267eca9d4740f71f573e9aabbcc739b16a2fa6c1baed5ec21278";
const EMPTY_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";

describe("the conformance run", () => {
  test("counts each suite, and names the folders that it does not support", async () => {
    const { code, lines } = await run(
      fixturesOf({
        [RLP_FILE]: { dog: { in: "dog", out: "0x83646f67" }, cut: { in: "INVALID", out: "83646f" } },
        [TRIE_FILE]: {
          iteration: { in: ["a"], tests: [["", "", "a"]] },
          nothing: {
            in: [
              ["a", "b"],
              ["a", null],
            ],
            root: EMPTY_ROOT,
          },
        },
        "ethereum-tests/KeyStoreTests/a.json": {},
        "other-apis/eth_chainId/a.io": "",
        "README.md": "",
      }),
    );
    assert.deepEqual(lines, [
      "  skipped: a.json: iteration: it tests the next and previous key, and the trie offers no iteration",
      "TrieTests: 1 passed, 0 failed, 1 skipped",
      "RLPTests: 2 passed, 0 failed, 0 skipped",
      "GeneralStateTests: skipped, its folder is absent",
      "TransactionTests: skipped, its folder is absent",
      "BlockchainTests: skipped, its folder is absent",
      "execution-apis: skipped, its folder is absent",
      "found and not supported: KeyStoreTests, other-apis",
    ]);
    assert.equal(code, 0);
  });

  test("fails for an unknown or unsupported suite, whether or not there are fixtures", async () => {
    const fixtures = fixturesOf({ "ethereum-tests/KeyStoreTests/a.json": {} });
    for (const name of ["Nothing", "KeyStoreTests", "rlptests"]) {
      const { code, lines } = await run(fixtures, "RLPTests", name);
      assert.equal(code, 1);
      assert.deepEqual(lines, [
        `unknown suite ${name}; supported: TrieTests, RLPTests, GeneralStateTests, TransactionTests, BlockchainTests, execution-apis`,
      ]);
    }
    assert.equal((await run(undefined, "Nothing")).code, 1);
  });

  test("says what it skipped when the fixtures, or a suite's folder, are absent", async () => {
    assert.deepEqual(await run(undefined), {
      code: 0,
      lines: [
        `${FIXTURES_VARIABLE} is not set; skipped: TrieTests, RLPTests, GeneralStateTests, TransactionTests, BlockchainTests, execution-apis`,
      ],
    });
    const absent = join(fixturesOf({}), "absent");
    const { code, lines } = await run(absent, "RLPTests");
    assert.deepEqual(
      { code, lines },
      { code: 0, lines: [`${FIXTURES_VARIABLE} names no folder: ${absent}; skipped: RLPTests`] },
    );
    const partly = await run(fixturesOf({ [RLP_FILE]: { one: { in: 1, out: "0x01" } } }));
    assert.deepEqual(partly, {
      code: 0,
      lines: [
        "TrieTests: skipped, its folder is absent",
        "RLPTests: 1 passed, 0 failed, 0 skipped",
        "GeneralStateTests: skipped, its folder is absent",
        "TransactionTests: skipped, its folder is absent",
        "BlockchainTests: skipped, its folder is absent",
        "execution-apis: skipped, its folder is absent",
      ],
    });
  });

  test("counts each folder where there are several", async () => {
    const right = { in: "dog", out: "0x83646f67" };
    const wrong = { in: "dog", out: "0x83646f68" };
    const fixtures = fixturesOf({
      "ethereum-tests/RLPTests/a.json": { right },
      "ethereum-tests/RLPTests/below/b.json": { right, wrong },
      "ethereum-tests/RLPTests/below/further/c.json": { right, again: right },
    });
    assert.deepEqual(await run(fixtures, "RLPTests"), {
      code: 1,
      lines: [
        "  failed: below/b.json: wrong: encoded as 0x83646f67",
        "  .: 1 passed, 0 failed, 0 skipped",
        "  below: 1 passed, 1 failed, 0 skipped",
        "  below/further: 2 passed, 0 failed, 0 skipped",
        "RLPTests: 4 passed, 1 failed, 0 skipped",
      ],
    });
  });

  test("counts the cases of one folder where that was asked for", async () => {
    const right = { in: "dog", out: "0x83646f67" };
    const fixtures = fixturesOf({
      "ethereum-tests/RLPTests/a.json": { wrong: { in: "dog", out: "0x83646f68" } },
      "ethereum-tests/RLPTests/below/b.json": { right, invalid: { in: "INVALID", out: "0x01" } },
      "ethereum-tests/RLPTests/beside/c.json": { right },
    });
    assert.deepEqual(await run(fixtures, "RLPTests/beside", "RLPTests/below", "RLPTests/beside"), {
      code: 1,
      lines: [
        "RLPTests/beside: 1 passed, 0 failed, 0 skipped",
        "  failed: below/b.json: invalid: accepted, though it is invalid",
        "RLPTests/below: 1 passed, 1 failed, 0 skipped",
      ],
    });
    assert.deepEqual(await run(fixtures, "RLPTests/absent"), {
      code: 1,
      lines: ["  failed: RLPTests: there are no cases of absent", "RLPTests/absent: 0 passed, 1 failed, 0 skipped"],
    });
    assert.match((await run(fixtures, "Nothing/below")).lines[0] ?? "", /^unknown suite Nothing\/below; supported: /);
  });

  test("fails when a folder holds no cases or a file cannot be read as vectors", async () => {
    for (const content of [{}, "not JSON", [], { vector: null }, { vector: { in: "dog" } }]) {
      const { code, lines } = await run(fixturesOf({ [RLP_FILE]: content }), "RLPTests");
      assert.equal(code, 1, JSON.stringify(content));
      assert.equal(lines.at(-1), "RLPTests: 0 passed, 1 failed, 0 skipped");
    }
  });

  test("exits with the failure, and with success without one", () => {
    const main = join(import.meta.dirname, "main.ts");
    for (const [out, code] of [
      ["0x01", 0],
      ["0x02", 1],
    ] as const) {
      const fixtures = fixturesOf({ [RLP_FILE]: { one: { in: 1, out } } });
      const env = { ...process.env, [FIXTURES_VARIABLE]: fixtures };
      const child = spawnSync(process.execPath, [main, "RLPTests"], { env, encoding: "utf8", timeout: 60_000 });
      assert.equal(child.status, code, child.stderr);
      assert.match(child.stdout, code === 0 ? /^RLPTests: 1 passed/ : /failed: a\.json: one: encoded as 0x01/);
    }
  });
});

describe("a vector of RLPTests", () => {
  test("passes when value and encoding belong together", async () => {
    assert.equal(await codeOf(RLP_FILE, { in: ["zw", [4], 1, "", [], 0], out: "0xc9827a77c1040180c080" }), 0);
    assert.equal(await codeOf(RLP_FILE, { in: "#18446744073709551616", out: "0x89010000000000000000" }), 0);
    assert.equal(await codeOf(RLP_FILE, { in: "VALID", out: "0xc7c0c1c0c3c0c1c0" }), 0);
    assert.equal(await codeOf(RLP_FILE, { in: "INVALID", out: "8100" }), 0);
  });

  test("fails when they do not", async () => {
    const wrong = [
      { in: "dog", out: "0x83646f68" },
      { in: ["dog"], out: "0x83646f67" },
      { in: 1, out: "0x8101" },
      { in: "VALID", out: "0x8101" },
      { in: "INVALID", out: "0x01" },
      { in: "INVALID", out: "0xzz" },
      { in: true, out: "0x01" },
      { in: 0.5, out: "0x01" },
    ];
    for (const vector of wrong) assert.equal(await codeOf(RLP_FILE, vector), 1, JSON.stringify(vector));
  });
});

describe("a vector of TrieTests", () => {
  const pair = ["dog", "puppy"] as const;

  test("passes when the changes lead to the root", async () => {
    assert.equal(await codeOf(TRIE_FILE, { in: [pair], root: DOG_ROOT }), 0);
    assert.equal(await codeOf(TRIE_FILE, { in: { "0x646f67": "puppy" }, root: DOG_ROOT }), 0);
    assert.equal(
      await codeOf(TRIE_FILE, { in: [["dog", "kitten"], pair, ["cat", "x"], ["cat", null]], root: DOG_ROOT }),
      0,
    );
  });

  test("fails when they lead to another, as when the key is hashed and should not be", async () => {
    assert.equal(await codeOf(TRIE_FILE, { in: [pair], root: EMPTY_ROOT }), 1);
    assert.equal(await codeOf(TRIE_FILE, { in: [pair, ["dog", null]], root: DOG_ROOT }), 1);
    assert.equal(await codeOf(SECURE_FILE, { in: [pair], root: DOG_ROOT }), 1);
  });

  test("fails when it is malformed", async () => {
    for (const changes of ["dog", [["dog"]], [["dog", 1]], [[1, "dog"]], { dog: ["puppy"] }]) {
      assert.equal(await codeOf(TRIE_FILE, { in: changes, root: DOG_ROOT }), 1, JSON.stringify(changes));
    }
    assert.equal(await codeOf(TRIE_FILE, { in: [pair] }), 1);
  });
});
