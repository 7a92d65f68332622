import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { bigIntToFixedBytes, concatBytes, type Hex } from "@counterpart/core/base/bytes";
import { useCrypto } from "@counterpart/core/crypto/crypto";
import { createPortableCrypto } from "@counterpart/core/crypto/portable";
import { PORTABLE_BLS12_381 } from "@counterpart/core/execution/precompiles/portable-bls12-381";
import { PORTABLE_BN254 } from "@counterpart/core/execution/precompiles/portable-bn254";
import { precompilesOf } from "@counterpart/core/execution/precompiles/precompiles";
import type { Precompile } from "@counterpart/core/execution/precompiles/types";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { bn254 } from "@noble/curves/bn254.js";
import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { linearOpening } from "../../../core/src/execution/precompiles/openings.test-support.ts";
import { checkBls12381, checkBn254, checkP256 } from "./curve-checks.ts";
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

  test("for products", () => agreesOn(7, spoiled(joined(first, factors(Fr.ORDER))), 100));

  test("for pairings, also of points outside of the group", () => {
    agreesOn(8, spoiled(repeated(joined(first, second), 3).filter(({ length }) => length > 0)), 40);
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

describe("BLS12-381 in WebAssembly gives what the portable one gives", () => {
  const { Fp, Fp2, Fr } = bls12_381.fields;
  const [G1, G2] = [bls12_381.G1.Point, bls12_381.G2.Point];
  const zeros = (size: number) => fc.constant(new Uint8Array(size));
  const writtenFirst = ({ x, y }: { readonly x: bigint; readonly y: bigint }): Uint8Array => fields(64, x, y);
  const writtenSecond = ({ x, y }: ReturnType<typeof G2.BASE.toAffine>): Uint8Array =>
    fields(64, x.c0, x.c1, y.c0, y.c1);

  /** Points of the curve with small x: none of them is in the subgroup, but by an accident. */
  function outsideFirst(from: bigint): Uint8Array {
    for (let x = from; ; x++) {
      const square = Fp.add(Fp.pow(x, 3n), 4n);
      if (Fp.pow(square, (Fp.ORDER - 1n) / 2n) === 1n) return writtenFirst({ x, y: Fp.sqrt(square) });
    }
  }
  function outsideSecond(): Uint8Array {
    for (let c0 = 1n; ; c0++) {
      const x = Fp2.create({ c0, c1: 0n });
      try {
        return writtenSecond({ x, y: Fp2.sqrt(Fp2.add(Fp2.pow(x, 3n), G2.CURVE().b)) });
      } catch {
        // Not a square: the next x.
      }
    }
  }
  /** Of order 3: adding it to itself gives its inverse. */
  const smallOrder = fields(64, 0n, 2n);

  const inFirst = indices(Fr.ORDER).map((index) => writtenFirst(G1.BASE.multiply(index).toAffine()));
  const inSecond = indices(Fr.ORDER).map((index) => writtenSecond(G2.BASE.multiply(index).toAffine()));
  const first = often(
    inFirst,
    fc.oneof(
      zeros(128),
      fc.constantFrom(outsideFirst(1n), outsideFirst(5n), smallOrder),
      fc.constantFrom(fields(64, Fp.ORDER, 0n), fields(64, 0n, Fp.ORDER + 2n), fields(64, 1n, 0n)),
      fc.constantFrom(fields(64, 2n ** 384n, 2n), new Uint8Array(128).fill(255)),
    ),
  );
  const second = often(
    inSecond,
    fc.oneof(
      zeros(256),
      fc.constantFrom(outsideSecond(), fields(64, 0n, Fp.ORDER, 0n, 0n), fields(64, 1n, 0n, 0n, 0n)),
    ),
  );
  const edges = fc.constantFrom(0n, 1n, 2n, 3n, Fp.ORDER - 1n, Fp.ORDER, Fp.ORDER / 2n, 2n ** 381n - 1n, 2n ** 384n);
  const element = fc
    .oneof({ arbitrary: edges, weight: 1 }, { arbitrary: fc.bigInt({ min: 0n, max: Fp.ORDER - 1n }), weight: 2 })
    .map((value) => fields(64, value));

  test("the answers it is checked by at its start are the portable ones", () => {
    assert.equal(checkBls12381(PORTABLE_BLS12_381), PORTABLE_BLS12_381);
    const { bls12381: curve } = native;
    assert.ok(curve !== undefined);
    assert.throws(() => checkBls12381({ ...curve, isOne: () => true }));
    assert.throws(() => checkBls12381({ ...curve, second: { ...curve.second, isInSubgroup: () => false } }));
  });

  test("for sums, also of points outside of the subgroups", () => {
    agreesOn(0x0b, spoiled(joined(first, first)), 200);
    agreesOn(0x0d, spoiled(joined(second, second)), 100);
    const agreed = createAgreed(0x0b);
    for (const point of [outsideFirst(1n), smallOrder]) {
      for (const other of [point, outsideFirst(5n), new Uint8Array(128)]) {
        assert.equal(agreed(concatBytes(point, other))?.length, 128);
      }
    }
    assert.equal(createAgreed(0x0d)(concatBytes(outsideSecond(), outsideSecond()))?.length, 256);
  });

  test("for sums of products", () => {
    agreesOn(0x0c, spoiled(repeated(joined(first, factors(Fr.ORDER)), 10).filter(({ length }) => length > 0)), 50);
    agreesOn(0x0e, spoiled(repeated(joined(second, factors(Fr.ORDER)), 10).filter(({ length }) => length > 0)), 40);
  });

  test("for pairings", () => {
    agreesOn(0x0f, spoiled(repeated(joined(first, second), 3).filter(({ length }) => length > 0)), 40);
    const agreed = createAgreed(0x0f);
    const one = (factor: bigint): Uint8Array =>
      concatBytes(writtenFirst(G1.BASE.multiply(factor).toAffine()), writtenSecond(G2.BASE.toAffine()));
    assert.equal(agreed(concatBytes(one(5n), one(Fr.ORDER - 5n)))?.at(-1), 1);
    assert.equal(agreed(concatBytes(one(5n), one(Fr.ORDER - 4n)))?.at(-1), 0);
    assert.equal(agreed(concatBytes(outsideFirst(1n), new Uint8Array(256))), undefined);
    assert.equal(agreed(concatBytes(new Uint8Array(128), outsideSecond())), undefined);
  });

  test("for maps of elements of the field", () => {
    agreesOn(0x10, spoiled(element), 80);
    agreesOn(0x11, spoiled(joined(element, element)), 50);
  });

  test("for openings of commitments", () => {
    const scalar = fc.constantFrom(1n, 2n, 5n, Fr.ORDER - 1n, 2n ** 200n);
    const openings = fc.tuple(scalar, scalar, scalar).map((values) => linearOpening(...values).input);
    agreesOn(0x0a, spoiled(openings), 40);
    const valid = linearOpening(5n, 7n, 9n);
    const agreed = createAgreed(0x0a);
    /** The hash goes with the commitment, which so is looked at. */
    const withPoints = (commitment: Uint8Array, proof: Uint8Array): Uint8Array =>
      concatBytes(Uint8Array.of(1), sha256(commitment).subarray(1), valid.input.subarray(32, 96), commitment, proof);
    assert.ok(agreed(withPoints(valid.commitment, valid.proof)) !== undefined);
    const zero = Uint8Array.of(0xc0, ...new Uint8Array(47));
    const at = (x: bigint, flags: number): Uint8Array => {
      const bytes = bigIntToFixedBytes(x, 48);
      bytes[0] = (bytes[0] as number) | flags;
      return bytes;
    };
    const [none, one] = [0n, 1n].map((last) => at(last, 0xc0)) as [Uint8Array, Uint8Array];
    const points = [
      ...[zero, none, one, at(2n ** 376n, 0xc0), at(0n, 0xe0), at(0n, 0x40), at(0n, 0x80), at(0n, 0xa0), at(0n, 0)],
      ...[0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].flatMap((x) => [at(x, 0x80), at(x, 0xa0), at(Fp.ORDER + x, 0x80)]),
      ...[valid.commitment, valid.proof].flatMap((bytes) =>
        [0x80, 0x40, 0x20].map((bit) => bytes.map((byte, i) => (i === 0 ? byte ^ bit : byte))),
      ),
    ];
    for (const point of points) {
      agreed(withPoints(point, valid.proof));
      agreed(withPoints(valid.commitment, point));
      agreed(withPoints(point, zero));
    }
    const { bls12381: curve } = native;
    for (const point of points) {
      const [mine, other] = [curve, PORTABLE_BLS12_381].map((each) => {
        try {
          return each?.first.toAffine(each.decompress(point));
        } catch {
          return undefined;
        }
      });
      assert.deepEqual(mine, other, Buffer.from(point).toString("hex"));
    }
  });
});

describe("signatures on P-256 in WebAssembly are those of the portable one", () => {
  const { n, p } = p256.Point.CURVE();
  const { BASE } = p256.Point;
  const agreed = createAgreed(0x100);
  const isValid = (...numbers: readonly bigint[]): boolean => agreed(fields(32, ...numbers))?.length === 32;
  const inverse = (value: bigint): bigint => p256.Point.Fn.inv(value);
  const modulo = (value: bigint): bigint => ((value % n) + n) % n;

  /** Digest, r, s, x and y with the nonce k, which the library does not let choose. */
  function signed(digest: bigint, key: bigint, k: bigint): [bigint, bigint, bigint, bigint, bigint] {
    const r = modulo(BASE.multiply(k).toAffine().x);
    const { x, y } = BASE.multiply(key).toAffine();
    return [digest, r, modulo(inverse(k) * (digest + r * key)), x, y];
  }
  const edges = fc.constantFrom(1n, 2n, 3n, n - 1n, n - 2n, n / 2n, 2n ** 128n);
  const digests = fc.oneof(
    fc.constantFrom(0n, 1n, n - 1n, n, n + 1n, 2n ** 256n - 1n),
    fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
  );

  test("a check at its start refuses what takes or refuses everything", () => {
    assert.ok(native.verifyP256 !== undefined);
    assert.equal(checkP256(native.verifyP256), native.verifyP256);
    for (const always of [true, false]) assert.throws(() => checkP256(() => always));
  });

  test("valid and spoiled ones, also of keys that are the generator or cancel out with it", () => {
    const seen = new Set<number | undefined>();
    const inputs = fc.tuple(digests, edges, edges).map((numbers) => fields(32, ...signed(...numbers)));
    fc.assert(
      fc.property(spoiled(inputs), (input) => void seen.add(agreed(input)?.length)),
      { numRuns: 200 },
    );
    assert.deepEqual(seen, new Set([32, 0]));
  });

  test("with either s, and with no number out of its range", () => {
    const [digest, r, s, x, y] = signed(77n, 5n, 9n);
    assert.equal(isValid(digest, r, s, x, y), true);
    assert.equal(isValid(digest, r, n - s, x, y), true);
    assert.equal(isValid(digest + n, r, s, x, y), true);
    for (const numbers of [
      ...[0n, n, r + n, n - 1n, 2n ** 256n - 1n].map((bad) => [digest, bad, s, x, y]),
      ...[0n, n, n - 1n, 2n ** 256n - 1n].map((bad) => [digest, r, bad, x, y]),
      ...[0n, p, 1n, p - 1n, 2n ** 256n - 1n].flatMap((bad) => [
        [digest, r, s, bad, y],
        [digest, r, s, x, bad],
      ]),
      ...[
        [digest, r, s, 0n, 0n],
        [digest, r, s, x, p - y],
        [digest, r, s, y, x],
      ],
    ]) {
      assert.equal(isValid(...numbers.map((value) => value % 2n ** 256n)), false, numbers.join(" "));
    }
  });

  test("with an x of the nonce's point that is not below the order", () => {
    // The only r for which x differs from it is below p - n: the key is made to fit the point.
    for (let r = 1n; ; r++) {
      const square = p256.Point.Fp.create((r + n) ** 3n - 3n * (r + n) + p256.Point.CURVE().b);
      let y: bigint;
      try {
        y = p256.Point.Fp.sqrt(square);
      } catch {
        continue;
      }
      const [digest, s, point] = [123n, 456n, p256.Point.fromAffine({ x: r + n, y })];
      const key = point.multiply(s).subtract(BASE.multiply(digest)).multiply(inverse(r)).toAffine();
      assert.equal(isValid(digest, r, s, key.x, key.y), true);
      assert.equal(isValid(digest + 1n, r, s, key.x, key.y), false);
      return;
    }
  });

  test("with a sum that is the point at infinity", () => {
    // digest·G + r·key = 0.
    const r = 11n;
    const { x, y } = BASE.multiply(modulo(-5n * inverse(r))).toAffine();
    assert.equal(isValid(5n, r, 3n, x, y), false);
  });
});
