import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { bn254 } from "@noble/curves/bn254.js";
import fc from "fast-check";
import { bigIntToFixedBytes, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { keccak256 } from "../crypto/crypto.ts";
import { createCountingExecutor, executor as plain } from "./blocks.test-support.ts";
import { ALICE, BOB, blockContext, fundedState } from "./fixtures.test-support.ts";
import type { CallOutcome, Executor } from "./types.ts";

const state = fundedState(ALICE);
const GAS_MAX = 16_000_000;
const { pauses, executor: pausing } = createCountingExecutor();

function call(executor: Executor, number: number, data: Uint8Array, gasLimit = GAS_MAX): Promise<CallOutcome> {
  const to: Hex = `0x${number.toString(16).padStart(40, "0")}`;
  return executor.call(blockContext(), { from: BOB.address, to, data, value: 0n, gasLimit }, state);
}

/** The library calls some inputs without a meaning reverted, though they cost all gas: no rule tells them apart. */
const failure = ({ status, gasUsed, output, logs }: CallOutcome) => ({
  fails: status !== "success",
  gasUsed,
  output,
  logs,
});

/** The outcome of the pausing executor, which must be the plain one's. */
async function agreed(number: number, data: Uint8Array, gasLimit?: number): Promise<CallOutcome> {
  const expected = await call(plain, number, data, gasLimit);
  pauses.count = 0;
  const actual = await call(pausing, number, data, gasLimit);
  assert.deepEqual(failure(actual), failure(expected));
  return actual;
}

const scalar = (index: number): bigint => BigInt(`0x${Buffer.from(keccak256(Uint8Array.of(index))).toString("hex")}`);
const fields = (bytes: number, ...values: readonly bigint[]): Uint8Array =>
  concatBytes(...values.map((value) => bigIntToFixedBytes(value, bytes)));
const repeated = (bytes: Uint8Array, count: number): Uint8Array =>
  concatBytes(...Array.from({ length: count }, () => bytes));

const Fr = bls12_381.fields.Fr;
const g1 = (index: number): Uint8Array => {
  const { x, y } = bls12_381.G1.Point.BASE.multiply(Fr.create(scalar(index))).toAffine();
  return fields(64, x, y);
};
const g2 = (index: number): Uint8Array => {
  const { x, y } = bls12_381.G2.Point.BASE.multiply(Fr.create(scalar(index))).toAffine();
  return fields(64, x.c0, x.c1, y.c0, y.c1);
};
const bnPair = (a: bigint, b: bigint): Uint8Array => {
  const p = bn254.G1.Point.BASE.multiply(a).toAffine();
  const q = bn254.G2.Point.BASE.multiply(b).toAffine();
  return fields(32, p.x, p.y, q.x.c1, q.x.c0, q.y.c1, q.y.c0);
};
const blsPair = (a: bigint, b: bigint): Uint8Array => {
  const p = bls12_381.G1.Point.BASE.multiply(a).toAffine();
  const q = bls12_381.G2.Point.BASE.multiply(b).toAffine();
  return fields(64, p.x, p.y, q.x.c0, q.x.c1, q.y.c0, q.y.c1);
};
const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

/** Valid inputs and every way of spoiling one, with too little gas among them. */
async function agreesOn(number: number, pairBytes: number, valid: Uint8Array): Promise<void> {
  assert.equal((await agreed(number, valid)).status, "success");
  await agreed(number, valid, 100_000);
  await agreed(number, new Uint8Array(0));
  await agreed(number, new Uint8Array(pairBytes));
  await agreed(number, concatBytes(new Uint8Array(pairBytes), valid));
  await agreed(number, valid.subarray(1));
  await agreed(number, new Uint8Array(valid.length).fill(255));
  for (let at = 0; at < pairBytes; at += 15) await agreed(number, flipped(valid, valid.length - 1 - at));
}

describe("a precompile in steps", () => {
  it("compresses with BLAKE2b as the library does", async () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 40 }),
        bytes(208),
        fc.integer({ min: 0, max: 2 }),
        async (...parts) => {
          const [rounds, data, flag] = parts;
          await agreed(9, concatBytes(fields(4, BigInt(rounds)), data, Uint8Array.of(flag)));
        },
      ),
    );
    const long = concatBytes(fields(4, 5_000n), new Uint8Array(209));
    assert.equal((await agreed(9, long)).status, "success");
    assert.ok(pauses.count >= 4, `${pauses.count} pauses`);
    await agreed(9, long, 25_000);
    await agreed(9, long.subarray(1));
  });

  it("checks bn254 pairings as the library does, pausing at each pair", async () => {
    const order = bn254.fields.Fr.ORDER;
    const one = concatBytes(bnPair(6n, 7n), bnPair(order - 42n, 1n));
    await agreesOn(8, 192, one);
    assert.equal((await agreed(8, one)).output.at(-1), 1);
    assert.equal((await agreed(8, concatBytes(one, bnPair(2n, 3n)))).output.at(-1), 0);
    await agreed(8, repeated(one, 8));
    assert.ok(pauses.count >= 16, `${pauses.count} pauses`);
  });

  it("checks BLS12-381 pairings as the library does, pausing at each pair", async () => {
    const one = concatBytes(blsPair(6n, 7n), blsPair(Fr.ORDER - 42n, 1n));
    await agreesOn(15, 384, one);
    assert.equal((await agreed(15, one)).output.at(-1), 1);
    assert.equal((await agreed(15, concatBytes(one, blsPair(2n, 3n)))).output.at(-1), 0);
    await agreed(15, repeated(one, 8));
    assert.ok(pauses.count >= 16, `${pauses.count} pauses`);
  });

  it("refuses points outside the subgroups as the library does", async () => {
    // The first points of y² = x³ + 4 over Fp: of a large order.
    const { Fp } = bls12_381.fields;
    let x = 1n;
    while (!Fp.isValid(x) || Fp.pow(x ** 3n + 4n, (Fp.ORDER - 1n) / 2n) !== 1n) x++;
    const outside = fields(64, x, Fp.sqrt(x ** 3n + 4n));
    const outcome = await agreed(12, concatBytes(g1(1), fields(32, 5n), outside, fields(32, 5n)));
    assert.equal(outcome.status, "halted");
    await agreed(15, concatBytes(outside, g2(1)));
  });

  it("sums products over both groups of BLS12-381 as the library does, pausing between a few", async () => {
    const sum = (point: (index: number) => Uint8Array) =>
      concatBytes(...Array.from({ length: 5 }, (_, at) => concatBytes(point(at), fields(32, scalar(at + 20)))));
    await agreesOn(12, 160, sum(g1));
    await agreed(12, sum(g1));
    assert.ok(pauses.count >= 2, `${pauses.count} pauses`);
    await agreesOn(14, 288, sum(g2));
    await agreed(12, concatBytes(g1(1), fields(32, 1n), g1(1), fields(32, Fr.ORDER - 1n)));
    await agreed(12, hexToBytes(`0x${"00".repeat(160)}`));
  });
});
