import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { keccak256, recoverAddress } from "@counterpart/core/crypto/crypto";
import type { Logger } from "@counterpart/core/ports/runtime";
import { developmentKeys } from "./development.ts";
import { createKeyRing } from "./key-ring.ts";

const DIGEST = keccak256(new Uint8Array([1]));
const FIRST_DEVELOPMENT_ACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const LAST_DEVELOPMENT_ACCOUNT = "0xa0ee7a142d267c1f36714e4a8f75612f20a79720";

function folder(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), "counterpart-keys-"));
  t.after(() => rmSync(parent, { recursive: true }));
  return join(parent, "data", "keys");
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

function warnings(): { readonly heard: string[]; readonly logger: Logger } {
  const heard: string[] = [];
  const ignore = () => {};
  const logger: Logger = {
    debug: ignore,
    info: ignore,
    warn: (message) => void heard.push(message),
    error: ignore,
    child: () => logger,
  };
  return { heard, logger };
}

test("a new ring makes the node's own key, for its owner only", (t) => {
  const dir = folder(t);
  const ring = createKeyRing({ dir });
  assert.deepEqual(ring.accounts(), [ring.own]);
  assert.equal(modeOf(dir), 0o700);
  assert.deepEqual(readdirSync(dir), ["node.json"]);
  assert.equal(modeOf(join(dir, "node.json")), 0o600);
});

test("two folders get different keys, and one folder keeps its own", (t) => {
  const dir = folder(t);
  const own = createKeyRing({ dir }).own;
  assert.equal(createKeyRing({ dir }).own, own);
  assert.notEqual(createKeyRing({ dir: folder(t) }).own, own);
});

test("created accounts sign, last, and are for their owner only", async (t) => {
  const dir = folder(t);
  const ring = createKeyRing({ dir });
  const created = await ring.create();
  assert.equal(modeOf(join(dir, `${created}.json`)), 0o600);
  const again = createKeyRing({ dir });
  assert.deepEqual([...again.accounts()].sort(), [ring.own, created].sort());
  assert.equal(recoverAddress(DIGEST, again.sign(created, DIGEST)), created);
  assert.equal(recoverAddress(DIGEST, again.sign(again.own, DIGEST)), ring.own);
});

test("only held accounts sign", (t) => {
  const ring = createKeyRing({ dir: folder(t) });
  const stranger = "0x0000000000000000000000000000000000000001";
  assert.equal(ring.holds(stranger), false);
  assert.throws(
    () => ring.sign(stranger, DIGEST),
    (error) => isCodedError(error, "FROM_NOT_HELD"),
  );
});

test("lent keys sign and are never written", (t) => {
  const dir = folder(t);
  const ring = createKeyRing({ dir, extraKeys: developmentKeys() });
  assert.equal(ring.accounts().length, 11);
  for (const account of [FIRST_DEVELOPMENT_ACCOUNT, LAST_DEVELOPMENT_ACCOUNT] as const) {
    assert.ok(ring.holds(account));
    assert.equal(recoverAddress(DIGEST, ring.sign(account, DIGEST)), account);
  }
  assert.deepEqual(readdirSync(dir), ["node.json"]);
  assert.equal(createKeyRing({ dir }).holds(FIRST_DEVELOPMENT_ACCOUNT), false);
});

test("files and folders open to others are closed, and said so", (t) => {
  const dir = folder(t);
  createKeyRing({ dir });
  chmodSync(dir, 0o755);
  chmodSync(join(dir, "node.json"), 0o644);
  const { heard, logger } = warnings();
  createKeyRing({ dir, logger });
  assert.equal(modeOf(dir), 0o700);
  assert.equal(modeOf(join(dir, "node.json")), 0o600);
  assert.equal(heard.length, 2);
});

test("nothing is said when nothing was open", (t) => {
  const dir = folder(t);
  const { heard, logger } = warnings();
  createKeyRing({ dir, logger });
  createKeyRing({ dir, logger });
  assert.deepEqual(heard, []);
});

test("a draft that a crash left is removed and is nobody's key", (t) => {
  const dir = folder(t);
  const own = createKeyRing({ dir }).own;
  writeFileSync(join(dir, ".node.json.1.tmp"), "{");
  assert.deepEqual(createKeyRing({ dir }).accounts(), [own]);
  assert.deepEqual(readdirSync(dir), ["node.json"]);
});

const key = (digit: string) => `0x${digit.repeat(64)}`;
const DAMAGED: Readonly<Record<string, string>> = {
  "an empty file": "",
  "half a file": '{"version":1,"addr',
  "no object": "null",
  "another version": JSON.stringify({ version: 2, private_key: key("1") }),
  "a short key": JSON.stringify({ version: 1, private_key: "0x11" }),
  "the key zero": JSON.stringify({ version: 1, private_key: key("0") }),
  "a key above the order": JSON.stringify({ version: 1, private_key: key("f") }),
  "the address of another key": JSON.stringify({
    version: 1,
    private_key: key("1"),
    address: FIRST_DEVELOPMENT_ACCOUNT,
  }),
  "a huge file": " ".repeat(5000),
};

for (const [name, content] of Object.entries(DAMAGED)) {
  test(`a damaged key file is refused and left as it is: ${name}`, (t) => {
    const dir = folder(t);
    createKeyRing({ dir });
    const path = join(dir, "node.json");
    writeFileSync(path, content);
    assert.throws(
      () => createKeyRing({ dir }),
      (error) => isCodedError(error, "STORE_CORRUPT") && error.message.includes(path),
    );
    assert.equal(readFileSync(path, "utf8"), content);
  });
}

test("a created account's file under another account's name is refused", async (t) => {
  const dir = folder(t);
  const ring = createKeyRing({ dir });
  const created = await ring.create();
  writeFileSync(join(dir, `${FIRST_DEVELOPMENT_ACCOUNT}.json`), readFileSync(join(dir, `${created}.json`)));
  assert.throws(
    () => createKeyRing({ dir }),
    (error) => isCodedError(error, "STORE_CORRUPT"),
  );
});

test("a folder that cannot be made is a clear error", (t) => {
  const dir = folder(t);
  createKeyRing({ dir });
  assert.throws(
    () => createKeyRing({ dir: join(dir, "node.json", "keys") }),
    (error) => isCodedError(error, "DATA_DIR_UNUSABLE"),
  );
});
