/** The values of the JSON-RPC API as JSON Schema. Where execution-apis has a name for one, it is that. */

export type Schema = Readonly<Record<string, unknown>>;

/** Hexadecimal text of so many bytes. */
const bytesOf = (size: number, title: string): Schema => ({
  title,
  type: "string",
  pattern: `^0x[0-9a-f]{${size * 2}}$`,
});

type Properties = Readonly<Record<string, Schema>>;

/** An object that has nothing else. */
export const objectOf = (required: Properties, optional: Properties = {}): Schema => ({
  type: "object",
  required: Object.keys(required),
  properties: { ...required, ...optional },
  additionalProperties: false,
});

export const listOf = (items: Schema): Schema => ({ type: "array", items });
export const tableOf = (values: Schema): Schema => ({ type: "object", additionalProperties: values });
export const anyOf = (...schemas: readonly Schema[]): Schema => ({ anyOf: schemas });
export const ref = (name: SchemaName): Schema => ({ $ref: `#/components/schemas/${name}` });

export const BOOLEAN: Schema = { type: "boolean" };
export const NULL: Schema = { type: "null" };
const INTEGER: Schema = { type: "integer", minimum: 0 };
const RATIO: Schema = { type: "number", minimum: 0 };
const DECIMAL: Schema = { title: "decimal number", type: "string", pattern: "^(0|[1-9][0-9]*)$" };
export const TEXT: Schema = { type: "string" };
/** What is taken where something is counted. */
export const COUNT: Schema = anyOf(ref("uint"), INTEGER, ref("uintDecimal"));

/** Names of the schemas below, stated so that a wrong reference is an error of types. */
export type SchemaName =
  | "uint"
  | "uintDecimal"
  | "bytes"
  | "bytes4"
  | "bytes8"
  | "bytes256"
  | "address"
  | "hash32"
  | "storageKey"
  | "BlockTag"
  | "BlockNumberOrTag"
  | "BlockNumberOrTagOrHash"
  | "AccessList"
  | "AuthorizationList"
  | "Withdrawal"
  | "Log"
  | "TransactionInfo"
  | "Block"
  | "BadBlock"
  | "Uncle"
  | "ReceiptInfo"
  | "Filter"
  | "GenericTransaction"
  | "SyncingStatus"
  | "FeeHistory"
  | "AccountProof"
  | "Config"
  | "Configs"
  | "Resource"
  | "Capabilities"
  | "PoolStatus"
  | "PoolContent"
  | "PoolContentFrom";

const nullable = (schema: Schema): Schema => anyOf(schema, NULL);

const HEADER: Properties = {
  number: ref("uint"),
  hash: nullable(ref("hash32")),
  parentHash: ref("hash32"),
  nonce: nullable(ref("bytes8")),
  mixHash: ref("hash32"),
  sha3Uncles: ref("hash32"),
  logsBloom: ref("bytes256"),
  transactionsRoot: ref("hash32"),
  stateRoot: ref("hash32"),
  receiptsRoot: ref("hash32"),
  miner: nullable(ref("address")),
  difficulty: ref("uint"),
  extraData: ref("bytes"),
  gasLimit: ref("uint"),
  gasUsed: ref("uint"),
  timestamp: ref("uint"),
  size: ref("uint"),
  uncles: listOf(ref("hash32")),
};

/** What forks added to headers. */
const LATER: Properties = {
  baseFeePerGas: ref("uint"),
  withdrawalsRoot: ref("hash32"),
  blobGasUsed: ref("uint"),
  excessBlobGas: ref("uint"),
  parentBeaconBlockRoot: ref("hash32"),
  requestsHash: ref("hash32"),
};

/** Null while a transaction is pending. */
const PLACE: Properties = {
  blockHash: nullable(ref("hash32")),
  blockNumber: nullable(ref("uint")),
  blockTimestamp: nullable(ref("uint")),
  transactionIndex: nullable(ref("uint")),
};

