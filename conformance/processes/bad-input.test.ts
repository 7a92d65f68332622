/** What callers get wrong, one by one, on a real node: a stable code, the reason in words, and no effect. */

import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import type { Hex } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { settled, stateOf } from "../fuzz/state.ts";
import { exchange, toBytes } from "../fuzz/wire.ts";
import { compileZoo } from "../fuzz/zoo.ts";
import { type ProcessNode, ProcessNodes } from "./process-node.ts";

/** Of Hardhat and Foundry: the default genesis funds its first ten accounts. */
const MNEMONIC = "test test test test test test test test test test test junk";
const account = mnemonicToAccount(MNEMONIC, { addressIndex: 5 });
const NOBODY = "0x00000000000000000000000000000000000000aa";
const BAD_CHECKSUM = "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const TOO_LARGE = (2n ** 256n).toString();

interface Subject {
  readonly node: ProcessNode;
  readonly zoo: string;
  readonly token: string;
  /** Hash of the transaction that the key `taken` stands for. */
  readonly taken: string;
}

const nodes = new ProcessNodes();
let subject: Subject;

async function deploy(node: ProcessNode, body: unknown): Promise<string> {
  const reply = await node.post("contracts", body);
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return reply.body.address as string;
}

const transfer = (fields: {
  readonly nonce: number;
  readonly chainId?: number;
  readonly value?: bigint;
}): Promise<Hex> => account.signTransaction({ chainId: 31_337, to: NOBODY, gas: 21_000n, gasPrice: 0n, ...fields });

before(async () => {
  const node = await nodes.start("one", { flags: ["--dev"] });
  const { abi, bytecode } = compileZoo();
  const zoo = await deploy(node, { contract_type: "custom", bytecode, abi, args: ["7"] });
  const token = await deploy(node, { contract_type: "token", name: "Token", symbol: "T" });
  const sent = await node.post("transactions", { raw: await transfer({ nonce: 0 }) }, { "idempotency-key": "taken" });
  assert.ok(sent.status === 200 || sent.status === 202, JSON.stringify(sent.body));
  subject = { node, zoo, token, taken: sent.body.hash as string };
  await settled(node, new Set([subject.taken]));
});

after(() => nodes[Symbol.asyncDispose]());

interface Mistake {
  readonly method?: string;
  readonly path: string | ((subject: Subject) => string);
  /** Text and bytes are sent as they are. */
  readonly body?: unknown;
  /** In the place of those that a good request has. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly code: string;
  /** What the problem document says beside the code. */
  readonly says?: RegExp;
}

