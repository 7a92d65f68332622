/** Encodings of the messages that carry state with its proof. */

import { EMPTY_BYTES, hexToBytes } from "../base/bytes.ts";
import type { Account } from "../chain/types.ts";
import {
  asBigInt,
  asBytes,
  asList,
  asListMax,
  asNumber,
  type RlpInput,
  type RlpItem,
  rlpBigInt,
  rlpNumber,
} from "../codec/rlp.ts";
import { decodeCompact, encodeCompact } from "../trie/nibbles.ts";
import { address, blockRef, type Codec, hash, invalidField, optional, rlpBlockRef, rlpOptional } from "./fields.ts";
import {
  CONTRACTS_MAX,
  NODE_BYTES_MAX,
  NODES_MAX,
  PROOF_NODES_MAX,
  RANGE_ACCOUNTS_MAX,
  RANGE_SLOTS_MAX,
  SLOTS_MAX,
  STORAGES_MAX,
} from "./limits.ts";
import type {
  AccountRangeMessage,
  AnsweredState,
  ContractIndexMessage,
  ContractOrigin,
  GetAccountRangeMessage,
  GetContractIndexMessage,
  GetNodesMessage,
  GetStateMessage,
  GetStorageMessage,
  KeyedRow,
  NodesMessage,
  StateMessage,
  StorageMessage,
  StoragePage,
  WantedState,
} from "./message-types-state.ts";

const KEY_BYTES = 32;
/** An account as the trie holds it is shorter than this. */
const ACCOUNT_BYTES_MAX = 128;
const WORD_BYTES = 32;
const PATH_NIBBLES_MAX = 64;

/** Items of the messages about state, lists among them. */
export const GET_STATE_ITEMS_MAX = 3 * CONTRACTS_MAX + SLOTS_MAX;
export const STATE_ITEMS_MAX = Math.max(8 * CONTRACTS_MAX + SLOTS_MAX, 3 * RANGE_ACCOUNTS_MAX) + PROOF_NODES_MAX;

function key(item: RlpItem | undefined, field: string): Uint8Array {
  const bytes = asBytes(item, field, KEY_BYTES);
  if (bytes.length !== KEY_BYTES) throw invalidField(`${field} is not ${KEY_BYTES} bytes`);
  return bytes;
}

const node = (item: RlpItem): Uint8Array => asBytes(item, "node", NODE_BYTES_MAX);
const proofNodes = (item: RlpItem | undefined): Uint8Array[] => asListMax(item, "proof", PROOF_NODES_MAX).map(node);

const rlpRow = (row: KeyedRow): RlpInput => [row.key, row.value];

function rowOf(item: RlpItem, valueBytesMax: number): KeyedRow {
  const [name, value] = asList(item, "row", 2);
  return { key: key(name, "key"), value: asBytes(value, "value", valueBytesMax) };
}

function checkTotal(count: number, max: number, what: string): void {
  if (count > max) throw invalidField(`${count} ${what}, of at most ${max}`);
}

export const rlpGetState = ({ blockHash, wanted }: GetStateMessage): RlpInput => [
  hexToBytes(blockHash),
  wanted.map(({ address: at, slots }) => [hexToBytes(at), slots.map(hexToBytes)]),
];

export function readGetState(query: RlpItem | undefined): GetStateMessage {
  const [block, accounts] = asList(query, "state", 2);
  const wanted = asListMax(accounts, "wanted", CONTRACTS_MAX).map((item): WantedState => {
    const [at, slots] = asList(item, "account", 2);
    const names = asListMax(slots, "slots", SLOTS_MAX).map((slot) => hash(slot, "slot"));
    return { address: address(at, "address"), slots: names };
  });
  checkTotal(
    wanted.reduce((sum, { slots }) => sum + slots.length, 0),
    SLOTS_MAX,
    "slots",
  );
  return { type: "GetContracts", kind: "state", blockHash: hash(block, "block hash"), wanted };
}

/** 0: nothing is said of it. */
function bytesLimit(item: RlpItem | undefined): { readonly bytesMax?: number } {
  const bytesMax = asNumber(item, "bytes at most");
  return bytesMax === 0 ? {} : { bytesMax };
}

