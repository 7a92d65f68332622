/** The chain's values in the form of the Ethereum JSON-RPC API: quantities, data, objects as other clients give them. */

import { bigIntToFixedBytes, bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import {
  type AnyDecodedBlock,
  decodeAnyBlock,
  encodeAnyBlock,
  toAnyBlock,
  type Withdrawal,
} from "@counterpart/core/chain/any-block";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { AnyUnsignedTransaction } from "@counterpart/core/chain/transaction-fields";
import type { AnyReceipt, AnyTransaction, Log } from "@counterpart/core/chain/types";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { GAS_PER_BLOB } from "@counterpart/core/execution/blob-gas";
import type { TransactionStatus } from "../../engine/types.ts";

const GWEI = 1_000_000_000n;

/** A QUANTITY: shortest hexadecimal form. */
export const quantity = (value: number | bigint): Hex => `0x${value.toString(16)}`;

/** 32 bytes. */
export const word = (value: bigint): Hex => bytesToHex(bigIntToFixedBytes(value, 32));

type Included = Extract<TransactionStatus, { status: "included" }>;

export interface Place {
  readonly blockHash: Hex;
  readonly blockNumber: number;
  /** Seconds. */
  readonly timestamp: number;
}

export const placeOf = (header: AnySealedHeader): Place => ({
  blockHash: header.hash,
  blockNumber: header.number,
  timestamp: header.timestamp,
});

export function formatLog(log: Log, place: Place, transactionHash: Hex, transactionIndex: number, logIndex: number) {
  return {
    address: log.address,
    topics: log.topics,
    data: bytesToHex(log.data),
    blockHash: place.blockHash,
    blockNumber: quantity(place.blockNumber),
    blockTimestamp: quantity(place.timestamp),
    transactionHash,
    transactionIndex: quantity(transactionIndex),
    logIndex: quantity(logIndex),
    removed: false,
  };
}

export type FormattedLog = ReturnType<typeof formatLog>;

/** A log is never shown in fewer. */
export const LOG_CHARACTERS_MIN = 400;

/** Index in its block of a transaction's first log. */
export function firstLogIndex(receipts: readonly AnyReceipt[], transactionIndex: number): number {
  return receipts.slice(0, transactionIndex).reduce((count, { logs }) => count + logs.length, 0);
}

/** The status, or before Byzantium the root of the state after the transaction. */
const formatResult = ({ status, stateRoot }: AnyReceipt) =>
  stateRoot === undefined ? { status: quantity(status ?? 0) } : { root: stateRoot };

function formatBlobGas({ blobVersionedHashes: hashes }: AnyTransaction, price: bigint | undefined) {
  if (hashes === undefined) return {};
  return { blobGasUsed: quantity(GAS_PER_BLOB * BigInt(hashes.length)), blobGasPrice: quantity(price ?? 1n) };
}

/**
 * A receipt with what the block around it adds.
 * @param blobGasPrice in that block
 */
export function formatReceipt(
  included: Pick<Included, "transaction" | "receipt" | "index" | "firstLogIndex">,
  place: Place,
  blobGasPrice?: bigint,
) {
  const { transaction, receipt, index, firstLogIndex: start } = included;
  return {
    transactionHash: transaction.hash,
    transactionIndex: quantity(index),
    blockHash: place.blockHash,
    blockNumber: quantity(place.blockNumber),
    from: transaction.sender,
    to: transaction.to ?? null,
    type: quantity(receipt.type),
    ...formatResult(receipt),
    cumulativeGasUsed: quantity(receipt.cumulativeGasUsed),
    gasUsed: quantity(receipt.gasUsed),
    effectiveGasPrice: quantity(receipt.effectiveGasPrice),
    contractAddress: transaction.to === undefined ? createAddress(transaction.sender, transaction.nonce) : null,
    logs: receipt.logs.map((log, at) => formatLog(log, place, transaction.hash, index, start + at)),
    logsBloom: bytesToHex(receipt.logsBloom),
    ...formatBlobGas(transaction, blobGasPrice),
  };
}

export type FormattedReceipt = ReturnType<typeof formatReceipt>;

function formatSignature({ type, v, r, s, yParity }: AnyTransaction) {
  const signature = { v: quantity(v), r: quantity(r), s: quantity(s) };
  return type === 0 ? signature : { ...signature, yParity: quantity(yParity) };
}

function formatTypeFields(transaction: AnyUnsignedTransaction) {
  const { type, accessList = [], authorizationList = [] } = transaction;
  return {
    ...(transaction.chainId === undefined ? {} : { chainId: quantity(transaction.chainId) }),
    ...(type === 0 ? {} : { accessList }),
    ...(type < 2
      ? {}
      : {
          maxFeePerGas: quantity(transaction.maxFeePerGas),
          maxPriorityFeePerGas: quantity(transaction.maxPriorityFeePerGas),
        }),
    ...(type !== 3
      ? {}
      : {
          maxFeePerBlobGas: quantity(transaction.maxFeePerBlobGas ?? 0n),
          blobVersionedHashes: transaction.blobVersionedHashes ?? [],
        }),
    ...(type !== 4
      ? {}
      : {
          authorizationList: authorizationList.map((authorization) => ({
            chainId: quantity(authorization.chainId),
            address: authorization.address,
            nonce: quantity(authorization.nonce),
            yParity: quantity(authorization.yParity),
            r: quantity(authorization.r),
            s: quantity(authorization.s),
          })),
        }),
  };
}

export interface Inclusion {
  readonly header: AnySealedHeader;
  readonly index: number;
}

/** What a transaction pays for each unit of gas in a block of that base fee (EIP-1559). */
export function effectiveGasPrice({ maxFeePerGas, maxPriorityFeePerGas }: AnyTransaction, baseFee: bigint): bigint {
  const offered = baseFee + maxPriorityFeePerGas;
  return offered < maxFeePerGas ? offered : maxFeePerGas;
}

/** What a transaction says, whoever signs it. */
export const formatUnsigned = (transaction: AnyUnsignedTransaction) => ({
  to: transaction.to ?? null,
  nonce: quantity(transaction.nonce),
  gas: quantity(transaction.gasLimit),
  gasPrice: quantity(transaction.maxFeePerGas),
  value: quantity(transaction.value),
  input: bytesToHex(transaction.data),
  type: quantity(transaction.type),
  ...formatTypeFields(transaction),
});

/** A transaction, included or (without `inclusion`) pending. */
export function formatTransaction(transaction: AnyTransaction, inclusion?: Inclusion) {
  const { header, index } = inclusion ?? {};
  const price =
    header === undefined ? transaction.maxFeePerGas : effectiveGasPrice(transaction, header.baseFeePerGas ?? 0n);
  return {
    blockHash: header?.hash ?? null,
    blockNumber: header === undefined ? null : quantity(header.number),
    blockTimestamp: header === undefined ? null : quantity(header.timestamp),
    transactionIndex: index === undefined ? null : quantity(index),
    hash: transaction.hash,
    from: transaction.sender,
    ...formatUnsigned(transaction),
    gasPrice: quantity(price),
    ...formatSignature(transaction),
  };
}

const optionalQuantity = (value: number | bigint | undefined): Hex | undefined =>
  value === undefined ? undefined : quantity(value);

/** Fields that forks added, as far as the header has them. */
function formatLaterFields(header: AnySealedHeader) {
  const fields = {
    baseFeePerGas: optionalQuantity(header.baseFeePerGas),
    withdrawalsRoot: header.withdrawalsRoot,
    blobGasUsed: optionalQuantity(header.blobGasUsed),
    excessBlobGas: optionalQuantity(header.excessBlobGas),
    parentBeaconBlockRoot: header.parentBeaconBlockRoot,
    requestsHash: header.requestsHash,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** A header alone, as subscribers get it. */
export function formatHeader(header: AnySealedHeader) {
  return {
    number: quantity(header.number),
    hash: header.hash,
    parentHash: header.parentHash,
    nonce: bytesToHex(header.nonce),
    mixHash: header.mixHash,
    sha3Uncles: header.ommersHash,
    logsBloom: bytesToHex(header.logsBloom),
    transactionsRoot: header.transactionsRoot,
    stateRoot: header.stateRoot,
    receiptsRoot: header.receiptsRoot,
    miner: header.coinbase,
    difficulty: quantity(header.difficulty),
    extraData: bytesToHex(header.extraData),
    gasLimit: quantity(header.gasLimit),
    gasUsed: quantity(header.gasUsed),
    timestamp: quantity(header.timestamp),
    ...formatLaterFields(header),
  };
}

const formatWithdrawal = ({ index, validatorIndex, address, amount }: Withdrawal) => ({
  index: quantity(index),
  validatorIndex: quantity(validatorIndex),
  address,
  amount: quantity(amount / GWEI),
});

/** A block with its transactions, or with their hashes only. */
export function formatBlock(block: AnyDecodedBlock, fullTransactions: boolean) {
  const { header, transactions, ommers = [], withdrawals = [] } = block;
  return {
    ...formatHeader(header),
    size: quantity(encodeAnyBlock(toAnyBlock(block)).length),
    transactions: fullTransactions
      ? transactions.map((transaction, index) => formatTransaction(transaction, { header, index }))
      : transactions.map(({ hash }) => hash),
    uncles: ommers.map(({ hash }) => hash),
    ...(header.withdrawalsRoot === undefined ? {} : { withdrawals: withdrawals.map(formatWithdrawal) }),
  };
}

/** An ommer, of which the chain holds no more than the header. */
export const formatOmmer = (header: AnySealedHeader) => ({
  ...formatHeader(header),
  size: quantity(encodeAnyBlock({ header, transactions: [], ommers: [] }).length),
  uncles: [],
});

/** A block that execution contradicted, with the hashes of its transactions. */
export function formatBadBlock({
  header,
  encoded,
}: {
  readonly header: AnySealedHeader;
  readonly encoded: Uint8Array;
}) {
  const { transactions } = decodeAnyBlock(encoded);
  return {
    hash: header.hash,
    block: {
      ...formatHeader(header),
      size: quantity(encoded.length),
      transactions: transactions.map(keccak256Hex),
      uncles: [],
      withdrawals: [],
    },
    rlp: bytesToHex(encoded),
  };
}

/** A block that is not sealed: what only sealing gives is null, as in go-ethereum. */
export function formatPendingBlock(block: AnyDecodedBlock) {
  return { ...formatBlock(block, false), hash: null, nonce: null, miner: null };
}
