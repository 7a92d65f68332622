/** Contracts that make a node work as hard as they can for their gas: 24 KiB of one thing after the other, in a loop. */

import { bigIntToFixedBytes, bytesToBigInt, concatBytes } from "@counterpart/core/base/bytes";
import { keccak256, signDigest } from "@counterpart/core/crypto/crypto";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { bn254 } from "@noble/curves/bn254.js";
import { p256 } from "@noble/curves/nist.js";
import { linearOpening } from "../packages/core/src/execution/precompiles/openings.test-support.ts";

export interface HostileProgram {
  readonly name: string;
  readonly code: Uint8Array;
  readonly data: Uint8Array;
  /** Of all the gas: what precompiles take so long for that less is enough to see it. */
  readonly share: number;
  /** So many contracts with different code are at addresses from 2^100 on. */
  readonly others?: number;
}

export const CODE_SIZE = 24_576;
const NO_DATA = new Uint8Array(0);
/** Of the gas, for precompiles. */
const PRECOMPILE_SHARE = 0.1;

const op = (...codes: number[]): Uint8Array => Uint8Array.from(codes);
const fields = (bytes: number, ...values: readonly bigint[]): Uint8Array =>
  concatBytes(...values.map((value) => bigIntToFixedBytes(value, bytes)));

function push(value: bigint | number): Uint8Array {
  const size = Math.max(1, Math.ceil(value.toString(16).length / 2));
  return concatBytes(op(0x5f + size), bigIntToFixedBytes(BigInt(value), size));
}

const pushes = (...values: readonly (bigint | number)[]): Uint8Array => concatBytes(...values.map(push));

/** `start` once, then as much of `unit` as the code has room for, again and again. */
export function looped(start: Uint8Array, unit: Uint8Array): Uint8Array {
  const back = concatBytes(push(start.length), op(0x56));
  const count = Math.floor((CODE_SIZE - start.length - 1 - back.length) / unit.length);
  return concatBytes(start, op(0x5b), ...Array.from({ length: count }, () => unit), back);
}

const program = (name: string, start: Uint8Array, unit: Uint8Array): HostileProgram => ({
  ...{ name, code: looped(start, unit), data: NO_DATA, share: 1 },
});

const A = 0xfedcba9876543210_0123456789abcdef_fedcba9876543210_0123456789abcdefn;
const B = 0x8000000000000000_fedcba9876543210_0123456789abcdef_0f1e2d3c4b5a6979n;
const C = 0x7fffffffffffffff_ffffffffffffffff_ffffffffffffffff_ffffffffffffff61n;
const WORDS = pushes(C, B, A);

const TERNARY = { ADDMOD: 0x08, MULMOD: 0x09 };
const BINARY = {
  ...{ ADD: 0x01, MUL: 0x02, SUB: 0x03, DIV: 0x04, SDIV: 0x05, MOD: 0x06, SMOD: 0x07, EXP: 0x0a, LT: 0x10, SGT: 0x13 },
  ...{ EQ: 0x14, AND: 0x16, XOR: 0x18 },
};
const UNARY = { ISZERO: 0x15, NOT: 0x19, CLZ: 0x1e };
const NULLARY = {
  ...{ ADDRESS: 0x30, CALLER: 0x33, CALLDATASIZE: 0x36, GASPRICE: 0x3a, PREVRANDAO: 0x44, SELFBALANCE: 0x47 },
  ...{ PC: 0x58, MSIZE: 0x59, GAS: 0x5a, PUSH0: 0x5f },
};

const each = (codes: Readonly<Record<string, number>>, unit: (code: number) => Uint8Array): HostileProgram[] =>
  Object.entries(codes).map(([name, code]) => program(name, WORDS, unit(code)));

function computing(): HostileProgram[] {
  return [
    ...each(TERNARY, (code) => op(0x82, 0x82, 0x82, code, 0x50)),
    ...each(BINARY, (code) => op(0x81, 0x81, code, 0x50)),
    ...each({ SHL: 0x1b, SHR: 0x1c, SAR: 0x1d, BYTE: 0x1a, SIGNEXTEND: 0x0b }, (code) =>
      concatBytes(op(0x80), push(7), op(code, 0x50)),
    ),
    ...each(UNARY, (code) => op(0x80, code, 0x50)),
    ...each(NULLARY, (code) => op(code, 0x50)),
    program("PUSH1", op(), op(0x60, 1, 0x50)),
    program("PUSH32", op(), concatBytes(push(A), op(0x50))),
    program("DUP16", concatBytes(...Array.from({ length: 16 }, () => push(A))), op(0x8f, 0x50)),
    program("SWAP16", concatBytes(...Array.from({ length: 17 }, () => push(A))), op(0x9f)),
    program("JUMPDEST", op(), op(0x5b)),
    program("PUSH2 JUMP, back to the start", op(), op(0x61, 0, 0, 0x56)),
    program("JUMPI not taken", op(), op(0x5f, 0x5f, 0x57)),
  ];
}

