/** Every bound of the driver. Wire caps are in core's `sync/limits.ts`. */

const KIB = 1024;

/** Peers at once, for the network as well. */
export const PEERS_MAX = 50;
/** Links that have not shaken hands yet, beyond the peers. */
export const STRANGERS_MAX = 64;
/** Addresses that are remembered and redialled. */
export const TARGETS_MAX = 64;
/** Peers whose score is remembered. */
export const STANDINGS_MAX = 1_024;
/** Bans that are kept; the oldest go first. */
export const BANS_MAX = 1_024;
/** Peers whose redials are refused after `disconnect`. */
export const REFUSED_MAX = 256;

export const DIAL_TIMEOUT_MS = 10_000;
export const HANDSHAKE_TIMEOUT_MS = 5_000;
export const REQUEST_TIMEOUT_MS = 5_000;
/** A request without the beginning of an answer after this time is sent once more as soon as the peer is heard. */
export const REQUEST_REPEAT_MS = 1_500;
/** A peer that says nothing for this long, though `Status` is due every 2 s, is taken for gone. */
export const SILENCE_MAX_MS = 30_000;
/** Redial delays: doubled after each failure, jittered between half and the whole. */
export const REDIAL_MIN_MS = 1_000;
export const REDIAL_MAX_MS = 30_000;
/** A link that lived this long proves the address good: the next redial starts from the shortest delay. */
export const LINK_PROVEN_MS = 10_000;
export const TOO_MANY_PEERS_RETRY_MS = 30_000;

/** A `Status` that came late looks like a wrong clock; so many in a row do not. */
export const SKEWED_STATUSES_MAX = 3;
export const STATUS_INTERVAL_MS = 2_000;
/** Changes within this time make one `Status`. */
export const STATUS_COALESCE_MS = 10;
/** While re-injected transactions wait to be tried, this often is looked whether they were. */
export const REINJECTION_POLL_MS = 50;

/** What one peer is known to have: blocks, transactions, announcements. */
export const KNOWN_MAX = 4_096;
/** Announcements of one peer that wait to be handled; more are dropped, `Status` makes up for them. */
export const INBOX_MESSAGES_MAX = 128;
export const INBOX_BYTES_MAX = 4 * KIB * KIB;
/** Announcements of one peer whose block is not here yet. */
export const EARLY_MESSAGES_MAX = 64;
export const EARLY_BYTES_MAX = 2 * KIB * KIB;
export const EARLY_TRIES_MAX = 4;

/** Peers whose allowances are remembered. */
export const ALLOWANCES_MAX = 1_024;
/** What serving a peer may take of this node: well above what a peer that executes all it fetches can ask for. */
export const SERVED_BYTES_PER_S = 32 * KIB * KIB;
export const SERVED_BYTES_BURST = 64 * KIB * KIB;
export const SERVING_MS_PER_S = 500;
export const SERVING_MS_BURST = 5_000;
/** What a request counts as at least. */
export const REQUEST_BYTES_MIN = KIB;
/** Announcements of one peer; more are dropped. */
export const ANNOUNCEMENTS_PER_S = 1_000;
export const ANNOUNCEMENTS_BURST = 8_192;
export const ANNOUNCED_BYTES_PER_S = 8 * KIB * KIB;
export const ANNOUNCED_BYTES_BURST = 64 * KIB * KIB;
/** `Status` of one peer that are looked at when they come, well above one for each `STATUS_COALESCE_MS`: */
export const STATUSES_PER_S = 200;
export const STATUSES_BURST = 1_024;
/** of more, the newest is looked at after this. */
export const STATUS_DEFERRED_MS = 100;

/** Smaller frames are not compressed. */
export const PACKED_BYTES_MIN = KIB;
/** A compressed frame may hold so many times its own size, */
export const PACKED_RATIO_MAX = 20;
/** and so much at the most. */
export const UNPACKED_BYTES_MAX = 4 * KIB * KIB;

export const SERVE_CPU_MS_MAX = 15;
export const BUSY_RETRY_MS = 100;
/** How often and how long a request that a peer is too busy for is repeated. */
export const BUSY_TRIES_MAX = 4;
export const BUSY_WAIT_MAX_MS = 2_000;

/** Blocks whose sender is remembered, to credit what they bring. */
export const ORIGINS_MAX = 4_096;
/** A new head that joins more blocks than this is not announced block by block, and no more announced headers are kept. */
export const ANNOUNCED_BLOCKS_MAX = 8;
/** Contracts of one block that are announced one by one. */
export const ANNOUNCED_CONTRACTS_MAX = 256;
/** Transactions that wait for the next flooding round. */
export const FLOOD_QUEUE_MAX = 8_192;
/** Pool transactions offered to a peer when it is first in step. */
export const OFFERED_TRANSACTIONS_MAX = 1_024;
/** What has waited in the pool of a node that may not seal for so long is offered to its peers again, as often. */
export const OFFER_AGAIN_MS = 2_000;

