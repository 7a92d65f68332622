/** Every error code, the HTTP status it maps to, and one line that says what it means. */

interface ErrorEntry {
  readonly status: number;
  readonly meaning: string;
}

const entry = (status: number, meaning: string): ErrorEntry => ({ status, meaning });

export const ERROR_CATALOGUE = {
  // bytes and encodings
  INVALID_HEX: entry(400, "text is not 0x-prefixed hexadecimal of the expected size"),
  INVALID_QUANTITY: entry(400, "a number is negative, fractional or out of range"),
  INVALID_UTF8: entry(400, "bytes are not valid UTF-8"),
  INVALID_RLP: entry(400, "bytes are not canonical RLP of the expected shape, or exceed a limit"),
  INVALID_SIGNATURE: entry(400, "a signature is malformed, has a high s, or recovers no key"),
  INVALID_TRIE_NODE: entry(400, "a trie node is malformed or does not match its hash"),
  INVALID_PROOF: entry(400, "a proof does not prove what it is said to prove"),
  // chain
  INVALID_TRANSACTION: entry(400, "a transaction is malformed or breaks a rule that no state can change"),
  BLOBS_UNSUPPORTED: entry(400, "blob transactions (type 3) are not accepted"),
  INVALID_HEADER: entry(400, "a block header breaks a consensus rule"),
  INVALID_BLOCK: entry(400, "a block's body or execution disagrees with its header"),
  FUTURE_BLOCK: entry(400, "a block is dated more than 60 s ahead of this node's clock"),
  INVALID_GENESIS: entry(400, "the genesis file is malformed or differs from the one in the data directory"),
  INVALID_CHAIN_FILE: entry(400, "a file of blocks is truncated, has trailing bytes, or holds what is no block"),
  // pool
  NONCE_TOO_LOW: entry(409, "the sender has already used this nonce"),
  NONCE_TOO_HIGH: entry(409, "the nonce is too far ahead of the sender's next one"),
  INSUFFICIENT_FUNDS: entry(422, "the sender cannot pay value and gas"),
  UNDERPRICED: entry(409, "a replacement needs a tip at least 10 % and 1 wei higher"),
  GAS_LIMIT_EXCEEDED: entry(422, "the gas limit is above what a transaction or block may use"),
  POOL_FULL: entry(503, "the transaction pool accepts no more transactions at present"),
  POOL_PEER_QUOTA: entry(429, "this peer has too many pending transactions here"),
  POOL_SENDER_QUOTA: entry(429, "this sender has too many pending transactions"),
  TRANSACTION_CONFLICTED: entry(409, "another transaction of the same sender took this one's nonce"),
  // contracts
  CONTRACT_NOT_FOUND: entry(404, "there is no contract at this address at the head"),
  BLOCK_NOT_FOUND: entry(404, "no such block on the canonical chain"),
  PRUNED: entry(410, "what was asked of this block, its state or its body, is not held any more, or never was"),
  TRANSACTION_NOT_FOUND: entry(404, "no such transaction is known to this node"),
  TOO_MANY_ACCOUNTS: entry(409, "this node already holds as many accounts as it may"),
  ABI_MISSING: entry(409, "the contract has no artifact here, so a function cannot be named"),
  INVALID_ABI: entry(400, "the ABI is malformed"),
  INVALID_BYTECODE: entry(400, "the bytecode is empty, malformed or too large"),
  UNKNOWN_FUNCTION: entry(400, "the contract's ABI has no such function"),
  AMBIGUOUS_FUNCTION: entry(400, "several overloads match: give the full signature"),
  MISSING_PARAMETER: entry(400, "a parameter of the function was not given"),
  UNKNOWN_PARAMETER: entry(400, "a parameter was given that the function does not have"),
  INVALID_PARAMETER: entry(400, "a parameter does not fit its ABI type"),
  VIEW_FUNCTION: entry(400, "the function changes no state: use /call"),
  FROM_NOT_HELD: entry(403, "this node does not hold the key of the sending account"),
  EXECUTION_REVERTED: entry(422, "the execution reverts; nothing was sent"),
  EXECUTION_HALTED: entry(422, "the execution ends in an EVM exception; nothing was sent"),
  BALANCE_UNAVAILABLE: entry(422, "the contract does not answer balanceOf(address)"),
  INVALID_ARTIFACT: entry(400, "an artifact record is malformed, too large or not signed by the contract's owner"),
  STALE_ARTIFACT: entry(409, "a newer artifact is already held"),
  // requests
  INVALID_REQUEST: entry(400, "a request does not match its schema"),
  MALFORMED_JSON: entry(400, "the body is not valid JSON"),
  PAYLOAD_TOO_LARGE: entry(413, "the body is larger than the limit"),
  UNSUPPORTED_MEDIA_TYPE: entry(415, "the content type is not application/json"),
  ROUTE_NOT_FOUND: entry(404, "no such endpoint"),
  METHOD_NOT_ALLOWED: entry(405, "the endpoint does not have this method"),
  RATE_LIMITED: entry(429, "too many requests"),
  IDEMPOTENCY_KEY_REUSED: entry(422, "the Idempotency-Key was used for another request in the last 24 hours"),
  IDEMPOTENCY_KEYS_FULL: entry(503, "this node remembers as many idempotency keys as it may"),
  TOO_MANY_SUBSCRIBERS: entry(503, "this node serves as many event streams as it may"),
  HOST_NOT_ALLOWED: entry(403, "the Host or Origin header is not one this node answers to"),
  UNAUTHORIZED: entry(401, "the bearer token is missing or wrong"),
  NOT_READY: entry(503, "the node is starting, stopping, or still taking the state over from its peers"),
  DIVERGED: entry(503, "this node's execution contradicts what most peers hold, so that its state is not served"),
  NOT_HELD: entry(503, "a replica does not hold this part of the state, and no peer has proven it"),
  HOLDS_ALL: entry(409, "only a replica of chosen contracts can be told to hold others"),
  TOO_MANY_CONTRACTS: entry(409, "this replica holds as many contracts as it may"),
  REPLICA: entry(409, "this node is a replica: it executes no blocks and takes no transactions"),
  READ_ONLY: entry(409, "this node serves an imported chain: it seals nothing, takes no transactions and has no peers"),
  // network
  INVALID_ADDRESS: entry(400, "a peer address is neither host:port nor a multiaddr"),
  CONNECTION_REFUSED: entry(502, "nothing listens at the peer's address"),
  CONNECTION_FAILED: entry(502, "no connection to the peer could be made"),
  CONNECTION_TIMEOUT: entry(504, "the peer did not answer in time"),
  NOT_A_PEER: entry(502, "the other side does not speak this protocol"),
  SELF_CONNECTION: entry(400, "the address is this node's own"),
  WRONG_CHAIN: entry(409, "the peer is on another chain id or genesis"),
  INCOMPATIBLE_VERSION: entry(409, "the peer speaks no common protocol version"),
  CLOCK_SKEW: entry(409, "the peer's clock and this node's are more than 60 s apart"),
  TOO_MANY_PEERS: entry(503, "the peer limit is reached"),
  PEER_BANNED: entry(403, "the peer is banned for misbehaviour"),
  PEER_DISCONNECTED: entry(502, "the peer disconnected"),
  MERGE_BELOW_HISTORY: entry(409, "a better chain parts from this node's further below its head than can be merged"),
  BAD_MESSAGE: entry(400, "a peer's message is malformed, oversized or unexpected"),
  REQUEST_TIMEOUT: entry(504, "a peer did not answer a request in time"),
  PEER_ERROR: entry(502, "a peer answered a request with an error"),
  // start-up and storage
  INVALID_CONFIG: entry(400, "a flag, variable or configuration key has an invalid value"),
  PORT_IN_USE: entry(500, "a port is already taken"),
  DATA_DIR_LOCKED: entry(500, "another process uses the data directory"),
  DATA_DIR_UNUSABLE: entry(500, "the data directory cannot be created, read or written"),
  STORE_CORRUPT: entry(500, "stored data fails its checksum"),
  STORE_VERSION: entry(500, "the data directory was written by another version of the program"),
  STORE_WRITE_FAILED: entry(507, "the store could not be written"),
  // the program itself
  INTERNAL_ERROR: entry(500, "an unexpected failure; the log has the details under the request id"),
  INVARIANT_BROKEN: entry(500, "a defect of this program: an invariant does not hold"),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;
