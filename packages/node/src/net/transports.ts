/** The transports of this platform. The only file of the network adapter that is bound to Node. */

import { tcp } from "@libp2p/tcp";
import { webSockets } from "@libp2p/websockets";
import type { Libp2pOptions } from "libp2p";

/** @param socketsMax inbound TCP connections at once, those included that have not shown who they are */
export function createTransports(socketsMax: number): NonNullable<Libp2pOptions["transports"]> {
  return [tcp({ maxConnections: socketsMax }), webSockets()];
}
