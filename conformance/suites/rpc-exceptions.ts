/**
 * Cases of execution-apis that cannot apply to this node, each with its reason. One that passes all the same fails the
 * run, so that nothing is excused that need not be.
 */

const BUILDS =
  "a method for tests of block building (engine namespace): the node seals nothing on a chain that was sealed elsewhere";
const READ_ONLY =
  "the node only reads a chain that was sealed elsewhere (docs/adr/0009): it has no pool, and answers READ_ONLY";

/** By `method/case.io`. */
export const EXCEPTIONS: Readonly<Record<string, string>> = {
  "eth_sendRawTransaction/send-access-list-transaction.io": READ_ONLY,
  "eth_sendRawTransaction/send-blob-tx.io": READ_ONLY,
  "eth_sendRawTransaction/send-dynamic-fee-access-list-transaction.io": READ_ONLY,
  "eth_sendRawTransaction/send-dynamic-fee-transaction.io": READ_ONLY,
  "eth_sendRawTransaction/send-legacy-transaction.io": READ_ONLY,
  "testing_buildBlockV1/build-block-empty-transactions.io": BUILDS,
  "testing_buildBlockV1/build-block-from-mempool.io": BUILDS,
  "testing_buildBlockV1/build-block-invalid-transaction.io": BUILDS,
  "testing_buildBlockV1/build-block-with-transactions.io": BUILDS,
};
