/** Inbound connections are counted from before their encryption, the dear part of them, until they close. */

import type { MultiaddrConnection } from "@libp2p/interface";

export interface InboundLimits {
  /** Connections at once of one address, loopback excepted. */
  readonly perAddressMax: number;
  readonly totalMax: number;
  readonly onRefused: (reason: "address" | "total") => void;
}

type Incoming = Pick<MultiaddrConnection, "remoteAddr" | "addEventListener">;

const isLoopback = (host: string): boolean =>
  host.startsWith("127.") || host === "::1" || host.startsWith("::ffff:127.");

/** One subscriber has a whole /64 of IPv6, so that its addresses count as one. */
function keyOf(host: string): string {
  if (!host.includes(":") || host.startsWith("::ffff:")) return host;
  const [head = "", tail = ""] = host.toLowerCase().split("::", 2);
  const front = head === "" ? [] : head.split(":");
  const back = tail === "" ? [] : tail.split(":");
  const zeros = host.includes("::")
    ? Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => "0")
    : [];
  const groups = [...front, ...zeros, ...back].slice(0, 4);
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":");
}

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
    const key = keyOf(host);
    const isTooMany = !isLoopback(host) && (counts.get(key) ?? 0) >= perAddressMax;
    if (isTooMany || total >= totalMax) {
      onRefused(isTooMany ? "address" : "total");
      return true;
    }
    count(key, 1);
    incoming.addEventListener("close", () => count(key, -1), { once: true });
    return false;
  };
}
