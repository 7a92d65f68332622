/**
 * The KZG proof check behind the point evaluation precompile at 0x0a. Source: EIP-4844, `verify_kzg_proof`.
 * The chain takes no blobs, but the precompile is part of its rules, and a contract may call it.
 */

import { bls12_381 } from "@noble/curves/bls12-381.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bigIntToFixedBytes, bytesToBigInt, concatBytes, equalBytes, hexToBytes } from "../../base/bytes.ts";
import { type G1Point, sumOfProductsInG1 } from "./bls12-381-groups.ts";
import type { Precompile } from "./types.ts";

const G1 = bls12_381.G1.Point;
const G2 = bls12_381.G2.Point;

const { Fr, Fp12 } = bls12_381.fields;

/** τ·G2 of the KZG ceremony: the one point of its trusted setup that checking a proof needs. */
const TAU_G2 = G2.fromBytes(
  hexToBytes(
    "0xb5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2",
  ),
);

function readScalar(bytes: Uint8Array): bigint {
  const value = bytesToBigInt(bytes);
  if (value >= Fr.ORDER) throw new RangeError("not a canonical field element");
  return value;
}

type Lines = ReturnType<typeof bls12_381.utils.calcPairingPrecomputes>;

let known: { readonly minusOne: Lines; readonly tau: Lines } | undefined;

/** What the Miller loop needs of −G2 and τ·G2, the same in every check. */
function knownLines() {
  const { calcPairingPrecomputes } = bls12_381.utils;
  known ??= { minusOne: calcPairingPrecomputes(G2.BASE.negate()), tau: calcPairingPrecomputes(TAU_G2) };
  return known;
}

/** e(a, −G2) · e(b, τ·G2) = 1; a pairing of a zero point is one. */
function pairingsCancelOut(a: G1Point, b: G1Point): boolean {
  const { minusOne, tau } = knownLines();
  const pairs = [{ point: a, lines: minusOne } as const, { point: b, lines: tau } as const]
    .filter(({ point }) => !point.is0())
    .map(({ point, lines }): [Lines, bigint, bigint] => {
      const { x, y } = point.toAffine();
      return [lines, x, y];
    });
  return pairs.length === 0 || Fp12.eql(Fp12.finalExponentiate(bls12_381.millerLoopBatch(pairs)), Fp12.ONE);
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
  try {
    // The library reads points of the subgroup alone.
    const [constant, opening] = [G1.fromBytes(commitment), G1.fromBytes(proof)];
    const products = sumOfProductsInG1([opening, G1.BASE.negate()], [readScalar(z), readScalar(y)]);
    return pairingsCancelOut(constant.add(products), opening);
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