const bodyOf = (body: unknown): Buffer | undefined => {
  if (body === undefined || Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
};

async function make({ method, path, body, headers = {} }: Mistake) {
  const { host, port } = new URL(subject.node.api);
  const bytes = bodyOf(await body);
  const usual = {
    host,
    connection: "close",
    ...(bytes === undefined ? {} : { "content-type": "application/json", "content-length": String(bytes.length) }),
  };
  const target = `/api/v1/${typeof path === "string" ? path : path(subject)}`;
  const given = Object.entries({ ...usual, ...headers });
  const request = { method: method ?? (bytes === undefined ? "GET" : "POST"), target, headers: given };
  const answer = await exchange(Number(port), toBytes(bytes === undefined ? request : { ...request, body: bytes }));
  return { answer, target };
}

async function assertRefused(mistake: Mistake): Promise<void> {
  const before = await stateOf(subject.node);
  const { answer, target } = await make(mistake);
  const text = answer.body.toString("utf8");
  assert.match(String(answer.headers["content-type"]), /^application\/problem\+json/, text);
  const problem = JSON.parse(text) as Record<string, unknown>;
  assert.deepEqual([answer.status, problem.code, problem.status], [mistake.status, mistake.code, mistake.status], text);
  assert.equal(problem.instance, target.split("?", 1)[0]);
  assert.equal(problem.request_id, answer.headers["x-request-id"]);
  if (mistake.says !== undefined) assert.match(text, mistake.says);
  assert.deepEqual(await stateOf(subject.node), before);
}

const execute = (fn: string, params: unknown, more: Readonly<Record<string, unknown>> = {}) => ({
  path: ({ zoo }: Subject) => `contracts/${zoo}/execute`,
  body: { function: fn, params, ...more },
});

const mint = (amount: string) => ({
  path: ({ token }: Subject) => `contracts/${token}/execute`,
  body: `{"function": "mint", "params": {"to": "${NOBODY}", "amount": ${amount}}}`,
});

const TOKEN = { contract_type: "token", name: "T", symbol: "T" };
const invalid = { status: 400, code: "INVALID_REQUEST" } as const;
const parameter = { status: 400, code: "INVALID_PARAMETER" } as const;
const malformed = { status: 400, code: "MALFORMED_JSON" } as const;

const MISTAKES: Readonly<Record<string, Readonly<Record<string, Mistake>>>> = {
  "bodies that are no JSON": {
    "cut off": { path: "contracts", body: '{"contract_type": "token",', ...malformed },
    "of another format": { path: "contracts", body: "name=Token", ...malformed },
    "with a comment": { path: "contracts", body: '{"contract_type": "token" /* */}', ...malformed },
    "with NaN": { path: "contracts", body: '{"contract_type": NaN}', ...malformed },
    "with bytes that are no UTF-8": {
      path: "contracts",
      body: Buffer.from([0x22, 0xff, 0x22]),
      ...malformed,
      says: /UTF-8/,
    },
    "nested too deep": { path: "contracts", body: "[".repeat(40) + "]".repeat(40), ...malformed, says: /32 levels/ },
    "that name __proto__": { path: "contracts", body: '{"__proto__": {}}', ...malformed, says: /__proto__/ },
  },
  "bodies of another shape": {
    "a field that is not known": {
      path: "contracts",
      body: { ...TOKEN, colour: 1 },
      ...invalid,
      says: /colour is not a known/,
    },
    "a field that is missing": {
      path: "contracts",
      body: { contract_type: "token" },
      ...invalid,
      says: /name is required/,
    },
    "an unknown contract type": {
      path: "contracts",
      body: { contract_type: "loan" },
      ...invalid,
      says: /contract_type/,
    },
    "text for a number": {
      path: "contracts",
      body: { ...TOKEN, decimals: "18" },
      ...invalid,
      says: /decimals must be integer/,
    },
    "a fraction for an integer": { path: "contracts", body: { ...TOKEN, decimals: 1.5 }, ...invalid, says: /decimals/ },
    "a number out of bounds": { path: "contracts", body: { ...TOKEN, decimals: 256 }, ...invalid, says: /decimals/ },
    "a number for text": { path: "contracts", body: { ...TOKEN, name: 5 }, ...invalid, says: /name must be string/ },
    "an array": { path: "contracts", body: [], ...invalid, says: /must be object/ },
    null: { path: "contracts", body: "null", ...invalid, says: /must be object/ },
    nothing: { path: "contracts", body: "", ...invalid, says: /contract_type is required/ },
    "cap and its alias, unequal": {
      path: "contracts",
      body: { ...TOKEN, cap: 1, total_supply: 2 },
      ...invalid,
      says: /alias/,
    },
    "a query that is not known": { path: "blocks?colour=1", ...invalid, says: /colour is not a known/ },
    "a query out of bounds": { path: "blocks?limit=0", ...invalid, says: /limit/ },
  },
  addresses: {
    "a wrong checksum in the path": {
      path: `contracts/${BAD_CHECKSUM}`,
      ...invalid,
      says: /checksum/,
    },
    "a wrong checksum in from": {
      ...execute("set", [1], { from: BAD_CHECKSUM }),
      ...invalid,
      says: /checksum/,
    },
    "a wrong checksum in a parameter": { ...execute("same(address)", [BAD_CHECKSUM]), ...parameter, says: /checksum/ },
    "a wrong checksum of a wallet": {
      path: `wallets/${BAD_CHECKSUM}`,
      ...invalid,
      says: /checksum/,
    },
    "too short": { path: "contracts/0x12", ...invalid, says: /address/ },
    "of no contract": { path: `contracts/${NOBODY}`, status: 404, code: "CONTRACT_NOT_FOUND" },
    "of no contract, to execute": {
      path: `contracts/${NOBODY}/execute`,
      body: { function: "set", params: [1] },
      ...{ status: 404, code: "CONTRACT_NOT_FOUND" },
    },
    "of an account whose key is elsewhere": {
      ...execute("set", [1], { from: NOBODY }),
      status: 403,
      code: "FROM_NOT_HELD",
    },
  },
  "functions and parameters": {
    "an unknown function": { ...execute("sett", [1]), status: 400, code: "UNKNOWN_FUNCTION", says: /sett/ },
    "an unknown signature": { ...execute("set(uint8)", [1]), status: 400, code: "UNKNOWN_FUNCTION" },
    "several that match": { ...execute("same", [NOBODY]), status: 400, code: "AMBIGUOUS_FUNCTION" },
    "one that changes nothing": { ...execute("value", []), status: 400, code: "VIEW_FUNCTION", says: /call/ },
    "a parameter missing, by name": {
      ...execute("small", { a: 1, b: 1 }),
      status: 400,
      code: "MISSING_PARAMETER",
      says: /"c"|\bc\b/,
    },
    "a parameter missing, by position": { ...execute("small", [1, 1]), status: 400, code: "MISSING_PARAMETER" },
    "all missing": { ...execute("small", undefined), status: 400, code: "MISSING_PARAMETER" },
    "one too many, by name": {
      ...execute("set", { next: 1, more: 1 }),
      status: 400,
      code: "UNKNOWN_PARAMETER",
      says: /more/,
    },
    "one too many, by position": { ...execute("set", [1, 2]), status: 400, code: "UNKNOWN_PARAMETER" },
    "text for a bool": { ...execute("small", [1, 1, "true"]), ...parameter, says: /bool/ },
    "a number for a string": { ...execute("texts", [1, "0x", "0x00000000"]), ...parameter, says: /string/ },
    "bytes of an odd length": { ...execute("texts", ["", "0x1", "0x00000000"]), ...parameter, says: /bytes/ },
    "too few bytes": { ...execute("texts", ["", "0x", "0x0000"]), ...parameter, says: /bytes4/ },
    "a list of another length": { ...execute("lists", [[], [NOBODY], []]), ...parameter, says: /address\[2\]/ },
    "a tuple without a component": {
      ...execute("point", [{ x: 1 }, []]),
      status: 400,
      code: "MISSING_PARAMETER",
      says: /y/,
    },
    "value for a function that takes none": {
      ...execute("set", [1], { value: "1" }),
      ...parameter,
      says: /takes no value/,
    },
  },
  amounts: {
    "over uint256, as text": { ...mint(`"${TOO_LARGE}"`), ...parameter, says: /amount/ },
    "over uint256, as a number": { ...mint(TOO_LARGE), ...parameter, says: /amount/ },
    "with a huge exponent": { ...mint("1e999999999"), ...parameter, says: /amount/ },
    negative: { ...mint("-1"), ...parameter, says: /amount/ },
    "negative, as text": { ...mint('"-1"'), ...parameter, says: /amount/ },
    "a fraction": { ...mint("1.5"), ...parameter, says: /amount/ },
    "a fraction, as text": { ...mint('"1.5"'), ...parameter, says: /amount/ },
    "a fraction by its exponent": { ...mint("15e-1"), ...parameter, says: /amount/ },
    "no number": { ...mint('"many"'), ...parameter, says: /amount/ },
    null: { ...mint("null"), ...parameter, says: /amount/ },
    "over uint8": { ...execute("small", [256, 0, true]), ...parameter, says: /uint8/ },
    "under int8": { ...execute("small", [0, -129, true]), ...parameter, says: /int8/ },
    "a cap over uint256": { path: "contracts", body: { ...TOKEN, cap: TOO_LARGE }, ...parameter, says: /cap/ },
    "a negative initial supply": {
      path: "contracts",
      body: { ...TOKEN, initial_supply: -1 },
      ...parameter,
      says: /initial_supply/,
    },
    "more wei than the sender has": {
      ...execute("pay", [], { value: `1${"0".repeat(40)}` }),
      ...{ status: 422, code: "INSUFFICIENT_FUNDS", says: /balance/ },
    },
  },
  "executions that fail": {
    "with a reason": { ...execute("fail", []), status: 422, code: "EXECUTION_REVERTED", says: /as asked/ },
    "with an error of the contract": {
      ...execute("limited", [11]),
      status: 422,
      code: "EXECUTION_REVERTED",
      says: /TooMuch.*11.*10/,
    },
    "with a panic": { ...execute("divide", [0]), status: 422, code: "EXECUTION_REVERTED", says: /0x12|division/i },
    "with an invalid instruction": { ...execute("halt", []), status: 422, code: "EXECUTION_HALTED" },
    "without gas": { ...execute("forever", []), status: 422, code: "EXECUTION_HALTED", says: /gas/i },
    "of creation code": {
      path: "contracts",
      body: { contract_type: "custom", bytecode: "0x60006000fd", abi: [] },
      ...{ status: 422, code: "EXECUTION_REVERTED" },
    },
    "of creation code that makes no code": {
      path: "contracts",
      body: { contract_type: "custom", bytecode: "0x00", abi: [] },
      ...{ status: 400, code: "INVALID_BYTECODE" },
    },
    "of what is no code at all": {
      path: "contracts",
      body: { contract_type: "custom", bytecode: "0xzz", abi: [] },
      ...{ status: 400, code: "INVALID_BYTECODE" },
    },
    "of an ABI that is none": {
      path: "contracts",
      body: { contract_type: "custom", bytecode: "0x00", abi: [{ type: "function" }] },
      ...{ status: 400, code: "INVALID_ABI" },
    },
  },
  "signed transactions": {
    "a nonce that is used": {
      path: "transactions",
      body: transfer({ nonce: 0, value: 1n }).then((raw) => ({ raw })),
      ...{ status: 409, code: "NONCE_TOO_LOW", says: /"next_nonce":"1"/ },
    },
    "a nonce far ahead": {
      path: "transactions",
      body: transfer({ nonce: 9_000 }).then((raw) => ({ raw })),
      ...{ status: 409, code: "NONCE_TOO_HIGH", says: /"next_nonce":"1"/ },
    },
    "of another chain": {
      path: "transactions",
      body: transfer({ nonce: 1, chainId: 1 }).then((raw) => ({ raw })),
      ...{ status: 400, code: "INVALID_TRANSACTION", says: /chain/ },
    },
    "of more than the account has": {
      path: "transactions",
      body: transfer({ nonce: 1, value: 10n ** 40n }).then((raw) => ({ raw })),
      ...{ status: 422, code: "INSUFFICIENT_FUNDS" },
    },
    "that are cut off": {
      path: "transactions",
      body: transfer({ nonce: 1 }).then((raw) => ({ raw: raw.slice(0, -2) })),
      ...{ status: 400, code: "INVALID_TRANSACTION" },
    },
    "of no type": { path: "transactions", body: { raw: "0x7f00" }, status: 400, code: "INVALID_TRANSACTION" },
    "that are no hexadecimal": { path: "transactions", body: { raw: "0xzz" }, ...invalid, says: /raw/ },
    "of which nobody knows": { path: `transactions/0x${"00".repeat(32)}`, status: 404, code: "TRANSACTION_NOT_FOUND" },
  },
  "requests as a whole": {
    "too large a body": {
      path: "contracts",
      body: `"${"x".repeat(1_100_000)}"`,
      status: 413,
      code: "PAYLOAD_TOO_LARGE",
    },
    "another content type": {
      ...{ path: "contracts", body: TOKEN, headers: { "content-type": "text/plain" } },
      ...{ status: 415, code: "UNSUPPORTED_MEDIA_TYPE" },
    },
    "another method": {
      path: "contracts",
      method: "PATCH",
      status: 405,
      code: "METHOD_NOT_ALLOWED",
      says: /"allowed"/,
    },
    "no such route": { path: "contract", status: 404, code: "ROUTE_NOT_FOUND" },
    "no such block": { path: "blocks/999999", status: 404, code: "BLOCK_NOT_FOUND" },
    "the name of another host": {
      path: "health",
      headers: { host: "evil.example" },
      status: 403,
      code: "HOST_NOT_ALLOWED",
    },
    "a page of another origin": {
      ...{ path: "wallets", body: {}, headers: { origin: "https://evil.example" } },
      ...{ status: 403, code: "HOST_NOT_ALLOWED" },
    },
    "a key that stands for another request": {
      ...{ ...execute("set", [9]), headers: { "idempotency-key": "taken" } },
      ...{ status: 422, code: "IDEMPOTENCY_KEY_REUSED", says: /"transaction_hash":"0x/ },
    },
    "a key that is too long": {
      ...{ ...execute("set", [9]), headers: { "idempotency-key": "x".repeat(256) } },
      ...{ ...invalid, says: /Idempotency-Key|idempotency-key/ },
    },
  },
};

for (const [kind, mistakes] of Object.entries(MISTAKES)) {
  describe(`${kind}: refused, with no effect`, () => {
    for (const [name, mistake] of Object.entries(mistakes)) test(name, () => assertRefused(mistake));
  });
}

test("the key of a refused request stands for what it stood for", async () => {
  const { node, taken } = subject;
  const again = await node.post("transactions", { raw: await transfer({ nonce: 0 }) }, { "idempotency-key": "taken" });
  assert.deepEqual([again.status, again.body.hash], [200, taken]);
});

test("amounts are exact to the unit, as numbers too", async () => {
  const { node, token } = subject;
  let expected = 0n;
  for (const text of ["1e27", "1000000000000000000000000000", "1000000000000000000000000001", "1.5e1", '"0x10"']) {
    const { answer } = await make({ ...mint(text), status: 200, code: "" });
    assert.equal(answer.status, 200, answer.body.toString("utf8"));
    expected += BigInt({ "1e27": 10n ** 27n, "1.5e1": 15n, '"0x10"': 16n }[text] ?? text);
    const { body } = await node.get(`contracts/${token}/balance/${NOBODY}`);
    assert.equal(body.balance, expected.toString());
  }
});

test("a peer that accepts the connection and says nothing is given up", async () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => sockets.add(socket.on("error", () => {})));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = silent.address() as { port: number };
    const body = { address: `127.0.0.1:${port}` };
    await assertRefused({ path: "network/connect", body, status: 504, code: "CONNECTION_TIMEOUT" });
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  }
});
