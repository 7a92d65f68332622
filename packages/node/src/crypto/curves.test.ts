import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { bigIntToFixedBytes, concatBytes, type Hex } from "@counterpart/core/base/bytes";
import { useCrypto } from "@counterpart/core/crypto/crypto";
import { createPortableCrypto } from "@counterpart/core/crypto/portable";
import { PORTABLE_BN254 } from "@counterpart/core/execution/precompiles/portable-bn254";
import { precompilesOf } from "@counterpart/core/execution/precompiles/precompiles";
import type { Precompile } from "@counterpart/core/execution/precompiles/types";
import { bn254 } from "@noble/curves/bn254.js";
import fc from "fast-check";
import { checkBn254 } from "./curve-checks.ts";
import { createNativeCrypto } from "./native.ts";

const portable = createPortableCrypto();
const native = await createNativeCrypto();
after(() => useCrypto(portable));

const fields = (bytes: number, ...values: readonly bigint[]): Uint8Array =>
  concatBytes(...values.map((value) => bigIntToFixedBytes(value, bytes)));

/** The output of the precompiled contract on both, which must be the same; undefined when the input is invalid. */
function createAgreed(number: number): (input: Uint8Array) => Uint8Array | undefined {
  const address: Hex = `0x${number.toString(16).padStart(40, "0")}`;
  const { run } = precompilesOf("osaka").get(address) as Precompile;
  return (input) => {
    useCrypto(portable);
    const expected = run(input);
    useCrypto(native);
    assert.deepEqual(run(input), expected, Buffer.from(input).toString("hex"));
    return expected;
  };
}

/** Both kinds of outcomes among so many inputs, so that neither side can agree by refusing or taking everything. */
function agreesOn(number: number, inputs: fc.Arbitrary<Uint8Array>, numRuns: number): void {
  const agreed = createAgreed(number);
  const seen = new Set<boolean>();
  fc.assert(
    fc.property(inputs, (input) => void seen.add(agreed(input) === undefined)),
    { numRuns },
  );
  assert.deepEqual(seen, new Set([true, false]));
}

/** Now and then with a bit, an end or a length that is wrong. */
const spoiled = (inputs: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    { arbitrary: inputs, weight: 4 },
    {
      arbitrary: fc
        .tuple(inputs, fc.nat(), fc.nat(7))
        .map(([input, at, bit]) => input.map((byte, i) => (i === at % input.length ? byte ^ (1 << bit) : byte))),
      weight: 2,
    },
    { arbitrary: fc.tuple(inputs, fc.nat()).map(([input, end]) => input.subarray(0, end % input.length)), weight: 1 },
    { arbitrary: inputs.map((input) => concatBytes(input, Uint8Array.of(1))), weight: 1 },
  );

const joined = (...parts: readonly fc.Arbitrary<Uint8Array>[]): fc.Arbitrary<Uint8Array> =>
  fc.tuple(...parts).map((bytes) => concatBytes(...bytes));
const repeated = (part: fc.Arbitrary<Uint8Array>, maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.array(part, { maxLength }).map((parts) => concatBytes(...parts));
const often = (arbitrary: fc.Arbitrary<Uint8Array>, rare: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.oneof({ arbitrary, weight: 8 }, { arbitrary: rare, weight: 1 });

/** Few enough that points come twice, and as inverses of each other. */
const indices = (order: bigint) => fc.constantFrom(1n, 2n, 3n, order - 3n, order - 1n, order / 2n, 2n ** 127n + 5n);
const factors = (order: bigint): fc.Arbitrary<Uint8Array> =>
  fc
    .oneof(
      fc.constantFrom(0n, 1n, 2n, order - 1n, order, order + 1n, 2n * order, 2n ** 256n - 1n, 2n ** 128n),
      fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
    )
    .map((value) => fields(32, value));

test("all curves are native", () => {
  assert.deepEqual(
    native.fallbacks.filter(({ part }) => part !== "secp256k1"),
    [],
  );
});

describe("bn254 in WebAssembly gives what the portable one gives", () => {
  const { Fp, Fp2, Fr } = bn254.fields;
  const [G1, G2] = [bn254.G1.Point, bn254.G2.Point];
  const zeros = (size: number) => fc.constant(new Uint8Array(size));

  const first = often(
    indices(Fr.ORDER).map((index) => {
      const { x, y } = G1.BASE.multiply(index).toAffine();
      return fields(32, x, y);
    }),
    fc.oneof(
      zeros(64),
      fc.constantFrom(fields(32, Fp.ORDER, 0n), fields(32, 1n, Fp.ORDER + 2n), fields(32, Fp.ORDER + 1n, 2n)),
      fc.constantFrom(fields(32, 0n, 1n), fields(32, 1n, 0n), new Uint8Array(64).fill(255)),
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
    ),
  );
  const written = ({ x, y }: ReturnType<typeof G2.BASE.toAffine>): Uint8Array => fields(32, x.c1, x.c0, y.c1, y.c0);

  /** A point of the curve whose order is another. */
  function outside(): Uint8Array {
    for (let c0 = 1n; ; c0++) {
      const x = Fp2.create({ c0, c1: 0n });
      try {
        return written({ x, y: Fp2.sqrt(Fp2.add(Fp2.pow(x, 3n), G2.CURVE().b)) });
      } catch {
        // Not a square: the next x.
      }
    }
  }

  const second = often(
    indices(Fr.ORDER).map((index) => written(G2.BASE.multiply(index).toAffine())),
    fc.oneof(zeros(128), fc.constantFrom(outside(), new Uint8Array(128).fill(255), fields(32, 0n, Fp.ORDER, 0n, 0n))),
  );

  test("the answers it is checked by at its start are the portable ones", () => {
    assert.equal(checkBn254(PORTABLE_BN254), PORTABLE_BN254);
    const { bn254: curve } = native;
    assert.ok(curve !== undefined);
    assert.throws(() => checkBn254({ ...curve, isOne: () => true }));
    assert.throws(() => checkBn254({ ...curve, first: { ...curve.first, add: (a) => a } }));
  });

  test("for sums", () => agreesOn(6, spoiled(joined(first, first)), 400));

  test("for products", () => agreesOn(7, spoiled(joined(first, factors(Fr.ORDER))), 200));

  test("for pairings, also of points outside of the group", () => {
    agreesOn(8, spoiled(repeated(joined(first, second), 3).filter(({ length }) => length > 0)), 60);
    const agreed = createAgreed(8);
    assert.equal(agreed(concatBytes(fields(32, 1n, 2n), outside())), undefined);
    assert.equal(agreed(concatBytes(fields(32, 0n, 0n), outside())), undefined);
    const one = (factor: bigint): Uint8Array => {
      const { x, y } = G1.BASE.multiply(factor).toAffine();
      return concatBytes(fields(32, x, y), written(G2.BASE.toAffine()));
    };
    assert.equal(agreed(concatBytes(one(5n), one(Fr.ORDER - 5n)))?.at(-1), 1);
    assert.equal(agreed(concatBytes(one(5n), one(Fr.ORDER - 4n)))?.at(-1), 0);
    assert.equal(agreed(new Uint8Array(0))?.at(-1), 1);
  });
});
