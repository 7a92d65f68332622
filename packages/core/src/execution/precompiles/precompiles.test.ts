import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { bn254 } from "@noble/curves/bn254.js";
import { p256 } from "@noble/curves/nist.js";
import fc from "fast-check";
import { bigIntToFixedBytes, bytesToBigInt, concatBytes, type Hex, hexToBytes } from "../../base/bytes.ts";
import { keccak256, SECP256K1_ORDER, signDigest } from "../../crypto/crypto.ts";
import type { Fork } from "../fork.ts";
import { libraryPrecompile } from "./library-precompiles.test-support.ts";
import { precompilesOf } from "./precompiles.ts";
import { finish } from "./steps.ts";
import type { Precompile } from "./types.ts";

const addressOf = (number: number): Hex => `0x${number.toString(16).padStart(40, "0")}`;
const precompileAt = (fork: Fork, number: number): Precompile => {
  const found = precompilesOf(fork).get(addressOf(number));
  assert.ok(found !== undefined, `${fork} has no precompile at ${number}`);
  return found;
};

/** The output here, which must be the library's, as the gas must, at once and in steps. */
function createAgreed(fork: Fork, number: number): (input: Uint8Array) => Promise<Uint8Array | undefined> {
  const [ours, theirs] = [precompileAt(fork, number), libraryPrecompile(fork, addressOf(number))];
  return async (input) => {
    const copy = input.slice();
    const { gas, output } = await theirs(input.slice());
    const given = ours.run(input);
    assert.deepEqual(given, output);
    if (gas !== undefined) assert.equal(BigInt(ours.gas(input)), gas);
    if (ours.steps !== undefined) assert.deepEqual(finish(ours.steps(input)), output);
    assert.deepEqual(input, copy, "the input stays as it was");
    return given;
  };
}

const fields = (bytes: number, ...values: readonly bigint[]): Uint8Array =>
  concatBytes(...values.map((value) => bigIntToFixedBytes(value, bytes)));
const scalar = (index: number): bigint => bytesToBigInt(keccak256(Uint8Array.of(index)));
const repeated = (bytes: Uint8Array, count: number): Uint8Array =>
  concatBytes(...Array.from({ length: count }, () => bytes));
const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
const bytesUpTo = (maxLength: number) => fc.uint8Array({ maxLength });

const Fr = bls12_381.fields.Fr;
const g1 = (index: number): Uint8Array => {
  const { x, y } = bls12_381.G1.Point.BASE.multiply(Fr.create(scalar(index))).toAffine();
  return fields(64, x, y);
};
const g2 = (index: number): Uint8Array => {
  const { x, y } = bls12_381.G2.Point.BASE.multiply(Fr.create(scalar(index))).toAffine();
  return fields(64, x.c0, x.c1, y.c0, y.c1);
};
const bnPoint = (factor: bigint): Uint8Array => {
  const { x, y } = bn254.G1.Point.BASE.multiply(factor).toAffine();
  return fields(32, x, y);
};
const bnPair = (a: bigint, b: bigint): Uint8Array => {
  const { x, y } = bn254.G2.Point.BASE.multiply(b).toAffine();
  return concatBytes(bnPoint(a), fields(32, x.c1, x.c0, y.c1, y.c0));
};
const blsPair = (a: bigint, b: bigint): Uint8Array => {
  const p = bls12_381.G1.Point.BASE.multiply(a).toAffine();
  const q = bls12_381.G2.Point.BASE.multiply(b).toAffine();
  return fields(64, p.x, p.y, q.x.c0, q.x.c1, q.y.c0, q.y.c1);
};
/** The first points of y² = x³ + 4 over the field of BLS12-381: of a large order. */
function outsideSubgroup(): Uint8Array {
  const { Fp } = bls12_381.fields;
  let x = 1n;
  while (Fp.pow(x ** 3n + 4n, (Fp.ORDER - 1n) / 2n) !== 1n) x++;
  return fields(64, x, Fp.sqrt(x ** 3n + 4n));
}

