/** A chain of contracts, and nodes that take its state over from a peer in the same process. */

import assert from "node:assert/strict";
import { bigIntToFixedBytes, bytesToHex, concatBytes, type Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { createAddress } from "@counterpart/core/chain/address";
import type { Transaction } from "@counterpart/core/chain/types";
import type { Store } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
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
import type { Engine } from "../engine/types.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createFakeContracts } from "./fake-contracts.test-support.ts";
import { createLocalSource, type LocalSource } from "./local-source.test-support.ts";
import type { Peers } from "./peers.ts";
import { createStateJoin } from "./state-join.ts";

export const clock = { now: () => 1_780_000_000_000, setTimer: () => () => {} };
export const random = { bytes: (size: number) => new Uint8Array(size), fraction: () => 0.5 };

export const word = (value: number): Uint8Array => bigIntToFixedBytes(BigInt(value), 32);

/** A chain of one account that creates contracts and writes into them. */
export class History {
  readonly engine: Engine;
  readonly store = createMemoryStore();
  readonly contracts: Hex[] = [];
  #nonce = 0;

  constructor() {
    this.engine = openTestEngine({ store: this.store });
  }
  create(tag: number): Transaction {
    this.contracts.push(createAddress(accountOf(1), BigInt(this.#nonce)));
    return creationOf(1, this.#nonce++, writerCode(tag));
  }
  set(contract: number, slot: number, value: number): Transaction {
    const to = this.contracts[contract % this.contracts.length] as Hex;
    return transactionOf(1, this.#nonce++, { to, value: 0n, data: concatBytes(word(slot), word(value)) });
  }
  pay(to: Hex): Transaction {
    return transactionOf(1, this.#nonce++, { to, value: 1n });
  }
  async seal(...transactions: readonly Transaction[]): Promise<void> {
    await sealAll(this.engine, transactions);
  }
}

/** Something that happens while a state is taken over. */
export async function happen(history: History, event: string, value: number): Promise<void> {
  if (event === "restart") throw new CodedError("NOT_READY", "the node is stopping");
  if (event === "prune") throw new CodedError("PRUNED", "too long ago");
  if (event === "grow") await history.seal(history.set(value, value, value * 3));
  if (event === "create") await history.seal(history.create(value), history.set(4, value, 1));
}

/** A replica takes over; so does a node that begins with the genesis, and executes from then on. */
export async function moveOn(engine: Engine, history: History, source: LocalSource): Promise<void> {
  if (engine.isReplica || engine.head().number === 0) await follow(engine, source);
  else await engine.import(chainOf(history.engine).slice(engine.head().number));
}

export const STATE: readonly TableName[] = ["accounts", "storage", "accountNodes", "storageNodes"];

export function rowsOf(store: Store, table: TableName): string[] {
  return store.range(table, { limit: 1_000_000 }).map(({ key, value }) => `${bytesToHex(key)} ${bytesToHex(value)}`);
}

/** Whether everything that is stored holds together, as `counterpart db verify` looks at it. */
export function assertWhole(store: Store): void {
  const { chainId, genesisHash, rules } = openTestEngine();
  const results = verifyStore(store, { chainId, genesisHash, signers: rules.signers });
  const found = results.flatMap(({ name, faults }) => faults.map((fault) => ({ name, ...fault })));
  assert.deepEqual(found, []);
}

/** Everything that two nodes at the same head have to have alike, byte by byte. */
export function assertSameState(
  joined: { engine: Engine; store: Store },
  executed: { engine: Engine; store: Store },
): void {
  assertWhole(joined.store);
  assert.equal(joined.engine.head().hash, executed.engine.head().hash);
  for (const table of STATE) assert.deepEqual(rowsOf(joined.store, table), rowsOf(executed.store, table), table);
  const identities = ({ engine }: { engine: Engine }) =>
    engine.contracts(undefined, 100_000).map(({ address, owner, creationNonce, codeHash, genesis }) => {
      return { address, owner, creationNonce, codeHash, genesis };
    });
  assert.deepEqual(identities(joined), identities(executed));
  assert.equal(joined.engine.contractCount(), executed.engine.contractCount());
}

/** What takes over for `engine` what `source` has, as long as the node runs; `faults` are those that it found in peers. */
export function followerOf(
  engine: Engine,
  source: LocalSource,
  joins = true,
  others: readonly LocalSource[] = [],
): { readonly faults: readonly string[]; look(): Promise<void>; stop(): Promise<void> } {
  const sessions = [source, ...others].map(({ session }) => session);
  const faults: string[] = [];
  const penalise: Peers["penalise"] = (_, fault) => void faults.push(fault);
  const peers = { ready: () => sessions, penalise } as unknown as Peers;
  const join = createStateJoin({
    engine,
    source,
    peers,
    clock,
    random,
    joins,
    logger: silentLogger,
    onDone: () => {},
  });
  return {
    faults,
    look() {
      join.kick();
      return join.settled();
    },
    stop: join.stop,
  };
}

/** Lets `engine` take over what `source` has until nothing is left to do, and stops; returns the faults. */
export async function follow(...what: Parameters<typeof followerOf>): Promise<readonly string[]> {
  const follower = followerOf(...what);
  await follower.look();
  await follower.stop();
  return follower.faults;
}

export const sourceOf = ({ engine }: History, before?: () => Promise<void>): LocalSource =>
  createLocalSource(
    { engine, contracts: createFakeContracts(engine), clock, instanceId: "there", isDiverged: () => false },
    before,
  );

export async function longHistory(blocks: number): Promise<History> {
  const history = new History();
  await history.seal(...[1, 2, 3, 1].map((tag) => history.create(tag)));
  for (let at = 0; at < blocks; at++) await history.seal(history.set(at, at % 7, at % 3 === 0 ? 0 : at + 1));
  return history;
}

/** Two nodes with the same blocks, and then others: the second has more of them. */
export async function branches(): Promise<{ readonly history: History; readonly other: History }> {
  const history = await longHistory(6);
  const other = new History();
  await other.engine.import(chainOf(history.engine));
  await history.seal(history.create(7));
  await history.seal(history.set(4, 1, 5));
  for (let nonce = 0; nonce < 4; nonce++) await sealAll(other.engine, [transactionOf(2, nonce)]);
  return { history, other };
}
