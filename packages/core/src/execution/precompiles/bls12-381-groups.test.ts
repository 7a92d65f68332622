import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { bytesToBigInt } from "../../base/bytes.ts";
import { keccak256 } from "../../crypto/crypto.ts";
import { isInG1, isInG2, sumOfProductsInG1, sumOfProductsInG2 } from "./bls12-381-groups.ts";

const G1 = bls12_381.G1.Point;
const G2 = bls12_381.G2.Point;
const { Fp, Fp2, Fr } = bls12_381.fields;
/** The curve's parameter without its sign: where digits of a factor carry over. */
const X = 0xd201000000010000n;
const EDGES = [0n, 1n, 2n, X - 1n, X, X + 1n, X ** 2n - 1n, X ** 2n, X ** 3n - 1n, X ** 3n, Fr.ORDER - 1n];
const random = (index: number): bigint => Fr.create(bytesToBigInt(keccak256(Uint8Array.of(index, 200))));
const FACTORS = [...EDGES, ...Array.from({ length: 8 }, (_, index) => random(index))];

const first = (index: number) => G1.fromAffine(G1.BASE.multiply(random(index)).toAffine());
const second = (index: number) => G2.fromAffine(G2.BASE.multiply(random(index)).toAffine());

/** Points of the curve whose x is small: none of them is in the subgroup but by an accident of one in 2^125. */
function outsideG1(from: bigint) {
  for (let x = from; ; x++) {
    const square = Fp.add(Fp.pow(x, 3n), 4n);
    if (Fp.pow(square, (Fp.ORDER - 1n) / 2n) === 1n) return G1.fromAffine({ x, y: Fp.sqrt(square) });
  }
}

function outsideG2() {
  for (let c0 = 1n; ; c0++) {
    const x = Fp2.create({ c0, c1: 0n });
    try {
      return G2.fromAffine({ x, y: Fp2.sqrt(Fp2.add(Fp2.pow(x, 3n), Fp2.create({ c0: 4n, c1: 4n }))) });
    } catch {
      // Not a square: the next x.
    }
  }
}

describe("multiplication by the endomorphisms of BLS12-381", () => {
  it("gives in G1 what doubling and adding gives, at each edge of the digits", () => {
    for (const factor of FACTORS) {
      assert.ok(sumOfProductsInG1([first(1)], [factor]).equals(first(1).multiplyUnsafe(factor)), String(factor));
    }
  });

  it("gives in G2 what doubling and adding gives, at each edge of the digits", () => {
    for (const factor of FACTORS) {
      assert.ok(sumOfProductsInG2([second(1)], [factor]).equals(second(1).multiplyUnsafe(factor)), String(factor));
    }
  });

  it("sums products of points that cancel out, are the same, or are zero", () => {
    const [p, q] = [first(2), second(2)];
    assert.ok(sumOfProductsInG1([p, p.negate()], [X, X]).is0());
    assert.ok(sumOfProductsInG2([q, q.negate()], [X, X]).is0());
    assert.ok(sumOfProductsInG1([p, p, G1.ZERO], [3n, 4n, 5n]).equals(p.multiplyUnsafe(7n)));
    assert.ok(sumOfProductsInG2([q, G2.ZERO, q], [3n, 5n, 4n]).equals(q.multiplyUnsafe(7n)));
  });

  it("tells points of the subgroups from others of the curves", () => {
    for (const point of [G1.BASE, G1.ZERO, first(3)]) assert.equal(isInG1(point), true);
    for (const point of [G2.BASE, G2.ZERO, second(3)]) assert.equal(isInG2(point), true);
    for (const from of [1n, 10n, 100n]) assert.equal(isInG1(outsideG1(from)), false);
    assert.equal(isInG2(outsideG2()), false);
    assert.equal(isInG2(outsideG2().add(second(3))), false);
    // (0, 2) has order three, which the endomorphism maps to itself.
    assert.equal(isInG1(G1.fromAffine({ x: 0n, y: 2n })), false);
    assert.equal(isInG1(G1.fromAffine({ x: 0n, y: 2n }).add(first(3))), false);
  });
});
