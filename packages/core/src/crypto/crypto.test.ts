import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import fc from "fast-check";
import {
  bigIntToFixedBytes,
  bytesToBigInt,
  bytesToHex,
  concatBytes,
  EMPTY_BYTES,
  type Hex,
  hexToBytes,
  utf8ToBytes,
} from "../base/bytes.ts";
import type { ErrorCode } from "../base/error-catalogue.ts";
import { isCodedError } from "../base/errors.ts";
import {
  checksumAddress,
  currentCrypto,
  keccak256Hex,
  parseAddress,
  privateKeyToAddress,
  recoverAddress,
  SECP256K1_HALF_ORDER,
  SECP256K1_ORDER,
  signDigest,
  useCrypto,
} from "./crypto.ts";

const coded = (code: ErrorCode) => (error: unknown) => isCodedError(error, code);
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
const privateKey = fc.bigInt({ min: 1n, max: SECP256K1_ORDER - 1n }).map((key) => bigIntToFixedBytes(key, 32));

/** From EIP-55. */
const CHECKSUMMED: readonly Hex[] = [
  "0x52908400098527886E0F7030069857D2E4169EE7",
  "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
  "0xde709f2102306220921060314715629080e2fb77",
  "0x27b1fdb04752bbc536007a920d24acb045561c26",
  "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
  "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
  "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
  "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
];

