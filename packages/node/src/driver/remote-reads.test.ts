import assert from "node:assert/strict";
import { test } from "node:test";
import { bigIntToFixedBytes, bytesToBigInt, bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import type { WantedState } from "@counterpart/core/sync/message-types-state";
import { accountOf, openTestEngine, sealAll, TEST_GENESIS, transactionOf } from "../engine/engine.test-support.ts";
import type { RemoteState } from "../engine/remote-state.ts";
import type { Engine, Snapshot } from "../engine/types.ts";
import { createFakeContracts } from "./fake-contracts.test-support.ts";
import { createLocalSource, type LocalSource } from "./local-source.test-support.ts";

const clock = { now: () => 1_780_000_000_000, setTimer: () => () => {} };
const slot = (at: number): Hex => bytesToHex(bigIntToFixedBytes(BigInt(at), 32));
const WIDE = accountOf(71);
const CHAIN = accountOf(72);
const OTHER = accountOf(73);

/** Slot n of `WIDE` has n + 1; in `CHAIN` each leads to the next, the last to 0. */
const genesis = {
  ...TEST_GENESIS,
  alloc: new Map([
    ...TEST_GENESIS.alloc,
    ...(
      [
        [WIDE, 1_500, (at: number) => BigInt(at + 1)],
        [CHAIN, 600, (at: number) => BigInt((at + 1) % 600)],
      ] as const
    ).map(([address, count, wordAt]) => {
      const storage = Array.from({ length: count }, (_, at) => [slot(at), wordAt(at)] as const);
      return [address, { balance: 1n, nonce: 1n, code: Uint8Array.of(0), storage: new Map(storage) }] as const;
    }),
  ]),
};

interface Reading {
  readonly replica: Engine;
  readonly source: LocalSource;
}

function open(change: Partial<RemoteState> = {}, time = clock): Reading {
  const full = openTestEngine({ genesis });
  const deps = { engine: full, contracts: createFakeContracts(full), instanceId: "there", isDiverged: () => false };
  const source = createLocalSource({ ...deps, clock });
  const remote = { ...source, ...change };
  return { source, replica: openTestEngine({ genesis, replica: [OTHER], remote, clock: time }) };
}

type Slots = Pick<Snapshot, "storage">;

function sum(snapshot: Slots, address: Hex, count: number): bigint {
  let total = 0n;
  for (let at = 0; at < count; at++) total += snapshot.storage(address, slot(at));
  return total;
}

test("slots that a read lacks come back together, in a handful of requests and runs", async () => {
  const { replica, source } = open();
  let runs = 0;
  const total = await replica.read((snapshot) => {
    runs++;
    return sum(snapshot, WIDE, 1_500);
  });
  assert.equal(total, (1_500n * 1_501n) / 2n);
  assert.ok(source.requests <= 6, `${source.requests} requests`);
  assert.equal(runs, 2);
});

test("a storage in which each slot leads to the next is fetched whole", async () => {
  const { replica, source } = open();
  let runs = 0;
  const length = await replica.read((snapshot) => {
    runs++;
    let at = 0n;
    let count = 0;
    do {
      at = snapshot.storage(CHAIN, bytesToHex(bigIntToFixedBytes(at, 32)));
      count++;
    } while (at !== 0n);
    return count;
  });
  assert.equal(length, 600);
  assert.ok(runs <= 6, `${runs} runs`);
  assert.ok(source.requests <= 8, `${source.requests} requests`);
});

test("what was guessed leads nobody astray: neither a failure nor an endless loop of a guess is the read's", async () => {
  let now = clock.now();
  const { replica } = open({}, { ...clock, now: () => ++now });
  const value = await replica.read((snapshot) => {
    while (snapshot.storage(WIDE, slot(3)) === 0n);
    if (snapshot.storage(WIDE, slot(4)) === 0n) throw new Error("that cannot be");
    return snapshot.storage(WIDE, slot(5));
  });
  assert.equal(value, 6n);
  const failing = replica.read((snapshot) => {
    if (snapshot.storage(WIDE, slot(7)) === 8n) throw new Error("so it is");
  });
  await assert.rejects(failing, /so it is/);
});

test("a read is cut off that needs too much, or leads on too long", async () => {
  const endless = {
    state: async (_block: unknown, wanted: readonly WantedState[]) =>
      wanted.map(({ address, slots }) => ({
        address,
        account: { nonce: 1n, balance: 0n, storageRoot: slot(1), codeHash: EMPTY_CODE_HASH },
        slots: slots.map((name) => bytesToBigInt(hexToBytes(name)) + 1n),
      })),
    storages: async () => [{ account: slot(0), root: slot(1), slots: [], more: true }],
  };
  const { replica } = open(endless);
  const refused = { code: "NOT_HELD", message: /this read needs more of the state/ };
  await assert.rejects(
    replica.read((snapshot) => sum(snapshot, WIDE, 20_000)),
    refused,
  );
  let runs = 0;
  const leading = replica.read((snapshot) => {
    runs++;
    let at = 0n;
    for (let step = 0; step < 1_000; step++) at = snapshot.storage(CHAIN, bytesToHex(bigIntToFixedBytes(at, 32)));
  });
  await assert.rejects(leading, refused);
  assert.ok(runs < 140, `${runs} runs`);
});

test("a read ends when its time is over, however steadily answers come", async () => {
  let now = clock.now();
  const { replica } = open(
    {
      async state(_block, wanted) {
        now += 3_000;
        return wanted.map(({ address, slots }) => ({ address, account: undefined, slots: slots.map(() => 0n) }));
      },
    },
    { ...clock, now: () => now },
  );
  // Every run wants another account.
  const accounts = replica.read((snapshot) => snapshot.account(bytesToHex(bigIntToFixedBytes(BigInt(now), 20))));
  await assert.rejects(accounts, { code: "NOT_HELD", message: /within 10 s/ });
});

test("where no peer is connected a read says so at once, and asks nobody", async () => {
  const { replica, source } = open({ hasPeers: () => false });
  const read = replica.read((snapshot) => snapshot.account(WIDE));
  await assert.rejects(read, { code: "NOT_HELD", message: /no peer is connected/ });
  assert.equal(source.requests, 0);
});

test("what nobody proves is said not to be held", async () => {
  const { replica } = open({ state: async () => [] });
  const read = replica.read((snapshot) => snapshot.account(WIDE));
  await assert.rejects(read, { code: "NOT_HELD", message: /no peer has answered/ });
});

/** A replica whose head moves with every request for state, before the answer comes. */
function openHurried(before: () => void = () => {}) {
  const full = openTestEngine({ genesis });
  const deps = { engine: full, contracts: createFakeContracts(full), instanceId: "there", isDiverged: () => false };
  const source = createLocalSource({ ...deps, clock }, async () => {
    await sealAll(full, [transactionOf(1, full.head().number)]);
    await replica.adoption.addHeaders([full.head()], new Uint8Array(0));
    await replica.adoption.complete(full.head());
    before();
  });
  const replica: Engine = openTestEngine({ genesis, replica: [OTHER], remote: source, clock });
  return { replica, source };
}

test("a read comes to its end where the head moves on before every answer: it is of the head at which it began", async () => {
  const { replica, source } = openHurried();
  const seen = await replica.read((snapshot) => ({
    ...{ number: snapshot.head.number, total: sum(snapshot, WIDE, 1_500) },
    nonce: snapshot.account(accountOf(1))?.nonce,
    code: snapshot.code(snapshot.account(WIDE)?.codeHash ?? EMPTY_CODE_HASH).length,
  }));
  assert.deepEqual(seen, { number: 0, total: (1_500n * 1_501n) / 2n, nonce: 0n, code: 1 });
  assert.ok(source.requests <= 6, `${source.requests} requests`);
  assert.ok(replica.head().number > 0);
  const next = await replica.read((snapshot) => snapshot.account(accountOf(1))?.nonce);
  assert.ok(next !== undefined && next > 0n, "a new read is of the new head");
});

test("a read whose block no peer proves any more is of the head that there is then", async () => {
  let prunes = 2;
  const { replica } = openHurried(() => {
    if (prunes-- > 0) throw new CodedError("PRUNED", "the state of the block is not held any more");
  });
  const seen = await replica.read((snapshot) => {
    return { number: snapshot.head.number, nonce: snapshot.account(accountOf(1))?.nonce };
  });
  assert.deepEqual(seen, { number: 2, nonce: 2n });
});
