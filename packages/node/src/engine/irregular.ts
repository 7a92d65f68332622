/**
 * What a development node does to its chain that other nodes would not do: state that was set by hand, times and header
 * fields of its own choice. Every other node has `REGULAR`, which changes nothing.
 *
 *     meta   detached    → name of the method that did the first such thing
 *            irregular   → hash of the head, and what was set on its state; of another head it means nothing
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
import { readContract } from "./contract-index.ts";
import type { Overlay } from "./overlay.ts";
import { accountKey, encodeContract, metaKey } from "./rows.ts";
import type { BlockMoment } from "./types.ts";

/** How what a node reads of its head and seals on it may differ from what the chain gives. */
export interface Irregularities {
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
  /** The block was written. */
  sealed(header: SealedHeader, nowMs: number): void;
}

export const REGULAR: Irregularities = {
  live: (state) => state,
  over: (state) => state,
  join: (changes) => changes,
  header: () => ({}),
  index: () => [],
  rows: () => [],
  sealed() {},
};

/** Accounts and slots that may be set between two blocks, and bytes of code: they are one row. */
export const SET_ITEMS_MAX = 16_384;
export const SET_CODE_BYTES_MAX = 4 * 1024 * 1024;

const DETACHED_KEY = metaKey("detached");
const SET_KEY = metaKey("irregular");

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

export const setRow = (set: SetOn): StoreWrite => ({ table: "meta", key: SET_KEY, value: encodeSet(set) });

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

export function readSet(rows: Pick<StoreReader, "get">, key = SET_KEY): SetOn | undefined {
  const row = rows.get("meta", key);
  if (row === undefined) return undefined;
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

/** The state that a block was executed on: that of its parent, with what was set there by hand. */
export function stateUnder(rows: Pick<StoreReader, "get">, block: Hex, parent: StateReader): StateReader {
  const set = readSet(rows, sealedKey(block));
  return set === undefined ? parent : overState(parent, set.state);
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
  /** What was set on the state of the head. */
  setOn(head: Hex): IrregularState;
  /** To be called when it was written. */
  noteSet(set: SetOn | undefined): void;
  /** Seconds by which blocks are dated ahead of this node's clock. */
  offsetS: number;
  next: NextBlock;
  /** Whom blocks name as their sealer, instead of the one who signs them. */
  coinbase: Hex | undefined;
}

/** The time of the next block, in seconds since 1970: never before its parent, which may have come from a peer since. */
function timeAfter({ timestamp }: SealedHeader, nowMs: number, { offsetS, next }: IrregularChain): number {
  return Math.max(next.timestamp ?? Math.floor(nowMs / 1000) + offsetS, timestamp);
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
    const moment: BlockMoment = { number: block.number, hash: block.hash, timestamp: block.timestamp };
    const entry = readContract(overlay, address) ?? { address, created: moment, updateSequence: 0, genesis: false };
    const row = encodeContract({ ...entry, codeHash, updated: moment });
    overlay.put("contracts", hexToBytes(address), row);
    overlay.put("preimages", accountKey(address), hexToBytes(address));
  }
  return gone;
}

export function openIrregularChain(rows: Pick<StoreReader, "get">): IrregularChain {
  let set = readSet(rows);
  const setOn = (head: Hex): IrregularState => (set?.on === head ? set.state : NOTHING_SET);
  const over = (state: StateReader, head: Hex): StateReader => {
    const here = setOn(head);
    return here === NOTHING_SET ? state : overState(state, here);
  };
  const chain: IrregularChain = {
    offsetS: 0,
    next: {},
    coinbase: undefined,
    setOn,
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
