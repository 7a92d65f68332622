import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "../base/bytes.ts";
import { signDigest } from "../crypto/crypto.ts";
import { decodeTakenTransaction, decodeTransaction, impersonate, readUnnamed, signTransaction } from "./transaction.ts";
import type { UnsignedTransaction } from "./transaction-fields.ts";
import type { TransactionType } from "./types.ts";

const CHAIN = 31_337;
const SENDERS: readonly Hex[] = [
  `0x${"77".repeat(20)}`,
  `0x${"0".repeat(39)}1`,
  `0x${"0".repeat(40)}`,
  `0x${"f".repeat(40)}`,
];
const unsigned = (type: TransactionType): UnsignedTransaction => ({
  type,
  chainId: BigInt(CHAIN),
  nonce: 3n,
  gasLimit: 100_000n,
  maxFeePerGas: 1n,
  maxPriorityFeePerGas: 1n,
  to: `0x${"11".repeat(20)}`,
  value: 5n,
  data: new Uint8Array(0),
  ...(type === 4
    ? {
        authorizationList: [
          { chainId: 1n, address: `0x${"22".repeat(20)}` as Hex, nonce: 0n, yParity: 0, r: 1n, s: 1n },
        ],
      }
    : {}),
});

for (const type of [0, 1, 2, 4] as const) {
  test(`an unsigned transaction of type ${type} names its sender, and no check of signatures takes it`, () => {
    const hashes = new Set<Hex>();
    for (const sender of SENDERS) {
      const transaction = impersonate(unsigned(type), sender);
      assert.deepEqual([transaction.sender, transaction.s, transaction.type], [sender, 0n, type]);
      assert.deepEqual(decodeTakenTransaction(transaction.raw, CHAIN), transaction);
      assert.throws(() => decodeTransaction(transaction.raw, CHAIN), { code: "INVALID_TRANSACTION" });
      // As for blocks and transactions of peers, whose senders others recover: there is nobody.
      assert.throws(() => readUnnamed(transaction.raw, CHAIN).by(undefined), { code: "INVALID_TRANSACTION" });
      hashes.add(transaction.hash);
    }
    assert.equal(hashes.size, SENDERS.length, "each sender has a transaction of its own");
  });
}

test("a signed transaction that was taken has the sender that its signature gives", () => {
  const key = new Uint8Array(32).fill(7);
  const transaction = signTransaction(unsigned(2), (digest) => signDigest(digest, key));
  assert.deepEqual(decodeTakenTransaction(transaction.raw, CHAIN), transaction);
});
