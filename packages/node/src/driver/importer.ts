/** Hands blocks from peers to the engine and credits the peer with what they brought. */

import type { Hex } from "@counterpart/core/base/bytes";
import { dropOldest } from "@counterpart/core/base/drop-oldest";
import type { Block } from "@counterpart/core/chain/types";
import type { Clock } from "@counterpart/core/ports/runtime";
import { createKnownSet } from "@counterpart/core/sync/known-set";
import type { Engine, HeadChange, ImportResult } from "../engine/types.ts";
import type { Disputes } from "./disputes.ts";
import { HAD_BEFORE_MAX, ORIGINS_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";

export interface Importer {
  /** When a block that was not held before last came in. */
  readonly addedAtMs: number;
  /** Whether a block with this hash is with the engine now. */
  isImporting(hash: Hex): boolean;
  /** Whether a chain that ends in this hash is to be fetched from the peer now. */
  wants(session: Session, hash: Hex): boolean;
  /** Imports; penalises the sender for invalid blocks. Rejects only when the engine fails. */
  run(session: Session, blocks: readonly Block[]): Promise<ImportResult>;
  /** Credits contracts that a new head brought to the peer that sent it, those left out that this node had before. */
  creditHead(change: HeadChange): void;
}

/** One contract counts once for a peer, whether it came by block, by artifact or by both. */
export function creditContract(session: Session, address: Hex): void {
  if (session.credited.add(address)) session.contractsSynced++;
}

export interface ImporterDeps {
  readonly engine: Engine;
  readonly peers: Peers;
  readonly disputes: Disputes;
  readonly clock: Clock;
}

/** What becomes of blocks that are not looked at. */
const heldBack = (hashes: readonly Hex[]): ImportResult => ({
  added: 0,
  orphans: [],
  invalid: hashes.map((hash) => ({ hash, code: "INVALID_BLOCK", message: "a block of this peer is in dispute" })),
});

export function createImporter({ engine, peers, disputes, clock }: ImporterDeps): Importer {
  let addedAtMs = 0;
  const importing = new Set<Hex>();
  /** Contracts that a reorganisation took away: when a peer's block brings them back, they are nothing new. */
  const hadBefore = createKnownSet(HAD_BEFORE_MAX);
  /** Block hash → id of the peer that sent it, oldest first. */
  const origins = new Map<Hex, string>();

  const noteOrigin = (hash: Hex, peerId: string): void => {
    origins.set(hash, peerId);
    dropOldest(origins, ORIGINS_MAX);
  };
  const accuse = (session: Session, fault: ImportResult["invalid"][number]): void => {
    if (fault.refused !== undefined && disputes.take(session, fault.refused)) return;
    peers.penalise(session, "INVALID_BLOCK", { ...fault });
  };
  return {
    get addedAtMs() {
      return addedAtMs;
    },
    isImporting: (hash) => importing.has(hash),
    wants: (session, hash) => !importing.has(hash) && !disputes.isHeldBack(session),
    async run(session, blocks) {
      const hashes = blocks.map(({ header }) => header.hash);
      if (disputes.isHeldBack(session)) return heldBack(hashes);
      for (const hash of hashes) {
        importing.add(hash);
        noteOrigin(hash, session.peerId);
        session.known.add(hash);
      }
      try {
        const result = await engine.import(blocks);
        session.blocksSynced += result.added;
        const last = hashes.at(-1);
        if (last !== undefined && engine.isCanonical(last)) session.blocksJoined += result.added;
        if (result.added > 0) addedAtMs = clock.now();
        // Blocks that others sent earlier may prove to be invalid only now.
        const fault = result.invalid.find(({ hash, code }) => code !== "FUTURE_BLOCK" && hashes.includes(hash));
        if (fault !== undefined) accuse(session, fault);
        return result;
      } finally {
        for (const hash of hashes) importing.delete(hash);
      }
    },
    creditHead({ applied, contractsCreated, contractsRemoved }) {
      for (const address of contractsRemoved) hadBefore.add(address);
      const last = applied.at(-1);
      const peerId = last === undefined ? undefined : origins.get(last.header.hash);
      const session = peerId === undefined ? undefined : peers.get(peerId);
      if (session === undefined) return;
      for (const address of contractsCreated) if (!hadBefore.has(address)) creditContract(session, address);
    },
  };
}
