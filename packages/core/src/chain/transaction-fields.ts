/**
 * The fields of each transaction type in the order in which they are encoded, read and written in one place.
 * Sources: EIP-155, EIP-2930, EIP-1559, EIP-4844, EIP-7702, EIP-2718.
 */

import { EMPTY_BYTES, type Hex, hexToBytes } from "../base/bytes.ts";
import {
  asBigInt,
  asBytes,
  asFixedHex,
  asList,
  asNumber,
  type RlpInput,
  type RlpItem,
  rlpBigInt,
  rlpNumber,
} from "../codec/rlp.ts";
import type { AccessListEntry, AnyTransactionType, Authorization, TransactionType } from "./types.ts";

/** A transaction before it is signed. Absent lists are empty. */
export interface UnsignedTransaction {
  readonly type: TransactionType;
  /** Absent: a legacy transaction without replay protection. Every other one needs it. */
  readonly chainId?: bigint;
  readonly nonce: bigint;
  readonly gasLimit: bigint;
  /** Legacy and EIP-2930: the gas price. */
  readonly maxFeePerGas: bigint;
  /** Ignored in legacy and EIP-2930 transactions. */
  readonly maxPriorityFeePerGas: bigint;
  /** Absent: contract creation. */
  readonly to?: Hex;
  readonly value: bigint;
  readonly data: Uint8Array;
  readonly accessList?: readonly AccessListEntry[];
  readonly authorizationList?: readonly Authorization[];
}

/** Before it is signed, a transaction of any chain: besides the types of this one, blob transactions (EIP-4844). */
export interface AnyUnsignedTransaction extends Omit<UnsignedTransaction, "type"> {
  readonly type: AnyTransactionType;
  readonly maxFeePerBlobGas?: bigint;
  readonly blobVersionedHashes?: readonly Hex[];
}

type FieldName = keyof Omit<AnyUnsignedTransaction, "type">;

const LEGACY: readonly FieldName[] = ["nonce", "maxFeePerGas", "gasLimit", "to", "value", "data"];
const MARKET: readonly FieldName[] = [
  "chainId",
  "nonce",
  "maxPriorityFeePerGas",
  "maxFeePerGas",
  "gasLimit",
  "to",
  "value",
  "data",
  "accessList",
];

const LAYOUTS: Readonly<Record<AnyTransactionType, readonly FieldName[]>> = {
  0: LEGACY,
  1: ["chainId", ...LEGACY, "accessList"],
  2: MARKET,
  3: [...MARKET, "maxFeePerBlobGas", "blobVersionedHashes"],
  4: [...MARKET, "authorizationList"],
};

/** v or yParity, r, s. */
export const SIGNATURE_FIELDS = 3;

function encodeAccessList(list: readonly AccessListEntry[]): RlpInput {
  return list.map(({ address, storageKeys }) => [hexToBytes(address), storageKeys.map(hexToBytes)]);
}

function encodeAuthorizationList(list: readonly Authorization[]): RlpInput {
  return list.map(({ chainId, address, nonce, yParity, r, s }) => [
    rlpBigInt(chainId),
    hexToBytes(address),
    rlpBigInt(nonce),
    rlpNumber(yParity),
    rlpBigInt(r),
    rlpBigInt(s),
  ]);
}

function encodeField(transaction: AnyUnsignedTransaction, name: FieldName): RlpInput {
  switch (name) {
    case "to":
      return transaction.to === undefined ? EMPTY_BYTES : hexToBytes(transaction.to);
    case "data":
      return transaction.data;
    case "accessList":
      return encodeAccessList(transaction.accessList ?? []);
    case "authorizationList":
      return encodeAuthorizationList(transaction.authorizationList ?? []);
    case "blobVersionedHashes":
      return (transaction.blobVersionedHashes ?? []).map(hexToBytes);
    default:
      return rlpBigInt(transaction[name] ?? 0n);
  }
}

/** The fields of a transaction without its signature, in the order of its type. */
export function encodeFields(transaction: AnyUnsignedTransaction): RlpInput[] {
  return LAYOUTS[transaction.type].map((name) => encodeField(transaction, name));
}

