import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { intrinsicGas } from "@counterpart/core/chain/intrinsic-gas";
import type { Transaction } from "@counterpart/core/chain/types";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { Bench } from "../../bench/processes.ts";
import { openTestApi } from "../../packages/node/src/api/fake-backend.test-support.ts";
import { accountOf, TEST_GENESIS } from "../../packages/node/src/engine/engine.test-support.ts";
import { traceFlows } from "./trace-flows.ts";

type Ask = (method: string, ...params: unknown[]) => Promise<unknown>;

const SEALER = accountOf(100);
const FUNDED = 10n ** 20n;

const askAnvil =
  (url: string): Ask =>
  async (method, ...params) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    const { result, error } = (await response.json()) as { result?: unknown; error?: { message: string } };
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  };

async function openAnvil(bench: Bench): Promise<Ask | undefined> {
  const flags = ["--chain-id", String(TEST_GENESIS.chainId), "--hardfork", "osaka", "--base-fee", "0"];
  const more = ["--gas-price", "0", "--gas-limit", "60000000", "--accounts", "0", "--disable-min-priority-fee"];
  const anvil = await bench.anvil([...flags, ...more]);
  if (anvil === undefined) return undefined;
  const ask = askAnvil(anvil.url);
  await ask("anvil_setCoinbase", SEALER);
  for (let n = 1; n <= 8; n++) await ask("anvil_setBalance", accountOf(n), `0x${FUNDED.toString(16)}`);
  return ask;
}

const { rpc } = await openTestApi();
const askOwn: Ask = async (method, ...params) => {
  const { result, error } = await rpc(method, ...params);
  if (error !== undefined) throw new Error(`${method}: ${error.message}`);
  return result;
};

const bench = new Bench();
after(() => bench.end());
const anvil = await openAnvil(bench);

interface Frame {
  gas: Hex;
  error?: string;
  calls?: Frame[];
}

/** What Anvil calls otherwise than go-ethereum, whose words tools look for. */
const WORDS: Readonly<Record<string, string>> = {
  CreateCollision: "contract address collision",
  StackUnderflow: "stack underflow (1 <=> 2)",
  CreateContractStartingWithEF: "invalid code: must not begin with 0xef",
};

const inWords = (frame: Frame): Frame => ({
  ...frame,
  ...(frame.error === undefined ? {} : { error: WORDS[frame.error] ?? frame.error }),
  ...(frame.calls === undefined ? {} : { calls: frame.calls.map(inWords) }),
});

type Accounts = Record<Hex, { code?: Hex; codeHash?: Hex }>;

/** Anvil shows accounts that were not there before a difference; go-ethereum shows none. */
function withoutAbsent(trace: unknown): unknown {
  const { pre, post } = trace as { pre?: Record<Hex, object>; post?: unknown };
  if (pre === undefined) return trace;
  const isThere = ([, account]: readonly [string, object]): boolean =>
    JSON.stringify(account) !== JSON.stringify({ balance: "0x0" });
  return { pre: Object.fromEntries(Object.entries(pre).filter(isThere)), post };
}

/** Anvil shows no hashes of code. */
function withoutHashes(trace: unknown): unknown {
  const { pre, post } = trace as { pre?: Accounts; post?: Accounts };
  if (pre !== undefined) return { pre: withoutHashes(pre), post: withoutHashes(post) };
  return Object.fromEntries(
    Object.entries(trace as Accounts).map(([address, { codeHash, ...account }]) => {
      assert.equal(codeHash, account.code === undefined ? undefined : keccak256Hex(hexToBytes(account.code)));
      return [address, account];
    }),
  );
}

/** Anvil shows the gas that is left for the code where go-ethereum shows that of the transaction. */
function asShown(trace: unknown, transaction: Transaction, hasCalls: boolean): unknown {
  const frame = inWords(trace as Frame);
  // It shows self-destruction where only the top is asked for.
  if (!hasCalls) delete frame.calls;
  return { ...frame, gas: `0x${(BigInt(frame.gas) + BigInt(intrinsicGas(transaction))).toString(16)}` };
}

const CONFIGS = {
  callTracer: { tracer: "callTracer", tracerConfig: { withLog: true } },
  "callTracer, top only": { tracer: "callTracer", tracerConfig: { onlyTopCall: true } },
  // Anvil shows accounts that were not there, as go-ethereum does where it is told to.
  prestateTracer: { tracer: "prestateTracer", tracerConfig: { includeEmpty: true } },
  "prestateTracer, diffMode": { tracer: "prestateTracer", tracerConfig: { diffMode: true } },
} as const;

describe("traces agree with Anvil's", () => {
  for (const { name, transaction } of traceFlows()) {
    test(name, async (t) => {
      if (anvil === undefined) return t.skip("Anvil is not installed");
      const nodes: readonly Ask[] = [askOwn, anvil];
      const raw: Hex = bytesToHex(transaction.raw);
      for (const each of nodes) {
        await each("eth_sendRawTransaction", raw);
        // Anvil answers before it has sealed.
        while ((await each("eth_getTransactionReceipt", transaction.hash)) === null);
      }
      for (const [which, config] of Object.entries(CONFIGS)) {
        const [own, theirs] = await Promise.all(
          nodes.map((each) => each("debug_traceTransaction", transaction.hash, config)),
        );
        const isTree = config.tracer === "callTracer";
        if (isTree) assert.deepEqual(own, asShown(theirs, transaction, !("onlyTopCall" in config.tracerConfig)), which);
        else assert.deepEqual(withoutHashes(own), withoutAbsent(theirs), which);
      }
    });
  }
});
