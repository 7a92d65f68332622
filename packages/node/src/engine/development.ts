/**
 * Changes of a development node's chain that no rule of the chain allows: state set by hand, times of one's choice, and
 * heads that are taken back. Whoever calls these has marked the chain as detached first, where other nodes could not
 * follow.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Genesis } from "@counterpart/core/chain/genesis";
import type { Transaction } from "@counterpart/core/chain/types";
import { FUTURE_LIMIT_S } from "@counterpart/core/consensus/poa";
import {
  type AccountEdit,
  type IrregularState,
  NOTHING_SET,
  setAccounts,
} from "@counterpart/core/execution/irregular-state";
import type { StoreWrite } from "@counterpart/core/ports/store";
import type { EngineCore } from "./core.ts";
import { EXTENSION_BLOCKS_PER_WRITE, type SealPlan, sealBlocks } from "./head-mover.ts";
import {
  detachedRow,
  type Edited,
  editRows,
  type IrregularChain,
  type NextBlock,
  readDetached,
  requireRoom,
  type SetOn,
  setRows,
} from "./irregular.ts";
import type { Pause } from "./pacer.ts";
import type { Pending } from "./pool.ts";
import { removedRow } from "./pool-rows.ts";
import { rewind } from "./rewind.ts";
import { readWholeState } from "./whole-state.ts";
import type { WriterQueue } from "./writer-queue.ts";

/** Snapshots are in memory, each with what was pending. */
const SNAPSHOTS_MAX = 1_024;

interface Snapshot {
  readonly id: number;
  readonly number: number;
  readonly hash: Hex;
  readonly set: IrregularState;
  readonly pending: readonly Pending[];
  readonly next: NextBlock;
  readonly coinbase: Hex | undefined;
  readonly blockIntervalS: number | undefined;
  readonly offsetS: number;
  readonly takenAtMs: number;
}

/** See the methods of `--dev` in docs/API.md. */
export interface EngineDevelopment {
  /** The method that first did what other nodes cannot follow; undefined while none has. */
  readonly detachedBy: string | undefined;
  /** Durable before it returns. @throws CodedError `STORE_WRITE_FAILED` */
  detach(by: string): void;
  /** With a nonce, what the account has pending below it leaves the pool. */
  setAccount(address: Hex, edit: AccountEdit): Promise<void>;
  setSlot(address: Hex, slot: Hex, value: bigint): Promise<void>;
  /** Sets them all or none. Nonces are not lowered: what was sent with the higher ones is on the chain. */
  load(accounts: ReadonlyMap<Hex, AccountEdit>): Promise<void>;
  /**
   * The state of the head, with what was set on it.
   * @throws CodedError `PRUNED` where it was taken over
   */
  wholeState(pause: Pause): Promise<IrregularState>;
  /**
   * Seals blocks on the head, of what is pending, empty where nothing is: many with one write, and other writers have
   * their turns between.
   * @param intervalS seconds from one block to the next; 0: each as the clock says
   */
  mine(blocks?: number, intervalS?: number): Promise<void>;
  /** Seconds by which blocks are dated ahead of this node's clock. */
  readonly offsetS: number;
  setOffset(seconds: number): void;
  /** For the next block alone; what is not given stays as it is. */
  setNext(next: NextBlock): void;
  setCoinbase(address: Hex): void;
  readonly blockIntervalS: number | undefined;
  /** Undefined: blocks are dated by the clock again. Returns whether there was an interval. */
  setBlockIntervalS(seconds: number | undefined): boolean;
  /** Whether other nodes refuse a block of this time now. */
  isBeyondReach(timestamp: number): boolean;
  /** @returns its number; @throws CodedError `INVALID_REQUEST` when there are too many */
  snapshot(): Promise<number>;
  /** Goes back to a snapshot, and forgets it and those after it. False where there is none with this number. */
  revert(id: number): Promise<boolean>;
  hasSnapshot(id: number): boolean;
  /** Back to the genesis: nothing is pending, set or detached afterwards. */
  reset(): Promise<void>;
  /** Takes a transaction out of the pool; false when it is not there. */
  drop(hash: Hex): Promise<boolean>;
  dropAll(): Promise<void>;
}

/** An account with what is edited of it. */
type AccountEdited = readonly [Hex, AccountEdit];

function raised({ state }: EngineCore, [address, { nonce = 0n, ...rest }]: AccountEdited): AccountEdited {
  const before = state.account(address)?.nonce ?? 0n;
  return [address, { ...rest, nonce: nonce > before ? nonce : before }];
}

/** What is pending with nonces that count as used from now on: no block can hold it any more. */
const overtaken = ({ pool }: EngineCore, [address, { nonce = 0n }]: AccountEdited): readonly Transaction[] =>
  pool.of(address).flatMap(({ transaction }) => (transaction.nonce < nonce ? [transaction] : []));

