/** Turns what engine, contracts and network tell into events, in an order in which each agrees with what can be read. */

import type { Transaction } from "@counterpart/core/chain/types";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import type { PeerChange } from "../../driver/types.ts";
import type { ChainEngine, HeadChange, Naming, TransactionOrigin } from "../../engine/types.ts";
import { withSnapshot } from "../../engine/with-snapshot.ts";
import type { Backend } from "../backend.ts";
import { shownAddress } from "../rest/schemas.ts";
import type { EventData, EventType } from "./event-types.ts";

export type Tell = <T extends EventType>(type: T, data: EventData<T>) => void;

/** @param before number of the head before */
function tellHead(tell: Tell, change: HeadChange, before: number): void {
  const { head, reverted, applied, sealedHere } = change;
  for (const { hash, number } of reverted) tell("block.reorged", { hash, number });
  tell("head", {
    hash: head.hash,
    number: head.number,
    parent_hash: head.parentHash,
    timestamp: head.timestamp,
    // Those that were executed are not all: a replica applies none.
    blocks_added: head.number - before + reverted.length,
    blocks_reorged: reverted.length,
    sealed_here: sealedHere,
  });
  for (const { header, transactions } of applied) {
    const block = { block_hash: header.hash, block_number: header.number };
    for (const [index, hash] of transactions.entries()) tell("transaction.included", { hash, ...block, index });
  }
}

/** Those of the genesis are left out, as in lists: every block writes to the ones that keep block hashes. */
function tellContracts(tell: Tell, engine: ChainEngine, change: Naming): void {
  const at = { block_hash: change.head.hash, block_number: change.head.number };
  for (const address of change.contractsCreated) tell("contract.created", { address: shownAddress(address), ...at });
  const updated = withSnapshot(engine, ({ contract }) =>
    change.contractsUpdated.filter((address) => contract(address)?.genesis !== true),
  );
  for (const address of updated) tell("contract.updated", { address: shownAddress(address), ...at });
  for (const address of change.contractsRemoved) tell("contract.removed", { address: shownAddress(address), ...at });
}

function tellTransaction(tell: Tell, { hash, sender, nonce }: Transaction, origin: TransactionOrigin): void {
  if (origin === "reinjected") tell("transaction.reorged", { hash });
  else tell("transaction.pending", { hash, from: shownAddress(sender), nonce: Number(nonce), origin });
}

function tellArtifact(tell: Tell, record: ArtifactRecord, origin: "local" | "peer"): void {
  const { contentHash, updatedAt } = record;
  tell("artifact", { address: shownAddress(record.address), content_hash: contentHash, updated_at: updatedAt, origin });
}

function tellPeer(tell: Tell, { kind, peerId, address, reason }: PeerChange): void {
  const peer = { peer_id: peerId, address };
  if (kind === "disconnected") tell("peer.disconnected", { ...peer, reason: reason ?? null });
  else tell(`peer.${kind}`, peer);
}

/** Returns the function that ends it. */
export function followBackend({ engine, contracts, network }: Backend, tell: Tell): () => void {
  let height = engine.head().number;
  const ends = [
    engine.on("head", (change) => {
      tellHead(tell, change, height);
      height = change.head.number;
      tellContracts(tell, engine, change);
    }),
    engine.on("named", (naming) => tellContracts(tell, engine, naming)),
    engine.on("conflicted", (hash, by) => tell("transaction.conflicted", { hash, conflicted_by: by })),
    engine.on("transaction", (transaction, origin) => tellTransaction(tell, transaction, origin)),
    contracts.onArtifact((record, origin) => tellArtifact(tell, record, origin)),
    network.onSyncComplete(({ head, peers, durationMs, unnamedContracts }) =>
      tell("sync.complete", { ...head, peers, duration_ms: durationMs, unnamed_contracts: unnamedContracts }),
    ),
    network.onPeer((change) => tellPeer(tell, change)),
  ];
  return () => {
    for (const end of ends) end();
  };
}
