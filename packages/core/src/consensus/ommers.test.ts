import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CodedError } from "../base/errors.ts";
import type { AnySealedHeader } from "../chain/any-header.ts";
import { ZERO_HASH } from "../chain/header.ts";
import { difficultyOf } from "./difficulty.ts";
import { createForeignChain, foreignGenesis, resealed } from "./foreign-chain.test-support.ts";
import { type Ancestor, checkOmmers } from "./ommers.ts";

const genesis = foreignGenesis({ homesteadBlock: 0 }, {});
const { schedule } = genesis;

/** The last blocks of a chain without ommers, and a header beside each of them. */
async function scene() {
  const chain = createForeignChain(genesis);
  const headers: AnySealedHeader[] = [chain.head()];
  for (let count = 0; count < 9; count++) headers.unshift((await chain.seal()).header);
  const [header, ...before] = headers as [AnySealedHeader, ...AnySealedHeader[]];
  const ancestors: Ancestor[] = before.slice(0, 7).map((each) => ({ header: each, ommers: [] }));
  /** A header on the ancestor that is so many blocks before the one at hand, not on the chain. */
  const beside = (depth: number, nonce = 1): AnySealedHeader => {
    const parent = before[depth - 1] as AnySealedHeader;
    const timestamp = parent.timestamp + 20;
    return resealed(parent, {
      parentHash: parent.hash,
      number: parent.number + 1,
      timestamp,
      difficulty: difficultyOf("homestead", timestamp, parent, 0),
      nonce: new Uint8Array(8).fill(nonce),
    });
  };
  return { header, ancestors, beside };
}

describe("ommers", () => {
  it("may branch off from the second to the seventh block before, two at most", async () => {
    const { header, ancestors, beside } = await scene();
    for (const depth of [2, 3, 4, 5, 6, 7]) checkOmmers(header, [beside(depth)], ancestors, schedule);
    checkOmmers(header, [beside(2), beside(2, 9)], ancestors, schedule);
  });

  it("are refused elsewhere, twice, as ancestors, and with a header that breaks a rule", async () => {
    const { header, ancestors, beside } = await scene();
    const refused = (
      ommers: readonly AnySealedHeader[],
      words: RegExp,
      line = ancestors,
      code = "INVALID_BLOCK",
    ): void =>
      assert.throws(
        () => checkOmmers(header, ommers, line, schedule),
        (error) => error instanceof CodedError && error.code === code && words.test(error.message),
      );
    refused([beside(1)], /does not branch off/);
    refused([beside(8)], /does not branch off/);
    refused([resealed(beside(3), { parentHash: ZERO_HASH })], /does not branch off/);
    refused([beside(2), beside(3), beside(4)], /3 ommers are more than 2/);
    refused([beside(2), beside(2)], /included before/);
    const [parent, second, ...rest] = ancestors as [Ancestor, Ancestor, ...Ancestor[]];
    refused([beside(4)], /included before/, [parent, { ...second, ommers: [beside(4)] }, ...rest]);
    refused([second.header], /is an ancestor/);
    refused([resealed(beside(2), { difficulty: 0n })], /has no difficulty/);
    refused([resealed(beside(2), { difficulty: 7n })], /difficulty is 7/, ancestors, "INVALID_HEADER");
    refused([resealed(beside(2), { gasLimit: 1 })], /gas limit/, ancestors, "INVALID_HEADER");
  });
});