/** A valid input and every way of spoiling it. */
async function agreesOn(
  agreed: (input: Uint8Array) => Promise<unknown>,
  valid: Uint8Array,
  unitBytes = valid.length,
): Promise<void> {
  assert.notEqual(await agreed(valid), undefined);
  for (const input of [
    new Uint8Array(0),
    new Uint8Array(unitBytes),
    concatBytes(new Uint8Array(unitBytes), valid),
    concatBytes(valid, Uint8Array.of(0)),
    valid.subarray(1),
    valid.subarray(0, -1),
    new Uint8Array(valid.length).fill(255),
  ]) {
    await agreed(input);
  }
  for (let at = 0; at < unitBytes; at += 7) await agreed(flipped(valid, valid.length - 1 - at));
}

describe("the precompiles of EthereumJS agree with", () => {
  test("the hashes and the identity", async () => {
    for (const number of [2, 3, 4]) {
      await fc.assert(
        fc.asyncProperty(bytesUpTo(300), async (input) => void (await createAgreed("byzantium", number)(input))),
        { numRuns: 50 },
      );
    }
  });

  test("the recovery of a signer", async () => {
    const agreed = createAgreed("osaka", 1);
    const digest = keccak256(Uint8Array.of(1));
    const signature = signDigest(digest, keccak256(Uint8Array.of(9)));
    const [r, s] = [bytesToBigInt(signature.subarray(0, 32)), bytesToBigInt(signature.subarray(32, 64))];
    const v = 27n + BigInt(signature[64] as number);
    const input = (...parts: readonly bigint[]) => concatBytes(digest, fields(32, ...parts));
    assert.equal((await agreed(input(v, r, s)))?.length, 32);
    assert.deepEqual(await agreed(concatBytes(input(v, r, s), digest)), await agreed(input(v, r, s)));
    assert.equal((await agreed(input(55n - v, r, SECP256K1_ORDER - s)))?.length, 32);
    for (const bad of [
      [v, 0n, s],
      [v, r, 0n],
      [v, SECP256K1_ORDER, s],
      [v, r, SECP256K1_ORDER],
      [29n, r, s],
      [v + (1n << 8n), r, s],
      [0n, r, s],
      [v, 5n, s],
    ]) {
      await agreed(input(...bad));
    }
    await agreed(input(v, r, s).subarray(0, 100));
    await agreed(new Uint8Array(0));
  });

  test("exponentiation, by the rules of three forks", async () => {
    const small = fc.bigInt({ min: 0n, max: 2n ** 80n });
    const length = fc.integer({ min: 0, max: 70 });
    for (const fork of ["byzantium", "berlin", "osaka"] as const) {
      const agreed = createAgreed(fork, 5);
      await fc.assert(
        fc.asyncProperty(length, length, length, bytesUpTo(220), async (base, exponent, modulus, data) => {
          await agreed(concatBytes(fields(32, BigInt(base), BigInt(exponent), BigInt(modulus)), data));
        }),
        { numRuns: 300 },
      );
      await fc.assert(
        fc.asyncProperty(small, small, small, async (base, exponent, modulus) => {
          await agreed(
            concatBytes(fields(32, 16n, 11n, 12n), fields(16, base), fields(11, exponent), fields(12, modulus)),
          );
        }),
      );
      const large = concatBytes(
        fields(32, 256n, 40n, 256n),
        ...Array.from({ length: 18 }, (_, at) => keccak256(Uint8Array.of(at))),
      );
      await agreed(large);
      for (const lengths of [
        [0n, 0n, 0n],
        [2n ** 200n, 0n, 0n],
        [0n, 2n ** 200n, 0n],
        [1n, 1n, 0n],
        [1n, 0n, 1n],
        [0n, 1n, 32n],
      ]) {
        const input = concatBytes(fields(32, ...lengths), Uint8Array.of(3, 1, 7));
        if (lengths[0] !== 2n ** 200n) await agreed(input);
      }
    }
  });

  test("exponentiation in Osaka, which takes no number of more than 1,024 bytes", async () => {
    const osaka = precompileAt("osaka", 5);
    for (const [at, lengths] of [
      [1_025n, 1n, 1n],
      [1n, 1_025n, 1n],
      [1n, 1n, 1_025n],
    ].entries()) {
      assert.equal(osaka.run(fields(32, ...(lengths as bigint[]))), undefined, String(at));
    }
    assert.equal(osaka.run(fields(32, 1_024n, 1_024n, 1_024n))?.length, 1_024);
  });

  test("bn254, by the prices of two forks", async () => {
    for (const fork of ["byzantium", "osaka"] as const) {
      const [sum, product, pairing] = [6, 7, 8].map((number) => createAgreed(fork, number)) as [
        ReturnType<typeof createAgreed>,
        ReturnType<typeof createAgreed>,
        ReturnType<typeof createAgreed>,
      ];
      const order = bn254.fields.Fr.ORDER;
      await agreesOn(sum, concatBytes(bnPoint(3n), bnPoint(4n)));
      await sum(concatBytes(bnPoint(3n), bnPoint(order - 3n)));
      await sum(bnPoint(3n));
      await sum(fields(32, bn254.fields.Fp.ORDER, 0n));
      await agreesOn(product, concatBytes(bnPoint(3n), fields(32, scalar(1))));
      for (const factor of [0n, 1n, order, order + 1n, 2n ** 256n - 1n])
        await product(concatBytes(bnPoint(5n), fields(32, factor)));
      const one = concatBytes(bnPair(6n, 7n), bnPair(order - 42n, 1n));
      assert.equal((await pairing(one))?.at(-1), 1);
      assert.equal((await pairing(concatBytes(one, bnPair(2n, 3n))))?.at(-1), 0);
      for (const at of [0, 40, 100, 191]) await pairing(flipped(one, at));
      for (const input of [
        new Uint8Array(0),
        new Uint8Array(192),
        one.subarray(1),
        concatBytes(new Uint8Array(192), one),
      ]) {
        await pairing(input);
      }
    }
  });

  test("BLAKE2b's compression", async () => {
    const agreed = createAgreed("osaka", 9);
    const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 40 }),
        exactly(208),
        fc.integer({ min: 0, max: 2 }),
        async (rounds, data, flag) => {
          await agreed(concatBytes(fields(4, BigInt(rounds)), data, Uint8Array.of(flag)));
        },
      ),
    );
    await agreed(concatBytes(fields(4, 5_000n), new Uint8Array(209)));
    await agreed(new Uint8Array(212));
  });

  test("BLAKE2b's compression in steps, also when another has its steps in between", async () => {
    const agreed = createAgreed("osaka", 9);
    const compress = precompileAt("osaka", 9).steps;
    assert.ok(compress !== undefined);
    const inputs = [70_001n, 65_536n, 12n].map((rounds, at) =>
      concatBytes(fields(4, rounds), new Uint8Array(208).fill(at + 1), Uint8Array.of(1)),
    );
    const running = inputs.map((input) => ({ work: compress(input), steps: 0, output: undefined as unknown }));
    for (let left = running.length; left > 0; ) {
      for (const each of running.filter(({ output }) => output === undefined)) {
        const { done, value } = each.work.next();
        each.steps++;
        if (done !== true) continue;
        each.output = value;
        left--;
      }
    }
    assert.deepEqual(
      running.map(({ steps }) => steps),
      [3, 2, 1],
    );
    for (const [at, input] of inputs.entries()) assert.deepEqual(await agreed(input), running[at]?.output);
  });

  test("sums of points of BLS12-381 and the maps to them", async () => {
    await agreesOn(createAgreed("osaka", 0x0b), concatBytes(g1(1), g1(2)));
    await createAgreed("osaka", 0x0b)(concatBytes(outsideSubgroup(), g1(2)));
    await agreesOn(createAgreed("osaka", 0x0d), concatBytes(g2(1), g2(2)));
    const { Fp } = bls12_381.fields;
    const field = (index: number): Uint8Array => fields(64, Fp.create(scalar(index) ** 2n));
    await agreesOn(createAgreed("osaka", 0x10), field(1));
    await agreesOn(createAgreed("osaka", 0x11), concatBytes(field(1), field(2)));
    await createAgreed("osaka", 0x10)(fields(64, Fp.ORDER));
  });

  test("sums of products over both groups of BLS12-381", async () => {
    const [first, second] = [createAgreed("osaka", 0x0c), createAgreed("osaka", 0x0e)];
    const sum = (point: (index: number) => Uint8Array, pairs: number) =>
      concatBytes(...Array.from({ length: pairs }, (_, at) => concatBytes(point(at), fields(32, scalar(at + 20)))));
    await agreesOn(first, sum(g1, 3), 160);
    await agreesOn(second, sum(g2, 2), 288);
    await first(sum(g1, 40));
    await first(concatBytes(g1(1), fields(32, 1n), g1(1), fields(32, Fr.ORDER - 1n)));
    for (const factor of [0n, Fr.ORDER, Fr.ORDER + 1n, 2n ** 256n - 1n])
      await first(concatBytes(g1(1), fields(32, factor)));
    assert.equal(await first(concatBytes(g1(1), fields(32, 5n), outsideSubgroup(), fields(32, 5n))), undefined);
  });

  test("pairings over BLS12-381", async () => {
    const agreed = createAgreed("osaka", 0x0f);
    const one = concatBytes(blsPair(6n, 7n), blsPair(Fr.ORDER - 42n, 1n));
    assert.equal((await agreed(one))?.at(-1), 1);
    assert.equal((await agreed(concatBytes(one, blsPair(2n, 3n))))?.at(-1), 0);
    for (const at of [0, 20, 100, 200, 383]) await agreed(flipped(one, at));
    for (const input of [
      new Uint8Array(0),
      new Uint8Array(384),
      one.subarray(1),
      concatBytes(outsideSubgroup(), g2(1)),
    ]) {
      await agreed(input);
    }
  });

  test("signatures on P-256", async () => {
    const agreed = createAgreed("osaka", 0x100);
    const key = keccak256(Uint8Array.of(2));
    const digest = keccak256(Uint8Array.of(3));
    const signature = p256.sign(digest, key, { prehash: false, format: "compact", lowS: false });
    const input = concatBytes(digest, signature, p256.getPublicKey(key, false).subarray(1));
    assert.equal((await agreed(input))?.at(-1), 1);
    const n = p256.Point.CURVE().n;
    const other = concatBytes(
      input.subarray(0, 64),
      fields(32, n - bytesToBigInt(input.subarray(64, 96))),
      input.subarray(96),
    );
    assert.equal((await agreed(other))?.at(-1), 1);
    for (let at = 0; at < input.length; at += 11) await agreed(flipped(input, at));
    for (const bad of [new Uint8Array(0), new Uint8Array(160), new Uint8Array(160).fill(255), input.subarray(1)])
      await agreed(bad);
    await agreed(concatBytes(input, Uint8Array.of(0)));
  });
});

