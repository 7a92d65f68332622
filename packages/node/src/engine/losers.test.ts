import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import type { Transaction } from "@counterpart/core/chain/types";
import { createLosers } from "./losers.ts";

const hashOf = (index: number): Hex => `0x${index.toString(16).padStart(64, "0")}`;
const lost = (index: number, bytes: number) => ({
  transaction: { hash: hashOf(index), raw: new Uint8Array(bytes) } as Transaction,
  by: hashOf(99),
});

describe("transactions of peers that lost their nonce", () => {
  it("are remembered within their bytes, the oldest forgotten first", () => {
    const losers = createLosers(100);
    for (const index of [1, 2, 3]) losers.add(lost(index, 40));
    assert.deepEqual(
      [1, 2, 3].map((index) => losers.get(hashOf(index))?.by),
      [undefined, hashOf(99), hashOf(99)],
    );
  });

  it("count once when they lose again, and do not stay when they alone are too much", () => {
    const losers = createLosers(100);
    for (let i = 0; i < 5; i++) losers.add(lost(1, 60));
    losers.add(lost(2, 40));
    assert.ok(losers.get(hashOf(1)) !== undefined && losers.get(hashOf(2)) !== undefined);
    losers.add(lost(3, 101));
    assert.deepEqual(
      [1, 2, 3].map((index) => losers.get(hashOf(index))),
      [undefined, undefined, undefined],
    );
    losers.add(lost(4, 100));
    assert.ok(losers.get(hashOf(4)) !== undefined);
  });
});
