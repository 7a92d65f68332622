/** Encrypted keys, as an operator meets them: by the command line, its exit codes and what is on the disk. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { counterpart, ProcessNodes } from "./process-node.ts";

test("a plain key is encrypted at the first start with a password, and opens with that alone", async () => {
  await using nodes = new ProcessNodes();
  const plain = await nodes.start("node");
  const { body } = await plain.post("wallets", {});
  await plain.stop();
  const keys = join(plain.dataDir, "keys");
  const own = JSON.parse(readFileSync(join(keys, "node.json"), "utf8"));
  const clear = own.private_key.slice(2);

  const [right, wrong] = [join(nodes.folder, "password"), join(nodes.folder, "wrong")];
  writeFileSync(right, "correct horse\n");
  writeFileSync(wrong, "battery staple\n");
  const flags = ["--keystore-password-file", right];
  const locked = await nodes.start("node", { flags });
  assert.equal(locked.account, plain.account);
  const accounts = JSON.stringify((await locked.get("wallets")).body).toLowerCase();
  assert.ok(accounts.includes(String(body.address).toLowerCase()));
  assert.ok(locked.log.some(({ msg }) => String(msg).includes("is encrypted now")));
  assert.ok(!JSON.stringify(locked.log).includes("correct horse"));
  await locked.kill();
  for (const name of readdirSync(keys)) assert.ok(!readFileSync(join(keys, name), "utf8").includes(clear), name);
  assert.equal(JSON.parse(readFileSync(join(keys, "node.json"), "utf8")).version, 3);

  const start = ["start", "--api-port", "0", "--p2p-port", "0", "--data-dir", plain.dataDir];
  for (const [more, code, said] of [
    [[], 4, "PASSWORD_REQUIRED"],
    [["--keystore-password-file", wrong], 4, "WRONG_PASSWORD"],
    [["--keystore-password-file", `${wrong}-none`], 2, "INVALID_CONFIG"],
  ] as const) {
    const ended = await counterpart(...start, ...more);
    assert.deepEqual([ended.code, ended.text.includes(said)], [code, true], ended.text);
    assert.ok(!ended.text.includes("battery"));
  }
  const again = await nodes.start("node", { flags });
  assert.equal(again.account, plain.account);
  await again.stop();
});
