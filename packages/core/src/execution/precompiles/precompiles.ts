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
import type { Fork } from "../fork.ts";
import { verifyPointEvaluation } from "../point-evaluation.ts";
import type { Precompile } from "./types.ts";

const LIBRARY_NAMES: Readonly<Partial<Record<Fork, string>>> = {
  frontier: "chainstart",
  tangerine: "tangerineWhistle",
  spurious: "spuriousDragon",
};
const GAS_MAX = 10n ** 9n;
const POINT_EVALUATION: Hex = `0x${"a".padStart(40, "0")}`;
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
  if (precompiles.has(POINT_EVALUATION)) precompiles.set(POINT_EVALUATION, { gas: () => 50_000, run: evaluatePoint });
  return precompiles;
}
