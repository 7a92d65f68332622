/** Documents of the methods on the node, its pool and its fees. */

import { documentOf, given, type MethodDocuments, maybe } from "./method-document.ts";
import { BOOLEAN, COUNT, objectOf, TEXT, tableOf } from "./schemas.ts";

const PRICE = ["Wei for each unit of gas", "uint"] as const;
const BRIEF = tableOf(tableOf(TEXT));
const PERCENTILES = { type: "array", items: { type: "number", minimum: 0, maximum: 100 }, maxItems: 100 };

export const NODE_DOCUMENTS: MethodDocuments = {
  "rpc.discover": documentOf("This document.", [], ["OpenRPC document", { type: "object" }]),
  web3_clientVersion: documentOf("Name and version of the program.", [], ["Name", TEXT]),
  web3_sha3: documentOf("keccak256 of bytes.", [given("Data", "bytes")], ["Hash", "hash32"]),
  net_version: documentOf("Id of the network: that of the chain.", [], ["Network id", "uintDecimal"]),
  net_listening: documentOf("Whether peers may connect.", [], ["Listening", BOOLEAN]),
  net_peerCount: documentOf("How many peers are connected.", [], ["Number", "uint"]),
  eth_chainId: documentOf("Id of the chain.", [], ["Chain id", "uint"]),
  eth_syncing: documentOf("Progress while blocks are fetched, else false.", [], ["Status", "SyncingStatus"]),
  eth_coinbase: documentOf("The account that seals this node's blocks.", [], ["Address", "address"]),
  eth_config: documentOf("Rules of the chain, now and as they will be (EIP-7910).", [], ["Rules", "Configs"]),
  eth_capabilities: documentOf("From which block on the node has what.", [], ["Capabilities", "Capabilities"]),
  eth_gasPrice: documentOf("What to offer for gas.", [], PRICE),
  eth_maxPriorityFeePerGas: documentOf("What tip to offer.", [], PRICE),
  eth_baseFee: documentOf("Base fee of the next block.", [], PRICE),
  eth_blobBaseFee: documentOf("Price of blob gas in the next block.", [], ["Wei for each unit of blob gas", "uint"]),
  eth_feeHistory: documentOf(
    "Fees of a range of blocks, and of the one after it.",
    [given("Block count", COUNT), given("Newest block", "BlockNumberOrTag"), maybe("Percentiles", PERCENTILES)],
    ["Fees", "FeeHistory"],
  ),
  txpool_status: documentOf("How many transactions wait.", [], ["Numbers", "PoolStatus"]),
  txpool_content: documentOf("What waits, by sender and nonce.", [], ["Transactions", "PoolContent"]),
  txpool_contentFrom: documentOf(
    "What waits of one sender, by nonce.",
    [given("Address", "address")],
    ["Transactions", "PoolContentFrom"],
  ),
  txpool_inspect: documentOf(
    "What waits, by sender and nonce, in a line each.",
    [],
    ["Lines", objectOf({ pending: BRIEF, queued: BRIEF })],
  ),
};
