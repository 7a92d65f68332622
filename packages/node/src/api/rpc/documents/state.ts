/** Documents of the methods on states, and of those that execute. */

import { documentOf, given, type MethodDocuments, maybe } from "./method-document.ts";
import { listOf, ref, tableOf } from "./schemas.ts";

const ADDRESS = given("Address", "address");
const BLOCK = maybe("Block", "BlockNumberOrTagOrHash");
const MESSAGE = given("Transaction", "GenericTransaction");
const KEYS = listOf(ref("storageKey"));

export const STATE_DOCUMENTS: MethodDocuments = {
  eth_getBalance: documentOf("Balance of an account, in wei.", [ADDRESS, BLOCK], ["Balance", "uint"]),
  eth_getTransactionCount: documentOf("Nonce of an account.", [ADDRESS, BLOCK], ["Nonce", "uint"]),
  eth_getCode: documentOf("Code of an account.", [ADDRESS, BLOCK], ["Code", "bytes"]),
  eth_getStorageAt: documentOf(
    "Value of a slot.",
    [ADDRESS, given("Storage slot", "storageKey"), BLOCK],
    ["Value", "hash32"],
  ),
  eth_getStorageValues: documentOf(
    "Values of slots of several accounts.",
    [given("Slots by address", tableOf(KEYS)), BLOCK],
    ["Values by address, in the order of the slots", tableOf(listOf(ref("hash32")))],
  ),
  eth_getProof: documentOf(
    "Account and slots with their proofs (EIP-1186).",
    [ADDRESS, given("Storage slots", KEYS), BLOCK],
    ["Proof", "AccountProof"],
  ),
  eth_call: documentOf(
    "Runs a message and changes nothing.",
    [MESSAGE, BLOCK, maybe("State overrides", { type: "object" }), maybe("Block overrides", { type: "object" })],
    ["Output", "bytes"],
  ),
  eth_estimateGas: documentOf(
    "The gas limit with which a message succeeds.",
    [MESSAGE, BLOCK, maybe("State overrides", { type: "object" })],
    ["Gas", "uint"],
  ),
};
