import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { bytesToHex, type Hex, hexToBytes } from "../../base/bytes.ts";
import { slotOf } from "../fixtures.test-support.ts";
import { linearOpening } from "./openings.test-support.ts";
import { verifyPointEvaluation } from "./point-evaluation.ts";

const ZERO_POINT: Hex = `0xc0${"00".repeat(47)}`;
const MODULUS = bls12_381.fields.Fr.ORDER;
const multiple = (factor: bigint): Hex => bytesToHex(bls12_381.G1.Point.BASE.multiply(factor).toBytes());

const verify = (...parts: readonly [Hex, Hex, Hex, Hex]): boolean =>
  verifyPointEvaluation(...(parts.map(hexToBytes) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]));

describe("point evaluation", () => {
  it("accepts the constant polynomial, whose commitment is c·G1 and whose proofs are zero", () => {
    for (const z of [0n, 1n, MODULUS - 1n]) {
      assert.equal(verify(multiple(5n), slotOf(z), slotOf(5n), ZERO_POINT), true);
      assert.equal(verify(multiple(5n), slotOf(z), slotOf(6n), ZERO_POINT), false);
    }
    assert.equal(verify(ZERO_POINT, slotOf(9n), slotOf(0n), ZERO_POINT), true);
    assert.equal(verify(ZERO_POINT, slotOf(9n), slotOf(1n), ZERO_POINT), false);
  });

  it("accepts a polynomial that is not constant, whose proof is its slope", () => {
    const [value, slope, z] = [123n, MODULUS - 45n, 2n ** 200n];
    const commitment = bytesToHex(linearOpening(value, slope, z).commitment);
    assert.equal(verify(commitment, slotOf(z), slotOf(value), multiple(slope)), true);
    assert.equal(verify(commitment, slotOf(z), slotOf(value + 1n), multiple(slope)), false);
    assert.equal(verify(commitment, slotOf(z + 1n), slotOf(value), multiple(slope)), false);
    assert.equal(verify(commitment, slotOf(z), slotOf(value), multiple(slope - 1n)), false);
  });

  it("refuses points outside of the subgroup", () => {
    // x = 0, y = 2: of order three.
    const outside: Hex = `0x80${"00".repeat(47)}`;
    assert.equal(verify(outside, slotOf(1n), slotOf(0n), ZERO_POINT), false);
    assert.equal(verify(ZERO_POINT, slotOf(1n), slotOf(0n), outside), false);
  });

  it("refuses a proof that is not the right one", () => {
    assert.equal(verify(multiple(5n), slotOf(1n), slotOf(5n), multiple(1n)), false);
  });

  it("refuses field elements that are not canonical and points that are not on the curve", () => {
    assert.equal(verify(multiple(5n), slotOf(MODULUS), slotOf(5n), ZERO_POINT), false);
    assert.equal(verify(ZERO_POINT, slotOf(1n), slotOf(MODULUS), ZERO_POINT), false);
    assert.equal(verify(`0x${"ff".repeat(48)}`, slotOf(1n), slotOf(5n), ZERO_POINT), false);
    assert.equal(verify(`0x${"00".repeat(48)}`, slotOf(1n), slotOf(5n), ZERO_POINT), false);
    assert.equal(verify("0x", slotOf(1n), slotOf(5n), ZERO_POINT), false);
  });
});
