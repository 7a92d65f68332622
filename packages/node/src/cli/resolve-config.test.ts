import assert from "node:assert/strict";
import { test } from "node:test";
import { CodedError } from "@counterpart/core/base/errors";
import { CONFIG_OPTIONS, type ConfigKey } from "../config.ts";
import { type ConfigSources, type Flags, resolveConfig, resolveDataDir, resolvePlaces } from "./resolve-config.ts";

const FILE = "/etc/counterpart/node.json";

function resolved(sources: Partial<ConfigSources> & { readonly file?: unknown }) {
  const { file, ...rest } = sources;
  const fromFile: Partial<ConfigSources> = file === undefined ? {} : { environment: { COUNTERPART_CONFIG: FILE } };
  return resolveConfig({
    flags: {},
    environment: {},
    workingDir: "/srv",
    readFile: (path) => {
      assert.equal(path, FILE);
      return typeof file === "string" ? file : JSON.stringify(file);
    },
    genesisIn: () => undefined,
    ...fromFile,
    ...rest,
  });
}

function refusal(sources: Parameters<typeof resolved>[0]): string {
  try {
    resolved(sources);
  } catch (error) {
    assert.ok(error instanceof CodedError);
    assert.equal(error.code, "INVALID_CONFIG");
    assert.ok(!error.message.includes("\n"), "one sentence");
    return error.message;
  }
  return assert.fail("it was accepted");
}

test("nothing set gives the defaults", () => {
  assert.deepEqual(resolved({}), {
    apiPort: 8080,
    apiHost: "127.0.0.1",
    p2pPort: 5000,
    p2pHost: "127.0.0.1",
    dataDir: "/srv/data/p2p-5000",
    peer: [],
    allowPeers: [],
    role: "full",
    contracts: ["all"],
    sync: "full",
    history: 90_000,
    logBlocks: 100_000,
    logResults: 10_000,
    allowUncertified: false,
    dev: false,
    rpcRequestBytesMax: 1_048_576,
    rpcBatchMax: 1_000,
    rpcResponseBytesMax: 16_777_216,
    rpcTimeoutMs: 120_000,
    rpcGasMax: 50_000_000,
    allowHosts: [],
    allowOrigins: [],
    apiRate: 100,
    logLevel: "info",
    logFormat: "pretty",
  });
});

test("the default data directory follows the peers' port, wherever that was set", () => {
  assert.equal(resolved({ flags: { p2pPort: "5001" } }).dataDir, "/srv/data/p2p-5001");
  assert.equal(resolved({ environment: { COUNTERPART_P2P_PORT: "5002" } }).dataDir, "/srv/data/p2p-5002");
  assert.equal(resolved({ file: { p2p_port: 5003 } }).dataDir, "/srv/data/p2p-5003");
});

test("the places of a node's files are those that it would start with, whatever is wrong beside them", () => {
  const sources = { workingDir: "/srv", readFile: () => '{"data_dir": "d", "genesis": "g", "nothing": 1}' };
  const places = (flags: Flags, environment = {}) => resolvePlaces({ ...sources, flags, environment });
  assert.deepEqual(places({}, { COUNTERPART_P2P_PORT: "5002", COUNTERPART_API_PORT: "x" }), {
    dataDir: "/srv/data/p2p-5002",
  });
  assert.deepEqual(places({ config: "etc/node.json" }), { dataDir: "/srv/etc/d", genesis: "/srv/etc/g" });
  assert.deepEqual(places({ config: "etc/node.json", genesis: "h" }, { COUNTERPART_DATA_DIR: "e" }), {
    dataDir: "/srv/e",
    genesis: "/srv/h",
  });
  assert.throws(() => places({ dataDir: "" }), /--data-dir must be a path/);
});

test("a configuration file that cannot be read matters only where it could say what nothing else does", () => {
  const readFile = (): string => {
    throw new Error("no such file");
  };
  const sources = { environment: { COUNTERPART_CONFIG: FILE }, workingDir: "/srv", readFile };
  const unread = /the configuration file \/etc\/counterpart\/node\.json cannot be read: no such file/;
  assert.equal(resolveDataDir({ ...sources, flags: { dataDir: "d" } }), "/srv/d");
  assert.throws(() => resolveDataDir({ ...sources, flags: {} }), unread);
  assert.throws(() => resolveDataDir({ ...sources, flags: { dataDir: "d", config: FILE } }), unread);
  assert.throws(() => resolvePlaces({ ...sources, flags: { dataDir: "d" } }), unread);
  const given = { dataDir: "/srv/d", genesis: "/srv/g" };
  assert.deepEqual(resolvePlaces({ ...sources, flags: { dataDir: "d", genesis: "g" } }), given);
});

test("the genesis file of a data directory counts where none is named", () => {
  const genesisIn = (dataDir: string): string => `${dataDir}/genesis.json`;
  assert.equal(resolved({ genesisIn }).genesis, "/srv/data/p2p-5000/genesis.json");
  assert.equal(resolved({ genesisIn, flags: { dataDir: "net/node-1" } }).genesis, "/srv/net/node-1/genesis.json");
  assert.equal(resolved({ genesisIn, flags: { genesis: "other.json" } }).genesis, "/srv/other.json");
  assert.equal(resolved({ genesisIn, file: { genesis: "other.json" } }).genesis, "/etc/counterpart/other.json");
  assert.equal(resolved({}).genesis, undefined);
});

