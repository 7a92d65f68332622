import assert from "node:assert/strict";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { keccak256, recoverAddress } from "@counterpart/core/crypto/crypto";
import type { Logger } from "@counterpart/core/ports/runtime";
import { toAccount } from "./account.ts";
import { createKeyRing } from "./key-ring.ts";
import { readPassword } from "./secret-file.ts";
import { createVault } from "./web3-secret.ts";

const DIGEST = keccak256(new Uint8Array([1]));
/** Cheap, as a test stretches many passwords. */
const vaultOf = (password: string) => createVault(password, { n: 4096, r: 8, p: 1 });

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "counterpart-keystore-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

const contentOf = (path: string) => JSON.parse(readFileSync(path, "utf8"));

test("with a password new keys are encrypted, and open with it alone", async (t) => {
  const dir = folder(t);
  const ring = createKeyRing({ dir, vault: vaultOf("secret") });
  const created = await ring.create();
  for (const name of readdirSync(dir)) {
    const content = contentOf(join(dir, name));
    assert.equal(content.version, 3);
    assert.equal(content.private_key, undefined);
    assert.equal(statSync(join(dir, name)).mode & 0o777, 0o600);
  }
  const again = createKeyRing({ dir, vault: vaultOf("secret") });
  assert.deepEqual([again.own, ...again.accounts()], [ring.own, ring.own, created]);
  assert.equal(recoverAddress(DIGEST, again.sign(created, DIGEST)), created);
  const before = readdirSync(dir).map((name) => readFileSync(join(dir, name), "utf8"));
  assert.throws(
    () => createKeyRing({ dir, vault: vaultOf("guess") }),
    (error) => isCodedError(error, "WRONG_PASSWORD") && error.message.includes("node.json"),
  );
  assert.throws(
    () => createKeyRing({ dir }),
    (error) => isCodedError(error, "PASSWORD_REQUIRED") && error.message.includes("--keystore-password-file"),
  );
  assert.deepEqual(
    readdirSync(dir).map((name) => readFileSync(join(dir, name), "utf8")),
    before,
    "nothing is written by who cannot open it",
  );
});

test("keys that are there in the clear are encrypted when a password is given, under the same names", async (t) => {
  const dir = folder(t);
  const plain = createKeyRing({ dir });
  const created = await plain.create();
  const names = readdirSync(dir).sort();
  const clear = names.map((name) => contentOf(join(dir, name)).private_key.slice(2));
  const ring = createKeyRing({ dir, vault: vaultOf("secret") });
  assert.deepEqual([ring.own, ...ring.accounts()], [plain.own, plain.own, created]);
  assert.deepEqual(readdirSync(dir).sort(), names);
  for (const name of names) {
    const text = readFileSync(join(dir, name), "utf8");
    for (const key of clear) assert.ok(!text.includes(key));
  }
});

test("a crash between two keys leaves one encrypted and one not, and the next start goes on", async (t) => {
  const dir = folder(t);
  const plain = createKeyRing({ dir });
  const created = await plain.create();
  const own = readFileSync(join(dir, "node.json"));
  createKeyRing({ dir, vault: vaultOf("secret") });
  // node.json comes first; what a crash leaves of a write is a draft beside the file that was there
  writeFileSync(join(dir, "node.json"), own);
  writeFileSync(join(dir, ".node.json.1.tmp"), '{"version":3,"cry');
  const ring = createKeyRing({ dir, vault: vaultOf("secret") });
  assert.deepEqual([ring.own, ...ring.accounts()], [plain.own, plain.own, created]);
  assert.deepEqual(
    readdirSync(dir).map((name) => contentOf(join(dir, name)).version),
    [3, 3],
  );
});

test("a wrong password encrypts nothing of a folder that was encrypted in part", async (t) => {
  const dir = folder(t);
  const plain = createKeyRing({ dir });
  await plain.create();
  const own = readFileSync(join(dir, "node.json"), "utf8");
  createKeyRing({ dir, vault: vaultOf("secret") });
  writeFileSync(join(dir, "node.json"), own);
  assert.throws(
    () => createKeyRing({ dir, vault: vaultOf("guess") }),
    (error) => isCodedError(error, "WRONG_PASSWORD"),
  );
  assert.equal(readFileSync(join(dir, "node.json"), "utf8"), own);
});

test("accounts that other programs wrote are held under the names that they gave", (t) => {
  const dir = folder(t);
  const vault = vaultOf("secret");
  const [a, b, c] = [1, 2, 3].map((fill) => toAccount(new Uint8Array(32).fill(fill)));
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  const geth = `UTC--2026-01-01T00-00-00.000000000Z--${a.address.slice(2)}`;
  const { address: _left, ...cast } = JSON.parse(vault.seal(b));
  writeFileSync(join(dir, geth), vault.seal(a));
  writeFileSync(join(dir, "0b6e4e1c-8d7c-4ab1-9b0a-2f2d4b7b6c11"), JSON.stringify(cast));
  writeFileSync(join(dir, "notes.txt"), "not a key");
  writeFileSync(join(dir, "list.json"), '["version", 3]');
  writeFileSync(join(dir, "huge.json"), "x".repeat(10_000));
  writeFileSync(join(dir, "peer.key"), "0x00\n");
  symlinkSync("nowhere", join(dir, "link.json"));
  chmodSync(join(dir, geth), 0o644);
  const heard: string[] = [];
  const warn = (message: string, fields?: object): void => void heard.push(`${message} ${JSON.stringify(fields)}`);
  const ignore = (): void => {};
  const logger: Logger = { debug: ignore, info: ignore, error: ignore, warn, child: () => logger };
  const ring = createKeyRing({ dir, vault, logger });
  assert.deepEqual(
    heard.filter((text) => text.includes("holds no encrypted key")).map((text) => /[\w.]+(?="}$)/.exec(text)?.[0]),
    ["huge.json", "link.json", "list.json", "notes.txt"],
    "a key that was cut short would be missed without a word",
  );
  assert.ok(ring.holds(a.address) && ring.holds(b.address) && !ring.holds(c.address));
  assert.equal(ring.accounts().length, 3);
  assert.equal(statSync(join(dir, geth)).mode & 0o777, 0o600);
  writeFileSync(join(dir, "other"), vaultOf("another").seal(c));
  assert.throws(
    () => createKeyRing({ dir, vault }),
    (error) => isCodedError(error, "WRONG_PASSWORD") && error.message.includes("other"),
  );
});

test("the password is the one line of its file", (t) => {
  const path = join(folder(t), "password");
  for (const [text, password] of [
    ["secret\n", "secret"],
    ["secret", "secret"],
    [" se cret \r\n", " se cret "],
  ] as const) {
    writeFileSync(path, text);
    assert.equal(readPassword(path), password);
  }
  for (const text of ["", "\n", "one\ntwo\n", "x".repeat(5_000)]) {
    writeFileSync(path, text);
    assert.throws(
      () => readPassword(path),
      (error) => isCodedError(error, "INVALID_CONFIG"),
      JSON.stringify(text),
    );
  }
  assert.throws(() => readPassword(`${path}-none`), {
    code: "INVALID_CONFIG",
    message: /^--keystore-password-file \S+password-none: it cannot be read: ENOENT/,
  });
});
