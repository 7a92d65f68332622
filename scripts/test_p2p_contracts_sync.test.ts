/**
 * The demonstration script against two pretended nodes: it holds when they do what real ones do, and fails at the
 * right step when they do not.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer as createTcpServer, type Server } from "node:net";
import { resolve } from "node:path";
import { type TestContext, test } from "node:test";

const SCRIPT = resolve(import.meta.dirname, "test_p2p_contracts_sync.sh");
/** Reserved long ago for a service that no machine offers. */
const NOBODYS_PORT = 1;
const ADDRESS = "0x00000000000000000000000000000000000000cc";

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** What the two nodes share, and how they misbehave. */
interface Network {
  readonly requests: string[];
  deployed: boolean;
  connected: boolean;
  minted: number;
  wallet: string;
}

type Handler = (node: 1 | 2, request: string, network: Network) => Answer | undefined;

const PROBLEM: Answer = { status: 404, body: { code: "CONTRACT_NOT_FOUND" } };

/** What real nodes answer, as far as the script looks. */
const behave: Handler = (node, request, network) => {
  const ok = (body: unknown, status = 200): Answer => ({ status, body });
  const seen = node === 1 || network.connected;
  switch (request.replace(network.wallet, "WALLET")) {
    case "GET /version":
      return ok({ name: "counterpart" });
    case "POST /network/disconnect":
      network.connected = false;
      return ok({ disconnected: 1 });
    case "POST /contracts":
      network.deployed = true;
      return ok({ address: ADDRESS }, 201);
    case "POST /network/connect":
      network.connected = true;
      return ok({ status: "synced", blocks_synced: 1, contracts_synced: 1, duration_ms: 12.5 });
    case `GET /contracts/${ADDRESS}`:
      return seen ? ok(contract(network)) : PROBLEM;
    case `POST /contracts/${ADDRESS}/execute`:
      network.minted = 1000;
      return ok({ status: "success", transaction_hash: "0x01", block_number: 2 });
    case `GET /contracts/${ADDRESS}/balance/WALLET`:
      return ok({ balance: String(network.minted) });
    case "GET /network":
      return ok({ head: { number: 2 }, peers_synced: 1 });
    default:
      return undefined;
  }
};

const contract = ({ minted }: Network) => ({
  address: ADDRESS,
  name: "TestToken",
  integrity_hash: `0x${minted}`,
  update_sequence: minted === 0 ? 1 : 2,
  total_supply: String(minted),
});

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : assert.fail("no port");
}

async function startPretendedNode(t: TestContext, node: 1 | 2, network: Network, misbehave: Handler): Promise<number> {
  const server = createHttpServer(async (request, response) => {
    const body = await readBody(request);
    network.wallet = /"to": "(0x[0-9a-f]{40})"/.exec(body)?.[1] ?? network.wallet;
    const line = `${request.method} ${request.url?.replace("/api/v1", "")}`;
    network.requests.push(`${node} ${line}`);
    const answer = misbehave(node, line, network) ?? behave(node, line, network) ?? { status: 404, body: {} };
    response.writeHead(answer.status, { "content-type": "application/json", connection: "close" });
    response.end(JSON.stringify(answer.body));
  });
  return await listen(t, server);
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  return body;
}

async function runScript(ports: readonly number[]) {
  const script = spawn("bash", [SCRIPT, ...ports.map(String)], { stdio: ["ignore", "pipe", "pipe"] });
  const output = { text: "", errors: "" };
  script.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.text += text;
  });
  script.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.errors += text;
  });
  const code = await new Promise<number | null>((resolve) => script.on("close", resolve));
  return { code, ...output };
}

async function pretend(t: TestContext, misbehave: Handler = () => undefined) {
  const network: Network = { requests: [], deployed: false, connected: true, minted: 0, wallet: "none" };
  const ports: number[] = [];
  for (const node of [1, 2] as const) {
    ports.push(await startPretendedNode(t, node, network, misbehave));
    ports.push(
      await listen(
        t,
        createTcpServer((socket) => socket.destroy()),
      ),
    );
  }
  return { network, ports };
}

