/** What must hold, apart from what is done: each check throws with what it found. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Genesis } from "@counterpart/core/chain/genesis";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { compareHeads } from "@counterpart/core/consensus/poa";
import { compareArtifacts } from "@counterpart/core/sync/artifact";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import { checkShown } from "../packages/node/src/contracts/verify-artifacts.ts";
import { runCheck, verifyStore } from "../packages/node/src/contracts/verify-store.ts";
import type { Ledger } from "./ledger.ts";
import type { Life, SimNode } from "./node.ts";

export class Violation extends Error {}

function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Violation(what);
}

/** Every transaction that a node acknowledged is included, pending or conflicted there, and conflicted by a real winner. */
export function checkAcknowledged(ledger: Ledger, node: SimNode, life: Life): void {
  for (const { hash, node: by, sender, nonce } of ledger.transactions.values()) {
    if (by !== node.name) continue;
    const status = life.engine.transaction(hash);
    demand(status !== undefined, `${node.name} acknowledged ${hash} and does not know it`);
    if (status.status !== "conflicted") continue;
    const winner = life.engine.transaction(status.by)?.transaction;
    demand(winner !== undefined, `${hash} lost to ${status.by}, which ${node.name} does not know`);
    demand(
      winner.sender === sender && winner.nonce === nonce,
      `${hash} lost to ${status.by} of another sender or nonce`,
    );
  }
}

/** What readers see is the state of exactly the head. Where there is none yet, or parts alone, others look. */
export function checkReaders(node: SimNode, life: Life, { chainId, signers }: Genesis): void {
  if (life.engine.adoption.isUnderway || node.role === "chosen") return;
  const chain = { chainId, signers, genesisHash: life.engine.genesisHash };
  for (const name of ["accounts", "storage", "contracts"]) {
    const { faults } = runCheck(name, node.disk.reader(), chain);
    demand(faults.length === 0, `${node.name}: ${name}: ${JSON.stringify(faults[0])}`);
  }
  const wrong = [...checkShown(node.disk.reader())].find((fault) => fault !== undefined);
  demand(wrong === undefined, `${node.name}: artifacts: ${JSON.stringify(wrong)}`);
  // A replica knows of a better chain before it has its state.
  const { hash, number } = life.engine.head();
  const isOnChain = life.engine.isReplica || life.engine.header(number)?.hash === hash;
  demand(isOnChain, `${node.name} has a head that is not on its chain`);
}

/** The whole of what a node stored holds together. */
export function checkStore(node: SimNode, life: Life, { chainId, signers }: Genesis): void {
  const chain = { chainId, signers, genesisHash: life.engine.genesisHash };
  for (const { name, faults } of verifyStore(node.disk.reader(), chain)) {
    demand(faults.length === 0, `${node.name}: ${name}: ${JSON.stringify(faults[0])}`);
  }
}

const lifeOf = (node: SimNode): Life => {
  demand(node.life !== undefined, `${node.name} is down`);
  return node.life;
};

/** Artifacts, as a replica of some contracts can have them: those of the contracts that it holds. */
function artifactsOf(node: SimNode, of: readonly Hex[] | undefined): string {
  const { contracts } = lifeOf(node);
  if (of === undefined) return `${contracts.artifacts().count} ${contracts.artifacts().digest}`;
  return of.map((address) => contracts.artifact(address)?.contentHash ?? "none").join();
}

function isLike(node: SimNode, model: SimNode): boolean {
  if (node.life === undefined || model.life === undefined) return false;
  const { engine } = node.life;
  const { adoption, holding } = engine;
  if (adoption.isUnderway || adoption.unnamed > 0 || (holding.role === "chosen" && holding.isBehind)) return false;
  if (engine.head().hash !== model.life.engine.head().hash) return false;
  const { own, fromPeer } = engine.pool.oldestExecutable();
  if (own !== undefined || fromPeer !== undefined) return false;
  const chosen = holding.role === "chosen" ? holding.chosen() : undefined;
  return artifactsOf(node, chosen) === artifactsOf(model, chosen);
}

/**
 * Whether all have the same head and artifacts, as far as it is theirs to have them, know of every contract where it
 * comes from, and nothing that could be in a block waits.
 */
export function isInStep(nodes: readonly SimNode[]): boolean {
  const [model] = nodes;
  return model !== undefined && nodes.every((node) => isLike(node, model));
}

/** The common head is the best of every block that anybody ever sealed. */
export function checkHead(nodes: readonly SimNode[], sealed: ReadonlyMap<Hex, SealedHeader>): void {
  const head = lifeOf(nodes[0] as SimNode).engine.head();
  for (const header of sealed.values()) {
    demand(
      compareHeads(head, header) >= 0,
      `block ${header.number} ${header.hash} is better than the head ${head.number} ${head.hash}`,
    );
  }
}

/** A transaction that one node has in a block, every node has in that block, and none that was included is lost. */
export function checkFates(ledger: Ledger, nodes: readonly SimNode[]): void {
  const executed = nodes.filter(({ role }) => role === "full");
  for (const { hash, sender, nonce } of ledger.transactions.values()) {
    const statusOn = (node: SimNode) => lifeOf(node).engine.transaction(hash);
    const places = executed.map(statusOn);
    const included = places.flatMap((status) => (status?.status === "included" ? [status.blockHash] : []));
    demand(
      included.length === 0 || included.length === executed.length,
      `${hash} is included on ${included.length} of ${executed.length}`,
    );
    demand(new Set(included).size <= 1, `${hash} is in several blocks`);
    if (included.length > 0) continue;
    const account = lifeOf(nodes[0] as SimNode).engine;
    const used = account.pool.nextNonce(sender) > nonce;
    const everywhere = nodes.map(statusOn);
    const conflicted = everywhere.some((status) => status?.status === "conflicted");
    const pending = everywhere.some((status) => status?.status === "pending");
    demand(conflicted || pending, `${hash} is nowhere, and its nonce is ${used ? "used" : "free"}`);
  }
}

/** The artifact shown is the greatest of all records that speak of the contract as it is now. */
export function checkArtifacts(ledger: Ledger, nodes: readonly SimNode[]): void {
  const { engine, contracts } = lifeOf(nodes[0] as SimNode);
  const snapshot = engine.snapshot();
  try {
    for (const [address, records] of ledger.artifacts) {
      const entry = snapshot.contract(address);
      const speaking = records.filter(
        ({ codeHash, creationNonce }) => entry?.codeHash === codeHash && entry.creationNonce === creationNonce,
      );
      const best = speaking.reduce<ArtifactRecord | undefined>(
        (a, b) => (a === undefined || compareArtifacts(b, a) > 0 ? b : a),
        undefined,
      );
      const shown = contracts.artifact(address);
      if (best === undefined || shown === undefined) continue;
      demand(compareArtifacts(shown, best) >= 0, `${address} shows an older artifact than there is`);
    }
  } finally {
    snapshot.done();
  }
}
