/** Questions on precompiled contracts: EIP-2537, 4844, 7823, 7883 and 7951. */

import { bytesToBigInt, concatBytes } from "@counterpart/core/base/bytes";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { p256 } from "@noble/curves/nist.js";
import { linearOpening } from "../../packages/core/src/execution/precompiles/openings.test-support.ts";
import { ask, contract, fields, PROBE, probed, TARGET } from "./parts.ts";
import type { Question } from "./vector.ts";

const PROBED = { [TARGET]: contract(PROBE) };

const { Fp, Fr } = bls12_381.fields;
const g1 = (factor: bigint): Uint8Array => {
  const { x, y } = bls12_381.G1.Point.BASE.multiply(factor).toAffine();
  return fields(64, x, y);
};
const g2 = (factor: bigint): Uint8Array => {
  const { x, y } = bls12_381.G2.Point.BASE.multiply(factor).toAffine();
  return fields(64, x.c0, x.c1, y.c0, y.c1);
};
const [NONE1, NONE2] = [new Uint8Array(128), new Uint8Array(256)];
const scalar = (value: bigint): Uint8Array => fields(32, value);

/** The first point of the curve by its x: not in the subgroup. */
function outside1(): Uint8Array {
  let x = 1n;
  while (Fp.pow(x ** 3n + 4n, (Fp.ORDER - 1n) / 2n) !== 1n) x++;
  return fields(64, x, Fp.sqrt(x ** 3n + 4n));
}

/** The same on the twist: y² = x³ + 4(1 + i). */
function outside2(): Uint8Array {
  const { Fp2 } = bls12_381.fields;
  for (let c0 = 1n; ; c0++) {
    const x = Fp2.create({ c0, c1: 0n });
    const square = Fp2.add(Fp2.mul(Fp2.sqr(x), x), Fp2.create({ c0: 4n, c1: 4n }));
    try {
      const y = Fp2.sqrt(square);
      return fields(64, x.c0, x.c1, y.c0, y.c1);
    } catch {
      // Not a square: the next x.
    }
  }
}

const ADD1 = 0x0b;
const MSM1 = 0x0c;
const ADD2 = 0x0d;
const MSM2 = 0x0e;
const PAIRING = 0x0f;
const MAP1 = 0x10;
const MAP2 = 0x11;

type Inputs = Readonly<Record<string, Uint8Array>>;

/** All in one state, a block each. */
const each = (eip: number, fork: Question["fork"], number: number, label: string, inputs: Inputs): Question[] =>
  Object.entries(inputs).map(([name, input]) => ask(eip, fork, PROBED)(`${label}: ${name}`, probed(number, input)));

/** With just the gas that it costs, and with one less. */
const priced = (eip: number, number: number, label: string, input: Uint8Array, price: bigint): Question[] => [
  ask(eip, "osaka", PROBED)(`${label} with the gas that it costs`, probed(number, input, price)),
  ask(eip, "osaka", PROBED)(`${label} with one gas less`, probed(number, input, price - 1n)),
];

const pairs = (count: number): Uint8Array =>
  concatBytes(...Array.from({ length: count }, (_, at) => concatBytes(g1(BigInt(at + 1)), scalar(BigInt(3 * at + 2)))));

function sums(): Question[] {
  const [p, q] = [g1(5n), g2(5n)];
  return [
    ...each(2537, "osaka", ADD1, "G1 addition", {
      "two points": concatBytes(p, g1(7n)),
      "a point twice": concatBytes(p, p),
      "a point and its negative": concatBytes(p, g1(Fr.ORDER - 5n)),
      "with the point at infinity": concatBytes(p, NONE1),
      "outside of the subgroup": concatBytes(outside1(), p),
      "not on the curve": concatBytes(fields(64, 1n, 1n), p),
      "a coordinate that is the modulus": concatBytes(fields(64, Fp.ORDER, 1n), p),
      "a padding byte that is not zero": concatBytes(p, p).map((byte, at) => (at === 15 ? 1 : byte)),
      "one byte short": concatBytes(p, p).subarray(1),
      "one byte long": concatBytes(p, p, Uint8Array.of(0)),
      nothing: new Uint8Array(0),
    }),
    ...each(2537, "osaka", ADD2, "G2 addition", {
      "two points": concatBytes(q, g2(7n)),
      "a point twice": concatBytes(q, q),
      "a point and its negative": concatBytes(q, g2(Fr.ORDER - 5n)),
      "with the point at infinity": concatBytes(NONE2, q),
      "outside of the subgroup": concatBytes(outside2(), q),
      "not on the curve": concatBytes(fields(64, 1n, 1n, 1n, 1n), q),
      "one byte short": concatBytes(q, q).subarray(1),
    }),
    ...priced(2537, ADD1, "G1 addition", concatBytes(p, p), 375n),
    ...priced(2537, ADD2, "G2 addition", concatBytes(q, q), 600n),
  ];
}

