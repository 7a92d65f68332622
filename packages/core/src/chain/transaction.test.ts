import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { createTx, createTxFromRLP, type TypedTxData } from "@ethereumjs/tx";
import fc from "fast-check";
import { bytesToHex, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { encodeRlp, type RlpInput, rlpBigInt } from "../codec/rlp.ts";
import { keccak256, privateKeyToAddress, SECP256K1_ORDER, signDigest } from "../crypto/crypto.ts";
import { MAX_INITCODE_BYTES, MAX_TRANSACTION_BYTES, TX_GAS_MAX } from "./rules.ts";
import { decodeTransaction, decodeTransactionOf, signingHash, signTransaction } from "./transaction.ts";
import { encodeFields, type UnsignedTransaction } from "./transaction-fields.ts";
import type { Transaction } from "./types.ts";

const CHAIN_ID = 31_337;
const KEY = keccak256(new Uint8Array([1]));
const SENDER = privateKeyToAddress(KEY);
const TO: Hex = `0x${"be".repeat(20)}`;
const SLOT: Hex = `0x${"07".repeat(32)}`;
const sign = (digest: Uint8Array): Uint8Array => signDigest(digest, KEY);
const common = createCustomCommon({ chainId: CHAIN_ID }, Mainnet, { hardfork: Hardfork.Osaka });

const AUTHORIZATION = { chainId: 1n, address: TO, nonce: 3n, yParity: 1, r: 5n, s: 6n };
const PLAIN: UnsignedTransaction = {
  type: 2,
  chainId: BigInt(CHAIN_ID),
  nonce: 0n,
  gasLimit: 21_000n,
  maxFeePerGas: 2n,
  maxPriorityFeePerGas: 1n,
  to: TO,
  value: 1n,
  data: new Uint8Array(0),
};

function rejects(make: () => unknown, message: RegExp, code = "INVALID_TRANSACTION"): void {
  assert.throws(make, (error: unknown) => {
    assert.ok(error instanceof CodedError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

const bytesOf = (sizeMax: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: sizeMax });
const hexOf = (size: number): fc.Arbitrary<Hex> => fc.uint8Array({ minLength: size, maxLength: size }).map(bytesToHex);
const uint = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n });

const accessLists = fc.array(
  fc
    .record({ address: hexOf(20), storageKeys: fc.array(hexOf(32), { maxLength: 3 }) })
    .map((fields) => ({ ...fields })),
  { maxLength: 3 },
);
const authorizations = fc
  .record({
    chainId: uint(256),
    address: hexOf(20),
    nonce: uint(64),
    yParity: fc.integer({ min: 0, max: 255 }),
    r: uint(256),
    s: uint(256),
  })
  .map((fields) => ({ ...fields }));

const unsignedTransactions: fc.Arbitrary<UnsignedTransaction> = fc
  .record({
    type: fc.constantFrom(0 as const, 1 as const, 2 as const, 4 as const),
    nonce: fc.bigInt({ min: 0n, max: 2n ** 64n - 2n }),
    gasLimit: fc.bigInt({ min: 500_000n, max: BigInt(TX_GAS_MAX) }),
    maxFeePerGas: uint(200),
    tipShare: fc.bigInt({ min: 1n, max: 5n }),
    to: fc.option(hexOf(20), { nil: undefined }),
    value: uint(255),
    data: bytesOf(100),
    accessList: accessLists,
    authorizationList: fc.array(authorizations, { minLength: 1, maxLength: 3 }),
    protectedLegacy: fc.boolean(),
  })
  .map(({ type, to, tipShare, protectedLegacy, accessList, authorizationList, ...rest }) => ({
    ...rest,
    type,
    ...(type === 0 && !protectedLegacy ? {} : { chainId: BigInt(CHAIN_ID) }),
    maxPriorityFeePerGas: type < 2 ? rest.maxFeePerGas : rest.maxFeePerGas / tipShare,
    ...(to === undefined ? (type === 4 ? { to: TO } : {}) : { to }),
    ...(type === 0 ? {} : { accessList }),
    ...(type === 4 ? { authorizationList } : {}),
  }));

/** The same transaction as the library takes it. */
function libraryData(unsigned: UnsignedTransaction): TypedTxData {
  const { type, chainId, nonce, gasLimit, maxFeePerGas, maxPriorityFeePerGas, to, value, data } = unsigned;
  const price = type < 2 ? { gasPrice: maxFeePerGas } : { maxFeePerGas, maxPriorityFeePerGas };
  const target = to === undefined ? {} : { to };
  const accessList = (unsigned.accessList ?? []).map((entry) => ({ ...entry, storageKeys: [...entry.storageKeys] }));
  const shared = { type, nonce, gasLimit, value, data, ...price, ...target };
  if (type === 0) return shared as TypedTxData;
  const hex = (item: bigint): Hex => `0x${item.toString(16).padStart(2, "0")}`;
  const even = (text: Hex): Hex => (text.length % 2 === 0 ? text : `0x0${text.slice(2)}`);
  const authorizationList = (unsigned.authorizationList ?? []).map((item) => ({
    chainId: even(hex(item.chainId)),
    address: item.address,
    nonce: even(hex(item.nonce)),
    yParity: even(hex(BigInt(item.yParity))),
    r: even(hex(item.r)),
    s: even(hex(item.s)),
  }));
  return { ...shared, chainId, accessList, ...(type === 4 ? { authorizationList } : {}) } as TypedTxData;
}

describe("transactions", () => {
  it("sign and decode to what was signed", () => {
    fc.assert(
      fc.property(unsignedTransactions, (unsigned) => {
        const signed = signTransaction(unsigned, sign);
        assert.equal(signed.sender, SENDER);
        assert.deepEqual(decodeTransaction(signed.raw, CHAIN_ID), signed);
        const { hash, raw, sender, v, r, s, yParity, ...fields } = signed;
        assert.deepEqual(
          { ...fields, data: bytesToHex(fields.data) },
          { accessList: [], authorizationList: [], ...unsigned, data: bytesToHex(unsigned.data) },
        );
        assert.equal(hash, bytesToHex(keccak256(raw)));
        assert.deepEqual(decodeTransactionOf(sender, raw, CHAIN_ID), signed);
        assert.ok(v >= 0n && r > 0n && s > 0n && yParity < 2);
      }),
      { numRuns: 60 },
    );
  });

  it("have the bytes and hashes that the reference library gives them", () => {
    fc.assert(
      fc.property(unsignedTransactions, (unsigned) => {
        const ours = signTransaction(unsigned, sign);
        const options = { common, allowUnlimitedInitCodeSize: false };
        // The library protects a legacy transaction only when told so by v, so that one is read back instead.
        const theirs =
          unsigned.type === 0
            ? createTxFromRLP(ours.raw, options)
            : createTx(libraryData(unsigned), options).sign(KEY, false);
        assert.equal(bytesToHex(theirs.serialize()), bytesToHex(ours.raw));
        assert.equal(bytesToHex(theirs.hash()), ours.hash);
        assert.equal(theirs.getSenderAddress().toString(), ours.sender);
        assert.equal(theirs.value, ours.value);
        assert.equal(theirs.nonce, ours.nonce);
      }),
      { numRuns: 60 },
    );
  });

  it("never decode from bytes that are not the canonical form", () => {
    const valid = signTransaction({ ...PLAIN, data: new Uint8Array([1, 2, 3]), gasLimit: 30_000n }, sign);
    fc.assert(
      fc.property(fc.nat(valid.raw.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const mutated = valid.raw.slice();
        mutated[at] = (mutated[at] as number) ^ flip;
        let decoded: Transaction;
        try {
          decoded = decodeTransaction(mutated, CHAIN_ID);
        } catch (error) {
          assert.ok(error instanceof CodedError, String(error));
          return;
        }
        assert.notDeepEqual([decoded.sender, decoded.hash], [valid.sender, valid.hash]);
        const { v, r, s, ...unsigned } = decoded;
        const again = encodeRlp([...encodeFields(unsigned), rlpBigInt(v), rlpBigInt(r), rlpBigInt(s)]);
        assert.deepEqual(concatBytes(new Uint8Array([2]), again), mutated);
      }),
      { numRuns: 300 },
    );
    for (let end = 0; end < valid.raw.length; end++) {
      assert.throws(() => decodeTransaction(valid.raw.subarray(0, end), CHAIN_ID), CodedError);
    }
    rejects(() => decodeTransaction(concatBytes(valid.raw, new Uint8Array(1)), CHAIN_ID), /trailing bytes/);
  });

  it("keep no view into the buffer they came from", () => {
    const { raw } = signTransaction(PLAIN, sign);
    const frame = concatBytes(new Uint8Array(100_000), raw);
    const decoded = decodeTransaction(frame.subarray(100_000), CHAIN_ID);
    frame.fill(0);
    assert.deepEqual(decoded.raw, raw);
    assert.equal(decoded.data.buffer.byteLength, raw.length);
  });
});

describe("a transaction is refused", () => {
  const refused = (change: Partial<UnsignedTransaction>, message: RegExp, code?: string): void =>
    rejects(() => signTransaction({ ...PLAIN, ...change }, sign), message, code);
  const withoutTo = (change: Partial<UnsignedTransaction>): UnsignedTransaction => {
    const { to: _, ...creation } = { ...PLAIN, ...change };
    return creation;
  };

  it("when its nonce could not be followed by another", () => {
    refused({ nonce: 2n ** 64n - 1n }, /nonce/);
    assert.equal(signTransaction({ ...PLAIN, nonce: 2n ** 64n - 2n }, sign).nonce, 2n ** 64n - 2n);
  });

  it("when it was signed for another chain", () => {
    const raw = signTransaction(PLAIN, sign).raw;
    rejects(() => decodeTransaction(raw, 1), /invalid chain id for signer: have 31337 want 1/);
    const legacy = signTransaction({ ...PLAIN, type: 0 }, sign).raw;
    rejects(() => decodeTransaction(legacy, 1), /invalid chain id for signer: have 31337/);
  });

  it("when the tip is above the fee, or the cost does not fit", () => {
    refused({ maxPriorityFeePerGas: 3n }, /^max priority fee per gas higher than max fee per gas$/);
    refused({ maxFeePerGas: 2n ** 255n }, /256 bits/);
    refused({ value: 2n ** 256n - 1n }, /256 bits/);
  });

  it("when the gas limit is below the intrinsic cost or the calldata floor", () => {
    refused({ gasLimit: 20_999n }, /^intrinsic gas too low: gas 20999, minimum needed 21000$/);
    // One nonzero byte: 16 gas of calldata, floor 40.
    refused(
      { gasLimit: 21_039n, data: new Uint8Array([1]) },
      /^insufficient gas for floor data gas cost: gas 21039, minimum needed 21040$/,
    );
    assert.ok(signTransaction({ ...PLAIN, gasLimit: 21_040n, data: new Uint8Array([1]) }, sign));
    const accessList = [{ address: TO, storageKeys: [SLOT, SLOT] }];
    refused({ gasLimit: 27_199n, accessList }, /^intrinsic gas too low: .* 27200$/);
    refused({ type: 4, gasLimit: 45_999n, authorizationList: [AUTHORIZATION] }, /^intrinsic gas too low: .* 46000$/);
  });

  it("when the gas limit is above 2^24", () => {
    refused(
      { gasLimit: BigInt(TX_GAS_MAX) + 1n },
      /^transaction gas limit too high \(cap: 16777216, tx: 16777217\)$/,
      "GAS_LIMIT_EXCEEDED",
    );
    assert.ok(signTransaction({ ...PLAIN, gasLimit: BigInt(TX_GAS_MAX) }, sign));
  });

  it("when its initcode is too long", () => {
    const data = new Uint8Array(MAX_INITCODE_BYTES + 1);
    const gasLimit = BigInt(TX_GAS_MAX);
    rejects(
      () => signTransaction(withoutTo({ data, gasLimit }), sign),
      /^max initcode size exceeded: code size 49153, limit 49152$/,
    );
    assert.ok(signTransaction(withoutTo({ data: data.subarray(1), gasLimit }), sign));
    assert.ok(signTransaction({ ...PLAIN, data, gasLimit }, sign));
  });

  it("when a delegation has no target or no authorization", () => {
    const gasLimit = 100_000n;
    refused({ type: 4, gasLimit, authorizationList: [] }, /empty auth list/);
    refused({ type: 4, gasLimit }, /empty auth list/);
    const creation = withoutTo({ type: 4, gasLimit, authorizationList: [AUTHORIZATION] });
    rejects(() => signTransaction(creation, sign), /cannot be used to create contract/);
  });

  it("when its type is blob, unknown or absent", () => {
    rejects(() => decodeTransaction(new Uint8Array([3, 0xc0]), CHAIN_ID), /blob/, "BLOBS_UNSUPPORTED");
    const withBlobs = new Uint8Array(MAX_TRANSACTION_BYTES + 1).fill(3);
    rejects(() => decodeTransaction(withBlobs, CHAIN_ID), /blob/, "BLOBS_UNSUPPORTED");
    rejects(() => decodeTransaction(new Uint8Array([5, 0xc0]), CHAIN_ID), /transaction type not supported: 5/);
    rejects(() => decodeTransaction(new Uint8Array([0, 0xc0]), CHAIN_ID), /transaction type not supported: 0/);
    rejects(() => decodeTransaction(new Uint8Array([0x80]), CHAIN_ID), /transaction type not supported: 128/);
    rejects(() => decodeTransaction(new Uint8Array(0), CHAIN_ID), /at least one byte/);
  });

  it("when it is too large, before it is parsed", () => {
    const raw = new Uint8Array(MAX_TRANSACTION_BYTES + 1).fill(0xff);
    rejects(() => decodeTransaction(raw, CHAIN_ID), /^oversized data: transaction size 131073, limit 131072$/);
  });

  it("when a field has the wrong shape", () => {
    const item = (index: number, value: RlpInput): Uint8Array => {
      const items = [...encodeFields(PLAIN), new Uint8Array(0), new Uint8Array([1]), new Uint8Array([1])];
      items[index] = value;
      return concatBytes(new Uint8Array([2]), encodeRlp(items));
    };
    rejects(() => decodeTransaction(item(1, new Uint8Array([0])), CHAIN_ID), /nonce has a leading zero/);
    rejects(() => decodeTransaction(item(1, new Uint8Array(9).fill(1)), CHAIN_ID), /nonce is longer/);
    rejects(() => decodeTransaction(item(5, new Uint8Array(19)), CHAIN_ID), /to has 19 bytes/);
    rejects(() => decodeTransaction(item(7, []), CHAIN_ID), /data is not a byte string/);
    rejects(() => decodeTransaction(item(8, [[hexToBytes(TO)]]), CHAIN_ID), /access list entry has 1 items/);
    rejects(() => decodeTransaction(item(8, [[hexToBytes(TO), [TO].map(hexToBytes)]]), CHAIN_ID), /storage key has 20/);
    rejects(() => decodeTransaction(item(9, new Uint8Array([2])), CHAIN_ID), /yParity/);
    rejects(() => decodeTransaction(concatBytes(new Uint8Array([2]), encodeRlp([])), CHAIN_ID), /0 items, not 12/);
  });

  it("when its signature is malleable or recovers nobody", () => {
    const digest = signingHash(PLAIN);
    const good = sign(digest);
    const raw = (r: bigint, s: bigint, parity: number): Uint8Array => {
      const tail = [BigInt(parity), r, s].map(rlpBigInt);
      return concatBytes(new Uint8Array([2]), encodeRlp([...encodeFields(PLAIN), ...tail]));
    };
    const r = BigInt(bytesToHex(good.subarray(0, 32)));
    const s = BigInt(bytesToHex(good.subarray(32, 64)));
    const parity = good[64] as number;
    assert.equal(decodeTransaction(raw(r, s, parity), CHAIN_ID).sender, SENDER);
    rejects(() => decodeTransaction(raw(r, SECP256K1_ORDER - s, 1 - parity), CHAIN_ID), /upper half/);
    rejects(() => decodeTransaction(raw(r, 0n, parity), CHAIN_ID), /recovers no public key/);
    rejects(() => decodeTransaction(raw(0n, s, parity), CHAIN_ID), /recovers no public key/);
    rejects(() => decodeTransaction(raw(SECP256K1_ORDER, s, parity), CHAIN_ID), /recovers no public key/);
  });

  it("when a legacy v is neither 27, 28 nor 35 and above", () => {
    for (const v of [0n, 1n, 26n, 29n, 34n]) {
      const tail = [v, 1n, 1n].map(rlpBigInt);
      const raw = encodeRlp([...encodeFields({ ...PLAIN, type: 0 }), ...tail]);
      rejects(() => decodeTransaction(raw, CHAIN_ID), /neither 27, 28 nor 35/);
    }
  });
});
