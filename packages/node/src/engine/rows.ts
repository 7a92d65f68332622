/** Keys and encodings of the engine's tables. */

import {
  bigIntToFixedBytes,
  bytesToHex,
  concatBytes,
  type Hex,
  hexToBytes,
  zeroBytes,
} from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import {
  asBigInt,
  asBoolean,
  asBytes,
  asFixedHex,
  asList,
  asNumber,
  decodeRlp,
  encodeRlp,
  type RlpInput,
  type RlpItem,
  rlpBigInt,
  rlpBoolean,
  rlpNumber,
} from "@counterpart/core/codec/rlp";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import { nibbleAt } from "@counterpart/core/trie/nibbles";
import type { NibblePath } from "@counterpart/core/trie/types";
import { type PreviousValue, RECORDED_TABLES } from "./overlay.ts";
import type { BlockMoment, ContractEntry } from "./types.ts";

const EMPTY = new Uint8Array(0);

export const numberKey = (number: number): Uint8Array => bigIntToFixedBytes(BigInt(number), 8);
export const metaKey = (name: string): Uint8Array => new TextEncoder().encode(name);

/** The hash of bytes given as text, remembered for the last ones: a block asks for each of its own a few times. */
function rememberedHash(max: number): (bytes: Hex) => Uint8Array {
  const known = new Map<Hex, Uint8Array>();
  return (bytes) => {
    let hash = known.get(bytes);
    if (hash !== undefined) return hash;
    hash = keccak256(hexToBytes(bytes));
    if (known.size >= max) known.clear();
    known.set(bytes, hash);
    return hash;
  };
}

/** Hash of an address; not to be changed. */
export const accountKey = rememberedHash(16_384);
/** Hash of a slot; not to be changed. */
export const slotKey = rememberedHash(16_384);
export const storageKey = (addressHash: Uint8Array, slot: Hex): Uint8Array => concatBytes(addressHash, slotKey(slot));

/** A prefix and one byte a nibble, so that a subtree is a range. */
function nodeKey(prefix: Uint8Array, path: NibblePath): Uint8Array {
  const key = zeroBytes(prefix.length + path.length);
  key.set(prefix);
  for (let i = 0; i < path.length; i++) key[prefix.length + i] = nibbleAt(path, i);
  return key;
}

/** Keeps the root's key from being empty. */
const ACCOUNTS = new Uint8Array(1);

export const accountNodeKey = (path: NibblePath): Uint8Array => nodeKey(ACCOUNTS, path);
export const storageNodeKey = nodeKey;

/** Block hash ‖ index of a transaction. */
export function encodeLocation(blockHash: Hex, index: number): Uint8Array {
  return concatBytes(hexToBytes(blockHash), bigIntToFixedBytes(BigInt(index), 4));
}

export function decodeLocation(row: Uint8Array): { readonly blockHash: Hex; readonly index: number } {
  if (row.length !== 36) throw new CodedError("STORE_CORRUPT", "a transaction's location is malformed");
  return { blockHash: bytesToHex(row.subarray(0, 32)), index: new DataView(row.buffer, row.byteOffset).getUint32(32) };
}

/** Previous values of one block, as the table `changes` holds them. */
export function encodePrevious(values: readonly PreviousValue[]): Uint8Array {
  return encodeRlp(
    values.map(({ table, key, value }) => [
      rlpNumber(RECORDED_TABLES.indexOf(table)),
      key,
      rlpBoolean(value !== null),
      value ?? EMPTY,
    ]),
  );
}

export function decodePrevious(row: Uint8Array): PreviousValue[] {
  const items = asList(decodeRlp(row, { depthMax: 2, itemsMax: 16_000_000 }), "changes");
  return items.map((item) => {
    const [table, key, present, value] = asList(item, "change", 4);
    const name = RECORDED_TABLES[asNumber(table, "table")];
    if (name === undefined) throw new CodedError("STORE_CORRUPT", "changes name an unknown table");
    const bytes = asBytes(value, "value");
    return { table: name, key: asBytes(key, "key"), value: asBoolean(present, "present") ? bytes : null };
  });
}

const optionalHex = (value: Hex | undefined): Uint8Array => (value === undefined ? EMPTY : hexToBytes(value));

const momentToRlp = (moment: BlockMoment | undefined): RlpInput =>
  moment === undefined ? [] : [rlpNumber(moment.number), hexToBytes(moment.hash), rlpNumber(moment.timestamp)];

function momentFromRlp(item: RlpItem | undefined, what: string): BlockMoment | undefined {
  const fields = asList(item, what);
  if (fields.length === 0) return undefined;
  const [number, hash, timestamp] = asList(item, what, 3);
  return {
    number: asNumber(number, `${what} block`),
    hash: asFixedHex(hash, `${what} block hash`, 32),
    timestamp: asNumber(timestamp, `${what} timestamp`),
  };
}

export function encodeContract(entry: ContractEntry): Uint8Array {
  return encodeRlp([
    hexToBytes(entry.address),
    optionalHex(entry.owner),
    entry.creationNonce === undefined ? [] : [rlpBigInt(entry.creationNonce)],
    hexToBytes(entry.codeHash),
    momentToRlp(entry.created),
    optionalHex(entry.creationTransaction),
    momentToRlp(entry.updated),
    entry.updateSequence === undefined ? [] : rlpNumber(entry.updateSequence),
    rlpBoolean(entry.genesis),
  ]);
}

export function decodeContract(row: Uint8Array): ContractEntry {
  const [address, owner, nonce, codeHash, created, creation, updated, sequence, genesis] = asList(
    decodeRlp(row),
    "contract",
    9,
  );
  const nonces = asList(nonce, "creation nonce");
  const [createdIn, updatedIn] = [momentFromRlp(created, "created"), momentFromRlp(updated, "updated")];
  return {
    address: asFixedHex(address, "address", 20),
    ...(asBytes(owner, "owner").length === 0 ? {} : { owner: asFixedHex(owner, "owner", 20) }),
    ...(nonces.length === 0 ? {} : { creationNonce: asBigInt(nonces[0], "creation nonce", 64) }),
    codeHash: asFixedHex(codeHash, "code hash", 32),
    ...(createdIn === undefined ? {} : { created: createdIn }),
    ...(asBytes(creation, "creation").length === 0
      ? {}
      : { creationTransaction: asFixedHex(creation, "creation transaction", 32) }),
    ...(updatedIn === undefined ? {} : { updated: updatedIn }),
    ...(Array.isArray(sequence) ? {} : { updateSequence: asNumber(sequence, "update sequence") }),
    genesis: asBoolean(genesis, "genesis"),
  };
}