describe("hashing", () => {
  test("is Keccak-256, not SHA-3", () => {
    assert.equal(keccak256Hex(EMPTY_BYTES), "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    assert.equal(keccak256Hex(utf8ToBytes("transfer(address,uint256)")).slice(0, 10), "0xa9059cbb");
    assert.equal(
      keccak256Hex(new Uint8Array([0x80])),
      "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    );
  });
});

describe("signatures", () => {
  test("are those of EIP-155's example", () => {
    const key = new Uint8Array(32).fill(0x46);
    const hash = hexToBytes("0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
    const signature = signDigest(hash, key);
    assert.equal(
      bytesToHex(signature.subarray(0, 32)),
      "0x28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276",
    );
    assert.equal(
      bytesToHex(signature.subarray(32, 64)),
      "0x67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
    );
    assert.equal(signature[64], 0);
    assert.equal(privateKeyToAddress(key), "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f");
    assert.equal(recoverAddress(hash, signature), "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f");
  });

  test("recover to the signer, and have an s in the lower half", () => {
    fc.assert(
      fc.property(digest, privateKey, (hash, key) => {
        const signature = signDigest(hash, key);
        assert.equal(signature.length, 65);
        assert.ok(bytesToBigInt(signature.subarray(32, 64)) <= SECP256K1_HALF_ORDER);
        assert.equal(recoverAddress(hash, signature), privateKeyToAddress(key));
      }),
      { numRuns: 50 },
    );
  });

  test("are rejected in their twin form with a high s", () => {
    fc.assert(
      fc.property(digest, privateKey, (hash, key) => {
        const signature = signDigest(hash, key);
        const s = SECP256K1_ORDER - bytesToBigInt(signature.subarray(32, 64));
        const twin = concatBytes(
          signature.subarray(0, 32),
          bigIntToFixedBytes(s, 32),
          Uint8Array.of(1 - (signature[64] ?? 0)),
        );
        assert.throws(() => recoverAddress(hash, twin), coded("INVALID_SIGNATURE"));
      }),
      { numRuns: 20 },
    );
  });

  test("never recover to the signer when anything in them is altered", () => {
    fc.assert(
      fc.property(digest, privateKey, fc.nat(64), fc.integer({ min: 1, max: 255 }), (hash, key, at, mask) => {
        const signature = signDigest(hash, key);
        signature[at] = (signature[at] ?? 0) ^ mask;
        try {
          assert.notEqual(recoverAddress(hash, signature), privateKeyToAddress(key));
        } catch (error) {
          if (!isCodedError(error, "INVALID_SIGNATURE")) throw error;
        }
      }),
      { numRuns: 50 },
    );
  });

  test("are rejected when malformed", () => {
    const hash = new Uint8Array(32).fill(7);
    const make = (r: bigint, s: bigint, bit: number): Uint8Array =>
      concatBytes(bigIntToFixedBytes(r, 32), bigIntToFixedBytes(s, 32), Uint8Array.of(bit));
    const whole = signDigest(hash, new Uint8Array(32).fill(1));
    const r = bytesToBigInt(whole.subarray(0, 32));
    const wrong: Readonly<Record<string, Uint8Array>> = {
      empty: EMPTY_BYTES,
      "without recovery bit": whole.subarray(0, 64),
      "with a byte too many": concatBytes(whole, Uint8Array.of(0)),
      "with recovery bit 2": make(r, 1n, 2),
      "with recovery bit 27": make(r, 1n, 27),
      "with r = 0": make(0n, 1n, 0),
      "with s = 0": make(r, 0n, 0),
      "with r = the order": make(SECP256K1_ORDER, 1n, 0),
      "with the greatest r": make((1n << 256n) - 1n, 1n, 1),
      "with the least high s": make(r, SECP256K1_HALF_ORDER + 1n, 0),
      "with s = the order": make(r, SECP256K1_ORDER, 0),
      "with an r that is no point's": make(5n, 1n, 0),
    };
    for (const [what, signature] of Object.entries(wrong)) {
      assert.throws(() => recoverAddress(hash, signature), coded("INVALID_SIGNATURE"), what);
    }
    assert.match(recoverAddress(hash, make(r, SECP256K1_HALF_ORDER, 0)), /^0x[0-9a-f]{40}$/);
  });
});

describe("address text", () => {
  test("has the checksums of EIP-55", () => {
    for (const address of CHECKSUMMED) {
      assert.equal(checksumAddress(address.toLowerCase() as Hex), address);
      assert.equal(checksumAddress(address), address);
    }
  });

  test("is accepted with a right checksum or in one case, and becomes lower-case", () => {
    for (const address of CHECKSUMMED) {
      const lower = address.toLowerCase();
      for (const form of [address, lower, `0x${address.slice(2).toUpperCase()}`])
        assert.equal(parseAddress(form), lower);
    }
  });

  test("is rejected with a wrong checksum", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), fc.nat(39), (bytes, at) => {
        const right = checksumAddress(bytesToHex(bytes)).slice(2);
        const letter = right[at] ?? "";
        const other = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
        const wrong = right.slice(0, at) + other + right.slice(at + 1);
        fc.pre(other !== letter && wrong !== wrong.toLowerCase() && wrong !== wrong.toUpperCase());
        assert.throws(() => parseAddress(`0x${wrong}`), coded("INVALID_HEX"));
      }),
    );
  });

  test("is rejected when it is not 0x and 40 digits", () => {
    const digits = "27b1fdb04752bbc536007a920d24acb045561c26";
    for (const text of [
      "",
      "0x",
      digits,
      `0x${digits}0`,
      `0x${digits.slice(1)}`,
      `0x${digits.slice(1)}g`,
      `0x${digits}\n`,
    ]) {
      assert.throws(() => parseAddress(text), coded("INVALID_HEX"), JSON.stringify(text));
    }
  });
});

describe("the crypto port", () => {
  const portable = currentCrypto();
  afterEach(() => useCrypto(portable));

  test("is used by every function once another implementation is plugged in", () => {
    assert.equal(portable.name, "portable");
    const hash = new Uint8Array(32).fill(9);
    const rs = concatBytes(bigIntToFixedBytes(3n, 32), bigIntToFixedBytes(4n, 32));
    const key = new Uint8Array(64).fill(5);
    useCrypto({
      name: "fake",
      keccak256: () => hash,
      sign: () => ({ rs, yParity: 1 }),
      recover: () => key,
      publicKey: () => key,
    });
    assert.equal(currentCrypto().name, "fake");
    assert.equal(keccak256Hex(EMPTY_BYTES), bytesToHex(hash));
    assert.deepEqual(signDigest(hash, key), concatBytes(rs, Uint8Array.of(1)));
    assert.equal(recoverAddress(hash, signDigest(hash, key)), bytesToHex(hash.subarray(12)));
    assert.equal(privateKeyToAddress(key), bytesToHex(hash.subarray(12)));
  });
});
