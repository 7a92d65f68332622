import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { NO_METRICS } from "@counterpart/core/base/no-metrics";
import { encodeHeader } from "@counterpart/core/chain/header";
import { signTransaction } from "@counterpart/core/chain/transaction";
import type { Transaction } from "@counterpart/core/chain/types";
import { keccak256, signDigest } from "@counterpart/core/crypto/crypto";
import type { Message } from "@counterpart/core/sync/message-types";
import { NotHeld } from "../engine/proven-state.ts";
import { createAnnouncer } from "./announcer.ts";
import { createDriverMetrics } from "./driver-metrics.ts";
import { addressOf, createFakeEngine, type FakeEngine, makeBlock, OWNER, word } from "./fake-chain.test-support.ts";
import { createFakeContracts, type FakeContracts, makeRecord } from "./fake-contracts.test-support.ts";
import { createImporter } from "./importer.ts";
import { createIntake, type Intake } from "./intake.ts";
import { ANNOUNCED_BLOCKS_MAX, EARLY_BYTES_MAX, EARLY_MESSAGES_MAX } from "./limits.ts";
import { createPacking } from "./packing.ts";
import { createPeers } from "./peers.ts";
import { createSession, type Session } from "./session.ts";
import { createStandings } from "./standings.ts";
import {
  createTestLogger,
  createTestRandom,
  createVirtualClock,
  type LogEntry,
  type VirtualClock,
} from "./virtual-clock.test-support.ts";

const unused = (): never => {
  throw new Error("not part of this test");
};

interface TestIntake {
  readonly clock: VirtualClock;
  readonly engine: FakeEngine;
  readonly contracts: FakeContracts;
  readonly intake: Intake;
  readonly session: Session;
  readonly logged: readonly LogEntry[];
}

/** @param change what a test does with the engine before the intake has it */
function openIntake(change: (engine: FakeEngine) => FakeEngine = (engine) => engine): TestIntake {
  const clock = createVirtualClock();
  const engine = change(createFakeEngine("a"));
  const contracts = createFakeContracts(engine);
  const logged: LogEntry[] = [];
  const logger = createTestLogger(logged);
  const metrics = createDriverMetrics(NO_METRICS);
  const standings = createStandings({ book: undefined, clock, logger, metrics });
  const peers = createPeers({ standings, clock, logger, metrics });
  const deps = { engine, contracts, clock, logger, peers, metrics };
  const disputes = { take: () => false, isHeldBack: () => false, stop: () => {} };
  const importer = createImporter({ engine, peers, clock, disputes });
  const intake = createIntake({
    ...deps,
    importer,
    announcer: createAnnouncer({ ...deps, self: {} }),
    onNews: () => {},
  });
  const link = { peerId: "b", address: "b:1", direction: "inbound" as const, send: () => true, request: unused };
  const hooks = {
    ownVersion: unused,
    admit: unused,
    onAdmitted: unused,
    onReady: unused,
    onNews: unused,
    mayAnnounce: unused,
    maySendStatus: unused,
    onDropped: unused,
    onAnnouncement: unused,
  };
  const session = createSession(
    { ...link, close: async () => {} },
    {
      clock,
      random: createTestRandom(1),
      logger,
      hooks: { ...hooks, onRequest: unused, onFault: unused, onTrouble: unused, onClosed: () => {} },
      packing: createPacking(undefined, createDriverMetrics(NO_METRICS)),
    },
  );
  return { clock, engine, contracts, intake, session, logged };
}

describe("a frame of transactions", () => {
  const transfer = (nonce: number): Transaction =>
    signTransaction(
      {
        type: 2,
        chainId: 31_337n,
        nonce: BigInt(nonce),
        gasLimit: 21_000n,
        maxFeePerGas: 0n,
        maxPriorityFeePerGas: 0n,
        to: OWNER,
        value: 1n,
        data: new Uint8Array(0),
      },
      (digest) => signDigest(digest, keccak256(new Uint8Array([1]))),
    );
  const frameOf = (transactions: readonly Transaction[]): Message => ({
    type: "NewTransaction",
    transactions: transactions.map(({ raw }) => raw),
  });

  it("of 256 copies of a transaction that is included reads no block", async () => {
    const included = transfer(0);
    const asked: Hex[] = [];
    const { intake, session } = openIntake((engine) => ({
      ...engine,
      knows: (hash) => {
        asked.push(hash);
        return true;
      },
      transaction: unused,
      block: unused,
      submit: unused,
    }));
    await intake.handle(session, frameOf(Array.from({ length: 256 }, () => included)));
    assert.deepEqual(asked, new Array(256).fill(included.hash));
  });

  it("is submitted together, so that one write takes all of it, and is done when all of it is", async () => {
    const waiting: (() => void)[] = [];
    const { intake, session, clock } = openIntake((engine) => ({
      ...engine,
      submit: () => new Promise<void>((resolve) => waiting.push(resolve)),
    }));
    let isDone = false;
    const handled = intake.handle(session, frameOf([0, 1, 2, 3].map(transfer))).then(() => {
      isDone = true;
    });
    await clock.pass(0);
    assert.equal(waiting.length, 4, "none waits for another");
    assert.equal(isDone, false);
    for (const resolve of waiting) resolve();
    await handled;
  });
});

describe("announcements that come before their block", () => {
  let clock: VirtualClock;
  let engine: FakeEngine;
  let contracts: FakeContracts;
  let intake: Intake;
  let session: Session;

  beforeEach(() => {
    ({ clock, engine, contracts, intake, session } = openIntake());
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

describe("the header of an announced block", () => {
  const announce = async ({ intake, session, engine }: TestIntake): Promise<Hex[]> => {
    let parent = engine.head();
    const hashes: Hex[] = [];
    for (let at = 0; at < 2 * ANNOUNCED_BLOCKS_MAX; at++) {
      const block = makeBlock(parent, "b");
      parent = block.header;
      hashes.push(parent.hash);
      await intake.handle(session, { type: "NewBlock", kind: "header", header: encodeHeader(parent) });
    }
    return hashes;
  };

  it("is kept where states are taken over, of the last blocks", async () => {
    const opened = openIntake((engine) => ({ ...engine, isReplica: true }));
    const hashes = await announce(opened);
    assert.deepEqual([...opened.session.announcedHeaders.keys()], hashes.slice(-ANNOUNCED_BLOCKS_MAX));
  });

  it("is not kept where blocks are executed", async () => {
    const opened = openIntake();
    await announce(opened);
    assert.equal(opened.session.announcedHeaders.size, 0);
  });
});

describe("what a block has changed", () => {
  it("is no failure where a replica holds other contracts", async () => {
    const { intake, session, engine, logged } = openIntake((full) => ({
      ...full,
      isReplica: true,
      snapshot: () => ({
        ...full.snapshot(),
        account: (address) => {
          throw new NotHeld({ address });
        },
      }),
    }));
    await intake.handle(session, {
      type: "UpdateContract",
      kind: "state",
      blockHash: engine.head().hash,
      contracts: [{ address: addressOf("other"), storageRoot: word("root") }],
      truncated: false,
    });
    assert.deepEqual(logged, []);
  });
});
