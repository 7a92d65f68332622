/** A node's own words on why it did not do what it was asked, and what can be done about them. */

/** An answer that is an RFC 9457 problem document. */
export class NodeRefusal extends Error {
  /** Stable, as docs/ERRORS.md lists them. */
  readonly code: string;
  /** Of HTTP. */
  readonly status: number;
  /** The whole document. */
  readonly problem: Readonly<Record<string, unknown>>;
  /** Seconds after which to ask again, where the node said so. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: string, status: number, problem: Readonly<Record<string, unknown>>, retryAfterSeconds?: number) {
    super(typeof problem.detail === "string" ? problem.detail : `the node answers with status ${status}`);
    this.name = "NodeRefusal";
    this.code = code;
    this.status = status;
    this.problem = problem;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const HINTS: Readonly<Record<string, string>> = {
  UNAUTHORIZED: "give the node's token: --token-file <data directory>/api-token, or COUNTERPART_TOKEN_FILE",
  HOST_NOT_ALLOWED: "give --url with the node's IP address, or localhost, in the place of a name",
  FROM_NOT_HELD: "counterpart accounts list shows the accounts that this node signs for; choose one with --from",
  CONTRACT_NOT_FOUND: "counterpart contracts list shows those that there are; is it another chain, or not synced yet?",
  TRANSACTION_NOT_FOUND: "was it sent to another node? counterpart tx send hands a signed one in",
  BLOCK_NOT_FOUND: "counterpart blocks list shows the newest; counterpart status how far behind the node is",
  ABI_MISSING: "counterpart contracts publish <address> --artifact <file>, or --abi <file>, on the owner's node",
  VIEW_FUNCTION: "it changes nothing: counterpart contracts call <address> <function> …",
  UNKNOWN_FUNCTION: "counterpart contracts show <address> lists its functions",
  AMBIGUOUS_FUNCTION: "give its whole signature, in quotes: 'burn(address,uint256)'",
  INVALID_PARAMETER: "amounts are whole numbers of base units; arrays and tuples are JSON: 'ids=[1,2]'",
  INSUFFICIENT_FUNDS: "counterpart accounts show <address> tells the balance",
  POOL_FULL: "nothing was sent",
  POOL_SENDER_QUOTA: "wait until some of its transactions are in blocks, or send --from another account",
  RATE_LIMITED: "try again in a while",
  TOO_MANY_SUBSCRIBERS: "end another watch of this node, or watch another node",
  NOT_READY: "counterpart status --watch shows how far it has come",
  DIVERGED: "counterpart status names the block; docs/OPERATIONS.md says what to do with such a node",
  REPLICA: "give --url of a full node",
  READ_ONLY: "this node serves an imported chain; give --url of a node with a chain of its own",
  NOT_HELD: "give --url of a full node, or connect the replica to one: counterpart peers connect <address>",
  PRUNED: "a node that was started with --history archive still has it",
  IDEMPOTENCY_KEY_REUSED: "use a new key for a new request",
  TRANSACTION_CONFLICTED: "another transaction took its nonce; send it anew",
  CODE_MISMATCH:
    "were sources, optimizer, its runs, via IR, EVM version and libraries those that it was deployed with?",
  STALE_ARTIFACT: "counterpart contracts show <address> tells what is held",
  PEER_BANNED: "counterpart peers bans lists the bans; counterpart peers unban <peer-id> ends one",
  CONNECTION_REFUSED: "is that node running, and is that its --p2p-port?",
  NOT_A_PEER: "give the address that the node prints as P2P; its API has another port",
  INVALID_ADDRESS: "such as 127.0.0.1:5000; a node prints its own as P2P when it starts",
  NETWORK_KEY_MISMATCH: "start both nodes with the same --network-key, or both without",
  PEER_NOT_ALLOWED: "each node's --allow-peers must name the other's peer id",
  WRONG_CHAIN: "both nodes need the same genesis file: --genesis, or genesis.json in the data directory",
  CLOCK_SKEW: "set the clocks of both machines, by NTP for instance",
  STORE_CORRUPT: "stop the node and run counterpart db verify",
  STORE_WRITE_FAILED: "is the node's disk full? its log says more",
};

/** What a person can do about a refusal; undefined where that is in its message. */
export function hintOf({ code, problem }: NodeRefusal): string | undefined {
  const { libraries, contracts, abi_type: type, reason, instance, use } = problem;
  if (code === "NOT_HELD" && use !== undefined) return undefined;
  // Publishing takes no sender.
  if (code === "FROM_NOT_HELD" && /\/artifact$/.test(String(instance)))
    return "counterpart contracts show <address> names the owner; give --url of the node that has its key";
  if (code === "INVALID_PARAMETER" && type === "string" && / is not text$/.test(String(reason)))
    return "text that looks like a number, true, false or JSON goes in quotes of its own: '\"1e3\"'";
  if (code === "INVALID_PARAMETER" && !/int|[[(]/.test(String(type))) return undefined;
  if (code === "INVALID_PARAMETER" && / (takes no value|is negative|is out of range)$/.test(String(reason)))
    return undefined;
  if (code === "INVALID_BYTECODE" && Array.isArray(libraries) && libraries.length > 0)
    return "deploy each of them, then give --library Name=0x…";
  if (code === "INVALID_REQUEST" && Array.isArray(contracts) && contracts.length > 1)
    return "choose one with --contract";
  return Object.hasOwn(HINTS, code) ? HINTS[code] : undefined;
}

/** Every code that has a hint, so that a test can hold them against the catalogue. */
export const HINTED_CODES: readonly string[] = Object.keys(HINTS);
