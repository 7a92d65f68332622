/** The precompiles of EthereumJS, to compare with. */

import { createCustomCommon, type Hardfork, Mainnet } from "@ethereumjs/common";
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

const GAS_MAX = 2n ** 60n;

export interface LibraryResult {
  /** Undefined where the library does not say, because the input is invalid. */
  readonly gas: bigint | undefined;
  readonly output: Uint8Array | undefined;
}

/** Runs the library's precompile at an address. */
export function libraryPrecompile(fork: Fork, address: Hex): (data: Uint8Array) => Promise<LibraryResult> {
  const common = createCustomCommon({ chainId: 1 }, Mainnet, { hardfork: fork as Hardfork });
  common.updateParams(paramsEVM);
  const evm = { _bls: new NobleBLS(), _bn254: new NobleBN254(), common } as unknown as EVMInterface;
  const work = getActivePrecompiles(common).get(address.slice(2));
  if (work === undefined) throw new Error(`the library has no precompile ${address} in ${fork}`);
  return async (data) => {
    const { exceptionError, executionGasUsed, returnValue } = (await work({
      data,
      gasLimit: GAS_MAX,
      common,
      _EVM: evm,
    })) as ExecResult;
    return exceptionError === undefined
      ? { gas: executionGasUsed, output: returnValue }
      : { gas: undefined, output: undefined };
  };
}
