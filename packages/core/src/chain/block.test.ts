import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createBlockFromRLP } from "@ethereumjs/block";
import { createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { concatBytes, type Hex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { decodeRlp, encodeRlp, type RlpItem } from "../codec/rlp.ts";
import { currentCrypto, keccak256, recoverAddress, signDigest, useCrypto } from "../crypto/crypto.ts";
import type { RecoverSenders } from "../ports/senders.ts";
import { EMPTY_TRIE_ROOT } from "../trie/ordered.ts";
import {
  decodeBlock,
  decodeBlockWith,
  decodeBody,
  decodeBodyAt,
  encodeBlock,
  encodeBody,
  sizeInBlock,
  transactionsRoot,
} from "./block.ts";
import { DEV_GENESIS, genesisHeader } from "./genesis.ts";
import { sealHeader } from "./header.ts";
import { MAX_BLOCK_BYTES } from "./rules.ts";
import { signTransaction } from "./transaction.ts";
import type { UnsignedTransaction } from "./transaction-fields.ts";
import type { Block, Header, Transaction, TransactionType } from "./types.ts";

const CHAIN_ID = 31_337;
const KEY = keccak256(new Uint8Array([1]));
const TO: Hex = `0x${"be".repeat(20)}`;

function transaction(type: TransactionType, nonce: bigint): Transaction {
  const unsigned: UnsignedTransaction = {
    type,
    chainId: BigInt(CHAIN_ID),
    nonce,
    gasLimit: 100_000n,
    maxFeePerGas: 1n,
    maxPriorityFeePerGas: 1n,
    to: TO,
    value: 5n,
    data: new Uint8Array([1, 2, 3]),
    ...(type === 4 ? { authorizationList: [{ chainId: 0n, address: TO, nonce: 0n, yParity: 0, r: 1n, s: 1n }] } : {}),
  };
  return signTransaction(unsigned, (digest) => signDigest(digest, KEY));
}

const TRANSACTIONS = [transaction(0, 0n), transaction(1, 1n), transaction(2, 2n), transaction(4, 3n)];

function blockOf(transactions: readonly Transaction[], change: Partial<Header> = {}): Block {
  const base = genesisHeader(DEV_GENESIS, EMPTY_TRIE_ROOT);
  const { hash: _, ...fields } = { ...base, transactionsRoot: transactionsRoot(transactions), ...change };
  return { header: sealHeader(fields), transactions };
}

function rejects(make: () => unknown, message: RegExp, code = "INVALID_BLOCK"): CodedError {
  let caught: unknown;
  assert.throws(make, (error) => {
    caught = error;
    return true;
  });
  assert.ok(caught instanceof CodedError);
  assert.equal(caught.code, code);
  assert.match(caught.message, message);
  return caught;
}

describe("blocks", () => {
  it("decode to what was encoded", () => {
    for (const transactions of [[], TRANSACTIONS]) {
      const block = blockOf(transactions);
      assert.deepEqual(decodeBlock(encodeBlock(block), CHAIN_ID), block);
    }
  });

  it("decode to the same with senders that others recover", async () => {
    const senders = TRANSACTIONS.map(({ sender }) => sender);
    const bytes = encodeBlock(blockOf(TRANSACTIONS));
    const asked: number[] = [];
    const recover: RecoverSenders = async (signed) => {
      asked.push(signed.length);
      return signed.map(({ digest, signature }) => recoverAddress(digest, signature));
    };
    assert.deepEqual(await decodeBlockWith(recover, bytes, CHAIN_ID), decodeBlock(bytes, CHAIN_ID));
    assert.deepEqual(asked, [4]);
    const some: RecoverSenders = async () => [senders[0], undefined, senders[2], senders[3]];
    await assert.rejects(decodeBlockWith(some, bytes, CHAIN_ID), {
      code: "INVALID_BLOCK",
      message: "transaction 1: the signature recovers no public key",
    });
  });

  it("are encoded as other Ethereum clients encode them", async () => {
    const common = createCustomCommon({ chainId: CHAIN_ID }, Mainnet, { hardfork: Hardfork.Osaka });
    // The library takes no difficulty and no long extraData after the Merge.
    const block = blockOf(TRANSACTIONS, { difficulty: 0n, extraData: new Uint8Array(32) });
    const theirs = createBlockFromRLP(encodeBlock(block), { common });
    assert.equal(theirs.transactions.length, 4);
    assert.deepEqual(theirs.serialize(), encodeBlock(block));
    assert.deepEqual(theirs.hash(), keccak256(theirs.header.serialize()));
    assert.equal(await theirs.transactionsTrieIsValid(), true);
    assert.deepEqual(
      theirs.transactions.map((each) => each.getSenderAddress().toString()),
      TRANSACTIONS.map(({ sender }) => sender),
    );
  });

  it("take the room that is foretold for each transaction", () => {
    const empty = encodeBlock(blockOf([])).length;
    const full = encodeBlock(blockOf(TRANSACTIONS)).length;
    const sizes = TRANSACTIONS.reduce((sum, each) => sum + sizeInBlock(each), 0);
    const listHeaders = full - empty - sizes;
    assert.ok(listHeaders >= 0 && listHeaders <= 8, `${listHeaders}`);
  });

  it("are refused above the size limit before they are parsed", () => {
    rejects(() => decodeBlock(new Uint8Array(MAX_BLOCK_BYTES + 1).fill(0xff), CHAIN_ID), /above 786432/);
  });

  it("are refused before any sender is recovered when the transactions root is wrong", () => {
    const real = currentCrypto();
    const forbidden = (): never => assert.fail("a sender was recovered");
    useCrypto({ ...real, recover: forbidden });
    try {
      const wrong = encodeBlock(blockOf(TRANSACTIONS, { transactionsRoot: EMPTY_TRIE_ROOT }));
      rejects(() => decodeBlock(wrong, CHAIN_ID), /header commits to/);
    } finally {
      useCrypto(real);
    }
  });

  it("are refused with ommers or withdrawals", () => {
    const items = decodeRlp(encodeBlock(blockOf(TRANSACTIONS))) as RlpItem[];
    const [header, list] = items as [RlpItem, RlpItem];
    rejects(() => decodeBlock(encodeRlp([header, list, [[]], []]), CHAIN_ID), /no ommers/);
    rejects(() => decodeBlock(encodeRlp([header, list, [], [[]]]), CHAIN_ID), /no withdrawals/);
    rejects(() => decodeBlock(encodeRlp([header, list, []]), CHAIN_ID), /3 items, not 4/, "INVALID_RLP");
  });

  it("have one encoding only: a legacy transaction in a byte string is refused", () => {
    const block = blockOf([TRANSACTIONS[0] as Transaction]);
    const [header] = decodeRlp(encodeBlock(block)) as [RlpItem];
    const wrapped = encodeRlp([header, [block.transactions[0]?.raw ?? assert.fail()], [], []]);
    rejects(() => decodeBlock(wrapped, CHAIN_ID), /not a byte string/);
  });

  it("say which transaction is invalid and why", () => {
    const foreign = signTransaction(
      {
        type: 2,
        chainId: 1n,
        nonce: 0n,
        gasLimit: 21_000n,
        maxFeePerGas: 0n,
        maxPriorityFeePerGas: 0n,
        to: TO,
        value: 0n,
        data: new Uint8Array(0),
      },
      (digest) => signDigest(digest, KEY),
    );
    const block = encodeBlock(blockOf([TRANSACTIONS[0] as Transaction, foreign]));
    const error = rejects(() => decodeBlock(block, CHAIN_ID), /transaction 1: invalid chain id for signer: have 1/);
    assert.deepEqual(error.details, { index: 1, code: "INVALID_TRANSACTION" });
  });

  it("are refused when cut short or continued", () => {
    const bytes = encodeBlock(blockOf(TRANSACTIONS));
    for (let end = 0; end < bytes.length; end += 11) {
      assert.throws(() => decodeBlock(bytes.subarray(0, end), CHAIN_ID), CodedError);
    }
    rejects(() => decodeBlock(concatBytes(bytes, new Uint8Array(1)), CHAIN_ID), /trailing/, "INVALID_RLP");
  });
});

describe("stored bodies", () => {
  it("are read as they were written, without recovering senders", () => {
    const bytes = encodeBody(TRANSACTIONS);
    const real = currentCrypto();
    useCrypto({ ...real, recover: () => assert.fail("a sender was recovered") });
    try {
      assert.deepEqual(decodeBody(bytes, CHAIN_ID), TRANSACTIONS);
      for (const [at, one] of TRANSACTIONS.entries()) assert.deepEqual(decodeBodyAt(bytes, at, CHAIN_ID), one);
    } finally {
      useCrypto(real);
    }
    assert.deepEqual(decodeBody(encodeBody([]), CHAIN_ID), []);
  });
});
