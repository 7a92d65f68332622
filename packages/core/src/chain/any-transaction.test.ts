import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { createTx, type TypedTxData } from "@ethereumjs/tx";
import { bytesToHex, concatBytes, type Hex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { encodeRlp, rlpBigInt, rlpNumber } from "../codec/rlp.ts";
import { keccak256, privateKeyToAddress, SECP256K1_ORDER, signDigest } from "../crypto/crypto.ts";
import { decodeAnyTransaction, type SigningRules } from "./any-transaction.ts";
import { signingHash } from "./transaction.ts";
import { encodeFields, type UnsignedTransaction } from "./transaction-fields.ts";

const CHAIN_ID = 7;
const KEY = keccak256(new Uint8Array([1]));
const SENDER = privateKeyToAddress(KEY);
const TO: Hex = `0x${"be".repeat(20)}`;
const KEYS = [{ address: TO, storageKeys: [`0x${"07".repeat(32)}` as Hex] }];
const BLOB_HASHES: Hex[] = [`0x01${"0a".repeat(31)}`, `0x01${"0b".repeat(31)}`];

const FRONTIER: SigningRules = { transactionTypeMax: 0, needsLowS: false, hasReplayProtection: false };
const HOMESTEAD: SigningRules = { ...FRONTIER, needsLowS: true };
const SPURIOUS: SigningRules = { ...HOMESTEAD, hasReplayProtection: true };
const since = (transactionTypeMax: number): SigningRules => ({ ...SPURIOUS, transactionTypeMax });

/** The library signs blob transactions only where it could make proofs; here it makes none. */
const common = createCustomCommon({ chainId: CHAIN_ID }, Mainnet, {
  hardfork: Hardfork.Osaka,
  customCrypto: { kzg: {} as never },
});

const FIELDS = { nonce: 3n, gasLimit: 100_000n, to: TO, value: 5n, data: new Uint8Array([1, 0]) };
const AUTHORIZATION = { chainId: "0x07", address: TO, nonce: "0x01", yParity: "0x01", r: "0x02", s: "0x03" } as const;
const FEES = { maxFeePerGas: 20n, maxPriorityFeePerGas: 2n };
const BY_TYPE: readonly TypedTxData[] = [
  { ...FIELDS, type: 1, chainId: CHAIN_ID, gasPrice: 20n, accessList: KEYS },
  { ...FIELDS, ...FEES, type: 2, chainId: CHAIN_ID, accessList: KEYS },
  {
    ...{ ...FIELDS, ...FEES, type: 3, chainId: CHAIN_ID, accessList: KEYS },
    ...{ maxFeePerBlobGas: 9n, blobVersionedHashes: BLOB_HASHES },
  },
  { ...FIELDS, ...FEES, type: 4, chainId: CHAIN_ID, accessList: KEYS, authorizationList: [AUTHORIZATION] },
];

const LEGACY: UnsignedTransaction = { type: 0, ...FIELDS, maxFeePerGas: 20n, maxPriorityFeePerGas: 20n };

/** Signed as somebody may who does as he likes. */
function legacy(chainId: number | undefined, isHighS = false): Uint8Array {
  const unsigned = chainId === undefined ? LEGACY : { ...LEGACY, chainId: BigInt(chainId) };
  const signature = signDigest(signingHash(unsigned), KEY);
  const number = (start: number): bigint => BigInt(bytesToHex(signature.subarray(start, start + 32)));
  const [r, s, bit] = [number(0), number(32), signature[64] as number];
  const parity = isHighS ? 1 - bit : bit;
  const v = chainId === undefined ? 27 + parity : 35 + 2 * chainId + parity;
  return encodeRlp([
    ...encodeFields(unsigned),
    rlpNumber(v),
    rlpBigInt(r),
    rlpBigInt(isHighS ? SECP256K1_ORDER - s : s),
  ]);
}

function refuses(raw: Uint8Array, rules: SigningRules, message: RegExp, chainId = CHAIN_ID): void {
  assert.throws(
    () => decodeAnyTransaction(raw, chainId, rules),
    (error: unknown) => {
      assert.ok(error instanceof CodedError);
      assert.equal(error.code, "INVALID_TRANSACTION");
      assert.match(error.message, message);
      return true;
    },
  );
}

describe("a transaction of another chain", () => {
  for (const data of BY_TYPE) {
    it(`of type ${data.type} is what the library says, from its fork on`, () => {
      const theirs = createTx(data, { common }).sign(KEY);
      const raw = theirs.serialize();
      const ours = decodeAnyTransaction(raw, CHAIN_ID, since(4));
      assert.deepEqual(decodeAnyTransaction(raw, CHAIN_ID, since(Number(data.type))), ours);
      assert.deepEqual([ours.type, ours.sender, ours.hash], [data.type, SENDER, bytesToHex(theirs.hash())]);
      const { nonce, gasLimit, to, value, data: input, chainId, accessList } = ours;
      assert.deepEqual({ nonce, gasLimit, to, value, data: input }, FIELDS);
      assert.deepEqual([chainId, accessList], [BigInt(CHAIN_ID), KEYS]);
      refuses(raw, since(Number(data.type) - 1), /has no transactions of type/);
      refuses(raw, since(4), /signed for chain 7, this is chain 8/, 8);
    });
  }

  it("has the blobs and the authorizations that it was signed with", () => {
    const [, , blobs, authorizing] = BY_TYPE.map((data) =>
      decodeAnyTransaction(createTx(data, { common }).sign(KEY).serialize(), CHAIN_ID, since(4)),
    );
    assert.deepEqual([blobs?.blobVersionedHashes, blobs?.maxFeePerBlobGas], [BLOB_HASHES, 9n]);
    assert.deepEqual(authorizing?.authorizationList, [
      { chainId: 7n, address: TO, nonce: 1n, yParity: 1, r: 2n, s: 3n },
    ]);
    assert.equal(authorizing?.blobVersionedHashes, undefined);
  });

  it("may be for any chain, and from Spurious Dragon on for this one alone", () => {
    for (const rules of [FRONTIER, HOMESTEAD, SPURIOUS, since(4)]) {
      const decoded = decodeAnyTransaction(legacy(undefined), CHAIN_ID, rules);
      assert.deepEqual([decoded.sender, decoded.chainId], [SENDER, undefined]);
    }
    assert.equal(decodeAnyTransaction(legacy(CHAIN_ID), CHAIN_ID, SPURIOUS).sender, SENDER);
    refuses(legacy(CHAIN_ID), HOMESTEAD, /EIP-155/);
    refuses(legacy(CHAIN_ID + 1), SPURIOUS, /signed for chain 8, this is chain 7/);
  });

  it("may have a high s before Homestead only", () => {
    const raw = legacy(undefined, true);
    assert.equal(decodeAnyTransaction(raw, CHAIN_ID, FRONTIER).sender, SENDER);
    refuses(raw, HOMESTEAD, /upper half/);
    refuses(legacy(CHAIN_ID, true), SPURIOUS, /upper half/);
  });

  it("has no other form than the canonical one", () => {
    const raw = legacy(CHAIN_ID);
    for (let end = 0; end < raw.length; end++) refuses(raw.subarray(0, end), since(4), /./);
    refuses(concatBytes(raw, new Uint8Array(1)), since(4), /trailing/);
    for (const type of [0, 5, 0x7f, 0x80, 0xbf]) {
      refuses(concatBytes(Uint8Array.of(type), raw), since(4), /has no transactions of type/);
    }
  });
});
