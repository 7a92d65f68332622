import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import type { Message } from "@counterpart/core/sync/message-types";
import { createAnnouncer } from "./announcer.ts";
import {
  addressOf,
  createFakeContracts,
  createFakeEngine,
  type FakeContracts,
  type FakeEngine,
  makeBlock,
  makeRecord,
  OWNER,
  word,
} from "./fake-chain.test-support.ts";
import { createImporter } from "./importer.ts";
import { createIntake, type Intake } from "./intake.ts";
import { EARLY_BYTES_MAX, EARLY_MESSAGES_MAX } from "./limits.ts";
import { createPeers } from "./peers.ts";
import { createSession, type Session } from "./session.ts";
import {
  createTestLogger,
  createTestRandom,
  createVirtualClock,
  type VirtualClock,
} from "./virtual-clock.test-support.ts";

const unused = (): never => {
  throw new Error("not part of this test");
};

describe("announcements that come before their block", () => {
  let clock: VirtualClock;
  let engine: FakeEngine;
  let contracts: FakeContracts;
  let intake: Intake;
  let session: Session;

  beforeEach(() => {
    clock = createVirtualClock();
    engine = createFakeEngine("a");
    contracts = createFakeContracts(engine);
    const logger = createTestLogger([]);
    const peers = createPeers(logger);
    const deps = { engine, contracts, clock, logger, peers };
    const importer = createImporter(engine, peers);
    intake = createIntake({ ...deps, importer, announcer: createAnnouncer(deps), onNews: () => {} });
    const link = { peerId: "b", address: "b:1", direction: "inbound" as const, send: () => true, request: unused };
    const hooks = {
      ownVersion: unused,
      admit: unused,
      onAdmitted: unused,
      onReady: unused,
      onNews: unused,
      onAnnouncement: unused,
    };
    session = createSession(
      { ...link, close: async () => {} },
      {
        clock,
        random: createTestRandom(1),
        logger,
        hooks: { ...hooks, onRequest: unused, onFault: unused, onClosed: () => {} },
      },
    );
  });

  const created = (address: Hex, blockHash: Hex, contentBytes: number): Message => ({
    type: "NewContract",
    blockHash,
    address,
    owner: OWNER,
    codeHash: word(`code of ${address}`),
    artifact: makeRecord(address, 1, "x".repeat(contentBytes)),
  });
  const heldBytes = (): number => [...session.early.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

  it("are kept in bounded number and size, the newest of them", async () => {
    for (let i = 0; i < 200; i++) await intake.handle(session, created(addressOf(`${i}`), word(`${i}`), 10));
    assert.equal(session.early.size, EARLY_MESSAGES_MAX);
    for (let i = 0; i < 50; i++) await intake.handle(session, created(addressOf(`${i}`), word(`${i}`), 100_000));
    assert.ok(session.early.size > 5);
    assert.ok(heldBytes() <= EARLY_BYTES_MAX);
    assert.equal(contracts.puts, 0);
  });

  it("are taken up when the block is there", async () => {
    const block = makeBlock(engine.head(), "b", { created: [addressOf("token")] });
    await intake.handle(session, created(addressOf("token"), block.header.hash, 10));
    intake.retryEarly(session);
    await clock.pass(0);
    assert.equal(contracts.puts, 0, "not before");
    await engine.import([block]);
    intake.retryEarly(session);
    await clock.pass(0);
    assert.equal(contracts.artifact(addressOf("token"))?.updatedAt, 1);
    assert.equal(session.early.size, 0);
    assert.equal(session.busy, 0);
  });

  it("are given up after a few heads that did not bring the block", async () => {
    await intake.handle(session, created(addressOf("token"), word("never"), 10));
    for (let heads = 0; session.early.size > 0; heads++) {
      assert.ok(heads < 10, "still kept after ten heads");
      intake.retryEarly(session);
      await clock.pass(0);
    }
  });
});