test("a flag wins over the environment, which wins over the file, which wins over the default", () => {
  const file = { api_port: 1 };
  const environment = { COUNTERPART_CONFIG: FILE, COUNTERPART_API_PORT: "2" };
  assert.equal(resolved({ file }).apiPort, 1);
  assert.equal(resolved({ file, environment }).apiPort, 2);
  assert.equal(resolved({ file, environment, flags: { apiPort: "3" } }).apiPort, 3);
});

const PEER_ID = "12D3KooWRBhwfeP2Y4TCx1SM6s9rUoHhR5STiGwxBhgFRcw3UERE";

/** For every option: what to write as flag and in the environment, what in the file, and what results. */
const EXAMPLES: Readonly<Record<ConfigKey, readonly [text: string, json: unknown, value: unknown]>> = {
  apiPort: ["9090", 9090, 9090],
  apiHost: ["0.0.0.0", "0.0.0.0", "0.0.0.0"],
  p2pPort: ["6000", 6000, 6000],
  p2pHost: ["::1", "::1", "::1"],
  wsPort: ["7000", 7000, 7000],
  dataDir: ["/var/lib/node", "/var/lib/node", "/var/lib/node"],
  keystorePasswordFile: ["password", "/srv/password", "/srv/password"],
  genesis: ["/etc/genesis.json", "/etc/genesis.json", "/etc/genesis.json"],
  peer: ["10.0.0.1:5000", ["10.0.0.1:5000"], ["10.0.0.1:5000"]],
  networkKey: ["swarm.key", "/srv/swarm.key", "/srv/swarm.key"],
  allowPeers: [`${PEER_ID},${PEER_ID}`, [PEER_ID, PEER_ID], [PEER_ID, PEER_ID]],
  allowPeersFile: ["/etc/peers", "/etc/peers", "/etc/peers"],
  role: ["replica", "replica", "replica"],
  contracts: [`${"0x"}${"ab".repeat(20)},all`, [`0x${"ab".repeat(20)}`, "all"], [`0x${"ab".repeat(20)}`, "all"]],
  sync: ["snap", "snap", "snap"],
  history: ["5000", 5000, 5000],
  logBlocks: ["2000", 2000, 2000],
  logResults: ["50", 50, 50],
  allowUncertified: ["true", true, true],
  dev: ["true", true, true],
  rpcRequestBytesMax: ["2048", 2048, 2048],
  rpcBatchMax: ["7", 7, 7],
  rpcResponseBytesMax: ["4096", 4096, 4096],
  rpcTimeoutMs: ["500", 500, 500],
  rpcGasMax: ["30000000", 30_000_000, 30_000_000],
  allowHosts: ["node1,node.example", ["node1", "node.example"], ["node1", "node.example"]],
  allowOrigins: ["https://dapp.example", ["https://dapp.example"], ["https://dapp.example"]],
  apiRate: ["0", 0, 0],
  logLevel: ["debug", "debug", "debug"],
  logFormat: ["json", "json", "json"],
};

for (const option of CONFIG_OPTIONS) {
  const [text, json, value] = EXAMPLES[option.key];
  test(`${option.flag} can be set by flag, variable and file key`, () => {
    assert.deepEqual(resolved({ flags: { [option.key]: text } })[option.key], value);
    assert.deepEqual(resolved({ environment: { [option.variable]: text } })[option.key], value);
    assert.deepEqual(resolved({ file: { [option.fileKey]: json } })[option.key], value);
  });
}

test("the history is a number of blocks, or the archive", () => {
  assert.equal(resolved({}).history, 90_000);
  assert.equal(resolved({ flags: { history: "archive" } }).history, "archive");
  assert.equal(resolved({ file: { history: "archive" } }).history, "archive");
  for (const history of ["0", "-1", "1.5", "all", "1000000000"]) {
    assert.throws(() => resolved({ flags: { history } }), {
      code: "INVALID_CONFIG",
      message: /^--history must be a number of blocks from 1 to 999999999, or archive, not /,
    });
  }
});

test("the flag --config names the file, before its variable does", () => {
  assert.equal(resolved({ file: { api_port: 1 }, flags: { config: FILE }, environment: {} }).apiPort, 1);
  const environment = { COUNTERPART_CONFIG: "/nowhere.json" };
  assert.equal(
    resolved({ file: { api_port: 1 }, flags: { config: "../etc/counterpart/node.json" }, environment }).apiPort,
    1,
  );
});

test("relative paths start from the working folder, those of a file from its folder", () => {
  assert.equal(resolved({ flags: { dataDir: "x" } }).dataDir, "/srv/x");
  assert.equal(resolved({ environment: { COUNTERPART_GENESIS: "./g.json" } }).genesis, "/srv/g.json");
  assert.equal(resolved({ file: { data_dir: "x" } }).dataDir, "/etc/counterpart/x");
});