function decodeAccessList(item: RlpItem | undefined): AccessListEntry[] {
  return asList(item, "access list").map((entry) => {
    const [address, keys] = asList(entry, "access list entry", 2);
    return {
      address: asFixedHex(address, "access list address", 20),
      storageKeys: asList(keys, "storage keys").map((key) => asFixedHex(key, "storage key", 32)),
    };
  });
}

/** Bounds are those of EIP-7702; whether an authorization takes effect is decided in execution. */
function decodeAuthorizationList(item: RlpItem | undefined): Authorization[] {
  return asList(item, "authorization list").map((entry) => {
    const [chainId, address, nonce, yParity, r, s] = asList(entry, "authorization", 6);
    return {
      chainId: asBigInt(chainId, "authorization chain id"),
      address: asFixedHex(address, "authorization address", 20),
      nonce: asBigInt(nonce, "authorization nonce", 64),
      yParity: Number(asBigInt(yParity, "authorization yParity", 8)),
      r: asBigInt(r, "authorization r"),
      s: asBigInt(s, "authorization s"),
    };
  });
}

function decodeBlobHashes(item: RlpItem | undefined): Hex[] {
  return asList(item, "blob versioned hashes").map((hash) => asFixedHex(hash, "blob versioned hash", 32));
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A decoded transaction's own fields and the three of its signature. */
export interface DecodedFields<T extends AnyTransactionType> {
  readonly fields: AnyUnsignedTransaction & {
    readonly type: T;
    readonly accessList: readonly AccessListEntry[];
    readonly authorizationList: readonly Authorization[];
  };
  /** Legacy: 27, 28 or 35 + 2·chainId + parity; typed: the parity. */
  readonly v: bigint;
  readonly r: bigint;
  readonly s: bigint;
}

/**
 * Reads the list of a transaction's fields and signature.
 * @throws CodedError `INVALID_RLP` that names the field
 */
export function decodeFields<T extends AnyTransactionType>(type: T, payload: RlpItem): DecodedFields<T> {
  const layout = LAYOUTS[type];
  const items = asList(payload, "transaction", layout.length + SIGNATURE_FIELDS);
  const item = (name: FieldName): RlpItem | undefined => items[layout.indexOf(name)];
  const maxFeePerGas = asBigInt(item("maxFeePerGas"), layout === LEGACY || type === 1 ? "gas price" : "maxFeePerGas");
  const tip = item("maxPriorityFeePerGas");
  const fields: DecodedFields<T>["fields"] = {
    type,
    nonce: asBigInt(item("nonce"), "nonce", 64),
    gasLimit: asBigInt(item("gasLimit"), "gas limit", 64),
    maxFeePerGas,
    maxPriorityFeePerGas: tip === undefined ? maxFeePerGas : asBigInt(tip, "maxPriorityFeePerGas"),
    value: asBigInt(item("value"), "value"),
    data: asBytes(item("data"), "data"),
    accessList: type === 0 ? [] : decodeAccessList(item("accessList")),
    authorizationList: type === 4 ? decodeAuthorizationList(item("authorizationList")) : [],
  };
  const optional: Mutable<AnyUnsignedTransaction> = fields;
  if (type !== 0) optional.chainId = asBigInt(item("chainId"), "chain id");
  if (asBytes(item("to"), "to").length > 0) optional.to = asFixedHex(item("to"), "to", 20);
  if (type === 3) {
    optional.maxFeePerBlobGas = asBigInt(item("maxFeePerBlobGas"), "maxFeePerBlobGas");
    optional.blobVersionedHashes = decodeBlobHashes(item("blobVersionedHashes"));
  }
  return {
    fields,
    v: type === 0 ? BigInt(asNumber(items[layout.length], "v")) : asBigInt(items[layout.length], "yParity"),
    r: asBigInt(items[layout.length + 1], "r"),
    s: asBigInt(items[layout.length + 2], "s"),
  };
}
