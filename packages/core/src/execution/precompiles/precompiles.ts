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
import type { Hex } from "../../base/bytes.ts";
import type { Fork } from "../fork.ts";
import { verifyPointEvaluation } from "../point-evaluation.ts";
import type { Precompile } from "./types.ts";

const LIBRARY_NAMES: Readonly<Partial<Record<Fork, string>>> = {
  frontier: "chainstart",
  tangerine: "tangerineWhistle",
  spurious: "spuriousDragon",
};
const GAS_MAX = 10n ** 9n;
const customCrypto = {
  kzg: {
    verifyProof: (commitment: string, z: string, y: string, proof: string) =>
      verifyPointEvaluation(commitment as Hex, z as Hex, y as Hex, proof as Hex),
  } as never,
};

export function precompilesOf(fork: Fork): ReadonlyMap<Hex, Precompile> {
  const hardfork = LIBRARY_NAMES[fork] ?? fork;
  const common = createCustomCommon({ chainId: 1 }, Mainnet, { hardfork, customCrypto });
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
  return precompiles;
}