test("eight steps hold against running nodes, which are disconnected first", async (t) => {
  const { network, ports } = await pretend(t);
  const { code, text, errors } = await runScript(ports);
  assert.equal(errors, "");
  assert.equal(code, 0);
  for (let step = 1; step <= 8; step++) assert.ok(text.includes(`[${step}/8]`), `step ${step}`);
  assert.match(text, /8 of 8 steps hold/);
  assert.match(text, /total supply {4}1000\n/);
  const [first, ...rest] = network.requests.filter((line) => line.includes("POST"));
  assert.deepEqual(
    [first, ...rest.slice(0, 2)],
    ["1 POST /network/disconnect", "2 POST /network/disconnect", "1 POST /contracts"],
  );
});

const SERVER_ERROR: Answer = { status: 500, body: { code: "INTERNAL_ERROR" } };
const onContract = (node: 1 | 2, request: string) => node === 2 && request === `GET /contracts/${ADDRESS}`;

const FAILURES: readonly { readonly name: string; readonly at: RegExp; readonly misbehave: Handler }[] = [
  {
    name: "another program on a port",
    at: /preparation\n.*no Counterpart node/,
    misbehave: (_, request) => (request === "GET /version" ? { status: 404, body: {} } : undefined),
  },
  {
    name: "a deployment that fails",
    at: /step 1\/8: .*\n.*expected HTTP 201, got 500: \{"code":"INTERNAL_ERROR"\}/,
    misbehave: (_, request) => (request === "POST /contracts" ? SERVER_ERROR : undefined),
  },
  {
    name: "a contract that is on node 2 before the nodes are connected",
    at: /step 2\/8/,
    misbehave: (node, request, network) =>
      onContract(node, request) ? { status: 200, body: contract(network) } : undefined,
  },
  {
    name: "a connection that fails",
    at: /step 3\/8/,
    misbehave: (_, request) => (request === "POST /network/connect" ? SERVER_ERROR : undefined),
  },
  {
    name: "a contract that does not arrive",
    at: /step 4\/8: .*\n.*expected HTTP 200, got 404/,
    misbehave: (node, request) => (onContract(node, request) ? PROBLEM : undefined),
  },
  {
    name: "a contract that arrives changed",
    at: /step 4\/8: .*\n.*another contract/,
    misbehave: (node, request, network) =>
      onContract(node, request) && network.connected
        ? { status: 200, body: { ...contract(network), name: "Other" } }
        : undefined,
  },
  {
    name: "a mint that reverts when sealed",
    at: /step 5\/8: .*\n.*status reverted/,
    misbehave: (_, request) =>
      request.includes("/execute") ? { status: 200, body: { status: "reverted" } } : undefined,
  },
  {
    name: "a node that goes away before the update",
    at: /step 6\/8/,
    misbehave: (node, request, network) => (onContract(node, request) && network.minted > 0 ? SERVER_ERROR : undefined),
  },
  {
    name: "another balance on node 2",
    at: /step 7\/8: .*\n.*node 2 says 999, not 1000/,
    misbehave: (node, request) =>
      node === 2 && request.includes("/balance/") ? { status: 200, body: { balance: "999" } } : undefined,
  },
];

for (const { name, at, misbehave } of FAILURES) {
  test(`it fails at the step that does not hold: ${name}`, async (t) => {
    const { code, text, errors } = await runScript((await pretend(t, misbehave)).ports);
    assert.equal(code, 1);
    assert.match(errors, /^FAILED at /);
    assert.match(errors, at);
    assert.doesNotMatch(text, /steps hold/);
  });
}

test("it fails when only some of the ports answer", async (t) => {
  const { ports, network } = await pretend(t);
  const { code, errors } = await runScript([...ports.slice(0, 3), NOBODYS_PORT]);
  assert.equal(code, 1);
  assert.match(errors, new RegExp(`only ${ports.slice(0, 3).join(" ")} of the ports`));
  assert.deepEqual(network.requests, []);
});