function products(): Question[] {
  const [p, q] = [g1(5n), g2(5n)];
  return [
    ...each(2537, "osaka", MSM1, "G1 sum of products", {
      "one pair": concatBytes(p, scalar(123_456_789n)),
      "a factor of zero": concatBytes(p, scalar(0n)),
      "a factor that is the order": concatBytes(p, scalar(Fr.ORDER)),
      "the greatest factor": concatBytes(p, scalar(2n ** 256n - 1n)),
      "the point at infinity": concatBytes(NONE1, scalar(5n)),
      "two pairs that cancel out": concatBytes(p, scalar(3n), p, scalar(Fr.ORDER - 3n)),
      "outside of the subgroup": concatBytes(outside1(), scalar(1n)),
      "not on the curve": concatBytes(fields(64, 1n, 1n), scalar(1n)),
      nothing: new Uint8Array(0),
      "one byte short": concatBytes(p, scalar(1n)).subarray(1),
      "128 pairs": pairs(128),
      "129 pairs": pairs(129),
    }),
    ...each(2537, "osaka", MSM2, "G2 sum of products", {
      "one pair": concatBytes(q, scalar(2n ** 255n + 12_345n)),
      "a factor of zero": concatBytes(q, scalar(0n)),
      "a factor that is the order less one": concatBytes(q, scalar(Fr.ORDER - 1n)),
      "the greatest factor": concatBytes(q, scalar(2n ** 256n - 1n)),
      "the point at infinity": concatBytes(NONE2, scalar(5n)),
      "three pairs": concatBytes(q, scalar(3n), g2(2n), scalar(2n ** 200n), NONE2, scalar(9n)),
      "outside of the subgroup": concatBytes(outside2(), scalar(1n)),
      "not on the curve": concatBytes(fields(64, 1n, 1n, 1n, 1n), scalar(1n)),
    }),
    ...priced(2537, MSM1, "G1 product", concatBytes(p, scalar(3n)), 12_000n),
    ...priced(2537, MSM2, "G2 product", concatBytes(q, scalar(3n)), 22_500n),
  ];
}

function pairings(): Question[] {
  const one = concatBytes(g1(6n), g2(7n), g1(Fr.ORDER - 42n), g2(1n));
  const field = Fp.create(bytesToBigInt(keccak256(Uint8Array.of(1))) ** 2n);
  return [
    ...each(2537, "osaka", PAIRING, "pairing", {
      "a product that is one": one,
      "a product that is not": concatBytes(g1(6n), g2(7n), g1(41n), g2(1n)),
      "one pair": concatBytes(g1(1n), g2(1n)),
      "the point at infinity of G1": concatBytes(NONE1, g2(3n)),
      "the point at infinity of G2": concatBytes(g1(3n), NONE2),
      "G1 outside of the subgroup": concatBytes(outside1(), g2(1n)),
      "G2 outside of the subgroup": concatBytes(g1(1n), outside2()),
      nothing: new Uint8Array(0),
      "one byte short": one.subarray(1),
    }),
    ...each(2537, "osaka", MAP1, "map to G1", {
      "an element": fields(64, field),
      zero: fields(64, 0n),
      "the greatest element": fields(64, Fp.ORDER - 1n),
      "the modulus": fields(64, Fp.ORDER),
      "one byte short": new Uint8Array(63),
    }),
    ...each(2537, "osaka", MAP2, "map to G2", {
      "an element": fields(64, field, 5n),
      zero: fields(64, 0n, 0n),
      "the modulus": fields(64, 1n, Fp.ORDER),
      "one byte long": new Uint8Array(129),
    }),
    ...priced(2537, PAIRING, "a pairing of one pair", concatBytes(g1(1n), g2(1n)), 70_300n),
    ...priced(2537, MAP1, "map to G1", fields(64, 5n), 5_500n),
    ...priced(2537, MAP2, "map to G2", fields(64, 5n, 6n), 23_800n),
    ...each(2537, "cancun", ADD1, "before Prague, where nothing is there", {
      "G1 addition": concatBytes(g1(1n), g1(2n)),
    }),
  ];
}

