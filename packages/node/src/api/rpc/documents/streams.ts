/** Documents of subscriptions and filters. */

import { documentOf, given, type MethodDocuments, maybe } from "./method-document.ts";
import { anyOf, BOOLEAN, listOf, ref } from "./schemas.ts";

const ID = given("Id", "uint");
const WHOLE = maybe("Whole transactions", BOOLEAN);
const LOGS = listOf(ref("Log"));
const KINDS = { type: "string", enum: ["newHeads", "logs", "newPendingTransactions", "syncing"] };

export const STREAM_DOCUMENTS: MethodDocuments = {
  eth_subscribe: documentOf(
    "Tells of what happens, over WebSocket: headers, logs, pending transactions, synchronising.",
    [
      given("Kind", KINDS),
      maybe("Filter of logs, or whether transactions are told whole", anyOf(ref("Filter"), BOOLEAN)),
    ],
    ["Subscription id", "uint"],
  ),
  eth_unsubscribe: documentOf("Ends a subscription of this connection.", [ID], ["Whether it ended", BOOLEAN]),
  eth_newFilter: documentOf(
    "Makes a filter of logs, to be polled.",
    [given("Filter", "Filter")],
    ["Filter id", "uint"],
  ),
  eth_newBlockFilter: documentOf("Makes a filter of new blocks, to be polled.", [], ["Filter id", "uint"]),
  eth_newPendingTransactionFilter: documentOf(
    "Makes a filter of new pending transactions, to be polled.",
    [WHOLE],
    ["Filter id", "uint"],
  ),
  eth_getFilterChanges: documentOf(
    "What came since the filter was polled last.",
    [ID],
    ["Logs, hashes or transactions", anyOf(LOGS, listOf(ref("hash32")), listOf(ref("TransactionInfo")))],
  ),
  eth_getFilterLogs: documentOf("All logs that a filter of logs matches.", [ID], ["Logs", LOGS]),
  eth_uninstallFilter: documentOf("Ends a filter.", [ID], ["Whether there was one", BOOLEAN]),
};
