import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Bloom, encodeReceipt as libraryReceipt } from "@ethereumjs/vm";
import fc from "fast-check";
import { bytesToHex, type Hex, hexToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { EMPTY_TRIE_ROOT, orderedTrieRoot } from "../trie/ordered.ts";
import {
  decodeAnyReceipts,
  decodeReceiptAt,
  decodeReceipts,
  encodeReceipt,
  encodeReceipts,
  logsBloom,
  receiptsBloom,
  receiptsRoot,
} from "./receipt.ts";
import type { AnyReceipt, Log, Receipt } from "./types.ts";

const hexOf = (size: number): fc.Arbitrary<Hex> => fc.uint8Array({ minLength: size, maxLength: size }).map(bytesToHex);

const logs: fc.Arbitrary<Log[]> = fc.array(
  fc
    .record({
      address: hexOf(20),
      topics: fc.array(hexOf(32), { maxLength: 4 }),
      data: fc.uint8Array({ maxLength: 100 }),
    })
    .map((fields) => ({ ...fields })),
  { maxLength: 4 },
);

const receipts: fc.Arbitrary<Receipt> = fc
  .record({
    type: fc.constantFrom(0 as const, 1 as const, 2 as const, 4 as const),
    status: fc.constantFrom(0 as const, 1 as const),
    // From 1 on: the library writes zero as a byte of value 0, which is not canonical, and no receipt has it.
    cumulativeGasUsed: fc.integer({ min: 1, max: 60_000_000 }),
    logs,
    gasUsed: fc.nat(60_000_000),
    effectiveGasPrice: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
    contractAddress: fc.option(hexOf(20), { nil: undefined }),
  })
  .map(({ contractAddress, ...fields }) => ({
    ...fields,
    logsBloom: logsBloom(fields.logs),
    ...(contractAddress === undefined ? {} : { contractAddress }),
  }));

describe("receipts", () => {
  it("are read from storage as they were written", () => {
    fc.assert(
      fc.property(fc.array(receipts, { maxLength: 5 }), (list) => {
        assert.deepEqual(decodeReceipts(encodeReceipts(list)), list);
      }),
    );
  });

  it("have the consensus encoding and bloom of the reference library", () => {
    fc.assert(
      fc.property(receipts, (receipt) => {
        const theirLogs = receipt.logs.map(({ address, topics, data }): [Uint8Array, Uint8Array[], Uint8Array] => [
          hexToBytes(address),
          topics.map(hexToBytes),
          data,
        ]);
        const bloom = new Bloom();
        for (const [address, topics] of theirLogs) {
          bloom.add(address);
          for (const topic of topics) bloom.add(topic);
        }
        assert.equal(bytesToHex(receipt.logsBloom), bytesToHex(bloom.bitvector));
        const theirs = libraryReceipt(
          {
            status: receipt.status,
            cumulativeBlockGasUsed: BigInt(receipt.cumulativeGasUsed),
            bitvector: bloom.bitvector,
            logs: theirLogs,
          },
          receipt.type,
        );
        assert.equal(bytesToHex(encodeReceipt(receipt)), bytesToHex(theirs));
      }),
    );
  });

  it("have a root that depends on each of them and on their order", () => {
    const [first, second] = fc.sample(receipts, { numRuns: 2, seed: 3 }) as [Receipt, Receipt];
    assert.equal(receiptsRoot([]), EMPTY_TRIE_ROOT);
    assert.equal(receiptsRoot([first]), orderedTrieRoot([encodeReceipt(first)]));
    assert.notEqual(receiptsRoot([first, second]), receiptsRoot([second, first]));
  });

  it("are found one by one among the stored ones, with the place of their logs", () => {
    const all = fc.sample(receipts, { numRuns: 20, seed: 7 });
    let firstLogIndex = 0;
    for (const [index, receipt] of decodeReceipts(encodeReceipts(all)).entries()) {
      assert.deepEqual(decodeReceiptAt(encodeReceipts(all), index), { receipt, firstLogIndex });
      firstLogIndex += receipt.logs.length;
    }
    assert.ok(firstLogIndex > 0);
  });

  it("add up to the bloom of all their logs", () => {
    const all = fc.sample(receipts, { numRuns: 5, seed: 9 });
    assert.deepEqual(receiptsBloom(all), logsBloom(all.flatMap(({ logs }) => logs)));
    assert.deepEqual(receiptsBloom([]), new Uint8Array(256));
  });

  it("are refused when the stored bytes are malformed", () => {
    const bytes = encodeReceipts(fc.sample(receipts, { numRuns: 3, seed: 5 }));
    for (let end = 0; end < bytes.length; end++) {
      assert.throws(() => decodeReceipts(bytes.subarray(0, end)), CodedError);
    }
  });
});

describe("receipts of chains sealed elsewhere", () => {
  const logs: Receipt["logs"] = [{ address: `0x${"11".repeat(20)}`, topics: [], data: new Uint8Array(3) }];
  const common = {
    cumulativeGasUsed: 21_000,
    logsBloom: logsBloom(logs),
    logs,
    gasUsed: 21_000,
    effectiveGasPrice: 5n,
  };
  const rooted: AnyReceipt = { type: 0, stateRoot: `0x${"ab".repeat(32)}`, ...common };
  const blob: AnyReceipt = { type: 3, status: 1, ...common };

  it("are read from storage as they were written, with a root before Byzantium and of blob transactions", () => {
    assert.deepEqual(decodeAnyReceipts(encodeReceipts([rooted, blob])), [rooted, blob]);
  });

  it("have the root in the place of the status in their consensus encoding", () => {
    const theirs = libraryReceipt(
      {
        stateRoot: hexToBytes(rooted.stateRoot as Hex),
        cumulativeBlockGasUsed: 21_000n,
        bitvector: common.logsBloom,
        logs: logs.map(({ address, data }): [Uint8Array, Uint8Array[], Uint8Array] => [hexToBytes(address), [], data]),
      },
      0,
    );
    assert.equal(bytesToHex(encodeReceipt(rooted)), bytesToHex(theirs));
  });

  it("are none of this node's own chain", () => {
    for (const receipt of [rooted, blob]) {
      assert.throws(
        () => decodeReceipts(encodeReceipts([receipt])),
        (error) => error instanceof CodedError && error.code === "INVALID_RLP",
      );
    }
  });
});
