/**
 * The KZG proof check behind the point evaluation precompile at 0x0a. Source: EIP-4844, `verify_kzg_proof`.
 * The chain takes no blobs, but the precompile is part of its rules, and a contract may call it.
 */

import { bls12_381 } from "@noble/curves/bls12-381.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bigIntToFixedBytes, compareBytes, concatBytes, equalBytes, type Hex, hexToBytes } from "../../base/bytes.ts";
import type { Bls12 } from "../../crypto/curves.ts";
import { bls12381 } from "./bls12-381.ts";
import { PORTABLE_BLS12_381 } from "./portable-bls12-381.ts";
import { assertInvalidInput } from "./steps.ts";
import type { Precompile } from "./types.ts";

const GROUP_ORDER = bls12_381.fields.Fr.ORDER;
const GROUP_ORDER_BYTES = bigIntToFixedBytes(GROUP_ORDER, 32);

/** τ·G2 of the KZG ceremony: the one point of its trusted setup that checking a proof needs. */
const TAU_G2: Hex =
  "0xb5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2";

/** Points that are the same in every check; those of the second group as the Miller loop needs them. */
function knownPoints<P, Q, Prepared>({ first, second, prepare }: Bls12<P, Q, Prepared>) {
  const { Point } = bls12_381.G2;
  const toSecond = (point: typeof Point.BASE) => prepare(second.fromAffine(PORTABLE_BLS12_381.second.toAffine(point)));
  return {
    minusG1: first.fromAffine(PORTABLE_BLS12_381.first.toAffine(bls12_381.G1.Point.BASE.negate())),
    minusG2: toSecond(Point.BASE.negate()),
    tauG2: toSecond(Point.fromBytes(hexToBytes(TAU_G2))),
  };
}

const known = new WeakMap<Bls12, ReturnType<typeof knownPoints>>();

function knownPointsOf(curve: Bls12): ReturnType<typeof knownPoints> {
  const points = known.get(curve) ?? knownPoints(curve);
  known.set(curve, points);
  return points;
}

/**
 * Whether `proof` shows that the polynomial committed to by `commitment` has value `y` at `z`:
 * e(C − y·G1, −G2) · e(π, τ·G2 − z·G2) = 1, which is e(C − y·G1 + z·π, −G2) · e(π, τ·G2) = 1 with known points of G2.
 * Malformed points and field elements prove nothing.
 * @param commitment 48 bytes, as `proof`; `z` and `y`: 32 bytes
 */
export function verifyPointEvaluation(
  commitment: Uint8Array,
  z: Uint8Array,
  y: Uint8Array,
  proof: Uint8Array,
): boolean {
  if ([z, y].some((scalar) => compareBytes(scalar, GROUP_ORDER_BYTES) >= 0)) return false;
  const curve = bls12381();
  const { first } = curve;
  const { minusG1, minusG2, tauG2 } = knownPointsOf(curve);
  try {
    const [constant, opening] = [curve.decompress(commitment), curve.decompress(proof)];
    const value = first.add(constant, first.sumOfProducts([opening, minusG1], [z, y]));
    const pairs = [[value, minusG2] as const, [opening, tauG2] as const].filter(([point]) => !first.isZero(point));
    // A pairing of a zero point is one.
    return pairs.length === 0 || curve.isOne(curve.millerLoop(pairs));
  } catch (error) {
    assertInvalidInput(error);
    return false;
  }
}

/** What the precompile takes: versioned hash (32 bytes), z (32), y (32), commitment (48), proof (48). */
const INPUT_BYTES = 192;
const VERSION_KZG = 1;
const FIELD_ELEMENTS_PER_BLOB = 4_096n;
const OUTPUT = concatBytes(bigIntToFixedBytes(FIELD_ELEMENTS_PER_BLOB, 32), GROUP_ORDER_BYTES);

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