function remembering(): HostileProgram[] {
  const large = concatBytes(push(1), push(1_000_000), op(0x53));
  const copy = (code: number, size: number, from: number): Uint8Array => concatBytes(pushes(size, from, 0), op(code));
  return [
    program("MLOAD, not aligned", concatBytes(WORDS, push(33), op(0x52)), concatBytes(push(45), op(0x51, 0x50))),
    program("MSTORE, not aligned", WORDS, concatBytes(op(0x80), push(45), op(0x52))),
    program("MSTORE8", WORDS, concatBytes(op(0x80), push(45), op(0x53))),
    program("MCOPY of 32 bytes", large, concatBytes(pushes(32, 7, 900), op(0x5e))),
    program("MCOPY of 100 KB", large, concatBytes(pushes(100_000, 7, 900), op(0x5e))),
    program("CALLDATACOPY of 100 KB", large, copy(0x37, 100_000, 0)),
    program("CODECOPY of 24 KiB", large, copy(0x39, CODE_SIZE, 0)),
    program("EXTCODECOPY of 24 KiB", large, concatBytes(pushes(CODE_SIZE, 0, 0), op(0x30, 0x3c))),
    program("KECCAK256 of nothing", large, op(0x5f, 0x5f, 0x20, 0x50)),
    program("KECCAK256 of 32 bytes", large, concatBytes(push(32), op(0x5f, 0x20, 0x50))),
    program("KECCAK256 of 1 MB", large, concatBytes(push(1_000_000), op(0x5f, 0x20, 0x50))),
    program("LOG0 of nothing", op(), op(0x5f, 0x5f, 0xa0)),
    program("LOG4 of nothing", WORDS, op(0x82, 0x82, 0x82, 0x80, 0x5f, 0x5f, 0xa4)),
    program("LOG0 of 100 KB", large, concatBytes(push(100_000), op(0x5f, 0xa0))),
    // 123,000 words are what thirty million gas pay for.
    program(
      "memory of 3 MB, then all of it copied",
      concatBytes(push(1), push(3_000_000), op(0x53)),
      concatBytes(pushes(3_000_000, 0, 1), op(0x5e)),
    ),
    program("BLOCKHASH", op(), concatBytes(push(250), op(0x40, 0x50))),
    program("TSTORE of new slots", push(0), concatBytes(op(0x80, 0x80, 0x5d), push(1), op(0x01))),
    program("TLOAD of new slots", push(0), concatBytes(op(0x80, 0x5c, 0x50), push(1), op(0x01))),
    program("SLOAD, warm", op(), op(0x5f, 0x54, 0x50)),
    program("SLOAD of new slots", push(0), concatBytes(op(0x80, 0x54, 0x50), push(1), op(0x01))),
    program("SSTORE of new slots", push(1), concatBytes(op(0x80, 0x80, 0x55), push(1), op(0x01))),
    program("SSTORE of one slot", push(1), concatBytes(op(0x80, 0x5f, 0x55), push(1), op(0x01))),
  ];
}

/** STATICCALL, all gas, of an address that is on the stack or pushed. */
const staticCall = (address: Uint8Array, input: number): Uint8Array =>
  concatBytes(op(0x5f, 0x5f), push(input), op(0x5f), address, op(0x5a, 0xfa, 0x50));

