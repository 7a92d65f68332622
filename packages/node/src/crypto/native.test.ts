import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { bigIntToFixedBytes, concatBytes } from "@counterpart/core/base/bytes";
import { SECP256K1_ORDER } from "@counterpart/core/crypto/crypto";
import { createPortableCrypto } from "@counterpart/core/crypto/portable";
import fc from "fast-check";
import { loadMclModule } from "./mcl.ts";
import { createNativeCrypto, createNativeSigning, type NativeLoaders } from "./native.ts";

const portable = createPortableCrypto();
const native = await createNativeCrypto();

const fixed = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size });
const scalar = fc.bigInt({ min: 1n, max: SECP256K1_ORDER - 1n }).map((value) => bigIntToFixedBytes(value, 32));
const parity = fc.constantFrom(0 as const, 1 as const);

/** Hex text of a result, or "refused". */
function attempt(work: () => Uint8Array): string {
  try {
    return Buffer.from(work()).toString("hex");
  } catch {
    return "refused";
  }
}

describe("native crypto", () => {
  it("is native where the platform has prebuilt code, and says so where it has none", () => {
    const prebuilt = ["linux-x64", "darwin-arm64", "win32-x64"].includes(`${process.platform}-${process.arch}`);
    assert.deepEqual(
      native.fallbacks.map(({ part }) => part),
      prebuilt ? [] : ["secp256k1"],
    );
    assert.equal(native.name, prebuilt ? "native" : "native (secp256k1 portable)");
  });

  it("hashes as the portable one does, at any length and from a view", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(50), (bytes, offset) => {
        assert.deepEqual(native.keccak256(bytes), portable.keccak256(bytes));
        const view = concatBytes(new Uint8Array(offset).fill(9), bytes).subarray(offset);
        assert.deepEqual(native.keccak256(view), portable.keccak256(bytes));
      }),
    );
    const large = new Uint8Array(100_000).fill(3);
    assert.deepEqual(native.keccak256(large), portable.keccak256(large));
  });

  it("gives hashes that later hashing does not change", () => {
    const first = native.keccak256(new Uint8Array([1]));
    const copy = first.slice();
    native.keccak256(new Uint8Array([2]));
    assert.deepEqual(first, copy);
  });

  it("recovers keys that later recoveries do not change", () => {
    const [digest, other] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    const signed = native.sign(digest, new Uint8Array(32).fill(3));
    const first = native.recover(digest, signed.rs, signed.yParity);
    const copy = first.slice();
    assert.notDeepEqual(native.recover(other, signed.rs, signed.yParity), copy);
    assert.deepEqual(first, copy);
  });

  it("signs, recovers and derives keys as the portable one does", () => {
    fc.assert(
      fc.property(fixed(32), scalar, (digest, key) => {
        const signed = native.sign(digest, key);
        assert.deepEqual(signed, portable.sign(digest, key));
        assert.deepEqual(native.publicKey(key), portable.publicKey(key));
        assert.deepEqual(native.recover(digest, signed.rs, signed.yParity), portable.publicKey(key));
      }),
      { numRuns: 40 },
    );
  });

  it("recovers from any bytes what the portable one recovers, or refuses with it", () => {
    const order = bigIntToFixedBytes(SECP256K1_ORDER, 32);
    const edges = fc.constantFrom(new Uint8Array(32), order, new Uint8Array(32).fill(0xff));
    const half = fc.oneof({ arbitrary: fixed(32), weight: 4 }, { arbitrary: edges, weight: 1 });
    const seen = new Set<boolean>();
    fc.assert(
      fc.property(fixed(32), half, half, parity, (digest, r, s, yParity) => {
        const rs = concatBytes(r, s);
        const expected = attempt(() => portable.recover(digest, rs, yParity));
        seen.add(expected === "refused");
        assert.equal(
          attempt(() => native.recover(digest, rs, yParity)),
          expected,
        );
      }),
      { numRuns: 100 },
    );
    assert.equal(seen.size, 2);
  });

  it("recovers from a high s too, which only the caller forbids", () => {
    const digest = portable.keccak256(new Uint8Array([5]));
    const key = bigIntToFixedBytes(77n, 32);
    const { rs, yParity } = native.sign(digest, key);
    const s = SECP256K1_ORDER - BigInt(`0x${Buffer.from(rs.subarray(32)).toString("hex")}`);
    const high = concatBytes(rs.subarray(0, 32), bigIntToFixedBytes(s, 32));
    const flipped = yParity === 0 ? 1 : 0;
    assert.deepEqual(native.recover(digest, high, flipped), native.publicKey(key));
    assert.deepEqual(portable.recover(digest, high, flipped), native.publicKey(key));
  });

  it("refuses keys and digests that the portable one refuses", () => {
    const digest = portable.keccak256(new Uint8Array([5]));
    const order = bigIntToFixedBytes(SECP256K1_ORDER, 32);
    for (const key of [new Uint8Array(32), order, new Uint8Array(31).fill(1)]) {
      for (const provider of [native, portable]) {
        assert.throws(() => provider.sign(digest, key));
        assert.throws(() => provider.publicKey(key));
      }
    }
  });
});

