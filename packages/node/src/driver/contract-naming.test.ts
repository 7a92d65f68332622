import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { createAddress } from "@counterpart/core/chain/address";
import type { Block } from "@counterpart/core/chain/types";
import { keccak256, keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { Store } from "@counterpart/core/ports/store";
import { signArtifact } from "@counterpart/core/sync/artifact";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import type { ContractOrigin } from "@counterpart/core/sync/message-types-state";
import { openTestNode } from "../contracts/contracts.test-support.ts";
import { verifyStore } from "../contracts/verify-store.ts";
import {
  accountOf,
  chainOf,
  creationOf,
  openTestEngine,
  sealAll,
  silentLogger,
  transactionOf,
  writerCode,
} from "../engine/engine.test-support.ts";
import type { Engine, Naming } from "../engine/types.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createContractNaming } from "./contract-naming.ts";
import { createFakeContracts } from "./fake-contracts.test-support.ts";
import { NAMES_AGAIN_MS, NAMES_RETRY_MS } from "./limits.ts";
import { createLocalSource, type LocalSource } from "./local-source.test-support.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import { createStateJoin } from "./state-join.ts";
import type { StateSource } from "./state-source.ts";
import { createVirtualClock, type VirtualClock } from "./virtual-clock.test-support.ts";

const CONTRACTS = 4;
const BLOCKS = 70;
const START_MS = 1_780_000_000_000;

const contractAt = (nonce: number): Hex => createAddress(accountOf(1), BigInt(nonce));
const hashOf = (address: Hex): Hex => keccak256Hex(hexToBytes(address));
const NAMES: ReadonlyMap<Hex, ContractOrigin> = new Map(
  Array.from({ length: CONTRACTS }, (_, nonce) => {
    const address = contractAt(nonce);
    return [hashOf(address), { address, owner: accountOf(1), creationNonce: BigInt(nonce) }];
  }),
);

async function makeHistory(): Promise<Engine> {
  const engine = openTestEngine();
  await sealAll(
    engine,
    Array.from({ length: CONTRACTS }, (_, nonce) => creationOf(1, nonce, writerCode(nonce + 1))),
  );
  for (let nonce = 0; nonce < BLOCKS; nonce++) await sealAll(engine, [transactionOf(2, nonce)]);
  return engine;
}

let made: Promise<Engine> | undefined;
/** Made once: nobody seals on it. */
const history = (): Promise<Engine> => {
  made ??= makeHistory();
  return made;
};

function sourceOf(engine: Engine, clock: VirtualClock): LocalSource {
  const contracts = createFakeContracts(engine);
  return createLocalSource({ engine, contracts, clock, instanceId: "there", isDiverged: () => false });
}

/** Takes the state over from a peer that is honest but for the names of contracts: it says `names` of them. */
async function takeOver(engine: Engine, from: Engine, names: StateSource["origins"] = async () => new Map()) {
  const clock = createVirtualClock(START_MS);
  const source = sourceOf(from, clock);
  const peers = { ready: () => [source.session], penalise: () => {} } as unknown as Peers;
  const random = { bytes: (size: number) => new Uint8Array(size), fraction: () => 0.5 };
  const join = createStateJoin({
    ...{ engine, peers, clock, random, joins: true, logger: silentLogger, onDone: () => {} },
    source: { ...source, origins: names },
  });
  join.kick();
  await clock.run(join.settled());
  await join.stop();
  assert.equal(engine.head().hash, from.head().hash);
}

function assertWhole(store: Store): void {
  const { chainId, genesisHash, rules } = openTestEngine();
  const results = verifyStore(store, { chainId, genesisHash, signers: rules.signers });
  assert.deepEqual(
    results.flatMap(({ faults }) => faults),
    [],
  );
}

/** Listed contracts, but for those of the genesis, of which everything is known. */
const listed = (engine: Engine) => engine.contracts(undefined, 100).filter(({ genesis }) => !genesis);
const identities = (engine: Engine) =>
  listed(engine).map(({ address, owner, creationNonce, codeHash, genesis }) => {
    return { address, owner, creationNonce, codeHash, genesis };
  });

function heard(engine: Engine): Naming[] {
  const namings: Naming[] = [];
  engine.on("named", (naming) => namings.push(naming));
  return namings;
}

describe("contracts that were taken over while nobody said where they come from", () => {
  test("are remembered over restarts, and listed with their creators as soon as somebody says it", async () => {
    const honest = await history();
    const store = createMemoryStore();
    await takeOver(openTestEngine({ store }), honest);
    const engine = openTestEngine({ store });
    assert.equal(engine.adoption.unnamed, CONTRACTS);
    assert.deepEqual(identities(engine), []);
    assertWhole(store);
    const namings = heard(engine);
    await engine.adoption.name(NAMES);
    assert.equal(engine.adoption.unnamed, 0);
    assert.deepEqual(identities(engine), identities(honest));
    assert.equal(engine.contractCount(), honest.contractCount());
    assert.deepEqual(
      namings.map(({ head, contractsCreated }) => [head.hash, [...contractsCreated].sort()]),
      [[honest.head().hash, [...NAMES.values()].map(({ address }) => address).sort()]],
    );
    assertWhole(store);
    assert.equal(openTestEngine({ store }).adoption.unnamed, 0);
  });

  test("are not asked about where all are named", async () => {
    const honest = await history();
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    await takeOver(engine, honest, async () => NAMES);
    assert.equal(engine.adoption.unnamed, 0);
    assert.deepEqual(store.range("unnamed", { limit: 10 }), []);
    assert.deepEqual(identities(engine), identities(honest));
  });

  test("are shown to who knows their address, and nobody else is taken for one", async () => {
    const honest = await history();
    const engine = openTestEngine();
    await takeOver(engine, honest);
    const snapshot = engine.snapshot();
    const expected = honest.snapshot().contract(contractAt(2));
    const shown = { address: contractAt(2), codeHash: expected?.codeHash, genesis: false };
    assert.deepEqual(snapshot.contract(contractAt(2)), shown);
    for (const address of [accountOf(1), contractAt(CONTRACTS)]) assert.equal(snapshot.contract(address), undefined);
  });

  test("are listed without a creator when only their address is known, and are still to be named", async () => {
    const honest = await history();
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    await takeOver(engine, honest);
    const address = contractAt(1);
    const namings = heard(engine);
    for (let times = 0; times < 2; times++) await engine.adoption.name(new Map([[hashOf(address), { address }]]));
    assert.deepEqual(
      namings.map(({ contractsCreated }) => contractsCreated),
      [[address]],
    );
    assert.deepEqual(
      listed(engine).map((entry) => [entry.address, entry.owner]),
      [[address, undefined]],
    );
    assert.equal(engine.adoption.unnamed, CONTRACTS);
    assertWhole(store);
    await engine.adoption.name(NAMES);
    assert.deepEqual(namings.at(-1)?.contractsUpdated, [address]);
    assert.deepEqual(identities(engine), identities(honest));
    assertWhole(store);
  });

  test("are not made of accounts that are none, or are named already", async () => {
    const honest = await history();
    const engine = openTestEngine();
    await takeOver(engine, honest);
    await engine.adoption.name(NAMES);
    const [before, namings] = [identities(engine), heard(engine)];
    for (const address of [accountOf(2), contractAt(0), contractAt(CONTRACTS)]) {
      await engine.adoption.name(new Map([[hashOf(address), { address, owner: accountOf(9) }]]));
    }
    assert.deepEqual([identities(engine), namings, engine.contractCount()], [before, [], CONTRACTS]);
  });

  test("take a creator whom the address proves in place of one who was told", async () => {
    const honest = await history();
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    const told = (owner: number) =>
      new Map([...NAMES].map(([hash, { address }]) => [hash, { address, owner: accountOf(owner) }]));
    await takeOver(engine, honest, async () => told(9));
    assert.deepEqual(new Set(listed(engine).map(({ owner }) => owner)), new Set([accountOf(9)]));
    const namings = heard(engine);
    await engine.adoption.name(NAMES);
    assert.deepEqual(identities(engine), identities(honest));
    assert.deepEqual([engine.adoption.unnamed, engine.contractCount(), namings.length], [0, CONTRACTS, 1]);
    assertWhole(store);
    await engine.adoption.name(told(9));
    assert.deepEqual([identities(engine), namings.length], [identities(honest), 1]);
  });

  test("show the artifact of the creator whom the address proves, and not that of one who was told", async () => {
    const honest = await history();
    const node = openTestNode({ own: 9, others: [1], sealing: false });
    const address = contractAt(0);
    const told = new Map([[hashOf(address), { address, owner: accountOf(9) }]]);
    await takeOver(node.engine, honest, async () => told);
    const signedBy = (account: number, updatedAt: number, creationNonce?: bigint): ArtifactRecord => {
      const { codeHash } = node.engine.snapshot().contract(address) ?? assert.fail();
      const content = { name: `by ${account}` };
      const draft = { address, codeHash, updatedAt, content, ...(creationNonce !== undefined && { creationNonce }) };
      return signArtifact(draft, node.engine, (digest) => node.keys.sign(accountOf(account), digest));
    };
    assert.equal(await node.service.putRecord(signedBy(9, START_MS + 1_000)), "added");
    assert.equal(await node.service.putRecord(signedBy(9, START_MS, 0n)), "refused");
    assert.equal(node.engine.snapshot().contract(address)?.owner, accountOf(9));
    assert.equal(await node.service.putRecord(signedBy(1, START_MS, 0n)), "added");
    assert.equal(node.engine.snapshot().contract(address)?.owner, accountOf(1));
    assert.deepEqual((await node.service.get(address)).artifact, { name: "by 1" });
    assert.equal(node.service.artifacts().count, 1);
    assert.equal(await node.service.putRecord(signedBy(9, START_MS + 2_000)), "refused");
  });

  test("keep their creators when blocks of before they were named are taken back", async () => {
    const honest = await history();
    const other = openTestEngine();
    await other.import(chainOf(honest));
    const store = createMemoryStore();
    const engine = openTestEngine({ store });
    await takeOver(engine, honest);
    const [first, second] = [contractAt(0), contractAt(1)];
    await engine.adoption.name(new Map([[hashOf(first), { address: first }]]));
    const payment = (nonce: number, to: Hex) => transactionOf(2, nonce, { to, value: 1n });
    await sealAll(engine, [payment(BLOCKS, first), payment(BLOCKS + 1, second)]);
    await engine.adoption.name(NAMES);
    for (let nonce = 0; nonce < 3; nonce++) await sealAll(other, [transactionOf(3, nonce)]);
    const { invalid } = await engine.import(chainOf(other).slice(-3));
    assert.deepEqual(invalid, []);
    assert.equal(engine.head().hash, other.head().hash);
    assert.deepEqual(identities(engine), identities(honest));
    assertWhole(store);
  });

  test("are known to a replica that was told to hold them, and it learns of their creators later", async () => {
    const honest = await history();
    const store = createMemoryStore();
    const [first, second] = [contractAt(0), contractAt(1)];
    const engine = openTestEngine({ store, replica: [first, second] });
    await takeOver(engine, honest);
    assert.deepEqual([engine.adoption.unnamed, engine.contractCount()], [2, 2]);
    await engine.adoption.drop(second);
    assert.equal(engine.adoption.unnamed, 1);
    await engine.adoption.name(NAMES);
    assert.deepEqual([engine.adoption.unnamed, engine.contractCount()], [0, 1]);
    assert.equal(engine.snapshot().contract(first)?.owner, accountOf(1));
    assertWhole(store);
  });

  test("are forgotten with the state when another one is begun", async () => {
    const honest = await history();
    const engine = openTestEngine({ replica: "all" });
    await takeOver(engine, honest);
    assert.equal(engine.adoption.unnamed, CONTRACTS);
    await engine.adoption.begin(true, new Uint8Array(0));
    assert.equal(engine.adoption.unnamed, 0);
    assert.deepEqual(engine.adoption.unnamedAfter(undefined, 10), []);
  });
});

test("the database is not whole when what is to be named was forgotten, or is no contract", async () => {
  const honest = await history();
  const store = createMemoryStore();
  await takeOver(openTestEngine({ store }), honest);
  const [row] = store.range("unnamed", { limit: 1 });
  assert.ok(row !== undefined);
  store.write([{ table: "unnamed", key: row.key, value: null }]);
  assert.throws(() => assertWhole(store), /3 to be named, for 8 accounts with contract code/);
  const stranger = keccak256(hexToBytes(accountOf(1)));
  store.write([{ ...row, table: "unnamed" }]);
  store.write([{ table: "unnamed", key: stranger, value: row.value }]);
  assert.throws(() => assertWhole(store), /there is no contract that is to be named/);
});

/** A node with contracts to be named, and peers of which each answers in its own way when it is asked. */
class Asking {
  readonly clock = createVirtualClock(START_MS);
  readonly asked: string[] = [];
  readonly left = new Map<string, Hex>([...NAMES.keys()].map((hash) => [hash, hash as Hex]));
  readonly sessions: Session[] = [];
  readonly #answers = new Map<Session, () => ReadonlyMap<Hex, ContractOrigin>>();
  readonly naming;

  constructor() {
    const left = this.left;
    this.naming = createContractNaming({
      clock: this.clock,
      logger: silentLogger,
      peers: { executing: () => this.#executing() },
      source: { origins: async (_, passed = new Set()) => this.#origins(passed) },
      engine: {
        adoption: {
          isUnderway: false,
          get unnamed() {
            return left.size;
          },
          unnamedAfter: (after, limit) =>
            [...left.values()]
              .filter((hash) => after === undefined || hash > bytesToHex(after))
              .sort()
              .slice(0, limit)
              .map(hexToBytes),
          async name(origins) {
            for (const hash of origins.keys()) left.delete(hash);
          },
        },
      },
    });
  }

  #executing(): readonly Session[] {
    return this.sessions.filter(({ version }) => version?.role === "full");
  }

  #origins(passed: Set<Session>): ReadonlyMap<Hex, ContractOrigin> {
    const found = new Map<Hex, ContractOrigin>();
    for (const session of this.#executing()) {
      if (passed.has(session)) continue;
      this.asked.push(session.peerId);
      try {
        for (const [hash, origin] of this.#answers.get(session)?.() ?? []) found.set(hash, origin);
        passed.add(session);
      } catch {
        // It has not had its say.
      }
    }
    return found;
  }

  async meet(peerId: string, answer: () => ReadonlyMap<Hex, ContractOrigin>, role = "full"): Promise<void> {
    const session = { peerId, version: { role } } as unknown as Session;
    this.sessions.push(session);
    this.#answers.set(session, answer);
    this.naming.kick();
    await this.naming.settled();
  }
}

const nothing = () => new Map<Hex, ContractOrigin>();
const failing = (): never => {
  throw new CodedError("REQUEST_TIMEOUT", "no answer");
};

describe("peers are asked where contracts come from", () => {
  test("each once, until all are named, and then nobody", async () => {
    const asking = new Asking();
    await asking.meet("knows nothing", nothing);
    await asking.meet("knows nothing either", nothing);
    await asking.meet("a replica", () => NAMES, "all");
    assert.deepEqual(asking.asked, ["knows nothing", "knows nothing either"]);
    await asking.meet("knows", () => NAMES);
    assert.equal(asking.left.size, 0);
    await asking.meet("too late", () => NAMES);
    await asking.clock.pass(2 * NAMES_AGAIN_MS);
    assert.deepEqual(asking.asked, ["knows nothing", "knows nothing either", "knows"]);
    await asking.naming.stop();
  });

  test("again after a while where they failed, and after a long while where they did not know", async () => {
    const asking = new Asking();
    let answer: () => ReadonlyMap<Hex, ContractOrigin> = failing;
    await asking.meet("peer", () => answer());
    await asking.clock.pass(NAMES_RETRY_MS - 1);
    assert.equal(asking.asked.length, 1);
    answer = nothing;
    await asking.clock.pass(1);
    assert.equal(asking.asked.length, 2);
    await asking.clock.pass(NAMES_AGAIN_MS - 1);
    assert.equal(asking.asked.length, 2);
    answer = () => NAMES;
    await asking.clock.pass(1);
    assert.deepEqual([asking.asked.length, asking.left.size], [3, 0]);
    await asking.naming.stop();
  });

  test("not any more when the node stops", async () => {
    const asking = new Asking();
    await asking.meet("peer", failing);
    await asking.naming.stop();
    await asking.clock.pass(2 * NAMES_RETRY_MS);
    assert.equal(asking.asked.length, 1);
  });
});

test("blocks that were taken over unnamed are executed onward", async () => {
  const honest = openTestEngine();
  await honest.import(chainOf(await history()));
  const engine = openTestEngine();
  await takeOver(engine, honest);
  await sealAll(honest, [creationOf(1, CONTRACTS, writerCode(9)), transactionOf(2, BLOCKS, { to: contractAt(0) })]);
  const { invalid } = await engine.import([honest.block(honest.head().number) as Block]);
  assert.deepEqual(invalid, []);
  assert.deepEqual([engine.adoption.unnamed, engine.contractCount()], [CONTRACTS, 1]);
  assert.equal(engine.snapshot().contract(contractAt(CONTRACTS))?.owner, accountOf(1));
});
