/** The precompiles of a fork, for now those of the library. */

import { createCustomCommon, Mainnet } from "@ethereumjs/common";
import {
  type EVMInterface,
  type ExecResult,
  getActivePrecompiles,
  NobleBLS,
  NobleBN254,
  paramsEVM,
} from "@ethereumjs/evm";
import { sha256 } from "@noble/hashes/sha2.js";
import { bigIntToFixedBytes, bytesToHex, concatBytes, equalBytes, type Hex } from "../../base/bytes.ts";
import { blake2f, blake2fRounds, isBlake2fInput } from "../blake2f.ts";
import type { Fork } from "../fork.ts";
import { checkBn254Pairing } from "../pairings.ts";
import { verifyPointEvaluation } from "../point-evaluation.ts";
import { BLS12_381_PRECOMPILES, finish } from "./bls12-381.ts";
import type { Precompile } from "./types.ts";

const LIBRARY_NAMES: Readonly<Partial<Record<Fork, string>>> = {
  frontier: "chainstart",
  tangerine: "tangerineWhistle",
  spurious: "spuriousDragon",
};
const GAS_MAX = 10n ** 9n;
const POINT_EVALUATION: Hex = `0x${"a".padStart(40, "0")}`;
const BN254_PAIRING: Hex = `0x${"8".padStart(40, "0")}`;
const BLAKE2F: Hex = `0x${"9".padStart(40, "0")}`;
const BN254_PAIR_BYTES = 192;

function* compressInSteps(input: Uint8Array): Generator<void, Uint8Array | undefined> {
  return isBlake2fInput(input) ? yield* blake2f(input) : undefined;
}

/** EIP-152: a gas for each round. */
const BLAKE2F_IN_STEPS: Precompile = {
  gas: (input) => (isBlake2fInput(input) ? blake2fRounds(input) : 0),
  steps: compressInSteps,
  run: (input) => finish(compressInSteps(input)),
};

function* pairInSteps(input: Uint8Array): Generator<void, Uint8Array | undefined> {
  if (input.length % BN254_PAIR_BYTES !== 0) return undefined;
  const output = new Uint8Array(32);
  try {
    output[31] = (yield* checkBn254Pairing(input)) ? 1 : 0;
  } catch {
    return undefined;
  }
  return output;
}

const FIELD_ELEMENTS = 4_096n;
const MODULUS = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;

function evaluatePoint(input: Uint8Array): Uint8Array | undefined {
  if (input.length !== 192) return undefined;
  const [z, y] = [input.subarray(32, 64), input.subarray(64, 96)].map(bytesToHex) as [Hex, Hex];
  const commitment = input.subarray(96, 144);
  const versionedHash = sha256(commitment);
  versionedHash[0] = 1;
  if (!equalBytes(versionedHash, input.subarray(0, 32))) return undefined;
  if (!verifyPointEvaluation(bytesToHex(commitment), z, y, bytesToHex(input.subarray(144)))) return undefined;
  return concatBytes(bigIntToFixedBytes(FIELD_ELEMENTS, 32), bigIntToFixedBytes(MODULUS, 32));
}

export function precompilesOf(fork: Fork): ReadonlyMap<Hex, Precompile> {
  const hardfork = LIBRARY_NAMES[fork] ?? fork;
  const common = createCustomCommon({ chainId: 1 }, Mainnet, { hardfork });
  common.updateParams(paramsEVM);
  const evm = { _bls: new NobleBLS(), _bn254: new NobleBN254(), common } as unknown as EVMInterface;
  const precompiles = new Map<Hex, Precompile>();
  for (const [key, work] of getActivePrecompiles(common)) {
    const call = (data: Uint8Array) => work({ data, gasLimit: GAS_MAX, common, _EVM: evm }) as ExecResult;
    precompiles.set(`0x${key}`, {
      gas(input) {
        const { exceptionError, executionGasUsed } = call(input);
        if (exceptionError === undefined) return Number(executionGasUsed);
        return exceptionError.error === "out of gas" ? Number.POSITIVE_INFINITY : 0;
      },
      run(input) {
        const { exceptionError, returnValue } = call(input);
        return exceptionError === undefined ? returnValue : undefined;
      },
    });
  }
  const replaced = [...BLS12_381_PRECOMPILES, [BLAKE2F, BLAKE2F_IN_STEPS] as const];
  for (const [address, each] of replaced) if (precompiles.has(address)) precompiles.set(address, each);
  const bn254Pairing = precompiles.get(BN254_PAIRING);
  if (bn254Pairing !== undefined) precompiles.set(BN254_PAIRING, { ...bn254Pairing, steps: pairInSteps });
  if (precompiles.has(POINT_EVALUATION)) precompiles.set(POINT_EVALUATION, { gas: () => 50_000, run: evaluatePoint });
  return precompiles;
}