test("each fork has its precompiles", () => {
  const numbers = (fork: Fork): number[] => [...precompilesOf(fork).keys()].map((address) => Number(address));
  assert.deepEqual(numbers("frontier"), [1, 2, 3, 4]);
  assert.deepEqual(numbers("byzantium"), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(numbers("istanbul"), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(numbers("cancun"), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual(numbers("prague").at(-1), 17);
  assert.deepEqual(numbers("osaka").at(-1), 256);
});

test("long work comes in steps", () => {
  const steps = (number: number, input: Uint8Array): number =>
    [...(precompileAt("osaka", number).steps?.(input) ?? [])].length;
  assert.ok(steps(9, concatBytes(fields(4, 140_000n), new Uint8Array(209))) >= 4);
  assert.ok(steps(8, repeated(bnPair(2n, 3n), 8)) >= 8);
  assert.ok(steps(0x0f, repeated(blsPair(2n, 3n), 8)) >= 8);
  assert.ok(steps(0x0c, repeated(concatBytes(g1(1), fields(32, 5n)), 100)) >= 3);
  const ones = new Uint8Array(1_024).fill(255);
  assert.ok(steps(5, concatBytes(fields(32, 1_024n, 1_024n, 1_024n), ones, ones, ones)) >= 100);
});

test("the vectors of EIP-152 hold", () => {
  const state =
    "48c9bdf267e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5d182e6ad7f520e511f6c3e2b8c68059b6bbd41fbabd9831f79217e1319cde05b";
  const rest = `616263${"00".repeat(125)}0300000000000000000000000000000001`;
  const run = (rounds: string): string =>
    Buffer.from(precompileAt("osaka", 9).run(hexToBytes(`0x${rounds}${state}${rest}`)) ?? []).toString("hex");
  assert.equal(
    run("0000000c"),
    "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
  );
  assert.equal(
    run("00000000"),
    "08c9bcf367e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5d282e6ad7f520e511f6c3e2b8c68059b9442be0454267ce079217e1319cde05b",
  );
});
