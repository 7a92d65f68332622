/** Transports and randomness of this platform. The only file of the network adapter that is bound to Node. */

import { randomBytes } from "node:crypto";
import { tcp } from "@libp2p/tcp";
import { webSockets } from "@libp2p/websockets";
import type { Libp2pOptions } from "libp2p";

/** So many bytes that nobody can guess. */
export const secureRandom = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));

/** @param socketsMax inbound TCP connections at once, those included that have not shown who they are */
export function createTransports(socketsMax: number): NonNullable<Libp2pOptions["transports"]> {
  return [tcp({ maxConnections: socketsMax }), webSockets()];
}