export function createDevelopment(
  core: EngineCore,
  queue: WriterQueue,
  irregular: IrregularChain,
  genesis: Genesis,
): EngineDevelopment {
  const { store, pool, clock, emitter } = core;
  let detachedBy = readDetached(store);
  let snapshots: readonly Snapshot[] = [];
  let lastId = 0;

  /** Whoever seals looks again: what could not be paid may now be. */
  const changed = (): void => {
    core.accounts.clear();
    emitter.emit("pooled");
  };
  /** @param rowsOf rows of what is set now, given what was written before */
  const edit = (
    edits: () => Iterable<AccountEdited>,
    rowsOf: (before: SetOn | undefined, set: SetOn) => Iterable<StoreWrite>,
  ): Promise<void> =>
    queue.run(async () => {
      const on = core.head.hash;
      const edited = [...edits()];
      const set: SetOn = { on, state: setAccounts(irregular.setOn(on), core.state, edited) };
      requireRoom(set.state);
      store.write(rowsOf(irregular.written, set));
      irregular.noteSet(set);
      changed();
      const leaving = edited.flatMap((one) => overtaken(core, one));
      if (leaving.length > 0) remove(leaving);
    });
  const editOne = (edited: Edited, fields: AccountEdit): Promise<void> =>
    edit(
      () => [[edited.address, fields]],
      (before, set) => editRows(before, set, edited),
    );
  const remove = (leaving: readonly Transaction[]): void => {
    store.write(leaving.map(({ hash }) => removedRow(hash)));
    for (const { hash } of leaving) pool.remove(hash);
    emitter.emit("forgotten");
  };

  return {
    get detachedBy() {
      return detachedBy;
    },
    detach(by) {
      if (detachedBy !== undefined) return;
      store.write([detachedRow(by)]);
      detachedBy = by;
    },
    setAccount: (address, fields) => editOne({ address }, fields),
    setSlot: (address, slot, value) => editOne({ address, slot }, { slots: new Map([[slot, value]]) }),
    load: (accounts) => edit(() => [...accounts].map((one) => raised(core, one)), setRows),
    wholeState: (pause) => readWholeState(core, genesis, pause),
    async mine(blocks = 1, intervalS = 0) {
      for (let mined = 0; mined < blocks; ) {
        const plan: SealPlan = {
          blocksMax: Math.min(blocks - mined, EXTENSION_BLOCKS_PER_WRITE),
          mayBeEmpty: true,
          before({ timestamp }, index) {
            if (mined + index === 0 || intervalS === 0) return;
            irregular.next = { ...irregular.next, timestamp: timestamp + intervalS };
          },
        };
        const sealed = await queue.run(() => sealBlocks(core, plan));
        if (sealed.length === 0) throw new CodedError("READ_ONLY", "this node may not seal");
        mined += sealed.length;
      }
    },
    get offsetS() {
      return irregular.offsetS;
    },
    setOffset(seconds) {
      irregular.offsetS = seconds;
    },
    setNext(next) {
      irregular.next = { ...irregular.next, ...next };
    },
    setCoinbase(address) {
      irregular.coinbase = address;
    },
    get blockIntervalS() {
      return irregular.blockIntervalS;
    },
    setBlockIntervalS(seconds) {
      const had = irregular.blockIntervalS !== undefined;
      irregular.blockIntervalS = seconds;
      return had;
    },
    isBeyondReach: (timestamp) => timestamp > Math.floor(clock.now() / 1000) + FUTURE_LIMIT_S,
    snapshot: () =>
      queue.run(async () => {
        if (snapshots.length >= SNAPSHOTS_MAX) {
          throw new CodedError(
            "INVALID_REQUEST",
            `there are ${SNAPSHOTS_MAX} snapshots already: go back to one of them`,
          );
        }
        const { number, hash } = core.head;
        const { next, coinbase, blockIntervalS, offsetS } = irregular;
        const [set, pending, takenAtMs] = [irregular.setOn(hash), [...pool.all()], clock.now()];
        lastId++;
        const fields = { next, coinbase, blockIntervalS, offsetS };
        snapshots = [...snapshots, { id: lastId, number, hash, set, pending, takenAtMs, ...fields }];
        return lastId;
      }),
    hasSnapshot: (id) => snapshots.some((snapshot) => snapshot.id === id),
    revert: (id) =>
      queue.run(async () => {
        const snapshot = snapshots.find((one) => one.id === id);
        if (snapshot === undefined || core.chain.canonicalHash(snapshot.number) !== snapshot.hash) return false;
        const set: SetOn = { on: snapshot.hash, state: snapshot.set };
        const rows = [...setRows(irregular.written, set)];
        await rewind(core, snapshot.number, snapshot.pending, rows, () => irregular.noteSet(set));
        irregular.next = snapshot.next;
        irregular.coinbase = snapshot.coinbase;
        irregular.blockIntervalS = snapshot.blockIntervalS;
        // Time goes on from where it was when the snapshot was taken.
        irregular.offsetS = snapshot.offsetS - Math.floor((clock.now() - snapshot.takenAtMs) / 1000);
        snapshots = snapshots.filter((one) => one.id < id);
        changed();
        return true;
      }),
    reset: () =>
      queue.run(async () => {
        const genesis = core.chain.canonicalHash(0) as Hex;
        const set: SetOn = { on: genesis, state: NOTHING_SET };
        const rows = [...setRows(irregular.written, set), detachedRow(undefined)];
        await rewind(core, 0, [], rows, () => irregular.noteSet(set));
        irregular.next = {};
        irregular.coinbase = undefined;
        irregular.blockIntervalS = undefined;
        irregular.offsetS = 0;
        snapshots = [];
        detachedBy = undefined;
        changed();
      }),
    drop: (hash) =>
      queue.run(async () => {
        const pending = pool.get(hash);
        if (pending !== undefined) remove([pending.transaction]);
        return pending !== undefined;
      }),
    dropAll: () => queue.run(async () => remove([...pool.all()].map(({ transaction }) => transaction))),
  };
}
