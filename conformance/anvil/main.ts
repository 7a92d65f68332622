/**
 * `npm run vectors:anvil`: asks Anvil (revm) what comes of transactions by the rules of Prague and Osaka, and
 * writes its answers to `vectors.json`, which the tests hold the execution engine to. Where Anvil errs is said there.
 * Not asked, because Anvil lacks it: what is code of a delegation before Prague, which Anvil follows by its form alone.
 */

import { writeFileSync } from "node:fs";
import type { Hex } from "@counterpart/core/base/bytes";
import { useCrypto } from "@counterpart/core/crypto/crypto";
import { Bench } from "../../bench/processes.ts";
import { createNativeCrypto } from "../../packages/node/src/crypto/native.ts";
import { CHAIN_ID, KNOWN, SENDER, UNKNOWN, USED, word } from "./parts.ts";
import { precompileQuestions } from "./precompile-questions.ts";
import { CREATED, transactionQuestions } from "./transaction-questions.ts";
import type { Question, Vector, VectorAccount, VectorResult, VectorState } from "./vector.ts";

const FILE = new URL("vectors.json", import.meta.url);
const COINBASE: Hex = `0x${"cb".repeat(20)}`;
const BASE_FEE = 7;
const BLOCK_GAS = 60_000_000;
const TIMESTAMP = 1_800_000_000;
/** Slots that are looked at besides those that were set. */
const SLOTS = [0n, 1n, 2n, 3n];

type Call = <T>(method: string, ...params: readonly unknown[]) => Promise<T>;

const caller =
  (url: string): Call =>
  async (method, ...params) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    const { result, error } = (await response.json()) as {
      readonly result?: unknown;
      readonly error?: { message: string };
    };
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result as never;
  };

const hex = (value: bigint | number): Hex => `0x${value.toString(16)}`;

async function prepare(call: Call, before: VectorState): Promise<void> {
  for (const [address, { nonce, balance, code, storage }] of Object.entries(before)) {
    await call("anvil_setBalance", address, hex(BigInt(balance)));
    await call("anvil_setCode", address, code);
    await call("anvil_setNonce", address, hex(nonce));
    for (const [slot, value] of Object.entries(storage)) await call("anvil_setStorageAt", address, slot, value);
  }
}

async function accountAt(
  call: Call,
  address: Hex,
  block: Hex,
  known: VectorAccount | undefined,
): Promise<VectorAccount> {
  const slots = new Set([...Object.keys(known?.storage ?? {}), ...SLOTS.map(word)] as Hex[]);
  const storage: [Hex, Hex][] = [];
  for (const slot of slots) {
    const value = await call<Hex>("eth_getStorageAt", address, slot, block);
    if (BigInt(value) !== 0n) storage.push([slot, word(BigInt(value))]);
  }
  return {
    nonce: Number(await call<Hex>("eth_getTransactionCount", address, block)),
    balance: String(BigInt(await call<Hex>("eth_getBalance", address, block))),
    code: await call<Hex>("eth_getCode", address, block),
    storage: Object.fromEntries(storage.sort()),
  };
}

async function stateAfter(call: Call, block: Hex, before: VectorState): Promise<VectorState> {
  const looked = [...Object.keys(before), SENDER, KNOWN, UNKNOWN, USED, CREATED, COINBASE].map(
    (each) => (typeof each === "string" ? each : each.address) as Hex,
  );
  const accounts: [Hex, VectorAccount][] = [];
  for (const address of new Set(looked)) {
    const after = await accountAt(call, address, block, before[address]);
    const isEmpty = after.nonce === 0 && after.balance === "0" && after.code === "0x";
    if (!isEmpty || Object.keys(after.storage).length > 0) accounts.push([address, after]);
  }
  return Object.fromEntries(accounts);
}

