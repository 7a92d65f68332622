/** Inputs of the point evaluation precompile (EIP-4844) that hold and none of whose points is zero. */

import { bls12_381 } from "@noble/curves/bls12-381.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bigIntToFixedBytes, concatBytes } from "../../base/bytes.ts";

/** τ·G1 of the KZG ceremony, the second point of its trusted setup. */
const TAU_G1 = "ad3eb50121139aa34db1d545093ac9374ab7bca2c0f3bf28e27c8dcd8fc7cb42d25926fc0c97b336e9f0fb35e5a04c81";

export interface Opening {
  /** 48 bytes each. */
  readonly commitment: Uint8Array;
  readonly proof: Uint8Array;
  /** What the precompile takes. */
  readonly input: Uint8Array;
}

/** p(x) = value + slope · (x − z), opened at z: its proof is slope·G1. All three are above zero and below the order of the group. */
export function linearOpening(value: bigint, slope: bigint, z: bigint): Opening {
  const { Point } = bls12_381.G1;
  const rise = Point.fromHex(TAU_G1).subtract(Point.BASE.multiply(z)).multiply(slope);
  const commitment = rise.add(Point.BASE.multiply(value)).toBytes();
  const proof = Point.BASE.multiply(slope).toBytes();
  const hash = sha256(commitment);
  hash[0] = 1;
  const scalars = [z, value].map((scalar) => bigIntToFixedBytes(scalar, 32));
  return { commitment, proof, input: concatBytes(hash, ...scalars, commitment, proof) };
}
