/**
 * Signs artifacts of contracts whose owners' keys this node holds. A deployment leaves a durable draft before its
 * transaction is sent, and the draft is signed when the contract is on the chain, however late and after whatever
 * restart: only then its code is known for certain.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { StoreWrite } from "@counterpart/core/ports/store";
import { nextUpdatedAt, signArtifact } from "@counterpart/core/sync/artifact";
import { decodeContent } from "@counterpart/core/sync/artifact-content";
import type { ArtifactContent, ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import type { ChainEngine, ContractEntry } from "../engine/types.ts";
import { withSnapshot } from "../engine/with-snapshot.ts";
import type { KeyRing } from "../keys/types.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import { type ArtifactDraft, type ArtifactRow, type ArtifactTable, DRAFTS_MAX } from "./artifact-table.ts";

export interface PublisherDeps {
  readonly engine: Pick<ChainEngine, "chainId" | "genesisHash" | "snapshot" | "transaction">;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly table: ArtifactTable;
  readonly store: ArtifactStore;
  /** Called after a record signed here became durable. */
  readonly onPublished: (record: ArtifactRecord) => void;
}

export interface Publisher {
  /**
   * Signs new content of a contract at the head.
   * @throws CodedError `FROM_NOT_HELD`, `INVALID_ARTIFACT`, `STALE_ARTIFACT` (what is held has the last date there is)
   */
  publish(entry: ContractEntry, content: ArtifactContent): void;
  /**
   * Keeps the content of a deployment that is about to be sent.
   * @returns rows to write with its transaction
   * @throws CodedError `POOL_FULL`
   */
  draft(draft: ArtifactDraft): readonly StoreWrite[];
  /** Forgets a deployment that was not sent. */
  discard(transactionHash: Hex): void;
  /** Contracts whose deployments are on their way. */
  waiting(): readonly Hex[];
  /**
   * Signs what has become possible for contracts that may have come or changed their code. To be called after
   * `ArtifactStore.review`.
   * @throws CodedError `STORE_WRITE_FAILED`; all of it may be repeated then
   */
  review(addresses: readonly Hex[]): void;
}

/** The record to carry over to another code at the same address: the newest of this owner. */
function newestOf(rows: readonly ArtifactRow[], owner: Hex): ArtifactRow | undefined {
  return rows
    .filter((row) => row.owner === owner)
    .sort((a, b) => b.record.updatedAt - a.record.updatedAt)
    .at(0);
}

export function createPublisher(deps: PublisherDeps): Publisher {
  const { engine, keys, clock, logger, table, store, onPublished } = deps;
  const drafts = new Map(table.drafts().map((draft) => [draft.transactionHash, draft]));
  const entryOf = (address: Hex): ContractEntry | undefined =>
    withSnapshot(engine, ({ contract }) => contract(address));

  const forget = (hashes: readonly Hex[]): void => {
    if (hashes.length === 0) return;
    table.write({ removeDrafts: hashes });
    for (const hash of hashes) drafts.delete(hash);
  };

  const publish = (entry: ContractEntry, content: ArtifactContent, draft?: ArtifactDraft): void => {
    const { address, codeHash, creationNonce, owner } = entry;
    if (owner === undefined || !keys.holds(owner)) {
      throw new CodedError("FROM_NOT_HELD", "only the contract's owner can publish, and its key is not held here", {
        ...(owner !== undefined && { owner }),
      });
    }
    const previous = newestOf(store.held(address), owner)?.record.updatedAt;
    const updatedAt = nextUpdatedAt(clock.now(), previous);
    const nonce = creationNonce === undefined ? {} : { creationNonce };
    const record = signArtifact({ address, codeHash, ...nonce, updatedAt, content }, engine, (digest) =>
      keys.sign(owner, digest),
    );
    const { outcome, reason } = store.merge(record, draft?.transactionHash);
    if (outcome !== "added" && outcome !== "replaced") {
      throw new CodedError("INVARIANT_BROKEN", `an artifact signed here was ${outcome}: ${reason ?? ""}`);
    }
    onPublished(record);
  };

  /** Failures are logged: they come with a change of head, and the chain goes on. Want of room passes. */
  const publishQuietly = (entry: ContractEntry, content: Uint8Array, draft?: ArtifactDraft): void => {
    try {
      publish(entry, decodeContent(content), draft);
    } catch (error) {
      if (isCodedError(error, "STORE_WRITE_FAILED")) throw error;
      logger.error("an artifact could not be published", { address: entry.address, error: String(error) });
    }
  };

  const settle = (draft: ArtifactDraft): void => {
    const entry = entryOf(draft.address);
    // The creation failed in this block. Another branch may still include it with success: the draft stays.
    if (entry === undefined || entry.creationTransaction !== draft.transactionHash) return;
    publishQuietly(entry, draft.content, draft);
    drafts.delete(draft.transactionHash);
  };

  /**
   * After a reorganisation the same creation may have given other code than the artifact speaks of: its owner signs
   * again. What another creation at the same address was called says nothing of this one.
   */
  const carryOver = (address: Hex): void => {
    const entry = entryOf(address);
    if (entry?.owner === undefined || !keys.holds(entry.owner) || store.visible(address) !== undefined) return;
    const { creationTransaction } = entry;
    const own = store.held(address).filter((row) => row.creationTransaction === creationTransaction);
    const newest = creationTransaction === undefined ? undefined : newestOf(own, entry.owner);
    if (newest !== undefined) publishQuietly(entry, newest.record.content);
  };

  const isHopeless = ({ transactionHash }: ArtifactDraft): boolean => {
    const status = engine.transaction(transactionHash);
    return status === undefined || status.status === "conflicted";
  };

  forget([...drafts.values()].filter(isHopeless).map(({ transactionHash }) => transactionHash));

  return {
    publish,
    draft(draft) {
      if (drafts.size >= DRAFTS_MAX) {
        const stale = [...drafts.values()].filter(
          (old) => engine.transaction(old.transactionHash)?.status !== "pending",
        );
        forget(stale.map(({ transactionHash }) => transactionHash));
      }
      if (drafts.size >= DRAFTS_MAX) throw new CodedError("POOL_FULL", "too many deployments wait for their inclusion");
      drafts.set(draft.transactionHash, draft);
      return table.draftRows(draft);
    },
    discard: (transactionHash) => void drafts.delete(transactionHash),
    waiting: () => [...drafts.values()].map(({ address }) => address),
    review(addresses) {
      const touched = new Set(addresses);
      for (const draft of [...drafts.values()]) if (touched.has(draft.address)) settle(draft);
      for (const address of touched) carryOver(address);
    },
  };
}
