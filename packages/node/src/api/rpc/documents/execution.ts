/** Documents of the methods that execute: calls, estimates, simulations and traces. */

import { documentOf, given, type MethodDocuments, maybe } from "./method-document.ts";
import { anyOf, BOOLEAN, listOf, objectOf, ref, type Schema, TEXT, tableOf } from "./schemas.ts";

const BLOCK = maybe("Block", "BlockNumberOrTagOrHash");
const MESSAGE = given("Transaction", "GenericTransaction");
const INTEGER: Schema = { type: "integer", minimum: 0 };
const SLOTS = tableOf(ref("hash32"));

/** An object whose members may all be left out. */
const optionsOf = (properties: Readonly<Record<string, Schema>>): Schema => ({ type: "object", properties });

const STATE_OVERRIDES = tableOf(
  optionsOf({
    balance: ref("uint"),
    nonce: ref("uint"),
    code: ref("bytes"),
    state: SLOTS,
    stateDiff: SLOTS,
    movePrecompileToAddress: ref("address"),
  }),
);

const BLOCK_OVERRIDES = optionsOf({
  number: ref("uint"),
  difficulty: ref("uint"),
  time: ref("uint"),
  gasLimit: ref("uint"),
  feeRecipient: ref("address"),
  prevRandao: ref("hash32"),
  baseFeePerGas: ref("uint"),
  blobBaseFee: ref("uint"),
});

const OVERRIDES = [maybe("State overrides", STATE_OVERRIDES), maybe("Block overrides", BLOCK_OVERRIDES)];

const SIMULATION: Schema = {
  type: "object",
  required: ["blockStateCalls"],
  properties: {
    blockStateCalls: {
      type: "array",
      minItems: 1,
      maxItems: 256,
      items: optionsOf({
        blockOverrides: BLOCK_OVERRIDES,
        stateOverrides: STATE_OVERRIDES,
        calls: listOf(ref("GenericTransaction")),
      }),
    },
    traceTransfers: BOOLEAN,
    validation: BOOLEAN,
    returnFullTransactions: BOOLEAN,
  },
};

const CALL_RESULT = objectOf(
  {
    returnData: ref("bytes"),
    logs: listOf(ref("Log")),
    gasUsed: ref("uint"),
    maxUsedGas: ref("uint"),
    status: ref("uint"),
  },
  { error: objectOf({ code: { type: "integer" }, message: TEXT }, { data: ref("bytes") }) },
);

/** A block with one member more. */
const SIMULATED_BLOCK: Schema = {
  type: "object",
  required: ["number", "hash", "stateRoot", "transactions", "calls"],
  properties: { hash: ref("hash32"), calls: listOf(CALL_RESULT) },
};

const TRACE_OPTIONS = {
  tracer: TEXT,
  tracerConfig: { type: "object" },
  timeout: TEXT,
  enableMemory: BOOLEAN,
  disableStack: BOOLEAN,
  disableStorage: BOOLEAN,
  enableReturnData: BOOLEAN,
  limit: INTEGER,
};

const TRACE_CONFIG = maybe("Options", optionsOf(TRACE_OPTIONS));

const STRUCT_LOG = objectOf(
  { pc: INTEGER, op: TEXT, gas: INTEGER, gasCost: INTEGER, depth: INTEGER },
  {
    error: TEXT,
    stack: listOf(ref("uint")),
    memory: listOf(ref("hash32")),
    returnData: ref("bytes"),
    storage: SLOTS,
    refund: { type: "integer" },
  },
);

const STRUCT_TRACE = objectOf({
  gas: INTEGER,
  failed: BOOLEAN,
  returnValue: ref("bytes"),
  structLogs: listOf(STRUCT_LOG),
});

const CALL_FRAME: Schema = {
  type: "object",
  required: ["type", "from", "gas", "gasUsed", "input"],
  properties: {
    type: TEXT,
    from: ref("address"),
    to: ref("address"),
    value: ref("uint"),
    gas: ref("uint"),
    gasUsed: ref("uint"),
    input: ref("bytes"),
    output: ref("bytes"),
    error: TEXT,
    revertReason: TEXT,
    calls: listOf({ type: "object" }),
    logs: listOf({ type: "object" }),
  },
};

const ACCOUNTS = tableOf(
  objectOf({}, { balance: ref("uint"), nonce: INTEGER, code: ref("bytes"), codeHash: ref("hash32"), storage: SLOTS }),
);

/** By tracer: every step, messages, accounts before or what changed of them, counts, nothing. */
const TRACE = anyOf(STRUCT_TRACE, CALL_FRAME, objectOf({ pre: ACCOUNTS, post: ACCOUNTS }), ACCOUNTS, tableOf(INTEGER));
const TRACES = [
  "Traces, in the order of the transactions",
  listOf(objectOf({ txHash: ref("hash32"), result: TRACE })),
] as const;

export const EXECUTION_DOCUMENTS: MethodDocuments = {
  eth_call: documentOf("Runs a message and changes nothing.", [MESSAGE, BLOCK, ...OVERRIDES], ["Output", "bytes"]),
  eth_estimateGas: documentOf(
    "The gas limit with which a message succeeds.",
    [MESSAGE, BLOCK, ...OVERRIDES],
    ["Gas", "uint"],
  ),
  eth_createAccessList: documentOf(
    "Accounts and slots that a message touches (EIP-2930).",
    [MESSAGE, BLOCK, maybe("State overrides", STATE_OVERRIDES)],
    ["Access list", objectOf({ accessList: ref("AccessList"), gasUsed: ref("uint") }, { error: TEXT })],
  ),
  eth_simulateV1: documentOf(
    "Runs messages in blocks that do not exist, on one that does.",
    [given("Simulation", SIMULATION), BLOCK],
    ["Blocks", listOf(SIMULATED_BLOCK)],
  ),
  debug_traceTransaction: documentOf(
    "Executes an included transaction again and shows what it does.",
    [given("Transaction hash", "hash32"), TRACE_CONFIG],
    ["Trace", TRACE],
  ),
  debug_traceCall: documentOf(
    "Runs a message and shows what it does.",
    [
      MESSAGE,
      BLOCK,
      maybe(
        "Options",
        optionsOf({
          ...TRACE_OPTIONS,
          stateOverrides: STATE_OVERRIDES,
          blockOverrides: BLOCK_OVERRIDES,
          txIndex: ref("uint"),
        }),
      ),
    ],
    ["Trace", TRACE],
  ),
  debug_traceBlock: documentOf(
    "Executes a block that is given as bytes.",
    [given("RLP", "bytes"), TRACE_CONFIG],
    TRACES,
  ),
  debug_traceBlockByNumber: documentOf(
    "Executes a block again.",
    [given("Block", "BlockNumberOrTag"), TRACE_CONFIG],
    TRACES,
  ),
  debug_traceBlockByHash: documentOf("Executes a block again.", [given("Block hash", "hash32"), TRACE_CONFIG], TRACES),
};
