/**
 * What a curve has to give before a node relies on it. The answers are known beforehand, as the portable twins would take
 * a fifth of a second for them with each start; a test shows that theirs are the same.
 */

import { bigIntToFixedBytes, concatBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import { type CryptoProvider, keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { Bls12, PairingCurve } from "@counterpart/core/crypto/curves";

const factor = (value: bigint): Uint8Array => bigIntToFixedBytes(value, 32);
const FACTORS = [factor(2n ** 250n + 12_345n), factor(2n ** 256n - 1n)];
const truth = (...values: readonly boolean[]): Uint8Array => Uint8Array.from(values, Number);

const BN254_ANSWERS = "0xa1b1fea686b22359f2570c34bd4131e77c4d1957562098e113c762d4bd1abf06";
const BLS12_381_ANSWERS = "0x997a1854b9b63b860597911dc74d76743874402251568b844e78b5a40b5365de";

/** The generators of EIP-197. */
const BN254_FIRST = concatBytes(factor(1n), factor(2n));
const BN254_SECOND = hexToBytes(
  "0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c212c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b",
);
const BN254_ORDER = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001n;
const BLS12_381_ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;

/** e(p, q) and e(−p, q) cancel out, and neither of them is one. */
function pairingAnswers<P, Q>(curve: PairingCurve<P, Q>, p: P, q: Q, order: bigint): Uint8Array {
  const { first, prepare, millerLoop, multiply, isOne, one } = curve;
  const minus = first.sumOfProducts([p], [factor(order - 1n)]);
  const [plain, inverse] = [millerLoop([[p, prepare(q)]]), millerLoop([[minus, prepare(q)]])];
  const both = millerLoop([p, minus].map((each) => [each, prepare(q)] as const));
  return truth(isOne(one), isOne(plain), isOne(inverse), isOne(multiply(plain, inverse)), isOne(both));
}

export function bn254Answers(curve: PairingCurve): Hex {
  const { first, second } = curve;
  const [p, q] = [first.fromAffine(BN254_FIRST), second.fromAffine(BN254_SECOND)];
  const double = first.add(p, p);
  return keccak256Hex(
    concatBytes(
      ...[double, ...FACTORS.map((each) => first.sumOfProducts([double], [each]))].map(first.toAffine),
      truth(second.isInSubgroup(q), second.isZero(q)),
      pairingAnswers(curve, double, q, BN254_ORDER),
    ),
  );
}

/** @throws when the curve gives other answers than the portable one */
export function checkBn254<C extends PairingCurve>(curve: C): C {
  assert(bn254Answers(curve) === BN254_ANSWERS, "it gives wrong points or pairings");
  return curve;
}

export function bls12381Answers(curve: Bls12): Hex {
  const { first, second } = curve;
  const [p, q] = [curve.mapToFirst(new Uint8Array(48).fill(7)), curve.mapToSecond(new Uint8Array(96).fill(9))];
  const [inFirst, inSecond] = [
    [p, first.add(p, p)],
    [q, second.add(q, q)],
  ] as const;
  return keccak256Hex(
    concatBytes(
      ...[...inFirst, first.sumOfProducts(inFirst, FACTORS)].map(first.toAffine),
      ...[...inSecond, second.sumOfProducts(inSecond, FACTORS)].map(second.toAffine),
      truth(first.isInSubgroup(p), second.isInSubgroup(q)),
      pairingAnswers(curve, p, q, BLS12_381_ORDER),
    ),
  );
}

/** @throws when the curve gives other answers than the portable one */
export function checkBls12381<C extends Bls12>(curve: C): C {
  assert(bls12381Answers(curve) === BLS12_381_ANSWERS, "it gives wrong points or pairings");
  return curve;
}

/** SHA-256 of "Counterpart", signed with the key of 32 sevens: r and s; x and y. */
const P256_DIGEST = hexToBytes("0xb1a5a41826d16b200a2e09144b5d40ca8f32264c1b26603e052cb5d759b6b281");
const P256_SIGNATURE = hexToBytes(
  "0x0c905cbbb63ab36475e77d0018d417490cf4cf84a0ded30ea67f307d94f6a493920f0ac97d6db121252777f850109178b47bb9c57954010e23d724eb3270bd03",
);
const P256_KEY = hexToBytes(
  "0x1e18532fd4754c02f3041d9c75ceb33b83ffd81ac7ce4fe882ccb1c98bc5896ea46c311c4e2ff40dd96a3653e6e45445d32dfe486eced75c7a90c6a18881c0a3",
);

/** @throws when it takes a wrong signature or refuses a right one */
export function checkP256<V extends NonNullable<CryptoProvider["verifyP256"]>>(verify: V): V {
  assert(verify(P256_DIGEST, P256_SIGNATURE, P256_KEY), "it refuses a signature that is valid");
  assert(!verify(P256_KEY.subarray(0, 32), P256_SIGNATURE, P256_KEY), "it takes a signature for another digest");
  return verify;
}
