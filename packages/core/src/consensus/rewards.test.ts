import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Hex } from "../base/bytes.ts";
import type { AnyBlock } from "../chain/any-block.ts";
import type { AnySealedHeader } from "../chain/any-header.ts";
import { creditsOf } from "./rewards.ts";

const MINER: Hex = `0x${"01".repeat(20)}`;
const OTHER: Hex = `0x${"02".repeat(20)}`;
const ETHER = 10n ** 18n;

const header = (number: number, coinbase: Hex): AnySealedHeader => ({ number, coinbase }) as AnySealedHeader;
const block = (...ommers: AnySealedHeader[]): AnyBlock => ({ header: header(100, MINER), transactions: [], ommers });

describe("what a block creates", () => {
  it("is five, three and two ether for the miner", () => {
    for (const [fork, reward] of [
      ["frontier", 5n],
      ["spurious", 5n],
      ["byzantium", 3n],
      ["constantinople", 2n],
      ["london", 2n],
    ] as const) {
      assert.deepEqual(creditsOf(block(), fork), [{ address: MINER, amount: reward * ETHER }]);
    }
  });

  it("is less for an ommer the older it is, and a 32nd more for including it", () => {
    assert.deepEqual(creditsOf(block(header(99, OTHER), header(94, OTHER)), "byzantium"), [
      { address: OTHER, amount: (3n * ETHER * 7n) / 8n },
      { address: OTHER, amount: (3n * ETHER * 2n) / 8n },
      { address: MINER, amount: 3n * ETHER + (3n * ETHER) / 16n },
    ]);
  });

  it("is withdrawals alone after the Merge, nothing included", () => {
    assert.deepEqual(creditsOf(block(), "paris"), []);
    const withdrawals = [
      { index: 0n, validatorIndex: 0n, address: OTHER, amount: 5n },
      { index: 1n, validatorIndex: 0n, address: OTHER, amount: 0n },
    ];
    assert.deepEqual(creditsOf({ ...block(), withdrawals }, "shanghai"), [
      { address: OTHER, amount: 5n },
      { address: OTHER, amount: 0n },
    ]);
  });
});
