/** Whole nodes in this process, on real sockets and real files: what the end-to-end tests are made of. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, CONFIG_DEFAULTS, createApp, createLogger, type NodeConfig } from "@counterpart/node";

/** A JSON reply with its status. */
export interface Reply {
  readonly status: number;
  // Tests read replies as a stranger's program would: by the names that the documentation gives.
  readonly body: Record<string, unknown>;
}

export interface TestNode {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  /** `127.0.0.1:port`, as peers are told. */
  readonly p2p: string;
  readonly account: string;
  readonly dataDir: string;
  get(path: string): Promise<Reply>;
  post(path: string, body: unknown): Promise<Reply>;
  stop(): Promise<void>;
}

/** Longer than a node waits for an inclusion before it answers. */
const TIMEOUT_MS = 60_000;

async function request(url: string, init: RequestInit): Promise<Reply> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  } catch (cause) {
    throw new Error(`no answer to ${init.method ?? "GET"} ${url} ${init.body ?? ""}`, { cause });
  }
}

/** Of a multiaddr of TCP. */
export function hostAndPort(multiaddr: string): string {
  const [, host, port] = /^\/ip4\/([^/]+)\/tcp\/(\d+)/.exec(multiaddr) ?? [];
  assert.ok(host !== undefined && port !== undefined, `not a TCP address: ${multiaddr}`);
  return `${host}:${port}`;
}

/** Requests to the API of the node that serves at `url`. */
export function requestsTo(url: string): Pick<TestNode, "get" | "post"> {
  return {
    get: (path) => request(`${url}/api/v1/${path}`, {}),
    post: (path, body) =>
      request(`${url}/api/v1/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
  };
}

export async function startNode(dataDir: string, settings: Partial<NodeConfig> = {}): Promise<TestNode> {
  const config: NodeConfig = { ...CONFIG_DEFAULTS, apiPort: 0, p2pPort: 0, dataDir, ...settings };
  const app: App = await createApp(config, { logger: createLogger({ level: "silent", format: "json" }) });
  const { api, p2p, account } = await app.start();
  return {
    url: api,
    p2p: hostAndPort(p2p[0] ?? ""),
    account,
    dataDir,
    ...requestsTo(api),
    stop: () => app.stop(),
  };
}

/** Nodes with data directories of their own, all gone when the test ends. */
export class Nodes implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "counterpart-nodes-"));
  readonly #running = new Set<TestNode>();

  async start(name: string, settings: Partial<NodeConfig> = {}): Promise<TestNode> {
    const node = await startNode(join(this.#folder, name), settings);
    this.#running.add(node);
    return node;
  }

  /** A file beside the nodes; gives its path. */
  async writeFile(name: string, content: string): Promise<string> {
    const path = join(this.#folder, name);
    await writeFile(path, content);
    return path;
  }

  async stop(node: TestNode): Promise<void> {
    this.#running.delete(node);
    await node.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running].map((node) => this.stop(node)));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Connects the way the documentation says, and insists that both agree in the end. */
export async function connect(from: TestNode, to: TestNode): Promise<Record<string, unknown>> {
  const { status, body } = await from.post("network/connect", { address: to.p2p });
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

export async function deployToken(node: TestNode, fields: Record<string, unknown> = {}): Promise<string> {
  const token = { contract_type: "token", name: "TestToken", symbol: "TEST", decimals: 18, cap: "1000000", ...fields };
  const { status, body } = await node.post("contracts", token);
  assert.equal(status, 201, JSON.stringify(body));
  return body.address as string;
}

export async function execute(node: TestNode, address: string, call: Record<string, unknown>): Promise<Reply> {
  return node.post(`contracts/${address}/execute`, call);
}

export async function mint(node: TestNode, address: string, to: string, amount: string): Promise<void> {
  const { status, body } = await execute(node, address, { function: "mint", params: { to, amount } });
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body.status, "success");
}

export async function balance(node: TestNode, address: string, wallet: string): Promise<string> {
  const { status, body } = await node.get(`contracts/${address}/balance/${wallet}`);
  assert.equal(status, 200, JSON.stringify(body));
  return body.balance as string;
}

/** What must be equal on nodes that agree. */
export interface View {
  readonly head: unknown;
  readonly stateRoot: unknown;
  readonly contracts: Record<string, unknown>;
}

export async function viewOf(node: TestNode): Promise<View> {
  const head = await node.get("blocks/latest");
  const list = await node.get("contracts?limit=100");
  const contracts = list.body.contracts as Record<string, unknown>[];
  return {
    head: head.body.hash,
    stateRoot: head.body.state_root,
    contracts: Object.fromEntries(contracts.map((one) => [one.address as string, one.integrity_hash])),
  };
}

const POLL_MS = 20;

/** Polls until `check` stops throwing; what it threw last is the failure. For what no event announces to a caller. */
export async function eventually(check: () => Promise<void>, withinMs = 20_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** All nodes have the same head, state root and contracts. */
export async function allAgree(nodes: readonly TestNode[], withinMs?: number): Promise<View> {
  let agreed: View | undefined;
  await eventually(async () => {
    const [first, ...others] = await Promise.all(nodes.map(viewOf));
    for (const other of others) assert.deepEqual(other, first);
    agreed = first;
  }, withinMs);
  return agreed as View;
}
