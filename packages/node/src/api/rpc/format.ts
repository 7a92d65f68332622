/** The chain's values in the form of the Ethereum JSON-RPC API: quantities, data, objects as other clients give them. */

import { bigIntToFixedBytes, bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { encodeBlock } from "@counterpart/core/chain/block";
import type { Block, Log, Receipt, SealedHeader, Transaction } from "@counterpart/core/chain/types";

/** A QUANTITY: shortest hexadecimal form. */
export const quantity = (value: number | bigint): Hex => `0x${value.toString(16)}`;

/** 32 bytes. */
export const word = (value: bigint): Hex => bytesToHex(bigIntToFixedBytes(value, 32));

export interface Place {
  readonly blockHash: Hex;
  readonly blockNumber: number;
  /** Seconds. */
  readonly timestamp: number;
}

export const placeOf = (header: SealedHeader): Place => ({
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

/** Index in its block of a transaction's first log. */
export function firstLogIndex(receipts: readonly Receipt[], transactionIndex: number): number {
  return receipts.slice(0, transactionIndex).reduce((count, { logs }) => count + logs.length, 0);
}

/** A receipt with what the block around it adds. */
export function formatReceipt(block: Block, receipts: readonly Receipt[], index: number) {
  const transaction = block.transactions[index] as Transaction;
  const receipt = receipts[index] as Receipt;
  const place = placeOf(block.header);
  const start = firstLogIndex(receipts, index);
  return {
    transactionHash: transaction.hash,
    transactionIndex: quantity(index),
    blockHash: place.blockHash,
    blockNumber: quantity(place.blockNumber),
    from: transaction.sender,
    to: transaction.to ?? null,
    type: quantity(receipt.type),
    status: quantity(receipt.status),
    cumulativeGasUsed: quantity(receipt.cumulativeGasUsed),
    gasUsed: quantity(receipt.gasUsed),
    effectiveGasPrice: quantity(receipt.effectiveGasPrice),
    contractAddress: receipt.contractAddress ?? null,
    logs: receipt.logs.map((log, at) => formatLog(log, place, transaction.hash, index, start + at)),
    logsBloom: bytesToHex(receipt.logsBloom),
  };
}

function formatSignature({ type, v, r, s, yParity }: Transaction) {
  const signature = { v: quantity(v), r: quantity(r), s: quantity(s) };
  return type === 0 ? signature : { ...signature, yParity: quantity(yParity) };
}

function formatTypeFields(transaction: Transaction) {
  const { type, accessList, authorizationList } = transaction;
  return {
    ...(transaction.chainId === undefined ? {} : { chainId: quantity(transaction.chainId) }),
    ...(type === 0 ? {} : { accessList }),
    ...(type < 2
      ? {}
      : {
          maxFeePerGas: quantity(transaction.maxFeePerGas),
          maxPriorityFeePerGas: quantity(transaction.maxPriorityFeePerGas),
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
  readonly header: SealedHeader;
  readonly index: number;
}

/** What a transaction pays for each unit of gas in a block of that base fee (EIP-1559). */
export function effectiveGasPrice({ maxFeePerGas, maxPriorityFeePerGas }: Transaction, baseFee: bigint): bigint {
  const offered = baseFee + maxPriorityFeePerGas;
  return offered < maxFeePerGas ? offered : maxFeePerGas;
}

/** A transaction, included or (without `inclusion`) pending. */
export function formatTransaction(transaction: Transaction, inclusion?: Inclusion) {
  const { header, index } = inclusion ?? {};
  const price = header === undefined ? transaction.maxFeePerGas : effectiveGasPrice(transaction, header.baseFeePerGas);
  return {
    blockHash: header?.hash ?? null,
    blockNumber: header === undefined ? null : quantity(header.number),
    transactionIndex: index === undefined ? null : quantity(index),
    hash: transaction.hash,
    from: transaction.sender,
    to: transaction.to ?? null,
    nonce: quantity(transaction.nonce),
    gas: quantity(transaction.gasLimit),
    gasPrice: quantity(price),
    value: quantity(transaction.value),
    input: bytesToHex(transaction.data),
    type: quantity(transaction.type),
    ...formatTypeFields(transaction),
    ...formatSignature(transaction),
  };
}

function formatHeader(header: SealedHeader) {
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
    baseFeePerGas: quantity(header.baseFeePerGas),
    withdrawalsRoot: header.withdrawalsRoot,
    blobGasUsed: quantity(header.blobGasUsed),
    excessBlobGas: quantity(header.excessBlobGas),
    parentBeaconBlockRoot: header.parentBeaconBlockRoot,
    requestsHash: header.requestsHash,
  };
}

/** A block with its transactions, or with their hashes only. */
export function formatBlock(block: Block, fullTransactions: boolean) {
  const { header, transactions } = block;
  return {
    ...formatHeader(header),
    size: quantity(encodeBlock(block).length),
    transactions: fullTransactions
      ? transactions.map((transaction, index) => formatTransaction(transaction, { header, index }))
      : transactions.map(({ hash }) => hash),
    uncles: [],
    withdrawals: [],
  };
}

/** A block that is not sealed: what only sealing gives is null, as in go-ethereum. */
export function formatPendingBlock(block: Block) {
  return { ...formatBlock(block, false), hash: null, nonce: null, miner: null };
}
