import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bytesToHex, concatBytes, type Hex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { encodeRlp } from "../codec/rlp.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { type AnyHeader, decodeAnyHeader, encodeAnyHeader } from "./any-header.ts";
import { decodeHeader, encodeHeader } from "./header.ts";
import type { Header } from "./types.ts";

const fixed = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size });
const hexOf = (size: number): fc.Arbitrary<Hex> => fixed(size).map(bytesToHex);
const uint256 = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });

const whole: fc.Arbitrary<Header> = fc
  .record({
    parentHash: hexOf(32),
    ommersHash: hexOf(32),
    coinbase: hexOf(20),
    stateRoot: hexOf(32),
    transactionsRoot: hexOf(32),
    receiptsRoot: hexOf(32),
    logsBloom: fixed(256),
    difficulty: uint256,
    number: fc.maxSafeNat(),
    gasLimit: fc.maxSafeNat(),
    gasUsed: fc.maxSafeNat(),
    timestamp: fc.maxSafeNat(),
    extraData: fc.uint8Array({ maxLength: 32 }),
    mixHash: hexOf(32),
    nonce: fixed(8),
    baseFeePerGas: uint256,
    withdrawalsRoot: hexOf(32),
    blobGasUsed: fc.maxSafeNat(),
    excessBlobGas: fc.maxSafeNat(),
    parentBeaconBlockRoot: hexOf(32),
    requestsHash: hexOf(32),
  })
  .map((fields) => ({ ...fields }));

/** The header with its first `count` fields. */
const cut = (header: Header, count: number): AnyHeader =>
  Object.fromEntries(Object.entries(header).slice(0, count)) as unknown as AnyHeader;

const codeIs =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof CodedError && error.code === code;

describe("headers of any fork", () => {
  it("decode to what was encoded, with the hash of the encoding, whichever fork's fields they have", () => {
    fc.assert(
      fc.property(whole, fc.constantFrom(15, 16, 17, 20, 21), (all, count) => {
        const header = cut(all, count);
        const bytes = encodeAnyHeader(header);
        assert.deepEqual(decodeAnyHeader(bytes), { ...header, hash: keccak256Hex(bytes) });
      }),
    );
  });

  it("keep a gas limit that no number holds exactly", () => {
    const header = fc.sample(whole, { numRuns: 1, seed: 1 })[0] as Header;
    const limitOf = (gasLimit: bigint) => decodeAnyHeader(encodeAnyHeader({ ...header, gasLimit })).gasLimit;
    assert.equal(limitOf(2n ** 63n - 1n), 2n ** 63n - 1n);
    assert.equal(limitOf(2n ** 53n), 2n ** 53n);
    assert.equal(limitOf(2n ** 53n - 1n), Number.MAX_SAFE_INTEGER);
    assert.throws(() => limitOf(2n ** 64n), codeIs("INVALID_RLP"));
    assert.throws(() => decodeHeader(encodeAnyHeader({ ...header, gasLimit: 2n ** 53n })), codeIs("INVALID_RLP"));
  });

  it("are the headers of this node's own chain where they have all fields", () => {
    fc.assert(
      fc.property(whole, (header) => {
        const bytes = encodeAnyHeader(header);
        assert.deepEqual(bytes, encodeHeader(header));
        assert.deepEqual(decodeAnyHeader(bytes), decodeHeader(bytes));
      }),
    );
  });

  it("are refused where no fork has such fields", () => {
    const header = fc.sample(whole, { numRuns: 1, seed: 1 })[0] as Header;
    for (const count of [18, 19]) assert.throws(() => encodeAnyHeader(cut(header, count)), codeIs("INVALID_HEADER"));
    const { withdrawalsRoot: _, ...withHole } = header;
    assert.throws(() => encodeAnyHeader(withHole), codeIs("INVALID_HEADER"));
    for (const count of [0, 14, 18, 19, 22]) {
      const list = Array.from({ length: count }, () => new Uint8Array(32));
      assert.throws(() => decodeAnyHeader(encodeRlp(list)), codeIs("INVALID_RLP"));
    }
    const bytes = encodeAnyHeader(header);
    for (let end = 0; end < bytes.length; end += 7) {
      assert.throws(() => decodeAnyHeader(bytes.subarray(0, end)), codeIs("INVALID_RLP"));
    }
    assert.throws(() => decodeAnyHeader(concatBytes(bytes, new Uint8Array(1))), codeIs("INVALID_RLP"));
  });
});
