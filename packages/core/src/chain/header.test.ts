import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createBlockHeader } from "@ethereumjs/block";
import { createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { bytesToHex, concatBytes, type Hex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { encodeRlp, type RlpInput } from "../codec/rlp.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { decodeAnyHeader } from "./any-header.ts";
import {
  decodeHeader,
  EMPTY_CODE_HASH,
  EMPTY_OMMERS_HASH,
  EMPTY_REQUESTS_HASH,
  encodeHeader,
  hashHeader,
  headerToRlp,
  sealHeader,
} from "./header.ts";
import { MAX_HEADER_BYTES } from "./rules.ts";
import type { Header } from "./types.ts";

const fixed = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size });
const hexOf = (size: number): fc.Arbitrary<Hex> => fixed(size).map(bytesToHex);
const safe = fc.maxSafeNat();

const headers: fc.Arbitrary<Header> = fc
  .record({
    parentHash: hexOf(32),
    ommersHash: hexOf(32),
    coinbase: hexOf(20),
    stateRoot: hexOf(32),
    transactionsRoot: hexOf(32),
    receiptsRoot: hexOf(32),
    logsBloom: fixed(256),
    difficulty: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
    number: safe,
    gasLimit: safe,
    gasUsed: safe,
    timestamp: safe,
    extraData: fc.uint8Array({ maxLength: 200 }),
    mixHash: hexOf(32),
    nonce: fixed(8),
    baseFeePerGas: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
    withdrawalsRoot: hexOf(32),
    blobGasUsed: safe,
    excessBlobGas: safe,
    parentBeaconBlockRoot: hexOf(32),
    requestsHash: hexOf(32),
  })
  .map((fields) => ({ ...fields }));

describe("headers", () => {
  it("decode to what was encoded, with the hash of the encoding", () => {
    fc.assert(
      fc.property(headers, (header) => {
        const bytes = encodeHeader(header);
        const decoded = decodeHeader(bytes);
        assert.deepEqual(decoded, sealHeader(header));
        assert.equal(decoded.hash, keccak256Hex(bytes));
        assert.deepEqual(encodeHeader(decoded), bytes);
      }),
    );
  });

  it("have the hash that the reference library gives them", () => {
    const common = createCustomCommon({ chainId: 31_337 }, Mainnet, { hardfork: Hardfork.Osaka });
    fc.assert(
      fc.property(headers, (random) => {
        const header = {
          ...random,
          // What the library allows after the Merge.
          difficulty: 0n,
          nonce: new Uint8Array(8),
          extraData: random.extraData.subarray(0, 32),
          ommersHash: EMPTY_OMMERS_HASH,
          gasLimit: 60_000_000,
          gasUsed: random.gasUsed % 60_000_000,
        };
        const theirs = createBlockHeader(
          {
            ...header,
            uncleHash: header.ommersHash,
            transactionsTrie: header.transactionsRoot,
            receiptTrie: header.receiptsRoot,
          },
          { common },
        );
        assert.equal(bytesToHex(theirs.hash()), hashHeader(header));
      }),
    );
  });

  it("are refused when malformed", () => {
    const bytes = encodeHeader(fc.sample(headers, { numRuns: 1, seed: 1 })[0] as Header);
    const invalid = (input: Uint8Array): void => {
      assert.throws(
        () => decodeHeader(input),
        (error) => error instanceof CodedError && error.code === "INVALID_RLP",
      );
    };
    for (let end = 0; end < bytes.length; end += 7) invalid(bytes.subarray(0, end));
    invalid(concatBytes(bytes, new Uint8Array(1)));
    invalid(encodeRlp(Array.from({ length: 20 }, () => new Uint8Array(32))));
    invalid(encodeRlp(Array.from({ length: 22 }, () => new Uint8Array(32))));
    invalid(new Uint8Array(MAX_HEADER_BYTES + 1));
  });

  it("are refused with a bloom or nonce of another size, a field too few or too many, and a byte too many", () => {
    const header = fc.sample(headers, { numRuns: 1, seed: 1 })[0] as Header;
    const invalid = (bytes: Uint8Array): void => assert.throws(() => decodeHeader(bytes), { code: "INVALID_RLP" });
    for (const size of [255, 257]) invalid(encodeHeader({ ...header, logsBloom: new Uint8Array(size) }));
    for (const size of [7, 9]) invalid(encodeHeader({ ...header, nonce: new Uint8Array(size) }));
    const fields = headerToRlp(header) as readonly RlpInput[];
    assert.deepEqual(decodeHeader(encodeRlp(fields)), sealHeader(header));
    invalid(encodeRlp(fields.slice(0, -1)));
    invalid(encodeRlp([...fields, new Uint8Array(32)]));
    const sized = (bytes: number): Uint8Array => encodeHeader({ ...header, extraData: new Uint8Array(bytes) });
    const most = MAX_HEADER_BYTES - sized(256).length + 256;
    assert.equal(decodeHeader(sized(most)).extraData.length, most);
    invalid(sized(most + 1));
    assert.throws(() => decodeAnyHeader(sized(most + 1)), { code: "INVALID_RLP" });
  });

  it("use the right hashes of nothing", () => {
    assert.equal(EMPTY_CODE_HASH, keccak256Hex(new Uint8Array(0)));
    assert.equal(EMPTY_OMMERS_HASH, keccak256Hex(encodeRlp([])));
    assert.equal(EMPTY_REQUESTS_HASH, bytesToHex(sha256(new Uint8Array(0))));
  });
});
