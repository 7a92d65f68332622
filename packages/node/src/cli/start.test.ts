/** `counterpart start` as a process of its own, with everything in it. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { networkKeyText } from "../net/network-key.ts";
import { runCommand } from "./context.test-support.ts";

const LAUNCHER = resolve(import.meta.dirname, "../../bin/counterpart.mjs");
const DEVELOPMENT_ACCOUNT = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

interface Ready {
  readonly api: string;
  readonly account: string;
  readonly dataDir: string;
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "counterpart-start-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function start(t: TestContext, dataDir: string, ...flags: string[]) {
  return startIn(process.env, t, dataDir, ...flags);
}

function startIn(env: NodeJS.ProcessEnv, t: TestContext, dataDir: string, ...flags: string[]) {
  const args = [LAUNCHER, "start", "--data-dir", dataDir, "--log-format", "json", "--p2p-port", "0", ...flags];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env });
  t.after(() => child.kill("SIGKILL"));
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, ended, ready: () => readyLine(createInterface({ input: child.stdout })), errors: () => errors };
}

async function readyLine(lines: AsyncIterable<string>): Promise<Ready> {
  for await (const line of lines) {
    const entry: Ready & { readonly msg: string } = JSON.parse(line);
    if (entry.msg === "ready") return entry;
  }
  return assert.fail("it ended before it was ready");
}

async function wallets(api: string): Promise<string[]> {
  const response = await fetch(`${api}/api/v1/wallets`);
  const body = (await response.json()) as { readonly wallets: readonly { readonly address: string }[] };
  return body.wallets.map((wallet) => wallet.address);
}

test("a node serves, keeps its account over a restart, and stops when told to", async (t) => {
  const dataDir = join(folder(t), "data");
  const first = start(t, dataDir, "--api-port", "0");
  const { api, account, dataDir: shown } = await first.ready();
  assert.equal(shown, dataDir);
  assert.equal(statSync(join(dataDir, "keys/node.json")).mode & 0o777, 0o600);
  assert.deepEqual(
    (await wallets(api)).map((address) => address.toLowerCase()),
    [account],
  );
  first.child.kill("SIGTERM");
  assert.equal(await first.ended, 0);

  const second = start(t, dataDir, "--api-port", "0");
  assert.equal((await second.ready()).account, account);
  second.child.kill("SIGINT");
  assert.equal(await second.ended, 0);
  assert.equal(second.errors(), "");
});

test("--dev makes the node hold the ten development accounts", async (t) => {
  const node = start(t, folder(t), "--api-port", "0", "--dev");
  const held = await wallets((await node.ready()).api);
  assert.equal(held.length, 11);
  assert.ok(held.includes(DEVELOPMENT_ACCOUNT));
  node.child.kill("SIGTERM");
  assert.equal(await node.ended, 0);
});

test("a variable that is misspelt is told, and the node starts without it", async (t) => {
  const node = startIn({ ...process.env, COUNTERPART_API_PROT: "1" }, t, folder(t), "--api-port", "0");
  await node.ready();
  node.child.kill("SIGTERM");
  assert.equal(await node.ended, 0);
  assert.equal(node.errors(), "counterpart: COUNTERPART_API_PROT is no setting; did you mean COUNTERPART_API_PORT?\n");
});

test("a second node on the same folder or port is refused in one sentence, and what to do in another", async (t) => {
  const dataDir = folder(t);
  const node = start(t, dataDir, "--api-port", "0");
  const { api } = await node.ready();
  const sameFolder = start(t, dataDir, "--api-port", "0");
  assert.equal(await sameFolder.ended, 4);
  assert.match(sameFolder.errors(), /^counterpart: .* \(DATA_DIR_LOCKED\)\n {2}stop the node that uses it, .*\n$/);
  const samePort = start(t, folder(t), "--api-port", new URL(api).port);
  assert.equal(await samePort.ended, 3);
  assert.match(samePort.errors(), /^counterpart: .* \(PORT_IN_USE\)\n {2}does a node run there already\? .*\n$/);
  node.child.kill("SIGTERM");
  assert.equal(await node.ended, 0);
});

test("a network key and a password that others may read are told, and left as they are", async (t) => {
  const at = folder(t);
  const [key, password] = [join(at, "swarm.key"), join(at, "password")];
  writeFileSync(key, networkKeyText(new Uint8Array(32).fill(7)), { mode: 0o644 });
  writeFileSync(password, "open sesame\n", { mode: 0o600 });
  const flags = ["--api-port", "0", "--network-key", key, "--keystore-password-file", password];
  const node = start(t, join(at, "data"), ...flags);
  let log = "";
  node.child.stdout.on("data", (text) => {
    log += text;
  });
  await node.ready();
  node.child.kill("SIGTERM");
  assert.equal(await node.ended, 0);
  const told = log.split("\n").filter((line) => line.includes("a secret is open to other users"));
  assert.deepEqual([told.length, told[0]?.includes(`"path":"${key}"`)], [1, true], log);
  assert.equal(statSync(key).mode & 0o777, 0o644);
});

test("a genesis of tomorrow is refused, with both times, and nothing is made", async (t) => {
  const [genesis, dataDir] = ["genesis.json", "data"].map((name) => join(folder(t), name)) as [string, string];
  const timestamp = Math.floor(Date.now() / 1_000) + 86_400;
  writeFileSync(genesis, JSON.stringify({ chainId: 7, consensus: "poa", timestamp, gasLimit: 60_000_000, alloc: {} }));
  const node = start(t, dataDir, "--api-port", "0", "--genesis", genesis);
  assert.equal(await node.ended, 2);
  const dated = new Date(timestamp * 1_000).toISOString();
  assert.match(node.errors(), new RegExp(`dated ${dated}, and this machine's clock says 20.*Z: .*INVALID_GENESIS`));
  assert.throws(() => statSync(dataDir), { code: "ENOENT" });
  for (const command of ["config check", "doctor"]) {
    const { errors, out } = await runCommand([...command.split(" "), "--genesis", genesis, "--api-port", "0"]);
    assert.ok(out.includes(`dated ${dated}`), `${command}: ${out}${errors}`);
  }
});

test("contracts to hold are refused without the role of a replica, and nothing is made", async (t) => {
  const dataDir = join(folder(t), "data");
  const node = start(t, dataDir, "--api-port", "0", "--contracts", DEVELOPMENT_ACCOUNT);
  assert.equal(await node.ended, 2);
  assert.equal(
    node.errors(),
    "counterpart: --contracts chooses what a replica holds: it needs --role replica (INVALID_CONFIG)\n",
  );
  assert.throws(() => statSync(dataDir), { code: "ENOENT" });
});

test("a wrong flag is refused before anything is made", async (t) => {
  const dataDir = join(folder(t), "data");
  const node = start(t, dataDir, "--api-port", "eighty");
  assert.equal(await node.ended, 2);
  assert.equal(
    node.errors(),
    'counterpart: --api-port must be a port from 0 to 65535, not "eighty" (INVALID_CONFIG)\n',
  );
  assert.throws(() => statSync(dataDir), { code: "ENOENT" });
});
