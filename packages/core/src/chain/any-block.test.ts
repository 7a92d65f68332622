import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { concatBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { decodeRlp, encodeRlp, type RlpItem, rlpNumber } from "../codec/rlp.ts";
import { keccak256Hex, signDigest } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT, orderedTrieRoot } from "../trie/ordered.ts";
import {
  type AnyBlock,
  countStoredTransactions,
  decodeAnyBlock,
  decodeAnyBody,
  encodeAnyBlock,
  encodeAnyBody,
  headerOfAnyBlock,
  toAnyBlock,
  type Withdrawal,
} from "./any-block.ts";
import { type AnyHeader, decodeAnyHeader, encodeAnyHeader } from "./any-header.ts";
import { EMPTY_OMMERS_HASH, ZERO_ADDRESS, ZERO_HASH } from "./header.ts";
import { signTransaction } from "./transaction.ts";

const PLAIN = { maxPriorityFeePerGas: 1n, to: ZERO_ADDRESS, value: 5n, data: new Uint8Array(0) } as const;
const LEGACY = encodeRlp([rlpNumber(1), rlpNumber(2)]);
const TYPED = concatBytes(new Uint8Array([3]), encodeRlp([rlpNumber(7)]));

const HEADER: AnyHeader = {
  parentHash: ZERO_HASH,
  ommersHash: EMPTY_OMMERS_HASH,
  coinbase: ZERO_ADDRESS,
  stateRoot: EMPTY_TRIE_ROOT,
  transactionsRoot: orderedTrieRoot([LEGACY, TYPED]),
  receiptsRoot: EMPTY_TRIE_ROOT,
  logsBloom: new Uint8Array(256),
  difficulty: 131_072n,
  number: 12,
  gasLimit: 30_000_000,
  gasUsed: 0,
  timestamp: 100,
  extraData: new Uint8Array(0),
  mixHash: ZERO_HASH,
  nonce: new Uint8Array(8),
};
const seal = (header: AnyHeader): AnyBlock["header"] => decodeAnyHeader(encodeAnyHeader(header));

const OMMER = seal({ ...HEADER, number: 11 });
const worked: AnyBlock = {
  header: seal({ ...HEADER, ommersHash: keccak256Hex(encodeRlp([decodeRlp(encodeAnyHeader(OMMER))])) }),
  transactions: [LEGACY, TYPED],
  ommers: [OMMER],
};

const WITHDRAWAL: Withdrawal = { index: 4n, validatorIndex: 5n, address: ZERO_ADDRESS, amount: 6_000_000_000n };
const withdrawalRlp = encodeRlp([rlpNumber(4), rlpNumber(5), new Uint8Array(20), rlpNumber(6)]);
const paying: AnyBlock = {
  header: seal({ ...HEADER, baseFeePerGas: 7n, withdrawalsRoot: orderedTrieRoot([withdrawalRlp]) }),
  transactions: [LEGACY, TYPED],
  ommers: [],
  withdrawals: [WITHDRAWAL],
};

/** The encoding with one of its parts replaced. */
function replaced(block: AnyBlock, index: number, part: RlpItem): Uint8Array {
  const list = decodeRlp(encodeAnyBlock(block)) as RlpItem[];
  list[index] = part;
  return encodeRlp(list);
}

const refused = (bytes: Uint8Array, code: string, words: RegExp): void =>
  assert.throws(
    () => decodeAnyBlock(bytes),
    (error) => error instanceof CodedError && error.code === code && words.test(error.message),
  );

describe("blocks of any fork", () => {
  it("decode to what was encoded, with ommers before the Merge and withdrawals after Shanghai", () => {
    for (const block of [worked, paying]) assert.deepEqual(decodeAnyBlock(encodeAnyBlock(block)), block);
  });

  it("are refused with parts that their header does not commit to", () => {
    const name = /^block 12: its/;
    refused(replaced(worked, 1, [TYPED]), "INVALID_BLOCK", /^block 12: its transactions/);
    refused(replaced(worked, 2, []), "INVALID_BLOCK", /^block 12: its ommers/);
    refused(replaced(paying, 2, [decodeRlp(encodeAnyHeader(OMMER))]), "INVALID_BLOCK", name);
    refused(replaced(paying, 3, []), "INVALID_BLOCK", /^block 12: its withdrawals/);
  });

  it("are refused with a second form of a legacy transaction, and with a part too few or too many", () => {
    refused(replaced(worked, 1, [LEGACY, TYPED]), "INVALID_BLOCK", /legacy transaction is not a byte string/);
    refused(encodeRlp((decodeRlp(encodeAnyBlock(paying)) as RlpItem[]).slice(0, 3)), "INVALID_RLP", /3 items, not 4/);
    refused(replaced(worked, 3, []), "INVALID_RLP", /4 items, not 3/);
  });

  it("are known by their header before anything else of them is looked at", () => {
    for (const block of [worked, paying]) {
      const bytes = encodeAnyBlock(block);
      assert.deepEqual(headerOfAnyBlock(bytes), block.header);
      assert.deepEqual(headerOfAnyBlock(concatBytes(bytes, new Uint8Array(9))), block.header);
    }
    for (const bytes of [new Uint8Array(0), new Uint8Array([0xc0]), new Uint8Array([0x80]), encodeRlp([[]])]) {
      assert.throws(
        () => headerOfAnyBlock(bytes),
        (error) => error instanceof CodedError && error.code === "INVALID_RLP",
      );
    }
  });
});

describe("stored bodies of blocks of any fork", () => {
  const key = new Uint8Array(32).fill(7);
  const transactions = [
    signTransaction({ type: 0, nonce: 0n, gasLimit: 21_000n, maxFeePerGas: 1n, ...PLAIN }, (digest) =>
      signDigest(digest, key),
    ),
    signTransaction({ type: 2, chainId: 7n, nonce: 1n, gasLimit: 21_000n, maxFeePerGas: 9n, ...PLAIN }, (digest) =>
      signDigest(digest, key),
    ),
  ];

  it("are read as they were written, each transaction with its sender", () => {
    for (const rest of [
      { ommers: [OMMER] },
      { ommers: [], withdrawals: [] },
      { ommers: [], withdrawals: [WITHDRAWAL] },
    ]) {
      const body = { transactions, ...rest };
      assert.deepEqual(decodeAnyBody(encodeAnyBody(body)), body);
      assert.equal(countStoredTransactions(encodeAnyBody(body)), 2);
    }
  });

  it("give back the block that was decoded", () => {
    const raws = transactions.map(({ raw }) => raw);
    const header = seal({ ...HEADER, transactionsRoot: orderedTrieRoot(raws) });
    const block = decodeAnyBlock(encodeAnyBlock({ header, transactions: raws, ommers: [] }));
    assert.deepEqual(toAnyBlock({ header, ...decodeAnyBody(encodeAnyBody({ transactions })) }), block);
  });

  it("are refused when they are cut off", () => {
    const bytes = encodeAnyBody({ transactions, ommers: [OMMER], withdrawals: [WITHDRAWAL] });
    for (let end = 0; end < bytes.length; end += 5)
      assert.throws(() => decodeAnyBody(bytes.subarray(0, end)), CodedError);
  });
});