function calling(): HostileProgram[] {
  const next = concatBytes(push(1), op(0x01));
  const recursive = (code: number, hasValue: boolean): Uint8Array =>
    concatBytes(op(0x5f, 0x5f, 0x5f, 0x5f), hasValue ? op(0x5f) : op(), op(0x30, 0x5a, code, 0x50));
  const initcodeAt = (size: number, code: number): Uint8Array =>
    concatBytes(code === 0xf5 ? op(0x5a) : op(), push(size), op(0x5f, 0x5f, code, 0x50));
  // A word of JUMPDEST, doubled until 48 KiB are full.
  const doubled = [32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384].map((size) =>
    concatBytes(pushes(size, 0, size), op(0x5e)),
  );
  const word = concatBytes(pushes(BigInt(`0x${"5b".repeat(32)}`)), op(0x5f, 0x52));
  const jumpdests = concatBytes(word, ...doubled, pushes(16_384, 0, 32_768), op(0x5e));
  // PUSH1 4 JUMP STOP JUMPDEST STOP, by which the rest is looked at and not run.
  const jumping = concatBytes(jumpdests, push(BigInt("0x600456005b00")), push(208), op(0x1b, 0x5f, 0x52));
  return [
    program("BALANCE, warm", op(), op(0x30, 0x31, 0x50)),
    program("BALANCE of new accounts", push(2n ** 100n), concatBytes(op(0x80, 0x31, 0x50), next)),
    program("EXTCODEHASH of new accounts", push(2n ** 100n), concatBytes(op(0x80, 0x3f, 0x50), next)),
    program("STATICCALL of an account without code", op(), staticCall(push(2n ** 100n), 0)),
    program("STATICCALL of new accounts", push(2n ** 100n), concatBytes(staticCall(op(0x84), 0), next)),
    program(
      "CALL with value to new accounts",
      push(2n ** 100n),
      concatBytes(op(0x5f, 0x5f, 0x5f, 0x5f, 0x60, 1, 0x85, 0x5f, 0xf1, 0x50), next),
    ),
    program("CALL of itself, as deep as it goes", op(), recursive(0xf1, true)),
    program("DELEGATECALL of itself, as deep as it goes", op(), recursive(0xf4, false)),
    program(
      "STATICCALL of itself with 30 KB of input",
      concatBytes(push(1), push(30_000), op(0x53)),
      staticCall(op(0x30), 30_000),
    ),
    program("CREATE of nothing", op(), initcodeAt(0, 0xf0)),
    program("CREATE2 of nothing", op(), initcodeAt(0, 0xf5)),
    program("CREATE of 48 KiB of JUMPDEST", jumpdests, initcodeAt(49_152, 0xf0)),
    program("CREATE2 of 48 KiB of JUMPDEST", jumpdests, initcodeAt(49_152, 0xf5)),
    program("CREATE of 48 KiB in which it jumps once", jumping, initcodeAt(49_152, 0xf0)),
    {
      ...program(
        "STATICCALL of different contracts of 24 KiB",
        push(2n ** 100n),
        concatBytes(staticCall(op(0x84), 0), next),
      ),
      others: 1_000,
      share: 0.08,
    },
  ];
}

const precompile = (name: string, number: number, data: Uint8Array, share = PRECOMPILE_SHARE): HostileProgram => ({
  name,
  code: looped(concatBytes(push(data.length), op(0x5f, 0x5f, 0x37)), staticCall(push(number), data.length)),
  data,
  share,
});

const filled = (size: number, byte: number): Uint8Array => new Uint8Array(size).fill(byte);

function power(base: number, exponent: Uint8Array, modulus: number): Uint8Array {
  const numbers = concatBytes(filled(base, 0xff), exponent, filled(modulus, 0xfd));
  return concatBytes(fields(32, BigInt(base), BigInt(exponent.length), BigInt(modulus)), numbers);
}

function hashing(): HostileProgram[] {
  const digest = keccak256(op(1));
  const signature = signDigest(digest, keccak256(op(2)));
  const recovery = concatBytes(digest, fields(32, 27n + BigInt(signature[64] as number)), signature.subarray(0, 64));
  const rounds = (count: bigint): Uint8Array => concatBytes(fields(4, count), filled(208, 7), op(1));
  const [key, n] = [keccak256(op(3)), p256.Point.CURVE().n];
  const onP256 = p256.sign(digest, key, { prehash: false, format: "compact", lowS: false });
  const last = concatBytes(digest, onP256, p256.getPublicKey(key, false).subarray(1));
  return [
    precompile("ECRECOVER", 1, recovery),
    precompile("SHA-256 of nothing", 2, NO_DATA),
    precompile("SHA-256 of 64 KB", 2, new Uint8Array(65_536)),
    precompile("RIPEMD-160 of nothing", 3, NO_DATA),
    precompile("RIPEMD-160 of 64 KB", 3, new Uint8Array(65_536)),
    precompile("identity of nothing", 4, NO_DATA),
    precompile("identity of 64 KB", 4, new Uint8Array(65_536)),
    precompile("MODEXP, 32 bytes", 5, power(32, filled(32, 0xff), 32)),
    precompile("MODEXP, 32 bytes, the least price", 5, power(32, fields(32, 2n ** 31n - 1n), 32)),
    precompile("MODEXP, 64 bytes, exponent 3", 5, power(64, op(3), 64)),
    precompile("MODEXP, 256 bytes, exponent 65,537", 5, power(256, op(1, 0, 1), 256)),
    precompile("MODEXP, 1,024 bytes, exponent 3", 5, power(1_024, op(3), 1_024)),
    precompile("MODEXP, 1,024 bytes, exponent of 32", 5, power(1_024, filled(32, 0xff), 1_024), 1),
    precompile("MODEXP, 8 bytes, exponent of 1,024", 5, power(8, filled(1_024, 0xff), 8)),
    precompile("BLAKE2F, no round", 9, rounds(0n)),
    precompile("BLAKE2F, 1,000,000 rounds", 9, rounds(1_000_000n)),
    precompile("P256VERIFY", 0x100, last),
    precompile(
      "P256VERIFY, not valid",
      0x100,
      concatBytes(last.subarray(0, 64), fields(32, n - 5n), last.subarray(96)),
    ),
  ];
}

