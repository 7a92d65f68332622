/** Addition, multiplication and the pairing check on bn254 (EIP-196, EIP-197; prices of EIP-1108). */

import { concatBytes, hexToBytes } from "../../base/bytes.ts";
import { currentCrypto } from "../../crypto/crypto.ts";
import type { PairingCurve } from "../../crypto/curves.ts";
import { PORTABLE_BN254 } from "./portable-bn254.ts";
import { assertElement, atOnce, inSteps, padded, truth } from "./steps.ts";
import type { Precompile } from "./types.ts";

const FIELD_ORDER = hexToBytes("0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47");
const FIELD_BYTES = 32;
const POINT_BYTES = 2 * FIELD_BYTES;
const PAIR_BYTES = 6 * FIELD_BYTES;

const curve = (): PairingCurve => currentCrypto().bn254 ?? PORTABLE_BN254;

function coordinate(bytes: Uint8Array, index: number): Uint8Array {
  const element = bytes.subarray(index * FIELD_BYTES, (index + 1) * FIELD_BYTES);
  assertElement(element, FIELD_ORDER);
  return element;
}

/** All points of the curve are in the group. */
const readFirst = <P>({ first }: PairingCurve<P>, bytes: Uint8Array): P =>
  first.fromAffine(concatBytes(coordinate(bytes, 0), coordinate(bytes, 1)));

function readSecond<Q>({ second }: PairingCurve<unknown, Q>, bytes: Uint8Array): Q {
  // The imaginary part of a coordinate comes first.
  const point = second.fromAffine(concatBytes(...[1, 0, 3, 2].map((index) => coordinate(bytes, index))));
  if (!second.isInSubgroup(point)) throw new RangeError("a point is not in the subgroup");
  return point;
}

function add(input: Uint8Array): Uint8Array {
  const bytes = padded(input, 2 * POINT_BYTES);
  const on = curve();
  return on.first.toAffine(on.first.add(readFirst(on, bytes), readFirst(on, bytes.subarray(POINT_BYTES))));
}

function multiply(input: Uint8Array): Uint8Array {
  const bytes = padded(input, POINT_BYTES + 32);
  const on = curve();
  return on.first.toAffine(on.first.sumOfProducts([readFirst(on, bytes)], [bytes.subarray(POINT_BYTES)]));
}

/** Whether the product of the pairings is one, a pair a step. The last exponentiation is done once for all. */
function* checkPairing(input: Uint8Array): Generator<void, Uint8Array | undefined> {
  if (input.length % PAIR_BYTES !== 0) return undefined;
  // The same one in each step, whoever has taken its place meanwhile.
  const on = curve();
  let product = on.one;
  for (let offset = 0; offset < input.length; offset += PAIR_BYTES) {
    const p = readFirst(on, input.subarray(offset, offset + POINT_BYTES));
    const q = readSecond(on, input.subarray(offset + POINT_BYTES, offset + PAIR_BYTES));
    // A pair with a point at infinity is one.
    if (!on.first.isZero(p) && !on.second.isZero(q)) {
      product = on.multiply(product, on.millerLoop([[p, on.prepare(q)]]));
    }
    yield;
  }
  return truth(on.isOne(product));
}

const addition = (gas: number): Precompile => atOnce(() => gas, add);
const multiplication = (gas: number): Precompile => atOnce(() => gas, multiply);
const pairing = (base: number, pair: number): Precompile =>
  inSteps(({ length }) => base + pair * Math.floor(length / PAIR_BYTES), checkPairing);

export const BN254_ADD = addition(500);
export const BN254_MUL = multiplication(40_000);
export const BN254_PAIRING = pairing(100_000, 80_000);
/** EIP-1108. */
export const BN254_ADD_ISTANBUL = addition(150);
export const BN254_MUL_ISTANBUL = multiplication(6_000);
export const BN254_PAIRING_ISTANBUL = pairing(45_000, 34_000);
