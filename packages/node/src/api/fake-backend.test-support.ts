/**
 * A backend for tests of the API: a real engine in memory that seals what is submitted, and a network, contracts and
 * keys that answer as a test tells them and remember what they were asked.
 */

import { request as httpRequest } from "node:http";
import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { signDigest } from "@counterpart/core/crypto/crypto";
import type { Clock, LogFields, Logger } from "@counterpart/core/ports/runtime";
import type { ContractService, ContractView } from "../contracts/types.ts";
import { recoverOne } from "../crypto/packed-signatures.ts";
import type { NetworkService, SyncView } from "../driver/types.ts";
import { accountOf, keyOf, openTestEngine } from "../engine/engine.test-support.ts";
import type { Engine } from "../engine/types.ts";
import type { KeyRing } from "../keys/types.ts";
import { createSystemClock } from "../telemetry/runtime.ts";
import type { Backend } from "./backend.ts";
import type { ApiInstance } from "./context.ts";
import { checkDocumented } from "./documented.test-support.ts";
import { LOG_LIMITS } from "./rpc/logs.ts";
import { createMethods } from "./rpc/route.ts";
import { type ApiServerOptions, buildServer } from "./server.ts";
import { createStreams } from "./streams/streams.ts";

/** Lower case, with a checksum that differs from it. */
export const CONTRACT: Hex = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
export const CONTRACT_SHOWN = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
export const OWNER: Hex = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
export const OWNER_SHOWN = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
export const hash32 = (digit: string): Hex => `0x${digit.repeat(64)}`;

export const CONTRACT_VIEW: ContractView = {
  entry: {
    address: CONTRACT,
    owner: OWNER,
    creationNonce: 0n,
    codeHash: hash32("1"),
    created: { number: 3, hash: hash32("2"), timestamp: 1_770_000_001 },
    creationTransaction: hash32("3"),
    updated: { number: 5, hash: hash32("4"), timestamp: 1_770_000_009 },
    updateSequence: 2,
    genesis: false,
  },
  nonce: 1n,
  balance: 2n ** 70n,
  storageRoot: hash32("5"),
  stateHash: hash32("6"),
  artifactHash: hash32("7"),
  integrityHash: hash32("8"),
  checked: "executed",
  artifact: {
    contractType: "token",
    name: "TestToken",
    symbol: "TEST",
    decimals: 18,
    cap: "1000000",
    abi: [{ type: "function", name: "mint" }],
  },
  artifactUpdatedAt: 1_770_000_001_234,
  totalSupply: "1000",
  confirmations: 4,
};

type Calls = [name: string, ...args: unknown[]][];

/** Every method refuses until a test gives it an answer with `set`. */
function createScript<T extends object>(): {
  readonly service: T;
  readonly calls: Calls;
  set(answers: Partial<T>): void;
} {
  const calls: Calls = [];
  let given: Partial<T> = {};
  const service = new Proxy({} as T, {
    get(_target, name: string) {
      const answer = given[name as keyof T];
      if (typeof answer !== "function") {
        if (answer === undefined) throw new Error(`the test gave no answer for ${name}`);
        return answer;
      }
      return (...args: unknown[]) => {
        // Of what was asked, not of who waits for it.
        calls.push([name, ...args.filter((arg) => !(arg instanceof AbortSignal))]);
        return (answer as (...values: unknown[]) => unknown)(...args);
      };
    },
  });
  return {
    service,
    calls,
    set(answers) {
      given = { ...given, ...answers };
    },
  };
}