test("several peers come by repeated flags, commas or a list; a higher source replaces the whole list", () => {
  assert.deepEqual(resolved({ flags: { peer: ["a:1", "b:2"] } }).peer, ["a:1", "b:2"]);
  assert.deepEqual(resolved({ environment: { COUNTERPART_PEER: "a:1, b:2" } }).peer, ["a:1", "b:2"]);
  const environment = { COUNTERPART_CONFIG: FILE, COUNTERPART_PEER: "c:3" };
  assert.deepEqual(resolved({ file: { peer: ["a:1"] }, environment }).peer, ["c:3"]);
});

test("an empty variable counts as not set, and strangers' variables are ignored", () => {
  const environment = { COUNTERPART_API_PORT: "", COUNTERPART_FIXTURES: "x", COUNTERPART_PORT: "tcp://10.0.0.1" };
  assert.equal(resolved({ environment }).apiPort, 8080);
});

test("a flag without value is true, and a variable can say false", () => {
  assert.equal(resolved({ flags: { dev: true } }).dev, true);
  assert.equal(resolved({ environment: { COUNTERPART_DEV: "0" } }).dev, false);
  assert.equal(resolved({ environment: { COUNTERPART_DEV: "TRUE" } }).dev, true);
});

test("an invalid value is refused by the name of its source", () => {
  assert.equal(refusal({ flags: { apiPort: "abc" } }), '--api-port must be a port from 0 to 65535, not "abc"');
  assert.equal(refusal({ flags: { p2pPort: "65536" } }), "--p2p-port must be a port from 0 to 65535, not 65536");
  for (const text of ["-1", "1.5", "0x10", " 1", "1e3", "99999999999"]) {
    assert.match(refusal({ environment: { COUNTERPART_API_PORT: text } }), /^COUNTERPART_API_PORT must be a port/);
  }
  assert.match(refusal({ file: { api_port: "8080" } }), /^"api_port" in \/etc\/counterpart\/node.json must be a port/);
  assert.match(refusal({ flags: { logLevel: "loud" } }), /^--log-level must be debug, info, warn, error or silent/);
  assert.match(
    refusal({ environment: { COUNTERPART_DEV: "yes" } }),
    /^COUNTERPART_DEV must be true or false, not "yes"/,
  );
  assert.match(refusal({ flags: { apiHost: "http://localhost" } }), /^--api-host must be/);
  assert.match(refusal({ flags: { dataDir: "" } }), /^--data-dir must be a path/);
  assert.match(refusal({ environment: { COUNTERPART_PEER: "a:1,,b:2" } }), /^COUNTERPART_PEER must be a list/);
  assert.match(
    refusal({ flags: { peer: Array.from({ length: 65 }, () => "a:1") } }),
    /^--peer must be a list of at most 64/,
  );
});

test("a value overridden by a higher source is not looked at", () => {
  assert.equal(resolved({ environment: { COUNTERPART_API_PORT: "abc" }, flags: { apiPort: "1" } }).apiPort, 1);
});

test("an unknown key of the file is refused, with the one that was meant or all that there are", () => {
  assert.equal(
    refusal({ file: { "api-port": 1 } }),
    'unknown key "api-port" in /etc/counterpart/node.json; did you mean api_port?',
  );
  assert.match(
    refusal({ file: { something: 1 } }),
    /^unknown key "something" in \/etc\/counterpart\/node.json; the known keys are api_port, api_host/,
  );
});

test("a file that is absent, no JSON or no object is refused", () => {
  const missing = () => {
    throw new Error("ENOENT: no such file");
  };
  assert.match(
    refusal({ flags: { config: "x.json" }, readFile: missing }),
    /^the configuration file \/srv\/x.json cannot be read/,
  );
  assert.match(refusal({ file: "{" }), /is not valid JSON/);
  assert.match(refusal({ file: '{"token": "secret"\n"api_port": 1}' }), /is not valid JSON \(line 2 column 1\)$/);
  assert.match(refusal({ file: [] }), /must hold a JSON object$/);
  assert.match(refusal({ file: "null" }), /must hold a JSON object$/);
});

test("a file may begin with a byte order mark", () => {
  const readFile = (): string => '\uFEFF{"api_port": 4242}';
  const sources = { environment: {}, workingDir: "/srv", readFile, genesisIn: () => undefined };
  assert.equal(resolveConfig({ flags: { config: "x.json" }, ...sources }).apiPort, 4_242);
});

test("one port for two servers is refused, unless any free port is meant", () => {
  assert.equal(
    refusal({ flags: { apiPort: "5000" } }),
    "--api-port and --p2p-port must be different ports, not both 5000",
  );
  assert.match(refusal({ flags: { wsPort: "5000" } }), /^--p2p-port and --ws-port/);
  assert.equal(resolved({ flags: { apiPort: "0", p2pPort: "0", wsPort: "0" } }).wsPort, 0);
  assert.equal(resolved({ flags: { apiPort: "5000", p2pHost: "10.0.0.1" } }).apiPort, 5000);
});
