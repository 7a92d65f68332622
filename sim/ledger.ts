/** What clients were told, kept outside of the nodes: acknowledged transactions and artifacts. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";

export interface Acknowledged {
  readonly hash: Hex;
  /** Who acknowledged it. */
  readonly node: string;
  readonly sender: Hex;
  readonly nonce: bigint;
}

export interface Ledger {
  readonly transactions: Map<Hex, Acknowledged>;
  /** Every record that a node has shown to have, by the contract that it speaks of. */
  readonly artifacts: Map<Hex, ArtifactRecord[]>;
  note(acknowledged: Acknowledged): void;
  /** A node has lost what it had. */
  forget(node: string): void;
  noteArtifact(record: ArtifactRecord): void;
}

export function createLedger(): Ledger {
  const transactions = new Map<Hex, Acknowledged>();
  const artifacts = new Map<Hex, ArtifactRecord[]>();
  return {
    transactions,
    artifacts,
    note: (acknowledged) => void transactions.set(acknowledged.hash, acknowledged),
    forget(node) {
      for (const { hash, node: by } of transactions.values()) if (by === node) transactions.delete(hash);
    },
    noteArtifact(record) {
      const held = artifacts.get(record.address) ?? [];
      artifacts.set(record.address, [...held, record]);
    },
  };
}
