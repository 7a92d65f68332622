/**
 * What the interpreters do in a second: the same loops as calls over JSON-RPC of the nodes that there are, and in this
 * process as calls of the executors alone. Gas is that of the call, so that everybody is counted by the same.
 */

import { writeFileSync } from "node:fs";
import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { ZERO_ADDRESS, ZERO_HASH } from "@counterpart/core/chain/header";
import { keccak256Hex, useCrypto } from "@counterpart/core/crypto/crypto";
import { createExecutor } from "@counterpart/core/execution/executor";
import type { BlockContext, Executor } from "@counterpart/core/execution/types";
import { encodeFunctionData, parseAbi, toHex } from "viem";
import { compileRuntime } from "../conformance/network/solidity.ts";
import { createLibraryExecutor } from "../packages/core/src/execution/library-executor.test-support.ts";
import { createMemoryState } from "../packages/core/src/execution/memory-state.test-support.ts";
import { createNativeCrypto } from "../packages/node/src/crypto/native.ts";
import { type RichAccount, setState } from "./hardhat.ts";
import { postJson } from "./http.ts";
import type { Bench } from "./processes.ts";
import type { Figures, Scenario } from "./scenarios.ts";
import { median } from "./statistics.ts";

const CHAIN_ID = 4_242;
const CODE_AT: Hex = "0x0000000000000000000000000000000000001009";
const FROM: Hex = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const CALL_GAS = 16_000_000;
/** As much as `CALL_GAS` has room for. */
const ROUNDS = { compute: 60_000, keccak: 110_000, storage: 24_000 };
const CALLS = 15;
const WARM_UP = 3;
const LIBRARY_CALLS = 3;

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;
contract Loops {
    mapping(uint256 => uint256) slots;
    function compute(uint256 rounds) external pure returns (uint256 x) {
        for (uint256 i = 0; i < rounds; i++) x = (x ^ (i * 31 + 7)) & 0xffffffffffff;
    }
    function keccak(uint256 rounds) external pure returns (bytes32 x) {
        for (uint256 i = 0; i < rounds; i++) {
            assembly { mstore(0, x) mstore(32, i) x := keccak256(0, 64) }
        }
    }
    function storage_(uint256 rounds) external returns (uint256 x) {
        for (uint256 i = 0; i < rounds; i++) { x += slots[i & 63]; slots[i & 63] = i + 1; }
    }
}`;
const ABI = parseAbi([
  "function compute(uint256 rounds) pure returns (uint256)",
  "function keccak(uint256 rounds) pure returns (bytes32)",
  "function storage_(uint256 rounds) returns (uint256)",
]);

interface Loop {
  readonly name: keyof typeof ROUNDS;
  readonly data: Hex;
  readonly gas: number;
  readonly output: Hex;
}

const CONTEXT: BlockContext = {
  number: 1,
  timestamp: 1_767_225_601,
  coinbase: ZERO_ADDRESS,
  gasLimit: 60_000_000,
  baseFeePerGas: 0n,
  prevRandao: ZERO_HASH,
  parentHash: ZERO_HASH,
  parentBeaconBlockRoot: ZERO_HASH,
  blockHash: () => undefined,
};

function stateWith(code: Uint8Array) {
  const state = createMemoryState();
  const codeHash = keccak256Hex(code);
  const accounts = new Map([[CODE_AT, { nonce: 1n, balance: 0n, codeHash }]]);
  state.apply({ accounts, storage: new Map(), codes: new Map([[codeHash, code]]) });
  return state;
}

const dataOf = (name: keyof typeof ROUNDS): Hex =>
  encodeFunctionData({
    abi: ABI,
    functionName: name === "storage" ? "storage_" : name,
    args: [BigInt(ROUNDS[name])],
  });

type Calling = (loop: Pick<Loop, "data">) => Promise<{ readonly output: Hex; readonly gas?: number }>;

function inProcess(executor: Executor, code: Uint8Array): Calling {
  const state = stateWith(code);
  return async ({ data }) => {
    const message = { from: FROM, to: CODE_AT, data: hexToBytes(data), value: 0n, gasLimit: CALL_GAS };
    const { status, output, gasUsed } = await executor.call(CONTEXT, message, state);
    if (status !== "success") throw new Error(`the loop ended as ${status}`);
    return { output: toHex(output), gas: gasUsed };
  };
}

const overRpc =
  (url: string): Calling =>
  async ({ data }) => {
    const params = [{ from: FROM, to: CODE_AT, data, gas: toHex(CALL_GAS) }, "latest"];
    const { result, error } = await postJson(url, { jsonrpc: "2.0", id: 1, method: "eth_call", params });
    if (typeof result !== "string") throw new Error(JSON.stringify(error));
    return { output: result as Hex };
  };

/** Million gas a second, the median of several calls. */
async function speedOf(call: Calling, loop: Loop, calls: number): Promise<number> {
  const speeds: number[] = [];
  for (let n = -WARM_UP; n < calls; n++) {
    const start = performance.now();
    const { output } = await call(loop);
    const seconds = (performance.now() - start) / 1_000;
    if (output !== loop.output) throw new Error(`${loop.name} gives ${output}, not ${loop.output}`);
    if (n >= 0) speeds.push(loop.gas / 1e6 / seconds);
  }
  return median(speeds);
}

interface Contestant {
  readonly name: string;
  readonly call: Calling;
  readonly calls: number;
}

async function nodesOf(bench: Bench, code: Hex): Promise<Contestant[]> {
  const alloc: Record<string, RichAccount> = { [CODE_AT]: { balance: "0x1", code } };
  const write = (genesis: object): string => {
    const path = `${bench.folder()}.json`;
    writeFileSync(path, JSON.stringify(genesis));
    return path;
  };
  const seconds = 1_767_225_600;
  const own = write({ chainId: CHAIN_ID, consensus: "poa", timestamp: seconds, gasLimit: 60_000_000, alloc });
  const geth = { config: { chainId: CHAIN_ID }, difficulty: "0x0", timestamp: toHex(seconds), gasLimit: "0x3938700" };
  const node = await bench.node({ flags: ["--genesis", own] });
  const anvil = await bench.anvil(["--chain-id", String(CHAIN_ID), "--init", write({ ...geth, alloc })]);
  const hardhat = await bench.hardhat(CHAIN_ID, 60_000_000);
  if (hardhat !== undefined) await setState(hardhat.url, alloc);
  const others = { Anvil: anvil?.url, "Hardhat's node": hardhat?.url };
  const named = Object.entries({ "over JSON-RPC": new URL(node.api).origin, ...others });
  return named.flatMap(([name, url]) => (url === undefined ? [] : [{ name, call: overRpc(url), calls: CALLS }]));
}

export const loops: Scenario = async (bench) => {
  useCrypto(await createNativeCrypto());
  const code = compileRuntime("Loops", SOURCE);
  const ours = inProcess(createExecutor({ chainId: CHAIN_ID }), hexToBytes(code));
  const library = inProcess(createLibraryExecutor({ chainId: CHAIN_ID }), hexToBytes(code));
  const contestants: Contestant[] = [
    { name: "in process", call: ours, calls: CALLS },
    { name: "@ethereumjs/evm in process", call: library, calls: LIBRARY_CALLS },
    ...(await nodesOf(bench, code)),
  ];
  const measured: Loop[] = [];
  for (const name of Object.keys(ROUNDS) as (keyof typeof ROUNDS)[]) {
    const { output, gas = 0 } = await ours({ data: dataOf(name) });
    measured.push({ name, data: dataOf(name), gas, output });
  }
  const figures: Record<string, number> = {};
  // One after the other: a node closes connections that wait for their turn.
  for (const { name: who, call, calls } of contestants) {
    for (const loop of measured) figures[`${loop.name}, ${who}: Mgas/s`] = await speedOf(call, loop, calls);
  }
  return figures satisfies Figures;
};