const { Fr, Fp } = bls12_381.fields;
const factor = (index: number): bigint => bytesToBigInt(keccak256(op(index, 9)));
const g1 = (index: number): Uint8Array => {
  const { x, y } = bls12_381.G1.Point.BASE.multiply(Fr.create(factor(index))).toAffine();
  return fields(64, x, y);
};
const g2 = (index: number): Uint8Array => {
  const { x, y } = bls12_381.G2.Point.BASE.multiply(Fr.create(factor(index))).toAffine();
  return fields(64, x.c0, x.c1, y.c0, y.c1);
};

function onBls12(): HostileProgram[] {
  const many = (count: number, part: (index: number) => Uint8Array): Uint8Array =>
    concatBytes(...Array.from({ length: count }, (_, index) => part(index)));
  const scalar = (index: number): Uint8Array => fields(32, Fr.create(factor(index + 100)));
  const [first, second] = [
    (index: number) => concatBytes(g1(index % 8), scalar(index)),
    (index: number) => concatBytes(g2(index % 8), scalar(index)),
  ];
  const pair = (index: number): Uint8Array => concatBytes(g1(index % 8), g2((index + 1) % 8));
  const element = Fp.create(factor(1) ** 2n);
  return [
    precompile("BLS12 G1 addition", 0x0b, concatBytes(g1(1), g1(2))),
    precompile("BLS12 G2 addition", 0x0d, concatBytes(g2(1), g2(2))),
    ...[1, 2, 8, 32, 128].map((count) => precompile(`BLS12 G1 sum of ${count} products`, 0x0c, many(count, first))),
    ...[1, 2, 8, 32, 128].map((count) => precompile(`BLS12 G2 sum of ${count} products`, 0x0e, many(count, second))),
    ...[1, 2, 8].map((count) => precompile(`BLS12 pairing of ${count}`, 0x0f, many(count, pair))),
    precompile("BLS12 map to G1", 0x10, fields(64, element)),
    precompile("BLS12 map to G2", 0x11, fields(64, element, element - 1n)),
  ];
}

function onOtherCurves(): HostileProgram[] {
  const { G1, G2, fields: bnFields } = bn254;
  const point = (index: number): Uint8Array => {
    const { x, y } = G1.Point.BASE.multiply(bnFields.Fr.create(factor(index))).toAffine();
    return fields(32, x, y);
  };
  const pair = (index: number): Uint8Array => {
    const { x, y } = G2.Point.BASE.multiply(bnFields.Fr.create(factor(index + 1))).toAffine();
    return concatBytes(point(index), fields(32, x.c1, x.c0, y.c1, y.c0));
  };
  return [
    precompile("BN254 addition", 6, concatBytes(point(1), point(2))),
    precompile("BN254 product", 7, concatBytes(point(1), fields(32, factor(3)))),
    precompile("BN254 pairing of nothing", 8, NO_DATA),
    precompile("BN254 pairing of 1", 8, pair(1)),
    precompile("BN254 pairing of 8", 8, concatBytes(...[0, 1, 2, 3, 4, 5, 6, 7].map(pair))),
    precompile(
      "point evaluation",
      0x0a,
      linearOpening(Fr.create(factor(4)), Fr.create(factor(5)), Fr.create(factor(6))).input,
    ),
  ];
}

export const hostilePrograms = (): HostileProgram[] => [
  ...[...computing(), ...remembering(), ...calling(), ...hashing(), ...onBls12(), ...onOtherCurves()],
];
