/** Documents of the methods on blocks, transactions and logs. */

import { documentOf, given, type MethodDocuments, maybe } from "./method-document.ts";
import { anyOf, BOOLEAN, listOf, NULL, ref, type Schema } from "./schemas.ts";

const BY_HASH = given("Block hash", "hash32");
const BY_NUMBER = given("Block", "BlockNumberOrTag");
const BY_ANY = given("Block", "BlockNumberOrTagOrHash");
const INDEX = given("Index", "uint");
const HYDRATED = maybe("Whole transactions", BOOLEAN);
const TRANSACTION_HASH = given("Transaction hash", "hash32");

const MILLISECONDS: Schema = { type: "integer", minimum: 0 };

const orNull = (schema: Schema): Schema => anyOf(schema, NULL);

const BLOCK = ["Block, or null", orNull(ref("Block"))] as const;
const COUNT = ["Number, or null when there is no such block", orNull(ref("uint"))] as const;
const TRANSACTION = ["Transaction, or null", orNull(ref("TransactionInfo"))] as const;
const UNCLE = ["Header, or null", orNull(ref("Uncle"))] as const;
const RAW = ["Canonical encoding, empty when there is none", "bytes"] as const;
const LOGS = ["Logs", listOf(ref("Log"))] as const;

export const CHAIN_DOCUMENTS: MethodDocuments = {
  eth_blockNumber: documentOf("Number of the head.", [], ["Number", "uint"]),
  eth_getBlockByHash: documentOf("A canonical block.", [BY_HASH, HYDRATED], BLOCK),
  eth_getBlockByNumber: documentOf("A canonical block, or the one after the head.", [BY_NUMBER, HYDRATED], BLOCK),
  eth_getBlockTransactionCountByHash: documentOf("How many transactions a block has.", [BY_HASH], COUNT),
  eth_getBlockTransactionCountByNumber: documentOf("How many transactions a block has.", [BY_NUMBER], COUNT),
  eth_getBlockReceipts: documentOf(
    "Receipts of a block's transactions, in order.",
    [BY_ANY],
    ["Receipts, or null when there is no such block", orNull(listOf(ref("ReceiptInfo")))],
  ),
  eth_getUncleCountByBlockHash: documentOf("How many ommers a block names.", [BY_HASH], COUNT),
  eth_getUncleCountByBlockNumber: documentOf("How many ommers a block names.", [BY_NUMBER], COUNT),
  eth_getUncleByBlockHashAndIndex: documentOf("Header of an ommer.", [BY_HASH, INDEX], UNCLE),
  eth_getUncleByBlockNumberAndIndex: documentOf("Header of an ommer.", [BY_NUMBER, INDEX], UNCLE),
  eth_getTransactionByHash: documentOf("An included or pending transaction.", [TRANSACTION_HASH], TRANSACTION),
  eth_getTransactionByBlockHashAndIndex: documentOf("A transaction of a block.", [BY_HASH, INDEX], TRANSACTION),
  eth_getTransactionByBlockNumberAndIndex: documentOf("A transaction of a block.", [BY_NUMBER, INDEX], TRANSACTION),
  eth_getTransactionReceipt: documentOf(
    "Receipt of an included transaction.",
    [TRANSACTION_HASH],
    ["Receipt, or null", orNull(ref("ReceiptInfo"))],
  ),
  eth_getRawTransactionByHash: documentOf("Encoding of a transaction.", [TRANSACTION_HASH], RAW),
  eth_getRawTransactionByBlockHashAndIndex: documentOf("Encoding of a transaction of a block.", [BY_HASH, INDEX], RAW),
  eth_getRawTransactionByBlockNumberAndIndex: documentOf(
    "Encoding of a transaction of a block.",
    [BY_NUMBER, INDEX],
    RAW,
  ),
  eth_getLogs: documentOf("Logs of a block or of a range of canonical blocks.", [given("Filter", "Filter")], LOGS),
  eth_sendRawTransaction: documentOf(
    "Takes a signed transaction; it is durable when its hash is answered.",
    [given("Transaction", "bytes")],
    ["Transaction hash", "hash32"],
  ),
  eth_sendRawTransactionSync: documentOf(
    "Takes a signed transaction and answers its receipt when it is included (EIP-7966).",
    [given("Transaction", "bytes"), maybe("Timeout in milliseconds", anyOf(ref("uint"), MILLISECONDS))],
    ["Receipt", "ReceiptInfo"],
  ),
  debug_getRawHeader: documentOf("Encoding of a header.", [BY_ANY], ["RLP", "bytes"]),
  debug_getRawBlock: documentOf("Encoding of a block.", [BY_ANY], ["RLP", "bytes"]),
  debug_getRawReceipts: documentOf(
    "Encodings of a block's receipts (EIP-2718).",
    [BY_ANY],
    ["Receipts", listOf(ref("bytes"))],
  ),
  debug_getRawTransaction: documentOf("Encoding of a transaction.", [TRANSACTION_HASH], RAW),
  debug_getBadBlocks: documentOf(
    "The last blocks that execution on this node contradicted.",
    [],
    ["Blocks", listOf(ref("BadBlock"))],
  ),
};
