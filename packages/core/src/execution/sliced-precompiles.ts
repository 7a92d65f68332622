/**
 * The precompiles whose work one transaction can stretch to seconds, in steps with pauses between them. What they
 * charge and refuse stays the library's: only its cryptography is taken out.
 */

import type { Common } from "@ethereumjs/common";
import {
  EVMError,
  type EVMInterface,
  type ExecResult,
  getActivePrecompiles,
  NobleBLS,
  type PrecompileFunc,
} from "@ethereumjs/evm";
import { concatBytes, type Hex } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { blake2f, blake2fRounds, isBlake2fInput } from "./blake2f.ts";
import { checkBls12Pairing, checkBn254Pairing } from "./pairings.ts";

type Pause = () => Promise<void>;
type Work = (input: Uint8Array) => Generator<void, Uint8Array>;

const bls = new NobleBLS();
const word = (value: boolean): Uint8Array => Uint8Array.from({ length: 32 }, (_, at) => (at === 31 && value ? 1 : 0));

/** A millisecond or two each. */
const PRODUCTS_PER_STEP = 4;

interface Group {
  readonly pairBytes: number;
  readonly pointBytes: number;
  multiply(input: Uint8Array): Uint8Array;
  add(input: Uint8Array): Uint8Array;
}

const G1: Group = { pairBytes: 160, pointBytes: 128, multiply: bls.msmG1, add: bls.addG1 };
const G2: Group = { pairBytes: 288, pointBytes: 256, multiply: bls.msmG2, add: bls.addG2 };

/** A sum of products as the sum of the sums of a few (EIP-2537). */
const sumOfProducts = ({ pairBytes, pointBytes, multiply, add }: Group): Work =>
  function* (input) {
    const stepBytes = PRODUCTS_PER_STEP * pairBytes;
    let sum = new Uint8Array(pointBytes);
    for (let offset = 0; offset < input.length; offset += stepBytes) {
      sum = add(concatBytes(sum, multiply(input.subarray(offset, offset + stepBytes)))).slice();
      yield;
    }
    return sum;
  };

/** Where the library's precompile finds its cryptography, and what does the same in steps. */
interface Hook {
  readonly library: "_bls" | "_bn254";
  readonly method: "msmG1" | "msmG2" | "pairingCheck" | "pairing";
  readonly work: Work;
}

const pairing = (check: (input: Uint8Array) => Generator<void, boolean>): Work =>
  function* (input) {
    return word(yield* check(input));
  };

const HOOKS: Readonly<Record<string, Hook>> = {
  "08": { library: "_bn254", method: "pairing", work: pairing(checkBn254Pairing) },
  "0c": { library: "_bls", method: "msmG1", work: sumOfProducts(G1) },
  "0e": { library: "_bls", method: "msmG2", work: sumOfProducts(G2) },
  "0f": { library: "_bls", method: "pairingCheck", work: pairing(checkBls12Pairing) },
};

/** The result of the work; undefined when the input is none for it. What `pause` throws ends it. */
async function run(work: Generator<void, Uint8Array>, pause: Pause): Promise<Uint8Array | undefined> {
  for (;;) {
    const step = next(work);
    if (step === undefined) return undefined;
    if (step.done === true) return step.value;
    await pause();
  }
}

function next(work: Generator<void, Uint8Array>): IteratorResult<void, Uint8Array> | undefined {
  try {
    return work.next();
  } catch {
    return undefined;
  }
}

/** All gas is gone, as for whatever fails in a precompile. */
function failed(gasLimit: bigint, reason: keyof typeof EVMError.errorMessages): ExecResult {
  const exceptionError = new EVMError(EVMError.errorMessages[reason]);
  return { returnValue: new Uint8Array(0), executionGasUsed: gasLimit, exceptionError };
}

/** Where the library's precompile comes to its cryptography, it has checked and charged: only the result is left to put in. */
const sliced =
  ({ library, method, work }: Hook, original: PrecompileFunc, pause: Pause): PrecompileFunc =>
  async (input) => {
    let wanted: Uint8Array | undefined;
    const cryptography = (data: Uint8Array): Uint8Array => {
      wanted = data;
      return word(false);
    };
    const answer = await original({
      ...input,
      _EVM: { [library]: { [method]: cryptography } } as unknown as EVMInterface,
    });
    if (wanted === undefined) return answer;
    const returnValue = await run(work(wanted), pause);
    if (returnValue === undefined) return failed(input.gasLimit, "BLS_12_381_POINT_NOT_ON_CURVE");
    return { ...answer, returnValue };
  };

/** EIP-152: a gas for each round. */
const slicedBlake2f =
  (pause: Pause): PrecompileFunc =>
  async ({ data, gasLimit }) => {
    if (!isBlake2fInput(data)) return failed(gasLimit, "OUT_OF_RANGE");
    const executionGasUsed = BigInt(blake2fRounds(data));
    if (gasLimit < executionGasUsed) return failed(gasLimit, "OUT_OF_GAS");
    const returnValue = await run(blake2f(data), pause);
    assert(returnValue !== undefined, "BLAKE2b failed on what it accepts");
    return { executionGasUsed, returnValue };
  };

export interface SlicedPrecompile {
  readonly address: Hex;
  readonly function: PrecompileFunc;
}

/** @param pause awaited between steps of a few milliseconds */
export function slicedPrecompiles(common: Common, pause: Pause): SlicedPrecompile[] {
  const originals = getActivePrecompiles(common);
  const replaced = (number: string, by: (original: PrecompileFunc) => PrecompileFunc): SlicedPrecompile => {
    const key = number.padStart(40, "0");
    const original = originals.get(key);
    assert(original !== undefined, `the library has no precompile at 0x${number}`);
    return { address: `0x${key}`, function: by(original) };
  };
  const hooked = Object.entries(HOOKS).map(([number, hook]) =>
    replaced(number, (original) => sliced(hook, original, pause)),
  );
  return [...hooked, replaced("09", () => slicedBlake2f(pause))];
}
