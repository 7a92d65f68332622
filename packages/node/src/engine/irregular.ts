/**
 * What a development node does to its chain that other nodes would not do: state that was set by hand, times and header
 * fields of its own choice. Every other node has `REGULAR`, which changes nothing.
 *
 *     meta   detached    → name of the method that did the first such thing
 *            irregular   → hash of the head whose state was set; of another head it means nothing
 *            set:…       → what was set there of one account, or of one slot
 *            irregular:… → of the block with this hash: its parent's hash, and what was set there when it was sealed
 */

import { bytesToUtf8, type Hex, hexToBytes, utf8ToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { isDelegation } from "@counterpart/core/chain/account";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import type { Header, SealedHeader } from "@counterpart/core/chain/types";
import {
  asBigInt,
  asBytes,
  asFixedHex,
  asList,
  decodeRlp,
  encodeRlp,
  type RlpItem,
  rlpBigInt,
} from "@counterpart/core/codec/rlp";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { type IrregularState, joinChanges, NOTHING_SET, overState } from "@counterpart/core/execution/irregular-state";
import type { AccountChange, StateChanges, StateReader } from "@counterpart/core/execution/types";
import type { StoreReader, StoreWrite } from "@counterpart/core/ports/store";
import { momentOf, readContract } from "./contract-index.ts";
import type { Overlay } from "./overlay.ts";
import { rowsOf } from "./paging.ts";
import { accountKey, encodeContract, metaKey } from "./rows.ts";
import type { BlockMoment } from "./types.ts";

/** How what a node reads of its head and seals on it may differ from what the chain gives. */
export interface Irregularities {
  /** What was set on the state of this head. */
  setOn(head: Hex): IrregularState;
  /** The state of the head, whichever that is when it is read. */
  live(state: StateReader, head: () => Hex): StateReader;
  /** The state of this head. */
  over(state: StateReader, head: Hex): StateReader;
  /** What a block on this parent changes, of which the transactions changed `changes`. */
  join(changes: StateChanges, parent: Hex): StateChanges;
  /** Fields of the next block that are not what parent, sealer and clock give. */
  header(parent: SealedHeader, nowMs: number): Partial<Header>;
  /** Lists contracts whose code was set in the block that is being recorded; returns those that are none any more. */
  index(overlay: Overlay, parent: Hex, block: BlockMoment): readonly Hex[];
  /** What is to be written with a block besides. */
  rows(parent: Hex, block: Hex): readonly StoreWrite[];
  /** The block was built: what was set for it alone is not for the next one. */
  sealed(header: SealedHeader, nowMs: number): void;
  /** @returns what puts back how it is now, for blocks that were built and could not be written */
  remember(): () => void;
}

export const REGULAR: Irregularities = {
  setOn: () => NOTHING_SET,
  live: (state) => state,
  over: (state) => state,
  join: (changes) => changes,
  header: () => ({}),
  index: () => [],
  rows: () => [],
  sealed() {},
  remember: () => () => {},
};

/** Accounts and slots that may be set between two blocks, and bytes of code: with the block they become one row. */
export const SET_ITEMS_MAX = 16_384;
export const SET_CODE_BYTES_MAX = 4 * 1024 * 1024;

const DETACHED_KEY = metaKey("detached");
const SET_KEY = metaKey("irregular");
const ITEMS = "set:";

/** What detached the chain in this store from those of other nodes; undefined while it is not. */
export function readDetached(rows: Pick<StoreReader, "get">): string | undefined {
  const row = rows.get("meta", DETACHED_KEY);
  return row === undefined ? undefined : bytesToUtf8(row);
}

/** Undefined: the chain is as other nodes have it. */
export const detachedRow = (by: string | undefined): StoreWrite => ({
  table: "meta",
  key: DETACHED_KEY,
  value: by === undefined ? null : utf8ToBytes(by),
});

/** What was set on the state of the block `on`. */
export interface SetOn {
  readonly on: Hex;
  readonly state: IrregularState;
}

function encodeSet({ on, state }: SetOn): Uint8Array {
  const accounts = [...state.accounts].map(([address, change]) => {
    const fields =
      change === null ? [] : [rlpBigInt(change.nonce), rlpBigInt(change.balance), hexToBytes(change.codeHash)];
    return [hexToBytes(address), ...fields];
  });
  const storage = [...state.storage].map(([address, slots]) => [
    hexToBytes(address),
    [...slots].map(([slot, value]) => [hexToBytes(slot), rlpBigInt(value)]),
  ]);
  return encodeRlp([hexToBytes(on), accounts, storage, [...state.codes.values()]]);
}

/** What an edit changes: an account, and a slot of it. */
export interface Edited {
  readonly address: Hex;
  readonly slot?: Hex;
}

const itemKey = ({ address, slot }: Edited): Uint8Array => metaKey(`${ITEMS}${address}${slot ?? ""}`);

function accountRow({ on, state }: SetOn, address: Hex): StoreWrite {
  const change = state.accounts.get(address) ?? null;
  const code = change === null ? undefined : state.codes.get(change.codeHash);
  const codes = change === null || code === undefined ? NOTHING_SET.codes : new Map([[change.codeHash, code]]);
  const item = { ...NOTHING_SET, accounts: new Map([[address, change]]), codes };
  return { table: "meta", key: itemKey({ address }), value: encodeSet({ on, state: item }) };
}

function slotRow({ on, state }: SetOn, address: Hex, slot: Hex): StoreWrite {
  const slots = new Map([[slot, state.storage.get(address)?.get(slot) ?? 0n]]);
  const item = { ...NOTHING_SET, storage: new Map([[address, slots]]) };
  return { table: "meta", key: itemKey({ address, slot }), value: encodeSet({ on, state: item }) };
}

function* itemsOf({ accounts, storage }: IrregularState): Iterable<Edited> {
  for (const address of accounts.keys()) yield { address };
  for (const [address, slots] of storage) for (const slot of slots.keys()) yield { address, slot };
}

const itemRow = (set: SetOn, { address, slot }: Edited): StoreWrite =>
  slot === undefined ? accountRow(set, address) : slotRow(set, address, slot);

/** Rows of everything that is set, in the place of what was. */
export function* setRows(before: SetOn | undefined, set: SetOn): Iterable<StoreWrite> {
  for (const item of itemsOf(before?.state ?? NOTHING_SET)) yield { table: "meta", key: itemKey(item), value: null };
  yield { table: "meta", key: SET_KEY, value: encodeSet({ on: set.on, state: NOTHING_SET }) };
  for (const item of itemsOf(set.state)) yield itemRow(set, item);
}

/** Rows of one edit: no more than it changes, unless what was set before was set on another head. */
export function editRows(before: SetOn | undefined, set: SetOn, { address, slot }: Edited): Iterable<StoreWrite> {
  if (before?.on !== set.on) return setRows(before, set);
  return [accountRow(set, address), ...(slot === undefined ? [] : [slotRow(set, address, slot)])];
}

const sealedKey = (block: Hex): Uint8Array => metaKey(`irregular:${block}`);

/** For a block that is taken back: what was set under it is forgotten with it. */
export const forgetSetUnder = (block: Hex): StoreWrite => ({ table: "meta", key: sealedKey(block), value: null });

function readChange(fields: readonly RlpItem[]): AccountChange | null {
  if (fields.length === 1) return null;
  const [nonce, balance, codeHash] = [fields[1], fields[2], fields[3]];
  return {
    nonce: asBigInt(nonce, "nonce", 64),
    balance: asBigInt(balance, "balance"),
    codeHash: asFixedHex(codeHash, "code hash", 32),
  };
}

function decodeSet(row: Uint8Array): SetOn {
  const [on, accounts, storage, codes] = asList(decodeRlp(row, { depthMax: 5, itemsMax: 1_000_000 }), "set state", 4);
  return {
    on: asFixedHex(on, "block", 32),
    state: {
      accounts: new Map(
        asList(accounts, "accounts").map((item) => {
          const fields = asList(item, "account");
          return [asFixedHex(fields[0], "address", 20), readChange(fields)] as const;
        }),
      ),
      storage: new Map(
        asList(storage, "storage").map((item) => {
          const [address, slots] = asList(item, "slots of an account", 2);
          const values = asList(slots, "slots").map((slot) => {
            const [key, value] = asList(slot, "slot", 2);
            return [asFixedHex(key, "slot", 32), asBigInt(value, "value")] as const;
          });
          return [asFixedHex(address, "address", 20), new Map(values)] as const;
        }),
      ),
      codes: new Map(
        asList(codes, "codes").map((item) => {
          const code = asBytes(item, "code");
          return [keccak256Hex(code), code] as const;
        }),
      ),
    },
  };
}

/** What was set on the state of a head, as it is written. */
function readSet(rows: Pick<StoreReader, "get" | "range">): SetOn | undefined {
  const row = rows.get("meta", SET_KEY);
  if (row === undefined) return undefined;
  // Before there was a row for each item, all of it was in this one.
  const { on, state } = decodeSet(row);
  const [accounts, codes] = [new Map(state.accounts), new Map(state.codes)];
  const storage = new Map([...state.storage].map(([address, slots]) => [address, new Map(slots)]));
  for (const { value } of rowsOf(rows, "meta", metaKey(ITEMS), metaKey("set;"))) {
    const item = decodeSet(value).state;
    for (const [address, change] of item.accounts) accounts.set(address, change);
    for (const [codeHash, code] of item.codes) codes.set(codeHash, code);
    for (const [address, slots] of item.storage) {
      storage.set(address, new Map([...(storage.get(address) ?? []), ...slots]));
    }
  }
  return { on, state: { accounts, storage, codes } };
}

/** What was set on the state of its parent when a block was sealed. */
export function setUnder(rows: Pick<StoreReader, "get">, block: Hex): IrregularState {
  const row = rows.get("meta", sealedKey(block));
  return row === undefined ? NOTHING_SET : decodeSet(row).state;
}

/** What the next block is to have; each for one block. */
export interface NextBlock {
  /** Seconds since 1970. */
  readonly timestamp?: number;
  /** Wei for a unit of gas. */
  readonly baseFeePerGas?: bigint;
  readonly prevRandao?: Hex;
  /** Blocks after it have the same. */
  readonly gasLimit?: number;
}

/** The irregularities of a development node, as they are now. */
export interface IrregularChain extends Irregularities {
  /** What was written last, of whichever head. */
  readonly written: SetOn | undefined;
  /** To be called when it was written. */
  noteSet(set: SetOn): void;
  /** Seconds by which blocks are dated ahead of this node's clock. */
  offsetS: number;
  next: NextBlock;
  /** Seconds from each block to the next, whatever the clock says. */
  blockIntervalS: number | undefined;
  /** Whom blocks name as their sealer, instead of the one who signs them. */
  coinbase: Hex | undefined;
}

/** The time of the next block, in seconds since 1970: never before its parent, which may have come from a peer since. */
function timeAfter({ timestamp }: SealedHeader, nowMs: number, chain: IrregularChain): number {
  const { offsetS, next, blockIntervalS } = chain;
  const due = blockIntervalS === undefined ? Math.floor(nowMs / 1000) + offsetS : timestamp + blockIntervalS;
  return Math.max(next.timestamp ?? due, timestamp);
}

/** Contract code that was set is listed: whose it is, nobody knows, unless it was a contract before. */
function indexSet(overlay: Overlay, set: IrregularState, block: BlockMoment): readonly Hex[] {
  const gone: Hex[] = [];
  for (const [address, change] of set.accounts) {
    const codeHash = change?.codeHash ?? EMPTY_CODE_HASH;
    const code = set.codes.get(codeHash);
    if (codeHash === EMPTY_CODE_HASH || (code !== undefined && isDelegation(code))) {
      if (readContract(overlay, address) === undefined) continue;
      overlay.put("contracts", hexToBytes(address), null);
      gone.push(address);
    }
    if (code === undefined || isDelegation(code)) continue;
    const moment = momentOf(block);
    const entry = readContract(overlay, address) ?? { address, created: moment, updateSequence: 0, genesis: false };
    const row = encodeContract({ ...entry, codeHash, updated: moment });
    overlay.put("contracts", hexToBytes(address), row);
    overlay.put("preimages", accountKey(address), hexToBytes(address));
  }
  return gone;
}

export function openIrregularChain(rows: Pick<StoreReader, "get" | "range">): IrregularChain {
  let set = readSet(rows);
  const setOn = (head: Hex): IrregularState => (set?.on === head ? set.state : NOTHING_SET);
  const over = (state: StateReader, head: Hex): StateReader => {
    const here = setOn(head);
    return here === NOTHING_SET ? state : overState(state, here);
  };
  const chain: IrregularChain = {
    offsetS: 0,
    next: {},
    blockIntervalS: undefined,
    coinbase: undefined,
    setOn,
    get written() {
      return set;
    },
    noteSet(now) {
      set = now;
    },
    over,
    live: (state, head) => ({
      account: (address) => over(state, head()).account(address),
      storage: (address, slot) => over(state, head()).storage(address, slot),
      code: (codeHash) => over(state, head()).code(codeHash),
    }),
    join: (changes, parent) => joinChanges(setOn(parent), changes),
    header(parent, nowMs) {
      const { next, coinbase } = chain;
      return {
        timestamp: timeAfter(parent, nowMs, chain),
        ...(coinbase === undefined ? {} : { coinbase }),
        ...(next.baseFeePerGas === undefined ? {} : { baseFeePerGas: next.baseFeePerGas }),
        ...(next.prevRandao === undefined ? {} : { mixHash: next.prevRandao }),
        ...(next.gasLimit === undefined ? {} : { gasLimit: next.gasLimit }),
      };
    },
    index: (overlay, parent, block) => indexSet(overlay, setOn(parent), block),
    rows(parent, block) {
      const state = setOn(parent);
      if (state.accounts.size === 0 && state.storage.size === 0) return [];
      return [{ table: "meta", key: sealedKey(block), value: encodeSet({ on: parent, state }) }];
    },
    sealed({ timestamp }, nowMs) {
      if (chain.next.timestamp !== undefined) chain.offsetS = timestamp - Math.floor(nowMs / 1000);
      chain.next = {};
    },
    remember() {
      const { next, offsetS } = chain;
      return () => Object.assign(chain, { next, offsetS });
    },
  };
  return chain;
}

/** @throws CodedError `INVALID_REQUEST` when more was set than one block may take */
export function requireRoom({ accounts, storage, codes }: IrregularState): void {
  const items = [...storage.values()].reduce((sum, slots) => sum + slots.size, accounts.size);
  const bytes = [...codes.values()].reduce((sum, code) => sum + code.length, 0);
  if (items <= SET_ITEMS_MAX && bytes <= SET_CODE_BYTES_MAX) return;
  throw new CodedError(
    "INVALID_REQUEST",
    `between two blocks at most ${SET_ITEMS_MAX} accounts and slots and ${SET_CODE_BYTES_MAX} bytes of code are set`,
  );
}
