/** The tables of a node's database, and what their keys and values are. Types only. */

export type TableName =
  /** name → bytes: format version, genesis hash, instance id, head, place in the log. */
  | "meta"
  /** block hash → header. */
  | "headers"
  /** block hash → transactions. */
  | "bodies"
  /** block hash → receipts; canonical blocks only. */
  | "receipts"
  /** number (8 bytes) → hash of the canonical block. */
  | "canonical"
  /** hash → number of every held block that is not canonical. */
  | "side"
  /** transaction hash → block hash ‖ index (4 bytes); canonical blocks only. */
  | "transactions"
  /** keccak(address) → account of the head. */
  | "accounts"
  /** keccak(address) ‖ keccak(slot) → value at the head. */
  | "storage"
  /** code hash → code. */
  | "codes"
  /** path → node of the account trie of the head. */
  | "accountNodes"
  /** keccak(address) ‖ path → node of a storage trie of the head. */
  | "storageNodes"
  /** number (8 bytes) → previous values of what that canonical block changed. */
  | "changes"
  /** keccak(address) ‖ number (8 bytes) → account before the canonical block with this number, which changed it; empty: none. */
  | "accountHistory"
  /** keccak(address) ‖ keccak(slot) ‖ number (8 bytes) → value before the canonical block with this number; empty: zero. */
  | "storageHistory"
  /** number (8 bytes) → what can be asked of the logs of that canonical block; those without logs have none. */
  | "logItems"
  /** number (8 bytes) of the first block of a section of the index of logs → number of the last, and how its rows are cut. */
  | "logSections"
  /** number (8 bytes) of a section's first block ‖ leading bits of items (2 bytes) → these items, each with its blocks. */
  | "logEntries"
  /**
   * table name ‖ 0x00 ‖ key → what that row becomes when the branch being executed wins. Rows of a branch that did not
   * win may stay until the next switch of branches or the next start; nobody reads them.
   */
  | "staging"
  /** address → contract entry at the head. */
  | "contracts"
  /** keccak(address) → address, of every contract that was ever at the head. It is as true of one that is gone. */
  | "preimages"
  /** keccak(address) → nothing, of every contract at the head that was taken over and is to be named yet by a peer. */
  | "unnamed"
  /** transaction hash → pending transaction. */
  | "pool"
  /** transaction hash → transaction that lost its nonce, and the one that took it. */
  | "conflicts"
  /** address ‖ code hash ‖ owner → artifact record with its change sequence. */
  | "artifacts"
  /** change sequence (8 bytes) → key of the artifact. */
  | "artifactFeed"
  /** keccak(Idempotency-Key) → the request that used it and the transaction that it became. */
  | "idempotency"
  /** hash of a creating transaction → artifact content to sign once it is included. */
  | "artifactDrafts"
  /** address → when a peer that is redialled was added. */
  | "peers"
  /** peer id → the ban that it is under, or was lately. */
  | "bans"
  /** instance id → the change sequence of that node's artifacts up to which this node has them. */
  | "checkpoints";
