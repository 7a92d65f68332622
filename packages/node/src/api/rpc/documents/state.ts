/** Documents of the methods on states. */

import { documentOf, given, type MethodDocuments, maybe } from "./method-document.ts";
import { listOf, ref, tableOf } from "./schemas.ts";

const ADDRESS = given("Address", "address");
const BLOCK = maybe("Block", "BlockNumberOrTagOrHash");
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
};