/** Delays after a peer failed to deliver: doubled each time, jittered. */
export const RETRY_MIN_MS = 250;
export const RETRY_MAX_MS = 30_000;
/** A peer that answers, and has not what it is asked for, is told of in the log when it is so for so many times in a row. */
export const STALLS_TOLD_FROM = 4;
/** The same two sets of artifacts are not compared again from the start before this. */
export const COMPARE_AGAIN_MS = 30_000;
/** Artifacts are fetched whatever the heads are when these have differed for so long: where blocks never pause. */
export const APART_MAX_MS = 5_000;
/** Not while so many blocks are missing, because most contracts that the artifacts speak of are missing with them. */
export const APART_BLOCKS_MAX = 256;
/** Artifacts that a pull brings beyond those that the peer says it has: they may change while it runs. */
export const PULL_SURPLUS_MAX = 1_024;
/** Blocks are fetched from one peer for this long; then whoever delivers fastest has the next turn. */
export const PULL_TURN_MS = 10_000;
/** Peers at once of which blocks are fetched: one in its turn, the others because they have not answered in theirs. */
export const PULL_PEERS_MAX = 4;
/** Requests for state that one peer is asked at once; half of what it serves, so that blocks find a place. */
export const STATE_REQUESTS_MAX = 2;
/** Requests for state that wait for a peer. */
export const STATE_WAITING_MAX = 1_024;
/** Blocks for each peer of which is remembered that it does not hold their state. */
export const UNHELD_MAX = 64;
/** A peer on whose chain a block is not is asked again about its state after this: its chain may have it then. */
export const UNHELD_MS = 5_000;
/** How long the peers' chains are waited for to reach the block whose state is wanted. */
export const BEHIND_MS_MAX = 5_000;
/** How fast a peer is counts for so long; then it is tried again like a new one. */
export const STATE_RATE_MS = 10_000;
/** Content asked for inline in one answer; the envelopes need the rest of the frame. */
export const INLINE_BYTES_MAX = 384 * KIB;
/** Longest wait for agreement that `connect` takes. */
export const CONNECT_WAIT_MAX_MS = 3_600_000;
/** Sealing is held back for the sake of better chains that peers claim for this long in a row at the most. */
export const CATCH_UP_MS_MAX = 60_000;
/** Blocks that execution here contradicts and whose senders are remembered. */
export const DISPUTES_MAX = 16;
/** How often peers are asked whether they hold such a block, until enough of them have said so, */
export const DISPUTE_POLLS_MAX = 8;
/** how long after the answers again, as they may be executing it still, */
export const DISPUTE_POLL_MS = 500;
/** and how long an answer is waited for. */
export const DISPUTE_ANSWER_MS = 1_000;
/** Bans of this node by others that count together: the others found out about its block at about the same time. */
export const OUTCAST_MS = 60_000;
/** Contracts remembered that a reorganisation took away. */
export const HAD_BEFORE_MAX = 4_096;
/** Nodes whose heads never stand still count as in step after holding each other's for so long. */
export const COVERED_MS = 2_000;

/** Peers that are asked where a contract comes from while nothing proves it. */
export const ORIGIN_VOICES_MAX = 5;
/** After which a peer is asked again for the artifacts of chosen contracts, where that failed. */
export const ARTIFACTS_RETRY_MS = 5_000;
/** A peer that failed when it was asked where contracts come from is asked again after this, */
export const NAMES_RETRY_MS = 5_000;
/** and one that did not know after this: it may have found out. */
export const NAMES_AGAIN_MS = 10 * 60_000;
/** Segments of the key space that a state is fetched in side by side. */
export const SEGMENTS_MAX = 8;
/** Requests for storages, codes and origins of one batch of accounts at once. */
export const STATE_LANES = 4;
/** Nodes that are asked for beforehand, because a trie is likely to differ there. */
export const EXPECTED_NODES_MAX = 128;
/** Tries whose changing keys are remembered, and keys of each. */
export const LIKELY_TRIES_MAX = 1_024;
export const LIKELY_KEYS_MAX = 32;
/** Contracts that a replica asks for by name, in one request; for more only the nodes come that differ. */
export const CONTRACTS_BY_NAME_MAX = 16;
/** Requests for the nodes of one trie at once. */
export const WALK_LANES = 4;
/** Changes that a walk gathers before they are written. */
export const WALK_CHANGES_MAX = 65_536;
/** A storage of which no more slots are held is fetched whole: that takes fewer requests, and not many more bytes. */
export const WHOLE_STORAGE_SLOTS_MAX = 32;
/** Accounts whose storage and code are fetched together. */
export const ACCOUNTS_AT_A_TIME = 512;
/** What is gathered of a state before it is written. */
export const PORTION_BYTES_MAX = 512 * KIB;
/** Less than this waits for more pages of its segment, but not for many. */
export const PORTION_BYTES_MIN = 32 * KIB;
export const PORTION_PAGES_MAX = 16;
/** A step from one head to the next that takes more is no longer one write: the state cannot be read meanwhile. */
export const STEP_BYTES_MAX = 32 * KIB * KIB;
/** A node that begins with the genesis takes over the state of who has at least so many blocks more. */
export const JOIN_BLOCKS_MIN = 64;
/** Headers of a branch that is not yet better than the chain that is held. */
export const BRANCH_HEADERS_MAX = 65_536;
/** Headers that are written together, while there are more: what was not written when a node ends is fetched again. */
export const HEADERS_AT_A_TIME = 2_048;
/** After which it is said that only replicas are ahead: a full node may be about to connect. */
export const ONLY_REPLICAS_MS = 10_000;
/** A state that is being taken over is left for that of a head so many blocks later; states of so many are held. */
export const TARGET_LAG_MAX = 128;
/** How often it is looked, while a state is being taken over, whether the chain that it is of is still the best. */
export const LOOK_AHEAD_MS = 5_000;
/** As long as a state is held at least: then nobody but who leads this node on still gives it. */
export const TARGET_MS_MAX = 15 * 60_000;
/** Heads are remembered for so long whose state nobody gave. */
export const GIVEN_UP_MS = 60_000;
export const GIVEN_UP_MAX = 64;
/** What a peer may fail with one request for state before others count as having had their say; being busy costs 1. */
export const FAILURES_MAX = 16;
export const FAILURE_COST = 4;
