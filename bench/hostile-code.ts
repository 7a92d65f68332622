/**
 * What a million gas can cost a node at worst: contracts of 24 KiB, each of one thing after the other, run on the
 * execution engine in this process. Time is processor time, so that other work on the machine does not show. Then thousands
 * of different such contracts, after which as much memory must be resident as after the first of them.
 */

import { bigIntToFixedBytes, bytesToHex, concatBytes, type Hex } from "@counterpart/core/base/bytes";
import { EMPTY_CODE_HASH, ZERO_HASH } from "@counterpart/core/chain/header";
import { calldataFloorGas, intrinsicGas } from "@counterpart/core/chain/intrinsic-gas";
import type { Account } from "@counterpart/core/chain/types";
import { keccak256Hex, useCrypto } from "@counterpart/core/crypto/crypto";
import { createExecutor, type EvmExecutor } from "@counterpart/core/execution/executor";
import type { BlockContext, StateReader } from "@counterpart/core/execution/types";
import { createNativeCrypto } from "../packages/node/src/crypto/native.ts";
import { CODE_SIZE, type HostileProgram, hostilePrograms } from "./hostile-programs.ts";
import type { Figures, Scenario } from "./scenarios.ts";
import { median } from "./statistics.ts";

const GAS = 30_000_000;
/** Of the gas, run beforehand so that the interpreter is compiled. */
const WARM_UP = 0.1;
const CONTRACT: Hex = `0x${"c0".repeat(20)}`;
const CALLER: Hex = `0x${"aa".repeat(20)}`;
/** Each of them runs for so much gas. */
const CONTRACT_GAS = 200_000;
const CONTRACTS = 4_000;
const SAMPLES = 8;

const CONTEXT: BlockContext = {
  number: 300,
  timestamp: 1_800_000_000,
  coinbase: `0x${"cb".repeat(20)}`,
  gasLimit: GAS,
  baseFeePerGas: 7n,
  prevRandao: ZERO_HASH,
  parentHash: ZERO_HASH,
  parentBeaconBlockRoot: ZERO_HASH,
  blockHash: () => ZERO_HASH,
};

/** Jumps once, so that all of it is looked at; the rest is the contract's number and JUMPDEST. */
function otherCode(index: number): Uint8Array {
  const code = new Uint8Array(CODE_SIZE).fill(0x5b);
  code.set([0x60, 0x08, 0x56, 0x00, ...bigIntToFixedBytes(BigInt(index), 4), 0x5b, 0x00]);
  return code;
}

/** One contract with funds and this code, and others with code of their own; nobody else is there. */
function stateOf(code: Uint8Array, others = 0): StateReader {
  const codes = new Map([[EMPTY_CODE_HASH, new Uint8Array(0)] as const]);
  const add = (bytes: Uint8Array): Account => {
    const codeHash = keccak256Hex(bytes);
    codes.set(codeHash, bytes.slice());
    return { nonce: 1n, balance: 10n ** 24n, codeHash, storageRoot: ZERO_HASH };
  };
  const accounts = new Map<Hex, Account>([[CONTRACT, add(code)]]);
  for (let index = 0; index < others; index++) {
    accounts.set(bytesToHex(bigIntToFixedBytes(2n ** 100n + BigInt(index), 20)), add(otherCode(index)));
  }
  return {
    account: (address) => accounts.get(address),
    storage: () => 0n,
    code: (hash) => codes.get(hash) as Uint8Array,
  };
}

/** Runs so much gas, besides what the call costs before it begins. Gives the milliseconds for a million. */
async function run(executor: EvmExecutor, state: StateReader, data: Uint8Array, gas: number): Promise<number> {
  const message = { from: CALLER, to: CONTRACT, data, value: 0n };
  const intrinsic = intrinsicGas(message);
  const gasLimit = Math.max(Math.ceil(gas) + intrinsic, calldataFloorGas(message));
  const start = process.cpuUsage();
  const { gasUsed } = await executor.call(CONTEXT, { ...message, gasLimit }, state);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000 / ((gasUsed - intrinsic) / 1_000_000);
}

/** Milliseconds for a million gas. */
async function measure({ code, data, share, others }: HostileProgram, scale: number): Promise<number> {
  const state = stateOf(code, others);
  await run(createExecutor({ chainId: 1 }), state, data, GAS * share * WARM_UP);
  return run(createExecutor({ chainId: 1 }), state, data, GAS * share * scale);
}

const residentMiB = (): number => process.memoryUsage().rss / 2 ** 20;

/** Different contracts of all kinds, one after the other on one executor: resident memory early and late. */
async function memory(programs: readonly HostileProgram[], scale: number): Promise<Figures> {
  const executor = createExecutor({ chainId: 1 });
  const count = Math.ceil(CONTRACTS * scale);
  const cheap = programs.filter(({ share }) => share === 1);
  const samples: number[] = [];
  for (let index = 0; index < count; index++) {
    const { code, data } = cheap[index % cheap.length] as HostileProgram;
    const different = concatBytes(code.subarray(0, -4), bigIntToFixedBytes(BigInt(index), 4));
    await run(executor, stateOf(different), data, CONTRACT_GAS);
    if ((index + 1) % Math.ceil(count / SAMPLES) === 0) samples.push(residentMiB());
  }
  const half = samples.length / 2;
  return {
    [`MiB resident in the first half of ${count} contracts`]: median(samples.slice(0, half)),
    "MiB resident in the second half": median(samples.slice(half)),
  };
}

export const hostileCode: Scenario = async (_bench, scale) => {
  useCrypto(await createNativeCrypto());
  const programs = hostilePrograms();
  const figures: [string, number][] = [];
  for (const program of programs) figures.push([`ms/Mgas of ${program.name}`, await measure(program, scale)]);
  return { ...Object.fromEntries(figures.sort(([, a], [, b]) => b - a)), ...(await memory(programs, scale)) };
};