export const rlpGetRange = ({ blockHash, start, bytesMax = 0 }: GetAccountRangeMessage): RlpInput => [
  hexToBytes(blockHash),
  start,
  rlpNumber(bytesMax),
];

export function readGetRange(query: RlpItem | undefined): GetAccountRangeMessage {
  const [block, start, bytesMax] = asList(query, "range", 3);
  const [blockHash, from] = [hash(block, "block hash"), key(start, "start")];
  return { type: "GetContracts", kind: "range", blockHash, start: from, ...bytesLimit(bytesMax) };
}

export function rlpAccount(account: Account | undefined): RlpInput {
  if (account === undefined) return [];
  const { nonce, balance, storageRoot, codeHash } = account;
  return [rlpBigInt(nonce), rlpBigInt(balance), hexToBytes(storageRoot), hexToBytes(codeHash)];
}

export function accountOf(item: RlpItem | undefined): Account | undefined {
  if (asList(item, "account").length === 0) return undefined;
  const [nonce, balance, storageRoot, codeHash] = asList(item, "account", 4);
  return {
    nonce: asBigInt(nonce, "nonce", 64),
    balance: asBigInt(balance, "balance"),
    storageRoot: hash(storageRoot, "storage root"),
    codeHash: hash(codeHash, "code hash"),
  };
}

function answeredState(item: RlpItem): AnsweredState {
  const [at, fields, slots] = asList(item, "account", 3);
  const account = accountOf(fields);
  return {
    address: address(at, "address"),
    ...(account === undefined ? {} : { account }),
    slots: asListMax(slots, "slots", SLOTS_MAX).map((value) => asBigInt(value, "slot")),
  };
}

/** `[about, items]` of an answer with state. */
export const rlpState = ({ block, accounts, proof }: StateMessage): readonly RlpInput[] => [
  [rlpBlockRef(block), proof],
  accounts.map(({ address: at, account, slots }) => [hexToBytes(at), rlpAccount(account), slots.map(rlpBigInt)]),
];

export function readState(about: RlpItem | undefined, items: RlpItem | undefined): StateMessage {
  const [block, proof] = asList(about, "about", 2);
  const accounts = asListMax(items, "accounts", CONTRACTS_MAX).map(answeredState);
  return { type: "Contracts", kind: "state", block: blockRef(block, "block"), accounts, proof: proofNodes(proof) };
}

/** `[about, items]` of an answer with a range of accounts. */
export const rlpRange = ({ block, accounts, proof }: AccountRangeMessage): readonly RlpInput[] => [
  [rlpBlockRef(block), proof],
  accounts.map(rlpRow),
];

export function readRange(about: RlpItem | undefined, items: RlpItem | undefined): AccountRangeMessage {
  const [block, proof] = asList(about, "about", 2);
  const accounts = asListMax(items, "accounts", RANGE_ACCOUNTS_MAX).map((item) => rowOf(item, ACCOUNT_BYTES_MAX));
  return { type: "Contracts", kind: "range", block: blockRef(block, "block"), accounts, proof: proofNodes(proof) };
}

export const rlpGetIndex = ({ accounts }: GetContractIndexMessage): RlpInput => accounts.map(hexToBytes);

export function readGetIndex(query: RlpItem | undefined): GetContractIndexMessage {
  const accounts = asListMax(query, "accounts", CONTRACTS_MAX).map((item) => hash(item, "account"));
  return { type: "GetContracts", kind: "index", accounts };
}

const rlpOrigin = ({ address: at, owner, creationNonce }: ContractOrigin): RlpInput => [
  hexToBytes(at),
  rlpOptional(owner === undefined ? undefined : hexToBytes(owner)),
  rlpOptional(creationNonce === undefined ? undefined : rlpBigInt(creationNonce)),
];

