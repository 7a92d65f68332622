/** Placeholder until the precompiles are here: those of the library. */
import { createCustomCommon, Mainnet } from "@ethereumjs/common";
import { getActivePrecompiles, NobleBLS, NobleBN254, paramsEVM } from "@ethereumjs/evm";
import type { Hex } from "../../base/bytes.ts";
import type { Fork } from "../fork.ts";
import { verifyPointEvaluation } from "../point-evaluation.ts";
import type { Precompile } from "./types.ts";

const NAMES: Record<string, string> = { frontier: "chainstart", tangerine: "tangerineWhistle", spurious: "spuriousDragon" };

export function precompilesOf(fork: Fork): ReadonlyMap<Hex, Precompile> {
  const common = createCustomCommon({ chainId: 1 }, Mainnet, { hardfork: (NAMES[fork] ?? fork) as never, customCrypto: { kzg: { verifyProof: (a: any, b: any, c: any, d: any) => verifyPointEvaluation(a, b, c, d) } as never } });
  common.updateParams(paramsEVM as never);
  const map = new Map<Hex, Precompile>();
  const evm = { _bls: new NobleBLS(), _bn254: new NobleBN254(), common };
  for (const [key, fn] of getActivePrecompiles(common)) {
    let last: any;
    const call = (data: Uint8Array): any => {
      const r: any = (fn as any)({ data, gasLimit: 10n ** 9n, common, _EVM: evm, stateManager: undefined });
      return r;
    };
    map.set(`0x${key}`, {
      gas(input) {
        last = call(input);
        if (last.exceptionError?.error === "out of gas") return Number.POSITIVE_INFINITY;
        return last.exceptionError === undefined ? Number(last.executionGasUsed) : 0;
      },
      run: () => (last.exceptionError === undefined ? last.returnValue : undefined),
    });
  }
  return map;
}
