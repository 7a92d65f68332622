/** A whole node, as the command line sees it. */

import type { Hex } from "@counterpart/core/base/bytes";

/** Where a running node can be reached, and what it is. */
export interface Addresses {
  /** Base URL of REST, JSON-RPC and the documentation, without a slash at its end: `http://127.0.0.1:8080`. */
  readonly api: string;
  /** Multiaddrs with the peer id. */
  readonly p2p: readonly string[];
  /** Absolute. */
  readonly dataDir: string;
  /** The node's own account. */
  readonly account: Hex;
}

export interface App {
  /**
   * Resolves when all parts serve.
   * @throws CodedError such as `PORT_IN_USE`, `DATA_DIR_LOCKED`, `STORE_CORRUPT`, `INVALID_GENESIS`; the parts that had
   * started are stopped again
   */
  start(): Promise<Addresses>;
  /** Whether the node has diverged from its peers; of a node that has started, also after `stop`. */
  isDiverged(): boolean;
  /** Ends everything, what was acknowledged being durable. Called once, after `start` has resolved or rejected. */
  stop(): Promise<void>;
}
