/** Documents of the methods that sign with the accounts of the node. */

import { documentOf, given, type MethodDocuments, maybe } from "./method-document.ts";
import { anyOf, listOf, objectOf, ref, TEXT } from "./schemas.ts";

const ADDRESS = given("Address", "address");
const MESSAGE = given("Message", "bytes");
const TRANSACTION = given("Transaction", "GenericTransaction");
const TYPED_DATA = given("Typed data", anyOf({ type: "object" }, TEXT));

const typedData = documentOf("Signature of typed data (EIP-712).", [ADDRESS, TYPED_DATA], ["Signature", "bytes"]);

export const ACCOUNT_DOCUMENTS: MethodDocuments = {
  eth_accounts: documentOf("Accounts that the node signs for.", [], ["Addresses", listOf(ref("address"))]),
  eth_sendTransaction: documentOf(
    "Fills in, signs and takes a transaction of one of its accounts; it is durable when its hash is answered.",
    [TRANSACTION],
    ["Transaction hash", "hash32"],
  ),
  eth_signTransaction: documentOf(
    "The same, without taking it.",
    [TRANSACTION],
    ["Encoding of the signed transaction", "bytes"],
  ),
  eth_fillTransaction: documentOf(
    "Fills in the same, of any account, for whoever signs it.",
    [TRANSACTION],
    ["Filled transaction", objectOf({ tx: ref("GenericTransaction") })],
  ),
  eth_sign: documentOf("Signature of a message (EIP-191).", [ADDRESS, MESSAGE], ["Signature", "bytes"]),
  personal_sign: documentOf(
    "Signature of a message (EIP-191).",
    [MESSAGE, ADDRESS, maybe("Password, which is ignored", TEXT)],
    ["Signature", "bytes"],
  ),
  eth_signTypedData: typedData,
  eth_signTypedData_v3: typedData,
  eth_signTypedData_v4: typedData,
};
