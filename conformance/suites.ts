/** Every suite of official vectors that the project runs so far. */

import type { Suite } from "./suite.ts";
import { blockchainTests } from "./suites/blockchain-tests.ts";
import { executionApis } from "./suites/execution-apis.ts";
import { rlpTests } from "./suites/rlp-tests.ts";
import { stateTests } from "./suites/state-tests.ts";
import { transactionTests } from "./suites/transaction-tests.ts";
import { trieTests } from "./suites/trie-tests.ts";

export const SUITES: readonly Suite[] = [
  trieTests,
  rlpTests,
  stateTests,
  transactionTests,
  blockchainTests,
  executionApis,
];
