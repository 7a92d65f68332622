import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import type { ContractOrigin } from "@counterpart/core/sync/message-types-state";
import { addressOf, word } from "./fake-chain.test-support.ts";
import { ORIGIN_VOICES_MAX } from "./limits.ts";
import type { Session } from "./session.ts";
import { createToldOrigins } from "./state-origins.ts";

const ACCOUNT = word("account");
const peer = (): Session => ({}) as Session;
const child = (owner: string): ContractOrigin => ({ address: addressOf("contract"), owner: addressOf(owner) });
const proven: ContractOrigin = { ...child("creator"), creationNonce: 3n };

function ownerTold(...origins: readonly ContractOrigin[]): Hex | undefined {
  const told = createToldOrigins();
  for (const origin of origins) told.note(ACCOUNT, peer(), origin);
  return told.chosen().get(ACCOUNT)?.owner;
}

describe("where a contract comes from", () => {
  it("is what proves itself, whatever more say", () => {
    assert.equal(ownerTold(child("liar"), child("liar"), proven), addressOf("creator"));
  });

  it("is what most say where nothing proves it, and of as many what was said first", () => {
    assert.equal(ownerTold(child("liar"), child("creator"), child("creator")), addressOf("creator"));
    assert.equal(ownerTold(child("one"), child("other")), addressOf("one"));
  });

  it("is asked of no more peers than it takes, each counting once", () => {
    const told = createToldOrigins();
    const talker = peer();
    for (let times = 0; times < ORIGIN_VOICES_MAX; times++) told.note(ACCOUNT, talker, child("liar"));
    assert.equal(told.isOpen(ACCOUNT), true);
    for (let times = 1; times < ORIGIN_VOICES_MAX; times++) told.note(ACCOUNT, peer(), child("creator"));
    assert.equal(told.isOpen(ACCOUNT), false);
    told.note(word("other"), peer(), proven);
    assert.equal(told.isOpen(word("other")), false);
  });
});
