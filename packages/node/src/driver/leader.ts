/** The connected peer that seals with some address. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Peers } from "./peers.ts";
import type { Leader } from "./ports.ts";

export function findLeader(peers: Peers, signer: Hex): Leader | undefined {
  const session = peers.ready().find(({ version }) => version?.signer === signer);
  if (session === undefined) return undefined;
  return {
    heardAtMs: session.heardAtMs,
    forward(transaction) {
      session.known.add(transaction.hash);
      return session.send({ type: "NewTransaction", transactions: [transaction.raw] });
    },
  };
}