const MODEXP = 0x05;

function power(base: Uint8Array, exponent: Uint8Array, modulus: Uint8Array): Uint8Array {
  const lengths = [base, exponent, modulus].map(({ length }) => BigInt(length));
  return concatBytes(fields(32, ...lengths), base, exponent, modulus);
}

const filled = (size: number, byte = 0xff): Uint8Array => new Uint8Array(size).fill(byte);

function exponentiations(): Question[] {
  const small: Inputs = {
    "3 ^ 2 mod 5": power(Uint8Array.of(3), Uint8Array.of(2), Uint8Array.of(5)),
    nothing: new Uint8Array(0),
    "a modulus of zero": power(Uint8Array.of(3), Uint8Array.of(2), Uint8Array.of(0)),
    "an exponent of 32 bytes": power(filled(32), filled(32), filled(32, 0xfd)),
    "an exponent of 33 bytes": power(filled(32), filled(33), filled(32, 0xfd)),
    "an exponent of 33 bytes, the first of them zero": power(filled(32), fields(33, 7n), filled(32, 0xfd)),
    "an exponent of 64 bytes, 32 of them zero": power(filled(32), fields(64, 7n), filled(32, 0xfd)),
    "an even modulus of 33 bytes": power(filled(33, 0x11), filled(3), filled(33, 0x10)),
    "a base of 40 bytes": power(filled(40), filled(5), filled(8, 0x0b)),
    "an exponent of zero": power(filled(40), fields(2, 0n), filled(8, 0x0b)),
    "no modulus": power(filled(40), filled(2), new Uint8Array(0)),
  };
  const long: Inputs = {
    "a base of 1,024 bytes": power(filled(1_024), Uint8Array.of(3), filled(32, 0xfd)),
    "a base of 1,025 bytes": power(filled(1_025), Uint8Array.of(3), filled(32, 0xfd)),
    "an exponent of 1,024 bytes": power(filled(8), filled(1_024), filled(8, 0xfd)),
    "an exponent of 1,025 bytes": power(filled(8), filled(1_025), filled(8, 0xfd)),
    "a modulus of 1,024 bytes": power(filled(8), Uint8Array.of(5), filled(1_024, 0xfd)),
    "a modulus of 1,025 bytes": power(filled(8), Uint8Array.of(5), filled(1_025, 0xfd)),
    "a base of 2^64 bytes": fields(32, 2n ** 64n, 0n, 1n),
    "an exponent of 2^64 bytes and no modulus": fields(32, 0n, 2n ** 64n, 0n),
  };
  return [
    ...each(7883, "osaka", MODEXP, "exponentiation", small),
    ...each(7883, "prague", MODEXP, "exponentiation before Osaka", small),
    ...each(7823, "osaka", MODEXP, "exponentiation", long),
    ...each(7823, "prague", MODEXP, "exponentiation before Osaka", long),
    ...priced(
      7883,
      MODEXP,
      "the cheapest exponentiation",
      power(Uint8Array.of(3), Uint8Array.of(2), Uint8Array.of(5)),
      500n,
    ),
    // 2 * 6² words, 16 * 1 + 255 iterations.
    ...priced(7883, MODEXP, "a long exponentiation", power(filled(41), filled(33), filled(48, 0xfd)), 19_512n),
  ];
}

const P256 = 0x100;

/** A signature whose point has an x above the order: r is what is left of it. */
function wrapped(digest: Uint8Array): Uint8Array {
  const { n } = p256.Point.CURVE();
  const inverse = (value: bigint): bigint => p256.Point.Fn.inv(value);
  for (let r = 1n; ; r++) {
    let point: typeof p256.Point.BASE;
    try {
      point = p256.Point.fromBytes(concatBytes(Uint8Array.of(2), fields(32, n + r)));
    } catch {
      continue;
    }
    const [s, e] = [12_345n, bytesToBigInt(digest) % n];
    const offset = p256.Point.BASE.multiply((e * inverse(s)) % n);
    const key = point.subtract(offset).multiply((s * inverse(r)) % n);
    return concatBytes(digest, fields(32, r, s), key.toBytes(false).subarray(1));
  }
}