describe("native crypto falls back", () => {
  const real = createRequire(import.meta.url)("secp256k1/elliptic.js") as ReturnType<NativeLoaders["secp256k1"]>;
  const working: NativeLoaders = {
    secp256k1: () => real,
    keccak256: async () => (bytes) => portable.keccak256(bytes),
    curves: loadMclModule,
  };
  const digest = portable.keccak256(new Uint8Array([5]));
  const key = bigIntToFixedBytes(77n, 32);

  it("part by part, naming the part and the reason", async () => {
    const withoutAddon: NativeLoaders = {
      ...working,
      secp256k1() {
        throw new Error("no native build was found");
      },
    };
    const crypto = await createNativeCrypto(withoutAddon);
    assert.deepEqual(crypto.fallbacks, [{ part: "secp256k1", reason: "no native build was found" }]);
    assert.equal(crypto.name, "native (secp256k1 portable)");
    assert.deepEqual(crypto.sign(digest, key), portable.sign(digest, key));
  });

  it("when a part gives wrong results", async () => {
    const wrong: NativeLoaders = {
      secp256k1: () => ({ ...real, ecdsaRecover: () => new Uint8Array(65) }),
      keccak256: async () => () => new Uint8Array(32),
      curves: () => Promise.reject(new Error("no module")),
    };
    const crypto = await createNativeCrypto(wrong);
    assert.deepEqual(
      crypto.fallbacks.map(({ part, reason }) => `${part}: ${reason}`),
      [
        "secp256k1: it recovers a wrong public key",
        "keccak256: it gives a wrong hash",
        "bn254: no module",
        "bls12-381: no module",
        "p256: no module",
      ],
    );
    assert.deepEqual([crypto.bn254, crypto.bls12381, crypto.verifyP256], [undefined, undefined, undefined]);
    assert.equal(crypto.name, "portable");
    assert.deepEqual(crypto.keccak256(digest), portable.keccak256(digest));
    assert.deepEqual(crypto.recover(digest, ...rsOf(crypto.sign(digest, key))), portable.publicKey(key));
  });

  it("without the curves where only signatures are needed", async () => {
    const crypto = await createNativeSigning({ ...working, curves: () => assert.fail("the curves were loaded") });
    assert.deepEqual([crypto.name, crypto.fallbacks, crypto.bn254], ["native", [], undefined]);
    assert.deepEqual(crypto.sign(digest, key), portable.sign(digest, key));
  });

  it("not at all when every part works", async () => {
    assert.deepEqual((await createNativeCrypto(working)).fallbacks, []);
  });
});

function rsOf({ rs, yParity }: { rs: Uint8Array; yParity: 0 | 1 }): [Uint8Array, 0 | 1] {
  return [rs, yParity];
}
