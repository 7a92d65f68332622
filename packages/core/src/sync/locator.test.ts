import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Hex } from "../base/bytes.ts";
import { isCodedError } from "../base/errors.ts";
import type { SealedHeader } from "../chain/types.ts";
import { LOCATOR_MAX } from "./limits.ts";
import { checkHeaderPage, locatorNumbers } from "./locator.ts";

describe("locatorNumbers", () => {
  it("starts at the head, falls to the genesis, and fits a request at any height", () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(100), fc.maxSafeNat()), (head) => {
        const numbers = locatorNumbers(head);
        assert.equal(numbers[0], head);
        assert.equal(numbers.at(-1), 0);
        assert.ok(numbers.length <= LOCATOR_MAX, `${numbers.length} numbers`);
        assert.ok(numbers.every((number, i) => i === 0 || number < (numbers[i - 1] ?? 0)));
      }),
    );
  });

  it("names a block at most as far below any fork as the fork is deep, plus a few", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.nat(), (head, pick) => {
        const fork = pick % head;
        const found = locatorNumbers(head).find((number) => number <= fork) ?? -1;
        assert.ok(fork - found <= head - fork + 2, `head ${head}, fork ${fork}, named ${found}`);
      }),
    );
  });
});

const id = (number: number, branch = "a"): Hex => `0x${branch}${number}`;
const header = (number: number, parent = id(number - 1)): SealedHeader =>
  ({ number, hash: id(number), parentHash: parent }) as SealedHeader;

describe("checkHeaderPage", () => {
  const refused = (headers: SealedHeader[], count = 10): void =>
    assert.throws(
      () => checkHeaderPage(headers, [id(7), id(4)], count),
      (error) => isCodedError(error, "BAD_MESSAGE"),
    );

  it("takes a chain from a named block on", () => {
    checkHeaderPage([header(4), header(5), header(6)], [id(7), id(4)], 3);
    checkHeaderPage([header(7)], [id(7), id(4)], 3);
  });

  it("refuses an empty page, one that starts elsewhere, gaps, forks and more than was asked", () => {
    refused([]);
    refused([header(5), header(6)]);
    refused([header(4), header(6)]);
    refused([header(4), header(5), header(6, id(5, "b"))]);
    refused([header(4), { ...header(6), parentHash: id(4) }]);
    refused([header(4), header(5), header(6)], 2);
  });
});
