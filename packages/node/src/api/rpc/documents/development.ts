/** Documents of the methods that `--dev` adds. */

import { withAnvilNames } from "../development/anvil-names.ts";
import { documentOf, given, type MethodDocument, type MethodDocuments, maybe } from "./method-document.ts";
import { anyOf, BOOLEAN, COUNT, listOf, NULL, objectOf, ref, type Schema, TEXT } from "./schemas.ts";

const INTEGER: Schema = { type: "integer" };
const DONE = ["Done", BOOLEAN] as const;
const ADDRESS = given("Address", "address");
const OFFSET = ["Seconds by which blocks are dated ahead of the clock", INTEGER] as const;

/** Methods that both tools have, under the prefix of each. */
const both = (methods: MethodDocuments): MethodDocuments =>
  Object.fromEntries(
    ["hardhat", "anvil"].flatMap((prefix) =>
      Object.entries(methods).map(([name, document]): [string, MethodDocument] => [`${prefix}_${name}`, document]),
    ),
  );

const METADATA = documentOf(
  "The node and where its chain stands.",
  [],
  [
    "Metadata",
    objectOf({
      clientVersion: TEXT,
      chainId: INTEGER,
      instanceId: ref("hash32"),
      latestBlockNumber: INTEGER,
      latestBlockHash: ref("hash32"),
    }),
  ],
);

const NODE_INFO = documentOf(
  "The node and where its chain stands, as Anvil has it.",
  [],
  [
    "Information",
    objectOf({
      currentBlockNumber: ref("uint"),
      currentBlockTimestamp: INTEGER,
      currentBlockHash: ref("hash32"),
      hardFork: TEXT,
      transactionOrder: TEXT,
      environment: objectOf({ baseFee: ref("uint"), chainId: INTEGER, gasLimit: ref("uint"), gasPrice: ref("uint") }),
      forkConfig: objectOf({ forkUrl: NULL, forkBlockNumber: NULL, forkRetryBackoff: NULL }),
    }),
  ],
);

const mineMany = documentOf("Seals blocks.", [maybe("Blocks", COUNT), maybe("Seconds between", COUNT)], DONE);
const setGasLimit = documentOf("Gas limit from the next block on.", [given("Gas", COUNT)], DONE);
const getAutomine = documentOf("Whether blocks are sealed because transactions wait.", [], ["On", BOOLEAN]);
const RANGE: Schema = { ...listOf(COUNT), minItems: 2, maxItems: 2 };
const intervalOf = (unit: string): MethodDocument =>
  documentOf(
    `Seals a block each time that so many ${unit} have passed; 0 ends it.`,
    [given("Interval, or the least and the most", anyOf(COUNT, RANGE))],
    DONE,
  );

const dropAnswering = (answer: Parameters<typeof documentOf>[2]): MethodDocument =>
  documentOf("Takes a transaction out of the pool.", [given("Transaction hash", "hash32")], answer);

const BY_NAME: MethodDocuments = {
  ...both({
    mine: mineMany,
    getAutomine,
    setBalance: documentOf("Sets a balance, in wei.", [ADDRESS, given("Balance", COUNT)], DONE),
    setCode: documentOf("Sets the code of an account.", [ADDRESS, given("Code", "bytes")], DONE),
    setNonce: documentOf("Raises a nonce.", [ADDRESS, given("Nonce", COUNT)], DONE),
    setStorageAt: documentOf(
      "Sets a slot.",
      [ADDRESS, given("Storage slot", "storageKey"), given("Value", "storageKey")],
      DONE,
    ),
    impersonateAccount: documentOf("Lets an account send without its key.", [ADDRESS], DONE),
    stopImpersonatingAccount: documentOf("Ends that.", [ADDRESS], ["Whether it was impersonated", BOOLEAN]),
    autoImpersonateAccount: documentOf("Lets every account send without its key.", [given("On", BOOLEAN)], DONE),
    setLoggingEnabled: documentOf("Does nothing.", [given("On", BOOLEAN)], ["Nothing", NULL]),
    reset: documentOf("Back to the genesis.", [maybe("Nothing", { type: "object" })], DONE),
    setCoinbase: documentOf("Whom blocks name as their sealer.", [ADDRESS], DONE),
    setNextBlockBaseFeePerGas: documentOf("Base fee of the next block, in wei.", [given("Base fee", COUNT)], DONE),
    metadata: METADATA,
  }),
  hardhat_dropTransaction: dropAnswering(["Whether it was there", BOOLEAN]),
  anvil_dropTransaction: dropAnswering(["Its hash, if it was there", anyOf(ref("hash32"), NULL)]),
  hardhat_setPrevRandao: documentOf("Randomness of the next block.", [given("Randomness", "hash32")], DONE),
  evm_mine: documentOf(
    "Seals a block.",
    [maybe("Its time, or how many and the time of the first", anyOf(COUNT, { type: "object" }))],
    ["Zero", "uint"],
  ),
  evm_setAutomine: documentOf("Whether blocks are sealed because transactions wait.", [given("On", BOOLEAN)], DONE),
  evm_setIntervalMining: intervalOf("milliseconds"),
  anvil_setIntervalMining: intervalOf("seconds"),
  evm_increaseTime: documentOf("Dates blocks later from now on.", [given("Seconds", COUNT)], OFFSET),
  evm_setTime: documentOf("Sets the time of the next blocks.", [given("Seconds since 1970", COUNT)], OFFSET),
  evm_setNextBlockTimestamp: documentOf(
    "Sets the time of the next block.",
    [given("Seconds since 1970", COUNT)],
    ["The time", "uint"],
  ),
  anvil_setBlockTimestampInterval: documentOf(
    "Dates each block so long after the one before it.",
    [given("Seconds", COUNT)],
    ["Nothing", NULL],
  ),
  anvil_removeBlockTimestampInterval: documentOf(
    "Dates blocks by the clock again.",
    [],
    ["Whether there was an interval", BOOLEAN],
  ),
  evm_setBlockGasLimit: setGasLimit,
  anvil_setBlockGasLimit: setGasLimit,
  evm_snapshot: documentOf("Remembers chain, state, pool and time.", [], ["Number of the snapshot", "uint"]),
  evm_revert: documentOf(
    "Goes back to a snapshot.",
    [given("Number of the snapshot", COUNT)],
    ["Whether there was one", BOOLEAN],
  ),
  anvil_dropAllTransactions: documentOf("Empties the pool.", [], ["Nothing", NULL]),
  anvil_nodeInfo: NODE_INFO,
  anvil_dumpState: documentOf(
    "Every account of the head, as Anvil dumps it.",
    [maybe("With states of earlier blocks, which are left out", BOOLEAN)],
    ["JSON, compressed with gzip", "bytes"],
  ),
  anvil_loadState: documentOf("Sets the accounts of a dump.", [given("Dump", "bytes")], DONE),
};

export const DEVELOPMENT_DOCUMENTS: MethodDocuments = withAnvilNames(BY_NAME, ({ summary, params }) =>
  documentOf(summary, params, ["Nothing", NULL]),
);
