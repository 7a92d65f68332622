/** The commands that ask a node, against the real API server. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import {
  CONTRACT,
  CONTRACT_SHOWN,
  CONTRACT_VIEW,
  createFakeBackend,
  type FakeBackend,
  hash32,
  OWNER,
  OWNER_SHOWN,
  serverOptions,
} from "../../api/fake-backend.test-support.ts";
import { INCLUDED, PENDING, plain } from "../../api/rest/contracts.test-support.ts";
import { type ApiServerOptions, createApiServer } from "../../api/server.ts";
import type { ContractView } from "../../contracts/types.ts";
import { openTestEngine, transactionOf } from "../../engine/engine.test-support.ts";
import type { Engine } from "../../engine/types.ts";
import { createTestTerminal, type Ran, runCommand } from "../context.test-support.ts";
import { EXIT } from "../exit-code.ts";
import { PLAIN } from "../render/style.ts";
import { concerns, eventLine } from "./contracts-watch.ts";

interface Scene {
  readonly fake: FakeBackend;
  readonly url: string;
  run(...words: string[]): Promise<Ran>;
}

async function scene(t: TestContext, options: Partial<ApiServerOptions> = {}, engine?: Engine): Promise<Scene> {
  const fake = createFakeBackend(engine);
  const server = createApiServer(serverOptions(fake, options));
  const url = (await server.start()).url.replace("0.0.0.0", "127.0.0.1");
  t.after(() => server.stop());
  fake.contracts.calls.length = 0;
  const run = (...words: string[]): Promise<Ran> =>
    runCommand(words, createTestTerminal({ environment: { COUNTERPART_URL: url } }));
  return { fake, url, run };
}

const PEER_ID = "12D3KooWRBy97UB99e3J6hiPesre1MZeuNQvfan4gBziswrRJsNK";

const view = (at: number): ContractView => ({
  ...CONTRACT_VIEW,
  entry: { ...CONTRACT_VIEW.entry, address: `0x${at.toString(16).padStart(40, "0")}` as Hex },
});

test("contracts list follows the pages up to its limit, and says where to go on", async (t) => {
  const { fake, run } = await scene(t);
  const limits: unknown[] = [];
  fake.contracts.set({
    list: async ({ limit, cursor, owner }) => {
      limits.push([limit, cursor ?? null, owner ?? null]);
      const from = Number(cursor ?? 0);
      return {
        contracts: Array.from({ length: limit }, (_, i) => view(from + i + 1)),
        cursor: `${from + limit}`,
        since: "s",
      };
    },
  });
  const { code, json } = await run("contracts", "list", "--limit", "250", "--owner", OWNER_SHOWN, "--json");
  assert.equal(code, EXIT.ok);
  const { contracts, cursor, since } = json() as { contracts: unknown[]; cursor: string; since: string };
  assert.deepEqual([contracts.length, cursor, since], [250, "250", "s"]);
  assert.deepEqual(limits, [
    [200, null, OWNER],
    [50, "200", OWNER],
  ]);
  const stranger = await run("contracts", "list", "--owner", "x");
  assert.deepEqual([stranger.code, limits.length], [EXIT.usage, 2]);
  assert.match(stranger.errors, /"x" is not an address/);
  const table = await run("contracts", "list", "--limit", "1");
  assert.match(
    table.out,
    /^ADDRESS +NAME +SYMBOL +TYPE +SUPPLY +UPDATED +OWNER\n0x0{39}1 +TestToken +TEST +token +0\.0{14}1 +5 +0xf39F/,
  );
  assert.match(table.errors, /there are more: --cursor 1,/);
});

test("contracts show has amounts in both units, and a hostile name cannot draw", async (t) => {
  const { fake, run } = await scene(t);
  const artifact = { ...CONTRACT_VIEW.artifact, name: "a\x1b[2Jb", decimals: 2 };
  fake.contracts.set({ get: async () => ({ ...CONTRACT_VIEW, artifact }), balance: async () => 123n });
  const { code, out } = await run("contracts", "show", CONTRACT, "--balance-of", OWNER);
  assert.equal(code, EXIT.ok);
  assert.match(out, new RegExp(`^address +${CONTRACT_SHOWN}\nname +a\\\\u\\{1b\\}\\[2Jb\n`));
  assert.match(out, /total supply +1000 \(10 TEST\)\n/);
  assert.match(out, /cap +1000000 \(10000 TEST\)\n/);
  assert.match(out, new RegExp(`balance of ${OWNER} +123 \\(1\\.23 TEST\\)\nexecute\n +mint\\(\\)`));
  const whole = await run("contracts", "show", CONTRACT, "--balance-of", OWNER, "--json");
  assert.deepEqual(whole.json().balance_of, { address: OWNER, balance: "123" });
  assert.equal(whole.json().name, "a\x1b[2Jb");
});

test("a token is deployed with amounts of any size, and sent once", async (t) => {
  const { fake, run } = await scene(t);
  fake.contracts.set({
    deploy: async () => ({ ...INCLUDED, address: CONTRACT }),
    get: async () => CONTRACT_VIEW,
  });
  const cap = (2n ** 256n - 1n).toString();
  const flags = ["--name", "T", "--symbol", "S", "--cap", cap, "--initial-supply", "1e30", "--from", OWNER_SHOWN];
  const { code, json } = await run(
    "contracts",
    "deploy",
    "token",
    ...flags,
    "--wait",
    "7",
    "--idempotency-key",
    "k",
    "--json",
  );
  assert.equal(code, EXIT.ok);
  assert.equal(json().address, CONTRACT_SHOWN);
  const [, request, key] = plain(fake.contracts.calls[0]) as [string, object, { key: string }];
  const amounts = { cap, initialSupply: { source: "1e30" } };
  assert.deepEqual(request, { from: OWNER, waitMs: 7_000, contractType: "token", name: "T", symbol: "S", ...amounts });
  assert.ok(JSON.stringify(key).includes('"k"'));
});

test("a compiled contract is deployed from its artifact, with named constructor arguments", async (t) => {
  const { fake, run } = await scene(t);
  fake.contracts.set({ deploy: async () => ({ ...INCLUDED, address: CONTRACT }), get: async () => CONTRACT_VIEW });
  const folder = mkdtempSync(join(tmpdir(), "counterpart-deploy-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const inputs = [
    { name: "owner", type: "address" },
    { name: "limits", type: "uint256[]" },
  ];
  const abi = [{ type: "constructor", inputs, stateMutability: "payable" }];
  writeFileSync(join(folder, "Vault.json"), JSON.stringify({ abi, bytecode: { object: "0x60016002" } }));
  const args = ["--args", "limits=[1,1e40]", `owner=${OWNER}`, "--value", "5"];
  const { code, out } = await run("contracts", "deploy", "--artifact", join(folder, "Vault.json"), ...args);
  assert.equal(code, EXIT.ok, out);
  assert.match(out, /^deployed +transaction 0xa+\naddress +0x5FbDB/);
  const [, request] = plain(fake.contracts.calls[0]) as [string, Record<string, unknown>];
  const artifact = { abi, bytecode: { object: "0x60016002" } };
  assert.deepEqual(
    [request.name, request.code, request.args, request.value],
    ["Vault", { kind: "artifact", artifact }, [OWNER, [{ source: "1" }, { source: "1e40" }]], "5"],
  );
});

test("an nft is deployed, and a source with its settings", async (t) => {
  const { fake, run } = await scene(t);
  fake.contracts.set({ deploy: async () => PENDING });
  const asked = async (...words: string[]): Promise<unknown> => {
    const { code, errors } = await run("contracts", "deploy", ...words, "--wait", "0");
    assert.equal(code, EXIT.ok, errors);
    return (plain(fake.contracts.calls.at(-1)) as unknown[])[1];
  };
  const nft = ["nft", "--name", "N", "--symbol", "S", "--base-uri", "ipfs://x/", "--cap", "7"];
  const common = { waitMs: 0, name: "N", symbol: "S" };
  assert.deepEqual(await asked(...nft), { ...common, contractType: "nft", baseUri: "ipfs://x/", cap: "7" });
  const folder = mkdtempSync(join(tmpdir(), "counterpart-deploy-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "A.sol"), "contract A { constructor(uint256) {} }");
  const source = ["--source", join(folder, "A.sol"), "--optimizer-runs", "9", "--args", "1e20", "1.0", "a=b"];
  const sources = { "A.sol": "contract A { constructor(uint256) {} }" };
  const code = { kind: "source", sources, contract: "A.sol", optimizerRuns: 9 };
  assert.deepEqual(await asked(...source), {
    waitMs: 0,
    contractType: "custom",
    code,
    args: [{ source: "1e20" }, "1.0", "a=b"],
  });
  const reason = "1e20 is not text";
  const details = { parameter: "tag", abi_type: "string", reason };
  const refusal = new CodedError("INVALID_PARAMETER", `parameter tag (string): ${reason}`, details);
  fake.contracts.set({ deploy: () => Promise.reject(refusal) });
  const refused = await run("contracts", "deploy", ...source);
  assert.match(
    refused.errors,
    /\(INVALID_PARAMETER\)\n {2}text that looks like a number, .* quotes of its own: '"1e3"'/,
  );
});

test("a deployment that mixes its kinds, or lacks something, is refused before anything is sent", async (t) => {
  const { run } = await scene(t);
  for (const [words, message] of [
    [["token", "--name", "T"], /the template token needs --name and --symbol/],
    [["token", "--name", "T", "--symbol", "S", "--artifact", "x.json"], /--artifact is for compiled contracts/],
    [["--bytecode", "0x6001"], /--bytecode needs --abi/],
    [["nft", "--name", "N", "--symbol", "S", "--decimals", "1"], /--decimals is for the template token/],
    [["token", "--name", "N", "--symbol", "S", "--base-uri", "x"], /--base-uri is for the template nft/],
    [[], /say what to deploy: token or nft, --artifact, --source/],
    [["--artifact", "x", "--initial-supply", "1"], /--initial-supply is for templates/],
    [["--artifact", "x", "--source", "y"], /not both/],
    [["nothing"], /template must be one of token, nft, not nothing/],
  ] as const) {
    const { code, errors } = await run("contracts", "deploy", ...words);
    assert.equal(code, EXIT.usage);
    assert.match(errors, message);
  }
});

const MINT_ABI = [
  {
    type: "function",
    name: "mint",
    stateMutability: "nonpayable",
    inputs: [
      { name: "to", type: "address" },
      { name: "amount", type: "uint256" },
    ],
  },
];
const WITH_MINT: ContractView = { ...CONTRACT_VIEW, artifact: { ...CONTRACT_VIEW.artifact, abi: MINT_ABI } };

test("a function is executed with its words by name and by position", async (t) => {
  const { fake, run } = await scene(t);
  fake.contracts.set({ execute: async () => INCLUDED, get: async () => WITH_MINT });
  const named = await run("contracts", "execute", CONTRACT, "mint", `to=${OWNER}`, "amount=1000");
  assert.equal(named.code, EXIT.ok, named.errors);
  assert.match(named.out, /^success +block 7 +transaction 0xa+\nresult .*\n +Transfer to=0xf39F\S+ value=5\n$/);
  await run("contracts", "execute", CONTRACT, "mint", OWNER, "1e21", "--value", "3");
  await run("contracts", "execute", CONTRACT, "mint", "--params", `{"to": "${OWNER}", "amount": 1e77}`);
  const executed = fake.contracts.calls.filter(([name]) => name === "execute").map(([, , call]) => plain(call));
  assert.deepEqual(executed, [
    { function: "mint", params: { to: OWNER, amount: "1000" } },
    { function: "mint", params: [OWNER, { source: "1e21" }], value: "3" },
    { function: "mint", params: { to: OWNER, amount: { source: "1e77" } } },
  ]);
});

test("what the node refuses is said with its code, what to do, and an exit code of its own", async (t) => {
  const { fake, run } = await scene(t);
  const refusal = new CodedError("FROM_NOT_HELD", "this node does not hold the key of 0x1", { from: OWNER });
  fake.contracts.set({ get: async () => WITH_MINT, execute: async () => Promise.reject(refusal) });
  const words = ["contracts", "execute", CONTRACT, "mint", OWNER, "1"];
  const { code, out, errors } = await run(...words);
  assert.deepEqual([code, out], [EXIT.refused, ""]);
  assert.match(errors, /^counterpart: this node does not hold .* \(FROM_NOT_HELD\)\n {2}counterpart accounts list /);
  const machine = await run(...words, "--json");
  const { error } = JSON.parse(machine.errors) as {
    error: { code: string; status: number; problem: { from: string } };
  };
  assert.deepEqual([machine.out, error.code, error.status, error.problem.from], ["", "FROM_NOT_HELD", 403, OWNER]);
});

test("what is wrong with a number is only explained where its form is", async (t) => {
  const { fake, run } = await scene(t);
  const hint = "\n  amounts are whole numbers of base units; arrays and tuples are JSON: 'ids=[1,2]'";
  for (const [reason, told] of [
    ["mint(address,uint256) takes no value", ""],
    ['"-5" is negative', ""],
    ["1e99 is out of range", ""],
    ["1.5 is not a whole number", hint],
  ] as const) {
    const refusal = new CodedError("INVALID_PARAMETER", reason, { parameter: "value", abi_type: "uint256", reason });
    fake.contracts.set({ get: async () => WITH_MINT, execute: () => Promise.reject(refusal) });
    const { errors } = await run("contracts", "execute", CONTRACT, "mint", OWNER, "1");
    assert.equal(errors, `counterpart: ${reason} (INVALID_PARAMETER)${told}\n`);
  }
});

test("who asks a replica for a contract that it was not told to hold is sent to no peer for it", async (t) => {
  const { fake, run } = await scene(t);
  const use = `/api/v1/replica/contracts/${CONTRACT}`;
  const unlisted = new CodedError("NOT_HELD", `it is none of those to hold: PUT ${use} adds it`, { use });
  fake.contracts.set({ get: () => Promise.reject(unlisted) });
  const { errors } = await run("contracts", "show", CONTRACT);
  assert.equal(errors, `counterpart: it is none of those to hold: PUT ${use} adds it (NOT_HELD)\n`);
  fake.contracts.set({ get: () => Promise.reject(new CodedError("NOT_HELD", "no peer is connected")) });
  assert.match((await run("contracts", "show", CONTRACT)).errors, /\n {2}give --url of a full node, or connect /);
});

test("pending and reverted have exit codes of their own; who does not wait has what was asked for", async (t) => {
  const { fake, run } = await scene(t);
  fake.contracts.set({ get: async () => WITH_MINT, execute: async () => PENDING });
  const words = ["contracts", "execute", CONTRACT, "mint", OWNER, "1"];
  assert.equal((await run(...words, "--wait", "0")).code, EXIT.ok);
  fake.contracts.set({ execute: async () => ({ ...INCLUDED, status: "reverted" }) });
  assert.equal((await run(...words)).code, EXIT.reverted);
});

test("a call prints its result alone", async (t) => {
  const { fake, run } = await scene(t);
  fake.contracts.set({ get: async () => WITH_MINT, call: async () => 2n ** 200n });
  assert.equal((await run("contracts", "call", CONTRACT, "totalSupply")).out, `${2n ** 200n}\n`);
  assert.deepEqual((await run("contracts", "call", CONTRACT, "totalSupply", "--json")).json(), {
    result: `${2n ** 200n}`,
  });
  fake.contracts.set({ call: async () => ({ name: "a", ids: [1n, 2n] }) });
  assert.equal((await run("contracts", "call", CONTRACT, "f")).out, 'name=a\nids=["1","2"]\n');
});

test("an artifact is published whole, or withdrawn", async (t) => {
  const { fake, run } = await scene(t);
  fake.contracts.set({ publish: async () => ({ view: CONTRACT_VIEW }) });
  assert.equal((await run("contracts", "publish", CONTRACT, "--name", "N", "--cap", "1e18")).code, EXIT.ok);
  assert.equal((await run("contracts", "publish", CONTRACT, "--withdraw")).code, EXIT.ok);
  assert.deepEqual(
    fake.contracts.calls.map(([, , content]) => content),
    [{ name: "N", cap: "1000000000000000000" }, {}],
  );
  const match = { match: "except_metadata", immutables: [{ offsets: [3], value: "0x01" as Hex }] } as const;
  fake.contracts.set({ publish: async () => ({ view: CONTRACT_VIEW, match }) });
  const proven = await run("contracts", "publish", CONTRACT, "--name", "N");
  assert.match(proven.out, /^except_metadata {2}the instructions are what was compiled; .*; 1 immutable was filled/);
  const refusal = new CodedError("FROM_NOT_HELD", "only the contract's owner can publish", { owner: OWNER });
  fake.contracts.set({ publish: () => Promise.reject(refusal) });
  const apart = await run("contracts", "publish", CONTRACT, "--name", "N");
  assert.match(
    apart.errors,
    /\(FROM_NOT_HELD\)\n {2}counterpart contracts show <address> names the owner; give --url /,
  );
  for (const words of [[], ["--withdraw", "--name", "x"]]) {
    assert.equal((await run("contracts", "publish", CONTRACT, ...words)).code, EXIT.usage);
  }
});

test("accounts are listed, shown and made", async (t) => {
  const { run } = await scene(t);
  const made = await run("accounts", "new");
  assert.match(made.out, /^0x[0-9a-fA-F]{40}\n$/);
  assert.match((await run("accounts", "list")).out, /^ADDRESS +ETHER +NEXT NONCE\n0x\S+ +\S+ +0 {2}the node's own\n/);
  const shown = await run("accounts", "show", made.out.trim());
  assert.match(shown.out, /balance +\d+ wei \([\d.]+ ether\)\n.*\nkey +held by the node\n$/s);
  assert.equal((await run("accounts", "show", "0x12")).code, EXIT.usage);
});

test("accounts are listed by a replica that cannot know what the chain says of them", async (t) => {
  const { run } = await scene(t, {}, openTestEngine({ replica: [CONTRACT] }));
  const { code, out } = await run("accounts", "list");
  assert.equal(code, EXIT.ok);
  assert.match(out, /^ADDRESS +ETHER +NEXT NONCE\n0x\S+ +unknown +the node's own\n$/);
});

test("peers are connected, listed, banned and disconnected", async (t) => {
  const { fake, run } = await scene(t);
  const result = {
    peerId: "12D3KooWx",
    address: "127.0.0.1:5000",
    blocksSynced: 3,
    contractsSynced: 1,
    durationMs: 1_234,
  };
  fake.network.set({ connect: async () => ({ ...result, status: "synced" }), disconnect: async () => 1 });
  const connected = await run("peers", "connect", "127.0.0.1:5000", "--wait", "600");
  assert.equal(connected.out, "synced  127.0.0.1:5000  3 blocks and 1 contracts were new, in 1.2 s\n");
  fake.network.set({ connect: async () => ({ ...result, status: "syncing" }) });
  assert.equal((await run("peers", "connect", "127.0.0.1:5000")).code, EXIT.pending);
  assert.deepEqual(
    fake.network.calls.filter(([name]) => name === "connect").map(([, , wait]) => wait),
    [600_000, 30_000],
  );
  await run("peers", "disconnect", PEER_ID);
  await run("peers", "disconnect", "127.0.0.1:5000");
  await run("peers", "disconnect", "--all");
  const targets = fake.network.calls.filter(([name]) => name === "disconnect").map(([, target]) => target ?? "all");
  assert.deepEqual(targets, [{ peerId: PEER_ID }, { address: "127.0.0.1:5000" }, "all"]);
  for (const words of [[], ["127.0.0.1:5000", "--all"]]) {
    assert.equal((await run("peers", "disconnect", ...words)).code, EXIT.usage);
  }
  const ban = {
    peerId: "12D3KooWx",
    reason: "INVALID_BLOCK" as const,
    sinceMs: 0,
    untilMs: 1_770_000_001_234,
    times: 2,
  };
  fake.network.set({ bans: () => [ban], liftBan: () => true });
  assert.match((await run("peers", "bans")).out, /12D3KooWx +INVALID_BLOCK +2026-02-02 02:40:01Z +2\n$/);
  assert.equal((await run("peers", "unban", PEER_ID)).out, "it may connect again\n");
  assert.match((await run("peers", "list")).errors, /there are none/);
});

test("a peer that is none is refused, and one that is not connected is told so", async (t) => {
  const { fake, run } = await scene(t);
  fake.network.set({ disconnect: async () => 0, liftBan: () => false });
  for (const words of [
    ["disconnect", "zz"],
    ["unban", "zz"],
  ]) {
    const { code, errors } = await run("peers", ...words);
    assert.equal(code, EXIT.refused);
    assert.match(errors, /peer_id must look like 12D3KooW/);
  }
  for (const peer of [PEER_ID, "127.0.0.1:5000"]) {
    const { code, out } = await run("peers", "disconnect", peer);
    assert.deepEqual([code, out], [EXIT.ok, "no such peer was connected; it is not dialled again\n"]);
  }
  assert.equal((await run("peers", "disconnect", "--all")).out, "disconnected  0\n");
  assert.equal((await run("peers", "unban", PEER_ID)).out, "it was not banned\n");
});

test("transactions are handed in and looked up, blocks listed and shown", async (t) => {
  const { fake, run } = await scene(t);
  const sent = await run("tx", "send", bytesToHex(transactionOf(1, 0, { value: 2n ** 60n }).raw), "--json");
  assert.equal(sent.code, EXIT.ok, sent.errors);
  assert.deepEqual([sent.json().status, sent.json().value], ["included", (2n ** 60n).toString()]);
  const pending = bytesToHex(transactionOf(1, 2).raw);
  assert.equal((await run("tx", "send", pending, "--wait", "0")).code, EXIT.ok);
  assert.equal((await run("tx", "show", transactionOf(1, 2).hash, "--json")).json().status, "pending");
  await run("tx", "send", bytesToHex(transactionOf(1, 1).raw));
  const shown = await run("tx", "show", transactionOf(1, 0).hash);
  assert.equal(shown.code, EXIT.refused, "another one has this nonce");
  assert.match((await run("tx", "show", String(sent.json().hash))).out, /status +included\nblock +1 {2}0x/);
  const { json } = await run("blocks", "list", "--limit", "500", "--json");
  const { blocks, next_before: next } = json() as { blocks: { number: number }[]; next_before: number | null };
  const head = fake.engine.head();
  const numbers = Array.from({ length: head.number + 1 }, (_, i) => head.number - i);
  assert.ok(head.number >= 2);
  assert.deepEqual([blocks.map(({ number }) => number), next], [numbers, null]);
  assert.match((await run("blocks", "list", "--limit", "1")).out, new RegExp(`\n +${head.number} .* ${head.hash}\n$`));
  assert.match((await run("blocks", "latest")).out, new RegExp(`^number +${head.number}\nhash +${head.hash}\n`));
  assert.equal((await run("blocks", "show", "0", "--json")).json().number, 0);
});

test("what is no block or transaction is refused, here or by the node", async (t) => {
  const { run } = await scene(t);
  assert.equal((await run("blocks", "show", "99999")).code, EXIT.refused);
  assert.equal((await run("blocks", "show", "pending")).code, EXIT.usage);
  assert.match((await run("tx", "show", hash32("e"))).errors, /TRANSACTION_NOT_FOUND/);
  assert.equal((await run("tx", "send", "0x0201")).code, EXIT.refused);
  assert.equal((await run("tx", "send", "0x1")).code, EXIT.usage);
});

test("a node beyond loopback wants its token, by flag, file or environment", async (t) => {
  const { run, url } = await scene(t, { host: "0.0.0.0", token: "0xsecret" });
  const refused = await run("accounts", "new");
  assert.equal(refused.code, EXIT.refused);
  assert.match(refused.errors, /UNAUTHORIZED\)\n {2}give the node's token: --token-file/);
  const wrong = await run("accounts", "new", "--token", "0xother");
  assert.equal(wrong.code, EXIT.refused);
  assert.match(wrong.errors, /the token that was sent is not this node's \(UNAUTHORIZED\)\n {2}give the node's token/);
  assert.equal((await run("accounts", "new", "--token", "0xsecret")).code, EXIT.ok);
  const folder = mkdtempSync(join(tmpdir(), "counterpart-token-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "api-token"), "0xsecret\n");
  assert.equal((await run("accounts", "new", "--token-file", join(folder, "api-token"))).code, EXIT.ok);
  const environment = { COUNTERPART_URL: url, COUNTERPART_TOKEN_FILE: "api-token" };
  const terminal = createTestTerminal({ environment, workingDir: folder });
  assert.equal((await runCommand(["accounts", "new"], terminal)).code, EXIT.ok);
});

test("watch prints events as they come, until so many or Ctrl-C", { timeout: 60_000 }, async (t) => {
  const { url, run } = await scene(t);
  const environment = { COUNTERPART_URL: url };
  let nonce = 0;
  const send = (): void => void run("tx", "send", bytesToHex(transactionOf(1, nonce++).raw), "--wait", "0");
  /** Each note that the stream is open, and each event, brings about the next one. */
  const watching = (onEvent: () => void) => {
    const terminal = createTestTerminal({ environment });
    const { print, printError } = terminal.context;
    const context = {
      ...terminal.context,
      print: (text: string) => {
        print(text);
        onEvent();
      },
      printError: (text: string) => {
        printError(text);
        send();
      },
    };
    return { ...terminal, context };
  };
  const counted = await runCommand(["contracts", "watch", "--types", "head", "--count", "2"], watching(send));
  assert.equal(counted.code, EXIT.ok);
  assert.match(counted.out, /^head +hash=0x\S+ number=1 .*\nhead +hash=0x\S+ number=2 .*\n$/);
  assert.match(counted.errors, /^watching http.*; Ctrl-C ends it\n$/);
  const stopped: ReturnType<typeof watching> = watching(() => stopped.signal("SIGINT"));
  const { code, out } = await runCommand(["contracts", "watch", "--types", "all"], stopped);
  assert.equal(code, EXIT.ok);
  assert.match(out, /^transaction\.pending +hash=0x|^head +hash=0x/);
});

test("watch leaves out events of other contracts, and refuses what is no type", async (t) => {
  const { run } = await scene(t);
  for (const types of ["head,artifcat", "Head!", "all,head", ""]) {
    const { code, errors } = await run("contracts", "watch", "--types", types);
    assert.deepEqual([code, /^counterpart: --types must be all, or names of /.test(errors)], [EXIT.usage, true], types);
    if (types.includes("artifcat")) assert.match(errors, /, not "artifcat"; did you mean artifact\?/);
  }
  assert.equal((await run("contracts", "watch", "0x12")).code, EXIT.usage);
  const line = eventLine("contract.updated", { address: CONTRACT, block_number: 7 }, PLAIN);
  assert.equal(line, `contract.updated  ${CONTRACT}  block_number=7\n`);
  assert.equal(concerns(new Set([CONTRACT]), { address: CONTRACT_SHOWN }), true);
  assert.equal(concerns(new Set([CONTRACT]), { address: OWNER }), false);
  assert.equal(concerns(new Set([CONTRACT]), { reason: "TOO_OLD" }), true);
});