function originOf(item: RlpItem): ContractOrigin {
  const [at, creator, nonce] = asList(item, "contract", 3);
  const owner = optional(creator, "owner", address);
  const creationNonce = optional(nonce, "creation nonce", (value, name) => asBigInt(value, name, 64));
  if (owner === undefined && creationNonce !== undefined) throw invalidField("a creation nonce of nobody");
  return {
    address: address(at, "address"),
    ...(owner === undefined ? {} : { owner }),
    ...(creationNonce === undefined ? {} : { creationNonce }),
  };
}

/** `[about, items]` of an answer that names contracts. There is nothing to say about all of them. */
export const rlpIndex = ({ entries }: ContractIndexMessage): readonly RlpInput[] => [
  [],
  entries.map((entry) => rlpOptional(entry === undefined ? undefined : rlpOrigin(entry))),
];

export function readIndex(about: RlpItem | undefined, items: RlpItem | undefined): ContractIndexMessage {
  asList(about, "about", 0);
  const entries = asListMax(items, "entries", CONTRACTS_MAX).map((item) => optional(item, "entry", originOf));
  return { type: "Contracts", kind: "index", entries };
}

export const getStorageCodec: Codec<GetStorageMessage> = {
  fields: 4,
  itemsMax: 3 * STORAGES_MAX + 8,
  encode: (m) => [
    hexToBytes(m.blockHash),
    m.wanted.map(({ account, root }) => [hexToBytes(account), hexToBytes(root)]),
    m.start,
    rlpNumber(m.bytesMax ?? 0),
  ],
  decode: ([block, wanted, start, bytesMax]) => ({
    type: "GetStorage",
    blockHash: hash(block, "block hash"),
    wanted: asListMax(wanted, "wanted", STORAGES_MAX).map((item) => {
      const [account, root] = asList(item, "storage", 2);
      return { account: hash(account, "account"), root: hash(root, "root") };
    }),
    start: key(start, "start"),
    ...bytesLimit(bytesMax),
  }),
};

function storagePage(item: RlpItem): StoragePage {
  const [slots, proof] = asList(item, "page", 2);
  const rows = asListMax(slots, "slots", RANGE_SLOTS_MAX).map((row) => rowOf(row, WORD_BYTES));
  return { slots: rows, proof: proofNodes(proof) };
}

export const storageCodec: Codec<StorageMessage> = {
  fields: 1,
  itemsMax: 3 * RANGE_SLOTS_MAX + PROOF_NODES_MAX + 3 * STORAGES_MAX + 8,
  encode: (m) => [m.pages.map(({ slots, proof }) => [slots.map(rlpRow), proof])],
  decode: ([items]) => {
    const pages = asListMax(items, "pages", STORAGES_MAX).map(storagePage);
    checkTotal(
      pages.reduce((sum, { slots }) => sum + slots.length, 0),
      RANGE_SLOTS_MAX,
      "slots",
    );
    return { type: "Storage", pages };
  },
};

/** Paths are packed as extensions pack theirs, so that each has one form, odd ones too. */
function nodePath(item: RlpItem): string {
  const packed = decodeCompact(asBytes(item, "path", PATH_NIBBLES_MAX / 2 + 1));
  if (packed === undefined || packed.isLeaf) throw invalidField("a path is not packed as paths are");
  return packed.path;
}

export const getNodesCodec: Codec<GetNodesMessage> = {
  fields: 3,
  itemsMax: NODES_MAX + 8,
  encode: (m) => [
    hexToBytes(m.blockHash),
    m.account === undefined ? EMPTY_BYTES : hexToBytes(m.account),
    m.paths.map((path) => encodeCompact(path, false)),
  ],
  decode: ([block, account, paths]) => ({
    type: "GetNodes",
    blockHash: hash(block, "block hash"),
    ...(asBytes(account, "account", KEY_BYTES).length === 0 ? {} : { account: hash(account, "account") }),
    paths: asListMax(paths, "paths", NODES_MAX).map(nodePath),
  }),
};

export const nodesCodec: Codec<NodesMessage> = {
  fields: 1,
  itemsMax: NODES_MAX + 8,
  encode: (m) => [[...m.nodes]],
  decode: ([nodes]) => ({ type: "Nodes", nodes: asListMax(nodes, "nodes", NODES_MAX).map(node) }),
};
