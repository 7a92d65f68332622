import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createBlockHeader } from "@ethereumjs/block";
import { type Common, createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import fc from "fast-check";
import { hexToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { type AnyHeader, type AnySealedHeader, decodeAnyHeader, encodeAnyHeader } from "../chain/any-header.ts";
import { EMPTY_OMMERS_HASH, EMPTY_REQUESTS_HASH, ZERO_ADDRESS, ZERO_HASH } from "../chain/header.ts";
import type { Fork } from "../execution/fork.ts";
import { EMPTY_TRIE_ROOT } from "../trie/ordered.ts";
import { difficultyOf } from "./difficulty.ts";
import { nextBaseFee, nextExcessBlobGas } from "./fees.ts";
import { checkForeignHeader } from "./foreign-headers.ts";
import { parseForkSchedule } from "./fork-schedule.ts";
import { FORKS_TO_BERLIN } from "./forks.test-support.ts";

const WORK: AnyHeader = {
  parentHash: ZERO_HASH,
  ommersHash: EMPTY_OMMERS_HASH,
  coinbase: ZERO_ADDRESS,
  stateRoot: EMPTY_TRIE_ROOT,
  transactionsRoot: EMPTY_TRIE_ROOT,
  receiptsRoot: EMPTY_TRIE_ROOT,
  logsBloom: new Uint8Array(256),
  difficulty: 131_072n,
  number: 0,
  gasLimit: 30_000_000,
  gasUsed: 0,
  timestamp: 0,
  extraData: new Uint8Array(0),
  mixHash: ZERO_HASH,
  nonce: new Uint8Array(8),
};

const seal = (header: AnyHeader): AnySealedHeader => decodeAnyHeader(encodeAnyHeader(header));

/** The same header in the reference library, which checks nothing of it then. */
function theirs(header: AnyHeader, common: Common): ReturnType<typeof createBlockHeader> {
  const { ommersHash, transactionsRoot, receiptsRoot, extraData, ...same } = header;
  const named = { uncleHash: ommersHash, transactionsTrie: transactionsRoot, receiptTrie: receiptsRoot };
  return createBlockHeader({ ...same, ...named, extraData }, { common, skipConsensusFormatValidation: true });
}

const common = (hardfork: Hardfork): Common => createCustomCommon({ chainId: 7 }, Mainnet, { hardfork });

/** Forks that changed the formula or the delay, each with the delay; the library does not have London's (EIP-3554). */
const WORK_FORKS: readonly (readonly [Hardfork, Fork, number])[] = [
  [Hardfork.Chainstart, "frontier", 0],
  [Hardfork.Homestead, "homestead", 0],
  [Hardfork.Byzantium, "byzantium", 3_000_000],
  [Hardfork.Constantinople, "constantinople", 5_000_000],
  [Hardfork.MuirGlacier, "istanbul", 9_000_000],
  [Hardfork.ArrowGlacier, "london", 10_700_000],
  [Hardfork.GrayGlacier, "london", 11_400_000],
];

describe("the difficulty of proof of work", () => {
  for (const [hardfork, fork, delay] of WORK_FORKS) {
    it(`is what the reference library says at ${hardfork}`, () => {
      const rules = common(hardfork);
      const number = fc.integer({ min: 1, max: 20_000_000 });
      const seconds = fc.integer({ min: 1, max: 2_000 });
      // Above the least difficulty, where the library and this node agree on whether the bomb comes before or after it.
      const difficulty = fc.bigInt({ min: 2n ** 18n, max: 2n ** 60n });
      fc.assert(
        fc.property(number, seconds, difficulty, fc.boolean(), (at, apart, parentDifficulty, hasOmmers) => {
          const fee = fork === "london" ? { baseFeePerGas: 7n } : {};
          const ommersHash = hasOmmers ? ZERO_HASH : EMPTY_OMMERS_HASH;
          const parent = { ...WORK, ...fee, number: at, timestamp: 1_000, difficulty: parentDifficulty, ommersHash };
          const child = { ...WORK, ...fee, number: at + 1, timestamp: 1_000 + apart };
          const due = theirs(child, rules).ethashCanonicalDifficulty(theirs(parent, rules));
          assert.equal(difficultyOf(fork, child.timestamp, parent, delay), due);
        }),
      );
    });
  }
});

describe("the least difficulty", () => {
  it("is kept however late a block is, and the bomb comes on top", () => {
    for (const [, fork] of WORK_FORKS) {
      assert.equal(difficultyOf(fork, 5_000, { ...WORK, number: 99_998 }, 0), 131_072n);
      assert.equal(difficultyOf(fork, 5_000, { ...WORK, number: 199_998 }, 0), 131_072n);
      assert.equal(difficultyOf(fork, 5_000, { ...WORK, number: 199_999 }, 0), 131_073n);
      assert.equal(difficultyOf(fork, 5_000, { ...WORK, number: 499_999 }, 200_000), 131_074n);
    }
  });
});

describe("the price of the next block", () => {
  it("is the reference library's base fee", () => {
    const rules = common(Hardfork.London);
    const limit = fc.integer({ min: 5_000, max: 2 ** 40 });
    const fee = fc.oneof(fc.bigInt({ min: 1n, max: 20n }), fc.bigInt({ min: 1n, max: 2n ** 80n }));
    fc.assert(
      fc.property(limit, fc.nat(100), fee, (gasLimit, percent, baseFeePerGas) => {
        const parent = { ...WORK, gasLimit, gasUsed: Math.floor((gasLimit * percent) / 100), baseFeePerGas };
        assert.equal(nextBaseFee(parent), theirs(parent, rules).calcNextBaseFee());
      }),
    );
    assert.equal(nextBaseFee(WORK), 1_000_000_000n);
    const full = { ...WORK, gasUsed: 30_000_000 };
    assert.equal(nextBaseFee({ ...full, baseFeePerGas: 7n }), 8n);
    assert.equal(nextBaseFee({ ...full, gasUsed: 15_000_000, baseFeePerGas: 7n }), 7n);
  });

  it("is the reference library's excess of blob gas, with the reserve price from Osaka on", () => {
    const cases: readonly (readonly [Hardfork, boolean, number, number, bigint])[] = [
      [Hardfork.Cancun, false, 3, 6, 3_338_477n],
      [Hardfork.Prague, false, 6, 9, 5_007_716n],
      [Hardfork.Osaka, true, 6, 9, 5_007_716n],
    ];
    for (const [hardfork, hasReserve, target, max, updateFraction] of cases) {
      const rules = common(hardfork);
      const fee = fc.bigInt({ min: 1n, max: 2n ** 40n });
      const blobs = fc.integer({ min: 0, max });
      fc.assert(
        fc.property(fc.nat(300), blobs, fee, (excessBlobs, used, baseFeePerGas) => {
          const parent: AnyHeader = {
            ...WORK,
            difficulty: 0n,
            baseFeePerGas,
            withdrawalsRoot: EMPTY_TRIE_ROOT,
            blobGasUsed: used * 131_072,
            excessBlobGas: excessBlobs * 131_072,
            parentBeaconBlockRoot: ZERO_HASH,
            ...(hardfork !== Hardfork.Cancun && { requestsHash: EMPTY_REQUESTS_HASH }),
          };
          const reference = theirs(parent, rules);
          const due = reference.calcNextExcessBlobGas(reference.common);
          assert.equal(nextExcessBlobGas(parent, { target, max, updateFraction }, hasReserve), due);
        }),
      );
    }
  });
});

describe("headers of chains sealed elsewhere", () => {
  const schedule = parseForkSchedule({
    chainId: 7,
    ...FORKS_TO_BERLIN,
    londonBlock: 1,
    terminalTotalDifficulty: 300_000,
    shanghaiTime: 0,
    cancunTime: 0,
    pragueTime: 0,
    osakaTime: 0,
  });
  const genesis = seal(WORK);
  const worked = seal({
    ...WORK,
    parentHash: genesis.hash,
    number: 1,
    timestamp: 9,
    gasLimit: 60_000_000,
    baseFeePerGas: 1_000_000_000n,
  });
  const merged: AnyHeader = {
    ...worked,
    parentHash: worked.hash,
    number: 2,
    timestamp: 21,
    difficulty: 0n,
    baseFeePerGas: 875_000_000n,
    withdrawalsRoot: EMPTY_TRIE_ROOT,
    blobGasUsed: 0,
    excessBlobGas: 0,
    parentBeaconBlockRoot: ZERO_HASH,
    requestsHash: EMPTY_REQUESTS_HASH,
  };
  const refused = (change: Partial<AnyHeader>, words: RegExp): void =>
    assert.throws(
      () => checkForeignHeader(seal({ ...merged, ...change }), worked, 300_000n, schedule),
      (error) => error instanceof CodedError && error.code === "INVALID_HEADER" && words.test(error.message),
    );

  it("have the rules of their number and time", () => {
    assert.equal(checkForeignHeader(worked, genesis, 131_072n, schedule), "london");
    assert.equal(checkForeignHeader(seal(merged), worked, 300_000n, schedule), "osaka");
  });

  it("are refused with the number of the block and what is wrong", () => {
    refused({ parentHash: ZERO_HASH }, /^header 2: the parent hash/);
    refused({ number: 3 }, /number is not/);
    refused({ timestamp: 9 }, /timestamp is not after/);
    refused({ extraData: new Uint8Array(33) }, /extra data/);
    refused({ gasLimit: 60_000_000 + 58_593 }, /gas limit/);
    refused({ gasLimit: 60_000_000 - 58_593 }, /gas limit/);
    refused({ gasUsed: 60_000_001 }, /more gas used/);
    refused({ baseFeePerGas: 875_000_001n }, /base fee is 875000001, not 875000000/);
    refused({ ommersHash: ZERO_HASH }, /has ommers/);
    refused({ nonce: hexToBytes("0x0000000000000001") }, /has a nonce/);
    refused({ difficulty: 131_072n }, /after the Merge/);
    refused({ blobGasUsed: 131_071 }, /whole blobs/);
    refused({ blobGasUsed: 131_072 * 10 }, /more blob gas used/);
    refused({ excessBlobGas: 131_072 }, /excess blob gas is 131072, not 0/);
  });

  it("may have the longest extra data and as much gas and blob gas used as there may be", () => {
    const full = { extraData: new Uint8Array(32), gasUsed: 60_000_000, blobGasUsed: 131_072 * 9 };
    assert.equal(checkForeignHeader(seal({ ...merged, ...full }), worked, 300_000n, schedule), "osaka");
  });

  it("take a gas limit that is just near enough, from 5,000 up to what has 63 bits", () => {
    for (const gasLimit of [60_000_000 - 58_592, 60_000_000 + 58_592]) {
      assert.equal(checkForeignHeader(seal({ ...merged, gasLimit }), worked, 300_000n, schedule), "osaka");
    }
    const check = (before: bigint, gasLimit: bigint): unknown => {
      const parent = seal({ ...worked, gasLimit: before });
      const child = seal({ ...merged, parentHash: parent.hash, gasLimit });
      return checkForeignHeader(child, parent, 300_000n, schedule);
    };
    const max = 2n ** 63n - 1n;
    assert.equal(check(max, max), "osaka");
    assert.equal(check(max, max - max / 1_024n + 1n), "osaka");
    assert.throws(() => check(max, max - max / 1_024n), /gas limit/);
    assert.throws(() => check(max, max + 1n), /gas limit/);
    assert.equal(check(5_001n, 5_000n), "osaka");
    assert.throws(() => check(5_000n, 4_999n), /gas limit/);
  });

  it("are refused without a field of their fork, before the Merge is due, and with another difficulty", () => {
    const { requestsHash: _, ...withoutRequests } = merged;
    const check = (header: AnyHeader, parent: AnySealedHeader, total: bigint) => (): unknown =>
      checkForeignHeader(seal(header), parent, total, schedule);
    assert.throws(check(withoutRequests, worked, 300_000n), /requests hash is missing under osaka rules/);
    assert.throws(check(merged, worked, 299_999n), /difficulty is 0/);
    assert.throws(check({ ...worked, difficulty: 131_073n }, genesis, 131_072n), /difficulty is 131073, not 131072/);
    assert.throws(check({ ...worked, gasLimit: 30_000_000 }, genesis, 131_072n), /gas limit/);
  });
});
