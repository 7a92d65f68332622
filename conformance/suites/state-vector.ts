/** What a vector of GeneralStateTests says: its block, its state before, its transactions, and what each leads to. */

import { bytesToHex, type Hex, utf8ToBytes } from "@counterpart/core/base/bytes";
import type { AccessListEntry, Authorization } from "@counterpart/core/chain/types";
import { keccak256, privateKeyToAddress } from "@counterpart/core/crypto/crypto";
import { blobBaseFeeOf } from "@counterpart/core/execution/blob-gas";
import type { Fork } from "@counterpart/core/execution/fork";
import { rulesOf } from "@counterpart/core/execution/rules";
import type { BlockContext, ExecutableTransaction } from "@counterpart/core/execution/types";
import { check } from "../suite.ts";
import { hexOf, type Json, type JsonObject } from "../vector-files.ts";
import { fixedHex, listOf, numberOf, objectOf, textOf } from "./json-fields.ts";

const ZERO_HASH: Hex = `0x${"00".repeat(32)}`;
/** What a block of London or later has where its vector says nothing. */
const BASE_FEE = 10n;

/** Vectors of single transactions have no ancestors: the hash of a block is that of its number in decimal digits. */
const ancestorHash = (number: number): Hex => bytesToHex(keccak256(utf8ToBytes(String(number))));

/** The block of a vector under the rules of a fork. */
export function blockOf(env: JsonObject, fork: Fork): BlockContext {
  const { hasBaseFee, isMerged, blobs } = rulesOf(fork);
  const number = Number(numberOf(env.currentNumber, "currentNumber"));
  const excess = numberOf(env.currentExcessBlobGas ?? "0x0", "currentExcessBlobGas");
  const baseFee = numberOf(env.currentBaseFee ?? `0x${BASE_FEE.toString(16)}`, "currentBaseFee");
  return {
    number,
    timestamp: Number(numberOf(env.currentTimestamp, "currentTimestamp")),
    coinbase: fixedHex(env.currentCoinbase, "currentCoinbase", 20),
    gasLimit: numberOf(env.currentGasLimit, "currentGasLimit"),
    baseFeePerGas: hasBaseFee ? baseFee : 0n,
    prevRandao: fixedHex(env.currentRandom ?? "0x0", "currentRandom", 32),
    ...(isMerged ? {} : { difficulty: numberOf(env.currentDifficulty, "currentDifficulty") }),
    ...(blobs === undefined ? {} : { blobBaseFee: blobBaseFeeOf(excess, blobs.updateFraction) }),
    parentHash: ancestorHash(number - 1),
    parentBeaconBlockRoot: ZERO_HASH,
    blockHash: ancestorHash,
  };
}

/** Which of its alternatives a case takes. */
export interface Indexes {
  readonly data: number;
  readonly gas: number;
  readonly value: number;
}

function accessListOf(list: Json | undefined): AccessListEntry[] {
  return listOf(list ?? [], "the access list").map((entry) => {
    const { address, storageKeys } = objectOf(entry, "an entry of the access list");
    return {
      address: fixedHex(address, "address", 20),
      storageKeys: listOf(storageKeys, "storageKeys").map((key) => fixedHex(key, "a storage key", 32)),
    };
  });
}

function authorizationListOf(list: Json | undefined): Authorization[] {
  return listOf(list ?? [], "the authorization list").map((entry) => {
    const fields = objectOf(entry, "an authorization");
    return {
      chainId: numberOf(fields.chainId, "chainId"),
      address: fixedHex(fields.address, "address", 20),
      nonce: numberOf(fields.nonce, "nonce"),
      yParity: Number(numberOf(fields.yParity ?? fields.v, "yParity")),
      r: numberOf(fields.r, "r"),
      s: numberOf(fields.s, "s"),
    };
  });
}

/** The type is not told: it follows from the fields that there are. */
function typeOf(transaction: JsonObject, accessList: Json | undefined): ExecutableTransaction["type"] {
  if (transaction.authorizationList !== undefined) return 4;
  if (transaction.blobVersionedHashes !== undefined || transaction.maxFeePerBlobGas !== undefined) return 3;
  if (transaction.maxFeePerGas !== undefined) return 2;
  return accessList === undefined || accessList === null ? 0 : 1;
}

function blobsOf({ blobVersionedHashes, maxFeePerBlobGas }: JsonObject) {
  if (blobVersionedHashes === undefined) return {};
  const hashes = listOf(blobVersionedHashes, "blobVersionedHashes");
  return {
    blobVersionedHashes: hashes.map((hash) => fixedHex(hash, "a versioned hash", 32)),
    maxFeePerBlobGas: numberOf(maxFeePerBlobGas, "maxFeePerBlobGas"),
  };
}

function senderOf(transaction: JsonObject): Hex {
  if (transaction.sender !== undefined) return fixedHex(transaction.sender, "sender", 20);
  return privateKeyToAddress(hexOf(textOf(transaction.secretKey, "secretKey")));
}

function feesOf({ gasPrice, maxFeePerGas, maxPriorityFeePerGas }: JsonObject) {
  const most = numberOf(maxFeePerGas ?? gasPrice, "gasPrice");
  const tip = maxPriorityFeePerGas ?? maxFeePerGas ?? gasPrice;
  return { maxFeePerGas: most, maxPriorityFeePerGas: numberOf(tip, "maxPriorityFeePerGas") };
}

/** The transaction of one case. */
export function transactionOf(transaction: JsonObject, indexes: Indexes): ExecutableTransaction {
  const pick = (name: string, index: number): Json | undefined => listOf(transaction[name], name)[index];
  const data = hexOf(textOf(pick("data", indexes.data), "data"));
  const accessList =
    transaction.accessLists === undefined ? undefined : listOf(transaction.accessLists, "accessLists")[indexes.data];
  const to = textOf(transaction.to, "to");
  return {
    type: typeOf(transaction, accessList),
    sender: senderOf(transaction),
    nonce: numberOf(transaction.nonce, "nonce"),
    gasLimit: numberOf(pick("gasLimit", indexes.gas), "gasLimit"),
    ...feesOf(transaction),
    ...(to === "" ? {} : { to: fixedHex(to, "to", 20) }),
    value: numberOf(pick("value", indexes.value), "value"),
    data,
    accessList: accessListOf(accessList ?? undefined),
    authorizationList: authorizationListOf(transaction.authorizationList),
    ...blobsOf(transaction),
  };
}

/** One case: what the transaction with these indexes leads to. */
export interface Post {
  readonly indexes: Indexes;
  /** Of the state. */
  readonly root: Hex;
  /** Of the encoded logs. */
  readonly logsHash: Hex;
  /** The transaction must be refused. */
  readonly isRefused: boolean;
}

export function postOf(value: Json): Post {
  const post = objectOf(value, "a result");
  const indexes = objectOf(post.indexes, "indexes");
  const index = (name: string): number => {
    const found = indexes[name];
    check(typeof found === "number", `the index of ${name} is no number`);
    return found;
  };
  return {
    indexes: { data: index("data"), gas: index("gas"), value: index("value") },
    root: fixedHex(post.hash, "hash", 32),
    logsHash: fixedHex(post.logs, "logs", 32),
    isRefused: post.expectException !== undefined,
  };
}