interface Receipt {
  readonly status: Hex;
  readonly gasUsed: Hex;
  readonly logs: readonly { readonly address: Hex; readonly topics: readonly Hex[]; readonly data: Hex }[];
}

/** undefined: Anvil did not take the transaction into the block. */
async function resultOf(call: Call, hash: Hex | undefined): Promise<VectorResult> {
  const receipt = hash === undefined ? null : await call<Receipt | null>("eth_getTransactionReceipt", hash);
  if (receipt === null) return { refused: true };
  const { returnValue } = await call<{ returnValue: string }>("debug_traceTransaction", hash, {
    disableStorage: true,
    disableStack: true,
  });
  return {
    success: Number(receipt.status) === 1,
    gasUsed: Number(receipt.gasUsed),
    output: `0x${returnValue.replace(/^0x/, "")}`,
    logs: receipt.logs.map(({ address, topics, data }) => ({ address, topics, data })),
  };
}

async function answer(call: Call, question: Question): Promise<Vector> {
  const snapshot = await call<Hex>("evm_snapshot");
  await prepare(call, question.before);
  const hashes: (Hex | undefined)[] = [];
  for (const raw of question.transactions) {
    hashes.push(await call<Hex>("eth_sendRawTransaction", raw).catch(() => undefined));
  }
  await call("anvil_setNextBlockBaseFeePerGas", hex(BASE_FEE));
  await call("evm_setNextBlockTimestamp", TIMESTAMP);
  await call("evm_mine");
  const block = await call<Record<string, Hex>>("eth_getBlockByNumber", "latest", false);
  const results: VectorResult[] = [];
  for (const hash of hashes) results.push(await resultOf(call, hash));
  const vector: Vector = {
    ...question,
    block: {
      number: Number(block.number),
      timestamp: Number(block.timestamp),
      coinbase: block.miner as Hex,
      gasLimit: Number(block.gasLimit),
      baseFeePerGas: Number(block.baseFeePerGas),
      prevRandao: block.mixHash as Hex,
      parentHash: block.parentHash as Hex,
    },
    results,
    after: await stateAfter(call, block.number as Hex, question.before),
  };
  await call("evm_revert", snapshot);
  return vector;
}

async function answerAll(bench: Bench, fork: Question["fork"], questions: readonly Question[]): Promise<Vector[]> {
  const options = ["--hardfork", fork, "--chain-id", String(CHAIN_ID), "--timestamp", String(TIMESTAMP - 100)];
  const sealing = [
    "--no-mining",
    "--base-fee",
    String(BASE_FEE),
    "--order",
    "fifo",
    "--gas-limit",
    String(BLOCK_GAS),
    "--accounts",
    "0",
  ];
  const anvil = await bench.anvil([...options, ...sealing, ...(fork === "osaka" ? ["--enable-tx-gas-limit"] : [])]);
  if (anvil === undefined) throw new Error("Anvil is not installed");
  const call = caller(anvil.url);
  await call("anvil_setCoinbase", COINBASE);
  const vectors: Vector[] = [];
  for (const question of questions) vectors.push(await answer(call, question));
  await anvil.stop();
  return vectors;
}

useCrypto(await createNativeCrypto());
const bench = new Bench();
try {
  const questions = [...transactionQuestions(), ...precompileQuestions()];
  const vectors: Vector[] = [];
  for (const fork of ["cancun", "prague", "osaka"] as const) {
    vectors.push(
      ...(await answerAll(
        bench,
        fork,
        questions.filter((question) => question.fork === fork),
      )),
    );
  }
  vectors.sort((a, b) => a.eip - b.eip);
  writeFileSync(FILE, `[\n${vectors.map((vector) => JSON.stringify(vector)).join(",\n")}\n]\n`);
  for (const eip of new Set(vectors.map((vector) => vector.eip))) {
    console.log(`EIP-${eip}: ${vectors.filter((vector) => vector.eip === eip).length} vectors`);
  }
} finally {
  await bench.end();
}
