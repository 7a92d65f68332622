import assert from "node:assert/strict";
import fs, { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { openSecret, writeSecretFile } from "./secret-file.ts";

function inFolder(run: (path: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), "counterpart-secret-"));
    try {
      await run(join(folder, "secret"));
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}
const never = () => Promise.reject(new Error("made again"));

test(
  "a secret is made once, readable by its owner alone, and found again",
  inFolder(async (path) => {
    const made = await openSecret(path, async () => new Uint8Array([1, 2, 3]));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(await openSecret(path, never), made);
  }),
);

test(
  "a secret that others could read is closed to them",
  inFolder(async (path) => {
    await openSecret(path, async () => new Uint8Array([1]));
    chmodSync(path, 0o644);
    await openSecret(path, never);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  }),
);

test(
  "a damaged secret is an error and stays as it is",
  inFolder(async (path) => {
    for (const text of ["", "0x", "0xzz", "no"]) {
      writeFileSync(path, text, { mode: 0o600 });
      await assert.rejects(openSecret(path, never), { code: "STORE_CORRUPT" });
      assert.equal(readFileSync(path, "utf8"), text);
    }
  }),
);

test("a secret for which the disk has no room leaves nothing, and says so apart from other failures", async (t) => {
  await inFolder(async (path) => {
    for (const [cause, code] of [
      ["ENOSPC", "STORE_WRITE_FAILED"],
      ["EDQUOT", "STORE_WRITE_FAILED"],
      ["EACCES", "DATA_DIR_UNUSABLE"],
    ] as const) {
      const mocked = t.mock.method(fs, "fsyncSync", () => {
        throw Object.assign(new Error(`${cause}: refused`), { code: cause });
      });
      syncBuiltinESMExports();
      try {
        assert.throws(() => writeSecretFile(path, "0x01"), { code, message: /cannot be written: / });
      } finally {
        mocked.mock.restore();
        syncBuiltinESMExports();
      }
      assert.deepEqual(readdirSync(dirname(path)), []);
    }
  })();
});
