/** Two real nodes, driven by the command line alone. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "../../packages/node/src/net/testing/free-port.ts";
import { counterpart, ProcessNodes, until } from "./process-node.ts";

const LAUNCHER = fileURLToPath(new URL("../../packages/node/bin/counterpart.mjs", import.meta.url));
const WALLET = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const AMOUNT = 2n ** 200n + 1n;

/** What a command says as JSON, on this node. */
async function ask(url: string, ...words: readonly string[]): Promise<Record<string, unknown>> {
  const { code, text } = await counterpart(...words, "--url", url, "--json");
  assert.equal(code, 0, `${words.join(" ")}: ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

async function isHeld(url: string, address: string): Promise<boolean> {
  return (await counterpart("contracts", "show", address, "--url", url)).code === 0;
}

interface Watch extends AsyncDisposable {
  /** The next event. */
  next(): Promise<{ readonly event: string; readonly id: string; readonly data: Record<string, unknown> }>;
  /** Ctrl-C; resolves to the exit code. */
  interrupt(): Promise<number | null>;
}

function watch(url: string, ...words: readonly string[]): Watch {
  const args = [LAUNCHER, "contracts", "watch", ...words, "--url", url, "--json"];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  assert.ok(child.stdout !== null);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async next() {
      const line = await lines.next();
      return line.done === true ? assert.fail("the watch ended") : JSON.parse(line.value);
    },
    interrupt() {
      child.kill("SIGINT");
      return ended;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

test("a token is deployed on one node, watched, executed and shown on the other", async () => {
  await using nodes = new ProcessNodes();
  const [one, two] = await Promise.all([nodes.start("one"), nodes.start("two")]);
  const flags = ["--name", "Coin", "--symbol", "C", "--decimals", "6"];
  const { address } = (await ask(one.api, "contracts", "deploy", "token", ...flags)) as { address: string };
  const missing = await counterpart("contracts", "show", address, "--url", two.api);
  assert.equal(missing.code, 8);
  assert.match(missing.text, /\(CONTRACT_NOT_FOUND\)\n {2}counterpart contracts list /);
  const connected = await ask(two.api, "peers", "connect", one.p2p);
  assert.deepEqual([connected.status, connected.contracts_synced], ["synced", 1]);

  // A stream that begins nowhere says so first: from then on nothing can be missed.
  await using watched = watch(two.api, address, "--types", "contract.updated", "--last-event-id", "nowhere");
  assert.equal((await watched.next()).event, "reset");
  const words = [address, "mint", `to=${WALLET}`, `amount=${AMOUNT}`, "--idempotency-key", "mint-1"];
  const executed = await ask(one.api, "contracts", "execute", ...words);
  assert.equal(executed.status, "success");
  const { event, id, data } = await watched.next();
  assert.deepEqual([event, data.address, data.block_number], ["contract.updated", address, executed.block_number]);
  assert.equal(await watched.interrupt(), 0);

  const repeated = await ask(one.api, "contracts", "execute", ...words);
  assert.equal(repeated.transaction_hash, executed.transaction_hash, "the key acts once");
  for (const { api } of [one, two]) {
    const shown = await ask(api, "contracts", "show", address, "--balance-of", WALLET);
    assert.deepEqual([shown.balance_of, shown.name], [{ address: WALLET, balance: AMOUNT.toString() }, "Coin"]);
    assert.equal((await ask(api, "tx", "show", String(executed.transaction_hash))).execution, "success");
    assert.deepEqual(await ask(api, "contracts", "call", address, "balanceOf", WALLET), { result: AMOUNT.toString() });
  }
  const [here, there] = await Promise.all([one, two].map(({ api }) => ask(api, "contracts", "show", address)));
  assert.equal(here?.integrity_hash, there?.integrity_hash);

  await ask(one.api, "contracts", "execute", address, "mint", WALLET, "1e3");
  await using resumed = watch(two.api, address, "--types", "contract.updated", "--last-event-id", id, "--count", "1");
  const next = await resumed.next();
  assert.deepEqual([next.event, next.data.block_number], ["contract.updated", Number(data.block_number) + 1]);
});

test("a network is made without a key: whoever has its genesis may join, and only its signers seal", async () => {
  await using nodes = new ProcessNodes();
  const folder = join(nodes.folder, "net");
  const made = await counterpart("network", "create", folder, "--chain-id", "4343", "--json");
  assert.equal(made.code, 0, made.text);
  const { genesis, signers } = JSON.parse(made.text) as { genesis: string; signers: string[] };
  const flags = ["--genesis", genesis];
  const signer = await nodes.start("net/node-1", { flags });
  const guest = await nodes.start("guest", { flags });
  assert.notEqual(guest.account, signer.account);
  assert.equal((await ask(guest.api, "peers", "connect", signer.p2p)).status, "synced");
  const token = ["contracts", "deploy", "token", "--symbol", "T"];
  const there = (await ask(signer.api, ...token, "--name", "There")) as { address: string };
  const here = (await ask(guest.api, ...token, "--name", "Here")) as { address: string };
  for (const { address } of [there, here]) {
    for (const { api } of [signer, guest]) await until(async () => isHeld(api, address), `${address} on ${api}`);
  }
  const { blocks } = (await ask(guest.api, "blocks", "list")) as { blocks: { number: number; sealer: string }[] };
  const sealers = blocks.filter(({ number }) => number > 0).map(({ sealer }) => sealer.toLowerCase());
  assert.deepEqual([...new Set(sealers)], [signers[0]?.toLowerCase()]);

  const key = join(nodes.folder, "swarm.key");
  writeFileSync(key, `/key/swarm/psk/1.0.0/\n/base16/\n${"5a".repeat(32)}\n`, { mode: 0o600 });
  const closed = await nodes.start("closed", { flags: [...flags, "--network-key", key] });
  const refused = await counterpart("peers", "connect", signer.p2p, "--url", closed.api);
  assert.match(refused.text, /NETWORK_KEY_MISMATCH/);
});

test("a network that was made starts, its doctor finds nothing wrong, and its database can be pruned", async () => {
  await using nodes = new ProcessNodes();
  const folder = join(nodes.folder, "net");
  const made = await counterpart("network", "create", folder, "--chain-id", "4242", "--json");
  assert.equal(made.code, 0, made.text);
  const { signers } = JSON.parse(made.text) as { signers: string[] };
  const node = await nodes.start("net/node-1");
  assert.equal((await node.get("version")).body.chain_id, 4_242);
  assert.deepEqual(
    [node.account.toLowerCase()],
    signers.map((signer) => signer.toLowerCase()),
  );
  const abi = join(nodes.folder, "empty.abi");
  writeFileSync(abi, "[]");
  // Creation code that leaves one byte of code, STOP.
  const deploy = ["contracts", "deploy", "--bytecode", "0x6001600c60003960016000f300", "--abi", abi, "--name", "Stop"];
  for (let i = 0; i < 4; i++) await ask(node.api, ...deploy);
  const source = join(nodes.folder, "Named.sol");
  writeFileSync(
    join(nodes.folder, "Base.sol"),
    "abstract contract Base { function one() public pure returns (uint8) { return 1; } }",
  );
  writeFileSync(
    source,
    'import "./Base.sol"; contract Named is Base { string public name; constructor(string memory n) { name = n; } }',
  );
  const compiled = (await ask(node.api, "contracts", "deploy", "--source", source, "--args", "true story")) as {
    address: string;
  };
  assert.deepEqual(await ask(node.api, "contracts", "call", compiled.address, "name"), { result: "true story" });
  const published = await ask(
    node.api,
    "contracts",
    "publish",
    compiled.address,
    "--source",
    source,
    "--name",
    "Other",
  );
  assert.deepEqual([published.code_match, published.name], [{ match: "exact", immutables: [] }, "Other"]);
  const listed = await ask(node.api, "contracts", "list", "--limit", "3");
  assert.deepEqual([(listed.contracts as unknown[]).length, typeof listed.cursor], [3, "string"]);

  const settings = ["--data-dir", node.dataDir, "--p2p-port", "0"];
  const examined = await counterpart(
    "doctor",
    ...settings,
    "--url",
    node.api,
    "--api-port",
    new URL(node.api).port,
    "--json",
  );
  const { ok, findings } = JSON.parse(examined.text) as { ok: boolean; findings: { check: string; message: string }[] };
  assert.deepEqual([examined.code, ok], [0, true], examined.text);
  const said = (check: string): string => findings.find((finding) => finding.check === check)?.message ?? "";
  assert.match(said("genesis"), /as in the data directory and the running node$/);
  assert.match(said("port-api"), /is the running node's$/);
  assert.equal((await counterpart("db", "prune", "--data-dir", node.dataDir)).code, 4, "the node has it");

  const head = (await ask(node.api, "blocks", "latest")) as { hash: string; number: number };
  await node.stop();
  const pruned = await counterpart("db", "prune", "--data-dir", node.dataDir, "--history", "1", "--json");
  assert.equal(pruned.code, 0, pruned.text);
  assert.equal(JSON.parse(pruned.text).history_start, head.number - 1);
  assert.equal((await counterpart("db", "verify", "--data-dir", node.dataDir)).code, 0);
  const again = await nodes.start("net/node-1", { flags: ["--history", "1"] });
  assert.equal((await ask(again.api, "blocks", "latest")).hash, head.hash);
  await ask(again.api, ...deploy);
});

test("an artifact is not linked with a library that is not there, and nothing is deployed", async () => {
  await using nodes = new ProcessNodes();
  const { api } = await nodes.start("one");
  const artifact = join(nodes.folder, "Sums.json");
  const linkReferences = { "src/Adding.sol": { Adding: [{ start: 1, length: 20 }] } };
  writeFileSync(
    artifact,
    JSON.stringify({ abi: [], bytecode: { object: `0x73__$${"a1".repeat(17)}$__50`, linkReferences } }),
  );
  const deploy = ["contracts", "deploy", "--artifact", artifact, "--url", api];
  const unlinked = await counterpart(...deploy);
  assert.equal(unlinked.code, 8);
  assert.match(unlinked.text, /Adding/);
  const nobody = await counterpart(...deploy, "--library", `Adding=0x${"11".repeat(20)}`);
  assert.equal(nobody.code, 8);
  assert.match(nobody.text, /is to be linked with 0x1{40}, where there is no contract \(INVALID_BYTECODE\)/);
  const { contracts } = await ask(api, "contracts", "list");
  assert.deepEqual(contracts, []);
});

test("a node goes on where its log cannot be written, and a command ends where nobody reads it", async (t) => {
  await using nodes = new ProcessNodes();
  const port = await freePort();
  const flags = ["--api-port", String(port), "--p2p-port", "0", "--data-dir", join(nodes.folder, "unheard")];
  const full = openSync("/dev/full", "w");
  const unheard = spawn(process.execPath, [LAUNCHER, "start", ...flags], { stdio: ["ignore", full, full] });
  const ended = once(unheard, "close");
  t.after(() => {
    unheard.kill("SIGKILL");
    closeSync(full);
  });
  const heard = await nodes.start("heard");
  await until(async () => (await counterpart("status", "--url", `http://127.0.0.1:${port}`)).code === 0, "it serves");
  await ask(`http://127.0.0.1:${port}`, "peers", "connect", heard.p2p);
  unheard.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);

  const watching = spawn(process.execPath, [LAUNCHER, "status", "--watch", "--url", heard.api]);
  await once(watching.stdout, "data");
  watching.stdout.destroy();
  assert.deepEqual(await once(watching, "close"), [141, null]);

  const listing = spawn(process.execPath, [LAUNCHER, "blocks", "list", "--url", heard.api], {
    stdio: ["ignore", full, "pipe"],
  });
  assert.ok(listing.stderr !== null);
  const [said, end] = await Promise.all([text(listing.stderr), once(listing, "close")]);
  assert.deepEqual(end, [1, null]);
  assert.match(said, /^counterpart: standard output cannot be written: ENOSPC[^\n]*\n$/);
});

test("a command that finds no node says so, with an exit code of its own", async () => {
  for (const words of [["status"], ["contracts", "list"], ["contracts", "watch"], ["accounts", "new"]]) {
    const { code, text } = await counterpart(...words, "--url", "http://127.0.0.1:1");
    assert.equal(code, 5);
    assert.match(text, /^counterpart: nothing answers at http:\/\/127\.0\.0\.1:1: .* \(CONNECTION_REFUSED\)\n$/);
  }
});
