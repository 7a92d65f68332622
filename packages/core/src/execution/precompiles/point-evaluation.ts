/**
 * The KZG proof check behind the point evaluation precompile at 0x0a. Source: EIP-4844, `verify_kzg_proof`.
 * The chain takes no blobs, but the precompile is part of its rules, and a contract may call it.
 */

import { bls12_381 } from "@noble/curves/bls12-381.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bigIntToFixedBytes, bytesToBigInt, concatBytes, equalBytes, hexToBytes } from "../../base/bytes.ts";
import type { Precompile } from "./types.ts";

const G1 = bls12_381.G1.Point;
const G2 = bls12_381.G2.Point;
type G1Point = typeof G1.BASE;
type G2Point = typeof G2.BASE;

const { Fr, Fp12 } = bls12_381.fields;

/** τ·G2 of the KZG ceremony: the one point of its trusted setup that checking a proof needs. */
const TAU_G2 = G2.fromBytes(
  hexToBytes(
    "0xb5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2",
  ),
);

function readPoint(bytes: Uint8Array): G1Point {
  const point = G1.fromBytes(bytes);
  if (!point.is0()) point.assertValidity();
  return point;
}

function readScalar(bytes: Uint8Array): bigint {
  const value = bytesToBigInt(bytes);
  if (value >= Fr.ORDER) throw new RangeError("not a canonical field element");
  return value;
}

const times = (point: G2Point, factor: bigint): G2Point => (factor === 0n ? G2.ZERO : point.multiply(factor));
const timesG1 = (factor: bigint): G1Point => (factor === 0n ? G1.ZERO : G1.BASE.multiply(factor));

/** Product of pairings; a pair that holds a zero point is one, which the library leaves to its caller. */
function pairingProductIsOne(pairs: readonly { readonly g1: G1Point; readonly g2: G2Point }[]): boolean {
  const nonzero = pairs.filter(({ g1, g2 }) => !g1.is0() && !g2.is0());
  return nonzero.length === 0 || Fp12.eql(bls12_381.pairingBatch(nonzero), Fp12.ONE);
}

/**
 * Whether `proof` shows that the polynomial committed to by `commitment` has value `y` at `z`:
 * e(C − y·G1, −G2) · e(π, τ·G2 − z·G2) = 1. Malformed points and field elements prove nothing.
 * @param commitment 48 bytes, as `proof`; `z` and `y`: 32 bytes
 */
export function verifyPointEvaluation(
  commitment: Uint8Array,
  z: Uint8Array,
  y: Uint8Array,
  proof: Uint8Array,
): boolean {
  try {
    const difference = readPoint(commitment).subtract(timesG1(readScalar(y)));
    const divisor = TAU_G2.subtract(times(G2.BASE, readScalar(z)));
    return pairingProductIsOne([
      { g1: difference, g2: G2.BASE.negate() },
      { g1: readPoint(proof), g2: divisor },
    ]);
  } catch {
    return false;
  }
}

/** What the precompile takes: versioned hash (32 bytes), z (32), y (32), commitment (48), proof (48). */
const INPUT_BYTES = 192;
const VERSION_KZG = 1;
const FIELD_ELEMENTS_PER_BLOB = 4_096n;
const OUTPUT = concatBytes(bigIntToFixedBytes(FIELD_ELEMENTS_PER_BLOB, 32), bigIntToFixedBytes(Fr.ORDER, 32));

function versionedHash(commitment: Uint8Array): Uint8Array {
  const hash = sha256(commitment);
  hash[0] = VERSION_KZG;
  return hash;
}

export const POINT_EVALUATION: Precompile = {
  gas: () => 50_000,
  run(input) {
    if (input.length !== INPUT_BYTES) return undefined;
    const [z, y, commitment, proof] = [
      input.subarray(32, 64),
      input.subarray(64, 96),
      input.subarray(96, 144),
      input.subarray(144),
    ];
    if (!equalBytes(versionedHash(commitment), input.subarray(0, 32))) return undefined;
    return verifyPointEvaluation(commitment, z, y, proof) ? OUTPUT.slice() : undefined;
  },
};