const AUTHORIZATION = objectOf({
  chainId: ref("uint"),
  address: ref("address"),
  nonce: ref("uint"),
  yParity: ref("uint"),
  r: ref("uint"),
  s: ref("uint"),
});

const BLOB_SCHEDULE = objectOf({ target: INTEGER, max: INTEGER, baseFeeUpdateFraction: INTEGER });

const POOL = tableOf(ref("TransactionInfo"));

const ONE_OR_MORE_ADDRESSES = anyOf(ref("address"), listOf(ref("address")), NULL);
const TOPIC = anyOf(NULL, ref("hash32"), listOf(nullable(ref("hash32"))));

/** By name; `ref` refers to them. */
export const SCHEMAS: Readonly<Record<SchemaName, Schema>> = {
  uint: { title: "hexadecimal number without leading zeros", type: "string", pattern: "^0x(0|[1-9a-f][0-9a-f]*)$" },
  uintDecimal: DECIMAL,
  bytes: { title: "hexadecimal bytes", type: "string", pattern: "^0x([0-9a-f]{2})*$" },
  bytes4: bytesOf(4, "4 hexadecimal bytes"),
  bytes8: bytesOf(8, "8 hexadecimal bytes"),
  bytes256: bytesOf(256, "256 hexadecimal bytes"),
  address: { title: "address", type: "string", pattern: "^0x[0-9a-fA-F]{40}$" },
  hash32: bytesOf(32, "32 hexadecimal bytes"),
  storageKey: { title: "at most 32 hexadecimal bytes", type: "string", pattern: "^0x[0-9a-fA-F]{0,64}$" },
  BlockTag: { title: "tag of a block", type: "string", enum: ["earliest", "finalized", "safe", "latest", "pending"] },
  BlockNumberOrTag: anyOf(ref("uint"), ref("BlockTag")),
  BlockNumberOrTagOrHash: anyOf(
    ref("uint"),
    ref("BlockTag"),
    ref("hash32"),
    objectOf({ blockHash: ref("hash32") }, { requireCanonical: BOOLEAN }),
    objectOf({ blockNumber: ref("BlockNumberOrTag") }),
  ),
  AccessList: listOf(objectOf({ address: ref("address"), storageKeys: listOf(ref("hash32")) })),
  AuthorizationList: listOf(AUTHORIZATION),
  Withdrawal: objectOf({
    index: ref("uint"),
    validatorIndex: ref("uint"),
    address: ref("address"),
    amount: ref("uint"),
  }),
  Log: objectOf({
    address: ref("address"),
    topics: listOf(ref("hash32")),
    data: ref("bytes"),
    blockHash: ref("hash32"),
    blockNumber: ref("uint"),
    blockTimestamp: ref("uint"),
    transactionHash: ref("hash32"),
    transactionIndex: ref("uint"),
    logIndex: ref("uint"),
    removed: BOOLEAN,
  }),
  TransactionInfo: objectOf(
    {
      ...PLACE,
      hash: ref("hash32"),
      from: ref("address"),
      to: nullable(ref("address")),
      nonce: ref("uint"),
      gas: ref("uint"),
      gasPrice: ref("uint"),
      value: ref("uint"),
      input: ref("bytes"),
      type: ref("uint"),
      v: ref("uint"),
      r: ref("uint"),
      s: ref("uint"),
    },
    {
      chainId: ref("uint"),
      yParity: ref("uint"),
      accessList: ref("AccessList"),
      maxFeePerGas: ref("uint"),
      maxPriorityFeePerGas: ref("uint"),
      maxFeePerBlobGas: ref("uint"),
      blobVersionedHashes: listOf(ref("hash32")),
      authorizationList: ref("AuthorizationList"),
    },
  ),
  Block: objectOf(
    { ...HEADER, transactions: anyOf(listOf(ref("hash32")), listOf(ref("TransactionInfo"))) },
    { ...LATER, withdrawals: listOf(ref("Withdrawal")) },
  ),
  BadBlock: objectOf({ hash: ref("hash32"), block: ref("Block"), rlp: ref("bytes") }),
  Uncle: objectOf(HEADER, LATER),
  ReceiptInfo: objectOf(
    {
      transactionHash: ref("hash32"),
      transactionIndex: ref("uint"),
      blockHash: ref("hash32"),
      blockNumber: ref("uint"),
      from: ref("address"),
      to: nullable(ref("address")),
      type: ref("uint"),
      cumulativeGasUsed: ref("uint"),
      gasUsed: ref("uint"),
      effectiveGasPrice: ref("uint"),
      contractAddress: nullable(ref("address")),
      logs: listOf(ref("Log")),
      logsBloom: ref("bytes256"),
    },
    { status: ref("uint"), root: ref("hash32"), blobGasUsed: ref("uint"), blobGasPrice: ref("uint") },
  ),
  Filter: objectOf(
    {},
    {
      blockHash: ref("hash32"),
      fromBlock: ref("BlockNumberOrTag"),
      toBlock: ref("BlockNumberOrTag"),
      address: ONE_OR_MORE_ADDRESSES,
      topics: { type: "array", items: TOPIC, maxItems: 4 },
    },
  ),
  GenericTransaction: {
    type: "object",
    properties: {
      from: ref("address"),
      to: nullable(ref("address")),
      gas: ref("uint"),
      gasPrice: ref("uint"),
      maxFeePerGas: ref("uint"),
      maxPriorityFeePerGas: ref("uint"),
      maxFeePerBlobGas: ref("uint"),
      blobVersionedHashes: listOf(ref("hash32")),
      nonce: ref("uint"),
      chainId: ref("uint"),
      value: ref("uint"),
      input: ref("bytes"),
      data: ref("bytes"),
      accessList: ref("AccessList"),
      authorizationList: ref("AuthorizationList"),
    },
  },
  SyncingStatus: anyOf(
    { const: false },
    objectOf({ startingBlock: ref("uint"), currentBlock: ref("uint"), highestBlock: ref("uint") }),
  ),
  FeeHistory: objectOf(
    { oldestBlock: ref("uint"), gasUsedRatio: listOf(RATIO), baseFeePerGas: listOf(ref("uint")) },
    {
      baseFeePerBlobGas: listOf(ref("uint")),
      blobGasUsedRatio: listOf(RATIO),
      reward: listOf(listOf(ref("uint"))),
    },
  ),
  AccountProof: objectOf({
    address: ref("address"),
    accountProof: listOf(ref("bytes")),
    balance: ref("uint"),
    codeHash: ref("hash32"),
    nonce: ref("uint"),
    storageHash: ref("hash32"),
    storageProof: listOf(objectOf({ key: ref("storageKey"), value: ref("uint"), proof: listOf(ref("bytes")) })),
  }),
  Config: objectOf({
    activationTime: INTEGER,
    blobSchedule: nullable(BLOB_SCHEDULE),
    chainId: ref("uint"),
    forkId: ref("bytes4"),
    precompiles: tableOf(ref("address")),
    systemContracts: tableOf(ref("address")),
  }),
  Configs: objectOf({
    current: nullable(ref("Config")),
    next: nullable(ref("Config")),
    last: nullable(ref("Config")),
  }),
  Resource: objectOf(
    { disabled: BOOLEAN },
    {
      oldestBlock: ref("uint"),
      deleteStrategy: objectOf({ type: { const: "window" }, retentionBlocks: ref("uint") }),
    },
  ),
  Capabilities: objectOf({
    head: objectOf({ number: ref("uint"), hash: ref("hash32") }),
    state: ref("Resource"),
    tx: ref("Resource"),
    logs: ref("Resource"),
    receipts: ref("Resource"),
    blocks: ref("Resource"),
    stateproofs: ref("Resource"),
  }),
  PoolStatus: objectOf({ pending: ref("uint"), queued: ref("uint") }),
  PoolContent: objectOf({ pending: tableOf(POOL), queued: tableOf(POOL) }),
  PoolContentFrom: objectOf({ pending: POOL, queued: POOL }),
};