function signaturesOnP256(): Question[] {
  const [key, digest] = [keccak256(Uint8Array.of(2)), keccak256(Uint8Array.of(3))];
  const signature = p256.sign(digest, key, { prehash: false, format: "compact", lowS: false });
  const publicKey = p256.getPublicKey(key, false).subarray(1);
  const { n, p } = p256.Point.CURVE();
  const [r, s] = [bytesToBigInt(signature.subarray(0, 32)), bytesToBigInt(signature.subarray(32))];
  const [x, y] = [publicKey.subarray(0, 32), publicKey.subarray(32)];
  const input = (a: bigint, b: bigint, point = publicKey): Uint8Array => concatBytes(digest, fields(32, a, b), point);
  const valid = input(r, s);
  return [
    ...each(7951, "osaka", P256, "a signature on P-256", {
      "that is valid": valid,
      "with the other s": input(r, n - s),
      "whose point has an x above the order": wrapped(digest),
      "of another digest": concatBytes(keccak256(Uint8Array.of(4)), valid.subarray(32)),
      "with r = 0": input(0n, s),
      "with s = 0": input(r, 0n),
      "with r = n": input(n, s),
      "with s = n": input(r, n),
      "with r + n": input(r + n < 2n ** 256n ? r + n : n + 1n, s),
      "by the point at infinity": input(r, s, new Uint8Array(64)),
      "by no point of the curve": input(r, s, concatBytes(x, fields(32, bytesToBigInt(y) ^ 1n))),
      "by a point whose x is the modulus": input(r, s, concatBytes(fields(32, p), y)),
      "by the negative point": input(r, s, concatBytes(x, fields(32, p - bytesToBigInt(y)))),
      "one byte short": valid.subarray(0, 159),
      "one byte long": concatBytes(valid, Uint8Array.of(0)),
      "that is not there": new Uint8Array(0),
    }),
    ...priced(7951, P256, "a signature on P-256", valid, 6_900n),
    ...priced(7951, P256, "a signature on P-256 that is not valid", input(r, n), 6_900n),
    ...each(7951, "prague", P256, "before Osaka, where nothing is there", { "a signature on P-256": valid }),
  ];
}

function evaluations(): Question[] {
  const [value, slope, z] = [123n, Fr.ORDER - 45n, 2n ** 200n];
  const { input } = linearOpening(value, slope, z);
  const changed = (at: number, bytes: Uint8Array): Uint8Array => {
    const copy = input.slice();
    copy.set(bytes, at);
    return copy;
  };
  // x = 0, y = 2: of order three.
  const outside = concatBytes(Uint8Array.of(0x80), new Uint8Array(47));
  return [
    ...each(4844, "cancun", 0x0a, "point evaluation", {
      "of a polynomial that is not constant": input,
      "of one, at one": linearOpening(value, slope, 1n).input,
      "of one with a slope of one": linearOpening(value, 1n, z).input,
      "with another value": changed(64, fields(32, value + 1n)),
      "with another z": changed(32, fields(32, z + 1n)),
      "with another proof": changed(144, bls12_381.G1.Point.BASE.toBytes()),
      "with the point at infinity as its proof": changed(144, concatBytes(Uint8Array.of(0xc0), new Uint8Array(47))),
      "with a proof outside of the subgroup": changed(144, outside),
      "with a z that is the order": changed(32, fields(32, Fr.ORDER)),
      "with another version of the hash": changed(0, Uint8Array.of(2)),
      "one byte short": input.subarray(1),
    }),
    ask(4844, "osaka", PROBED)("point evaluation with the gas that it costs", probed(0x0a, input, 50_000n)),
    ask(4844, "osaka", PROBED)("point evaluation with one gas less", probed(0x0a, input, 49_999n)),
  ];
}

export const precompileQuestions = (): Question[] => [
  ...[...sums(), ...products(), ...pairings()],
  ...[...exponentiations(), ...signaturesOnP256(), ...evaluations()],
];