/** The methods of a node on this backend, as they are without a server. */
export function methodsOf(backend: Backend) {
  const clock: Clock = { now: () => 0, setTimer: () => () => {} };
  const context = { backend, clock, logger: createRecordingLogger(), logLimits: LOG_LIMITS };
  return createMethods({ ...context, filters: createStreams(context).filters });
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

export function createRecordingLogger(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (message: string, fields?: LogFields) => void lines.push({ level, message, fields });
  const logger = {
    lines,
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (): Logger => logger,
  };
  return logger;
}

/** An engine that seals each transaction as soon as it was submitted. */
export function sealingEngine(engine: Engine): Engine {
  return {
    ...engine,
    async submit(transaction, origin) {
      await engine.submit(transaction, origin);
      await engine.seal();
    },
  };
}

export const ALONE: SyncView = {
  state: "alone",
  head: { hash: `0x${"00".repeat(32)}`, number: 0 },
  headAgeMs: 0,
  lagBlocks: 0,
  unnamedContracts: 0,
};

const networkDefaults: Partial<NetworkService> = {
  peerId: "12D3KooWTest",
  addresses: () => ["/ip4/127.0.0.1/tcp/5000/p2p/12D3KooWTest"],
  peers: () => [],
  bans: () => [],
  progress: () => undefined,
  sync: () => ALONE,
  divergence: () => undefined,
  needsFullNode: () => false,
  withheldS: () => undefined,
  onPeer: () => () => {},
  onSyncComplete: () => () => {},
  takeOver: () => {},
};

function createKeys(): KeyRing {
  const held = [accountOf(1)];
  return {
    own: accountOf(1),
    accounts: () => held,
    holds: (address) => held.includes(address),
    async create() {
      const address = accountOf(held.length + 1);
      held.push(address);
      return address;
    },
    sign(address, digest) {
      const at = held.indexOf(address);
      if (at < 0) throw new CodedError("FROM_NOT_HELD", `this node does not hold the key of ${address}`, { address });
      return signDigest(digest, keyOf(at + 1));
    },
  };
}

export function createFakeBackend(engine: Engine = sealingEngine(openTestEngine())) {
  const contracts = createScript<ContractService>();
  const network = createScript<NetworkService>();
  network.set(networkDefaults);
  contracts.set({
    onArtifact: () => () => {},
    async submit(transaction) {
      await engine.submit(transaction, "local");
      return transaction;
    },
    decodeLogs: async (logs) => logs.map((log) => ({ log })),
  });
  const backend: Backend = {
    version: "0.1.0",
    instanceId: "instance",
    startedAt: 1_770_000_000_000,
    engine,
    contracts: contracts.service,
    network: network.service,
    keys: createKeys(),
    recoverSenders: async (signed) => signed.map(recoverOne),
    now: () => 1_770_000_060_000,
  };
  return { backend, engine, contracts, network };
}

export type FakeBackend = ReturnType<typeof createFakeBackend>;

export function serverOptions(fake: FakeBackend, options: Partial<ApiServerOptions> = {}): ApiServerOptions {
  return {
    backend: fake.backend,
    clock: createSystemClock(),
    logger: createRecordingLogger(),
    host: "127.0.0.1",
    port: 0,
    ...options,
  };
}

export interface TestApi extends FakeBackend {
  readonly server: ApiInstance;
  readonly logger: ReturnType<typeof createRecordingLogger>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  send(
    method: "POST" | "PUT" | "DELETE",
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  rpc(method: string, ...params: unknown[]): Promise<RpcAnswer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

export interface RpcAnswer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** The API without a socket. Every answer of REST is held against the OpenAPI document. */
export async function openTestApi(
  options: Partial<ApiServerOptions> = {},
  fake = createFakeBackend(),
): Promise<TestApi> {
  const logger = createRecordingLogger();
  const server = await buildServer(serverOptions(fake, { logger, ...options }));
  // Not what a request asked, but what the server subscribed to.
  for (const { calls } of [fake.network, fake.contracts]) calls.length = 0;
  const inject = async (
    method: "GET" | "POST" | "PUT" | "DELETE",
    url: string,
    headers: Record<string, string>,
    payload?: string,
  ): Promise<Answer> => {
    const response = await server.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
    if (url.startsWith("/api/")) checkDocumented(server, method, url, response);
    const isJson = /json/.test(String(response.headers["content-type"]));
    return {
      status: response.statusCode,
      headers: response.headers,
      text: response.payload,
      json: isJson ? (JSON.parse(response.payload) as Record<string, unknown>) : {},
    };
  };
  const send: TestApi["send"] = (method, path, body, headers = {}) => {
    const payload = typeof body === "string" ? body : JSON.stringify(body);
    return inject(method, path, { "content-type": "application/json", ...headers }, payload);
  };
  return {
    ...fake,
    server,
    logger,
    get: (path, headers = {}) => inject("GET", path, headers),
    send,
    rpc: async (method, ...params) =>
      (await send("POST", "/", { jsonrpc: "2.0", id: 1, method, params })).json as RpcAnswer,
  };
}

/** A raw HTTP request: fetch allows neither a Host nor an Origin of one's own. */
export function rawRequest(
  url: string,
  options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string | Buffer },
): Promise<{ readonly status: number; readonly text: string; readonly headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const { body, ...rest } = options;
    const request = httpRequest(url, { ...rest, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString(),
          headers: response.headers,
        }),
      );
    });
    request.on("error", reject);
    request.end(body);
  });
}
