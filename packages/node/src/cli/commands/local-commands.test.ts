/** The commands that ask no node: configuration, new networks, completion. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { DEV_GENESIS } from "@counterpart/core/chain/genesis";
import { parseGenesis } from "@counterpart/core/chain/genesis-json";
import { CONFIG_OPTIONS } from "../../config.ts";
import { createKeyRing } from "../../keys/key-ring.ts";
import { CLIENT_FILE_KEYS } from "../client/settings.ts";
import { MASK, renderSettings, settingsJson } from "../config-report.ts";
import { createTestTerminal, type Ran, runCommand } from "../context.test-support.ts";
import { EXIT } from "../exit-code.ts";
import { accountOf, parseFunded, parseFunds, programWords, startCommand } from "../network-plan.ts";
import { PLAIN } from "../render/style.ts";

function scene(t: TestContext, environment: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-local-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const run = (...words: string[]): Promise<Ran> =>
    runCommand(words, createTestTerminal({ workingDir: folder, environment }));
  return { folder, run };
}

test("each setting is shown with its value and where it came from", async (t) => {
  const { folder, run } = scene(t, { COUNTERPART_P2P_PORT: "5009", COUNTERPART_LOG_LEVEL: "" });
  writeFileSync(join(folder, "node.json"), '{"api_port": 8085, "p2p_port": 1, "data_dir": "here"}');
  const { code, json } = await run("config", "print", "--config", "node.json", "--dev", "--json");
  assert.equal(code, EXIT.ok);
  const { settings, problems } = json() as { settings: Record<string, unknown>; problems: unknown[] };
  assert.deepEqual(Object.keys(settings), [...CONFIG_OPTIONS.map(({ fileKey }) => fileKey), ...CLIENT_FILE_KEYS]);
  assert.deepEqual(problems, []);
  const file = join(folder, "node.json");
  assert.deepEqual(settings.api_port, { value: 8085, source: "file", origin: `"api_port" in ${file}` });
  assert.deepEqual(settings.p2p_port, { value: 5009, source: "environment", origin: "COUNTERPART_P2P_PORT" });
  assert.deepEqual(settings.data_dir, { value: join(folder, "here"), source: "file", origin: `"data_dir" in ${file}` });
  assert.deepEqual(settings.dev, { value: true, source: "flag", origin: "--dev" });
  assert.deepEqual(settings.log_level, { value: "info", source: "default", origin: null });
  assert.deepEqual(settings.genesis, { value: null, source: "default", origin: null });
  const shown = await run("config", "print");
  assert.match(shown.out, /^SETTING +VALUE +FROM +WHICH\napi_port +8080 +default\n/);
  assert.match(shown.out, /\np2p_port +5009 +environment +COUNTERPART_P2P_PORT\n/);
});

test("a variable that is nearly a setting is told, and others of such names are not", async (t) => {
  const { run } = scene(t, {
    ...{ COUNTERPART_API_PROT: "8085", COUNTERPART_TOKNE: "hunter2", COUNTERPART_WS_PORT: "5002", COUNTERPART_URL: "" },
    ...{ COUNTERPART_PORT: "tcp://10.0.0.1:8080", COUNTERPART_SERVICE_HOST: "10.0.0.1", COUNTERPART_PEERS: "" },
  });
  for (const words of [
    ["config", "print"],
    ["config", "check"],
    ["completion", "bash"],
  ]) {
    const { code, errors } = await run(...words);
    assert.equal(code, EXIT.ok);
    assert.equal(
      errors,
      "counterpart: COUNTERPART_API_PROT is no setting; did you mean COUNTERPART_API_PORT?\n" +
        "counterpart: COUNTERPART_TOKNE is no setting; did you mean COUNTERPART_TOKEN?\n",
    );
  }
});

test("settings of commands that ask a node are shown, and checked, with those of a node", async (t) => {
  const { folder, run } = scene(t, { COUNTERPART_TIMEOUT_MS: "5000" });
  const file = join(folder, "node.json");
  writeFileSync(file, '{"url": "http://10.0.0.2:8080/", "token": "hunter2", "color": "never", "api_port": 8085}');
  const { code, json, out } = await run("config", "print", "--config", "node.json", "--color", "always", "--json");
  assert.equal(code, EXIT.ok, out);
  const { settings } = json() as { settings: Record<string, unknown> };
  assert.deepEqual(settings.url, { value: "http://10.0.0.2:8080", source: "file", origin: `"url" in ${file}` });
  assert.deepEqual(settings.token, { value: MASK, source: "file", origin: `"token" in ${file}` });
  assert.deepEqual(settings.token_file, { value: null, source: "default", origin: null });
  assert.deepEqual(settings.timeout_ms, { value: 5000, source: "environment", origin: "COUNTERPART_TIMEOUT_MS" });
  assert.deepEqual(settings.color, { value: "always", source: "flag", origin: "--color" });
  writeFileSync(file, '{"url": 7, "token": "a b"}');
  const checked = await run("config", "check", "--config", "node.json");
  assert.equal(checked.code, EXIT.usage);
  assert.ok(!checked.out.includes("a b"), "a refused secret is not shown either");
  assert.equal(checked.out.match(/"(url|token)" in .* must be /g)?.length, 2, checked.out);
  const missing = await run("config", "check", "--config", "none.json");
  assert.equal(missing.out.match(/cannot be read/g)?.length, 1, "it is told once");
});

test("secrets are not shown", () => {
  const [option] = CONFIG_OPTIONS;
  assert.ok(option !== undefined);
  const secret = {
    option: { ...option, isSecret: true },
    value: "hunter2",
    source: "flag",
    origin: option.flag,
  } as const;
  for (const text of [
    renderSettings([secret], PLAIN),
    JSON.stringify(settingsJson({ settings: [secret], problems: [] })),
  ]) {
    assert.ok(text.includes(MASK) && !text.includes("hunter2"), text);
  }
});

test("check names everything that is wrong, and print shows what was given", async (t) => {
  const { folder, run } = scene(t);
  writeFileSync(join(folder, "node.json"), '{"api_prt": 1, "log_level": "loud"}');
  const flags = ["--config", "node.json", "--api-port", "99999"];
  const { code, json } = await run("config", "check", ...flags, "--json");
  assert.equal(code, EXIT.usage);
  const { ok, problems } = json() as { ok: boolean; problems: { code: string; message: string }[] };
  assert.equal(ok, false);
  const messages = problems.map(({ message }) => message).join("\n");
  for (const words of [/unknown key "api_prt"/, /--api-port must be a port/, /"log_level" in .* must be debug, info/]) {
    assert.match(messages, words);
  }
  const printed = await run("config", "print", ...flags);
  assert.equal(printed.code, EXIT.usage);
  assert.match(printed.out, /\napi_port +99999 +flag +--api-port\n/);
  assert.match((await run("config", "check", "--api-port", "5000")).out, /must be different ports/);
  writeFileSync(join(folder, "genesis.json"), "{}");
  assert.match(
    (await run("config", "check", "--genesis", "genesis.json")).out,
    /genesis\.json: .*INVALID_GENESIS\)\n$/,
  );
  const token = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
  const files = ["--network-key", "none", "--keystore-password-file", "none"];
  const unfit = await run("config", "check", "--sync", "snap", "--contracts", token, ...files);
  assert.equal(unfit.code, EXIT.usage);
  for (const words of [
    /--sync snap .*--allow-uncertified/,
    /needs --role replica/,
    /--network-key .*none cannot be read/,
  ])
    assert.match(unfit.out, words);
  assert.match(unfit.out, /--keystore-password-file .*none: it cannot be read/);
  const mixed = ["--role", "replica", "--allow-uncertified", "--contracts", "all", "--contracts", token];
  assert.equal(
    (await run("config", "check", ...mixed)).out,
    "--contracts is all, or addresses, not both (INVALID_CONFIG)\n",
  );
  const fine = await run("config", "check");
  assert.deepEqual([fine.code, fine.out], [EXIT.ok, "ok\n"]);
});

test("check looks at files and addresses beside a setting that is refused, and at each of them", async (t) => {
  const { folder, run } = scene(t);
  writeFileSync(join(folder, "peers"), "nobody\n");
  const files = ["--network-key", "none", "--allow-peers-file", "peers", "--token-file", "lost", "--genesis", "gone"];
  const addresses = ["--p2p-host", "300.1.1.1", "--peer", "nowhere", "--peer", "127.0.0.1:x"];
  const ports = ["--api-host", "300.1.1.1", "--api-port", "7", "--p2p-port", "7", "--ws-port", "7"];
  // That the role is not known says nothing of the contracts.
  const refused = ["--role", "any", "--contracts", `0x${"1".repeat(40)}`, "--log-level", "loud"];
  const { out } = await run("config", "check", ...files, ...addresses, ...ports, ...refused);
  const expected = [
    /^--role must be full or replica/,
    /^--log-level must be/,
    /^--api-port and --p2p-port must be different/,
    /^--api-port and --ws-port must be different/,
    /^--p2p-port and --ws-port must be different/,
    /gone cannot be read/,
    /^cannot listen at host 300.1.1.1/,
    /^--network-key .*none cannot be read/,
    /^--allow-peers-file: line 1 is no peer id/,
    /^--peer nowhere: /,
    /^--peer 127.0.0.1:x: /,
    /^--token-file: the token cannot be read/,
  ];
  const lines = out.trimEnd().split("\n");
  assert.equal(lines.length, expected.length, out);
  for (const [at, words] of expected.entries()) assert.match(lines[at] as string, words);
  assert.match(
    (await run("config", "check", "--api-host", "bad..host")).out,
    /^--api-host must be an IP address or host/,
  );
});

test("what a file that cannot be read would set is not guessed at", async (t) => {
  const { run } = scene(t);
  const { out } = await run("config", "check", "--config", "none", "--contracts", `0x${"1".repeat(40)}`);
  assert.match(out, /^the configuration file .* cannot be read: [^\n]*\n$/);
});

test("doctor finds what a node would refuse of its settings", async (t) => {
  const { run } = scene(t);
  const anywhere = ["--api-port", "0", "--p2p-port", "0", "--url", "http://127.0.0.1:1"];
  const { code, json } = await run("doctor", ...anywhere, "--network-key", "none", "--sync", "snap", "--json");
  assert.equal(code, EXIT.unfit);
  const { findings } = json() as { findings: { check: string; verdict: string; message: string }[] };
  const wrong = findings.filter(({ verdict }) => verdict === "wrong");
  assert.deepEqual(
    wrong.map(({ check, message }) => [check, /^--\S+( snap)?/.exec(message)?.[0]]),
    [
      ["config", "--sync snap"],
      ["config", "--network-key"],
    ],
  );
});

test("a network is made with the keys of its signers, and its nodes accept the genesis", async (t) => {
  const { folder, run } = scene(t);
  const other = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
  const flags = ["--chain-id", "4242", "--nodes", "2", "--signer", other, "--fund", `${other}=1.5ether`];
  const { code, json, errors } = await run("network", "create", "net", ...flags, "--json");
  assert.equal(code, EXIT.ok, errors);
  const made = json() as {
    genesis: string;
    signers: string[];
    nodes: { data_dir: string; account: string; command: string }[];
  };
  const text = readFileSync(made.genesis, "utf8");
  for (const { data_dir: dir } of made.nodes) assert.equal(readFileSync(join(dir, "genesis.json"), "utf8"), text);
  const genesis = parseGenesis(text);
  assert.equal(genesis.chainId, 4242);
  const accounts = made.nodes.map(({ data_dir: dir }) => createKeyRing({ dir: join(dir, "keys") }).own as string);
  assert.deepEqual([...genesis.signers].sort(), [...accounts, other.toLowerCase()].sort());
  assert.deepEqual(
    made.nodes.map(({ account }) => account.toLowerCase()),
    accounts,
  );
  assert.equal(genesis.alloc.get(other.toLowerCase() as `0x${string}`)?.balance, 1_500_000_000_000_000_000n);
  assert.equal(statSync(join(folder, "net", "node-1", "keys")).mode & 0o777, 0o700);
  assert.ok(made.nodes[1]?.command.endsWith("--api-port 8081 --p2p-port 5001 --peer 127.0.0.1:5000"));
  assert.equal((await run("network", "create", "net", ...flags)).code, EXIT.dataDir, "it is there already");
  assert.equal(programWords({}), "counterpart");
  assert.equal(programWords({ npm_lifecycle_event: "npx" }), "npx counterpart");
  if (existsSync("/proc/self")) {
    assert.equal((await run("network", "create", "/proc/nope/net", ...flags)).code, EXIT.dataDir);
  }
  const nobody = await run("network", "create", "other", "--chain-id", "1", "--nodes", "0");
  assert.deepEqual([nobody.code, /nobody could seal/.test(nobody.errors)], [EXIT.usage, true]);
  const zero = await run("network", "create", "other", "--chain-id", "1", "--signer", `0x${"0".repeat(40)}`);
  assert.deepEqual([zero.code, /nobody has the key of address 0/.test(zero.errors)], [EXIT.usage, true]);
});

test("a new network has the contracts that tools expect, and says when nobody has ether", async (t) => {
  const { folder, run } = scene(t);
  const create = (name: string, ...flags: string[]) => run("network", "create", name, "--chain-id", "7", ...flags);
  const allocOf = (name: string) => parseGenesis(readFileSync(join(folder, name, "genesis.json"), "utf8")).alloc;
  const { out } = await create("poor");
  assert.match(out, /Nobody has ether; --fund gives some/);
  const expected = [...DEV_GENESIS.alloc].filter(([, { code }]) => code.length > 0);
  assert.equal(expected.length, 4);
  assert.deepEqual(allocOf("poor"), new Map(expected));
  const deployer = "0x4e59b44847b379578588920cA78FbF26c0B4956C";
  const { json } = await create("rich", "--fund", `${deployer}=5`, "--json");
  assert.deepEqual(json().funded, [deployer]);
  const [address, account] = expected.find(([at]) => at === deployer.toLowerCase()) ?? assert.fail();
  assert.deepEqual(allocOf("rich").get(address), { ...account, balance: 5n });
  assert.doesNotMatch((await create("richer", "--fund", `${deployer}=5`)).out, /Nobody has ether/);
});

test("a network that no node would take leaves nothing behind, and a second try works", async (t) => {
  const { folder, run } = scene(t);
  const account = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
  const create = (...flags: string[]) => run("network", "create", "net", "--chain-id", "1", ...flags);
  const rich = await create("--fund", `${account}=${"9".repeat(78)}`);
  assert.deepEqual([rich.code, /balance is negative or above/.test(rich.errors)], [EXIT.usage, true]);
  const signers = Array.from({ length: 1_000 }, (_, at) => `0x${(at + 1).toString(16).padStart(40, "0")}`);
  const crowded = await create(...signers.flatMap((signer) => ["--signer", signer]));
  assert.deepEqual([crowded.code, /1001 signers, and a chain has 1000/.test(crowded.errors)], [EXIT.usage, true]);
  assert.equal(existsSync(join(folder, "net")), false);
  writeFileSync(join(folder, "net"), "");
  const file = await create();
  assert.deepEqual([file.code, /net cannot be made: .*DATA_DIR_UNUSABLE/.test(file.errors)], [EXIT.dataDir, true]);
  rmSync(join(folder, "net"));
  const twice = await create("--signer", account, "--signer", account.toLowerCase(), "--json");
  assert.deepEqual((twice.json().signers as string[]).slice(1), [account]);
});

test("funds are exact in every unit, and a wrong address is refused before anything is made", () => {
  assert.equal(parseFunds("1"), 1n);
  assert.equal(parseFunds("0x10"), 16n);
  assert.equal(parseFunds("1e3"), 1_000n);
  assert.equal(parseFunds("12e18"), 12n * 10n ** 18n);
  assert.equal(parseFunds("0.000000001gwei"), 1n);
  assert.equal(parseFunds("123456789012345678901234567890ether"), 123456789012345678901234567890n * 10n ** 18n);
  for (const wrong of ["", "1.5", "1.5wei", "0.0000000001gwei", "-1", "1eth", "1e", "1e123"])
    assert.throws(() => parseFunds(wrong), /no amount/);
  assert.throws(() => parseFunded(["0x70997970C51812dc3A010C7d01b50e0d17dc79C9=1"]), /--fund 0x7099/);
  assert.throws(() => parseFunded(["x"]), /is not of the form/);
  const account = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
  assert.throws(() => parseFunded([`${account}=1`, `${account}=2`]), /twice/);
  assert.equal(accountOf(account, "--signer"), account);
  const node = { account, apiPort: 1, p2pPort: 2 };
  assert.match(
    startCommand("npx counterpart", [{ ...node, dataDir: "it's" }], 0),
    /^npx counterpart start --data-dir 'it'\\''s' --api-port 1 /,
  );
});

/** What bash would offer after these words. */
async function completed(run: (...words: string[]) => Promise<Ran>, ...words: string[]): Promise<string[]> {
  const script = (await run("completion", "bash")).out;
  const at = words.length;
  const quoted = ["counterpart", ...words].map((word) => `'${word}'`).join(" ");
  const ask = `${script}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${at}; _counterpart; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", ask], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "");
}

test("bash completes commands, flags and choices", async (t) => {
  const { run } = scene(t);
  assert.deepEqual(await completed(run, "con"), ["contracts", "config"]);
  assert.deepEqual(await completed(run, "contracts", "p"), ["publish"]);
  assert.deepEqual(await completed(run, "contracts", "deploy", "n"), ["nft"]);
  assert.deepEqual(await completed(run, "contracts", "execute", "0x12", "mint", "--id"), ["--idempotency-key"]);
  assert.deepEqual(await completed(run, "status", "--js"), ["--json"]);
  assert.deepEqual(await completed(run, "completion", ""), ["bash", "zsh", "fish", "--help"]);
  assert.deepEqual(await completed(run, "nothing", "x"), []);
});

test("zsh and fish complete every command", async (t) => {
  const { run } = scene(t);
  const zsh = (await run("completion", "zsh")).out;
  assert.match(zsh, /^#compdef counterpart\n/);
  assert.match(zsh, /\n {4}'contracts list'\) reply=\('--owner:only those of this owner' /);
  const fish = (await run("completion", "fish")).out;
  assert.match(fish, /-f -n "__counterpart_at 'contracts'" -a deploy -d 'deploy a template/);
  assert.match(fish, /-n "__counterpart_at 'contracts list'" -l owner -r -d 'only those of this owner'\n/);
});
