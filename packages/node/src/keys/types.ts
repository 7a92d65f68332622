/** Accounts the node signs for. */

import type { Hex } from "@counterpart/core/base/bytes";

export interface KeyRing {
  /** The node's own account: seals blocks and is the default sender. */
  readonly own: Hex;
  accounts(): readonly Hex[];
  /** Those among them whose keys were lent for the time that the node runs, in the order in which they were. */
  readonly lent?: readonly Hex[];
  holds(address: Hex): boolean;
  /** Makes a new account, durable before this resolves. */
  create(): Promise<Hex>;
  /**
   * 65 bytes over a 32-byte digest: r ‖ s ‖ recovery bit.
   * @throws CodedError `FROM_NOT_HELD`
   */
  sign(address: Hex, digest: Uint8Array): Uint8Array;
}
