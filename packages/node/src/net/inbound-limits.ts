/** Inbound connections are counted from before their encryption, the dear part of them, until they close. */

import { isLoopbackAddress, networkOf } from "@counterpart/core/base/ip-address";
import type { MultiaddrConnection } from "@libp2p/interface";

export interface InboundLimits {
  /** Connections at once of one address, loopback excepted. */
  readonly perAddressMax: number;
  readonly totalMax: number;
  readonly onRefused: (reason: "address" | "total") => void;
}

type Incoming = Pick<MultiaddrConnection, "remoteAddr" | "addEventListener">;

/** Address of the other side; connections without one count together. */
function hostOf({ remoteAddr }: Incoming): string {
  return remoteAddr.getComponents().find(({ name }) => name === "ip4" || name === "ip6")?.value ?? "";
}

/** Says of each inbound connection whether it is refused; counts it otherwise. */
export function createInboundGate({ perAddressMax, totalMax, onRefused }: InboundLimits): (one: Incoming) => boolean {
  const counts = new Map<string, number>();
  let total = 0;
  const count = (key: string, step: 1 | -1): void => {
    total += step;
    const next = (counts.get(key) ?? 0) + step;
    if (next === 0) counts.delete(key);
    else counts.set(key, next);
  };
  return (incoming) => {
    const host = hostOf(incoming);
    const key = networkOf(host);
    const isTooMany = !isLoopbackAddress(host) && (counts.get(key) ?? 0) >= perAddressMax;
    if (isTooMany || total >= totalMax) {
      onRefused(isTooMany ? "address" : "total");
      return true;
    }
    count(key, 1);
    incoming.addEventListener("close", () => count(key, -1), { once: true });
    return false;
  };
}
