/** What to do about a peer, decided from what both sides say. Pure: the driver acts on it. */

import type { ErrorCode } from "../base/error-catalogue.ts";
import { compareHeads, type Tip } from "../consensus/poa.ts";
import type { GoodbyeCode, Status, VersionMessage } from "./message-types.ts";

/** Peers whose clocks are further apart do not connect: each would take the other's blocks for future ones. */
export const CLOCK_SKEW_MAX_MS = 60_000;

/** Whether a node with head `mine` should fetch blocks from one with head `theirs`. */
export const isBehind = (mine: Tip, theirs: Tip): boolean => compareHeads(mine, theirs) < 0;

/** The better of two heads. */
export const betterHead = <T extends Tip>(a: T, b: T): T => (compareHeads(a, b) < 0 ? b : a);

type Holdings = Pick<Status, "head" | "artifacts">;

export const sameHead = (a: Holdings, b: Holdings): boolean => a.head.hash === b.head.hash;

export const sameArtifacts = (a: Holdings, b: Holdings): boolean =>
  a.artifacts.digest === b.artifacts.digest && a.artifacts.count === b.artifacts.count;

/**
 * Whether two nodes are in step: same head, same artifacts, nothing left to re-inject, and each has fully applied what
 * the other last said. Symmetric.
 * @param comparesArtifacts false where one of them is a replica, which may hold those of some contracts only
 */
export function agree(mine: Status, theirs: Status, comparesArtifacts = true): boolean {
  return (
    sameHead(mine, theirs) &&
    (!comparesArtifacts || sameArtifacts(mine, theirs)) &&
    mine.reinjecting === 0 &&
    theirs.reinjecting === 0 &&
    mine.applied >= theirs.sequence &&
    theirs.applied >= mine.sequence
  );
}

export type HandshakeVerdict =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly code: ErrorCode & GoodbyeCode;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    };

type Fault = Extract<HandshakeVerdict, { ok: false }>;

function chainFault(mine: VersionMessage, theirs: VersionMessage): Fault | undefined {
  for (const field of ["chainId", "genesisHash", "forkRulesId", "consensus"] as const) {
    if (mine[field] === theirs[field]) continue;
    const details = { field, own: mine[field], peer: theirs[field] };
    return { ok: false, code: "WRONG_CHAIN", message: `the peer is on another chain: its ${field} differs`, details };
  }
  return undefined;
}

/**
 * Whether two nodes may stay connected. Both sides come to the same verdict. None of the refusals is misbehaviour.
 * `mine.status.clockMs` is this node's clock when the peer's `Version` arrived.
 */
export function checkVersion(mine: VersionMessage, theirs: VersionMessage): HandshakeVerdict {
  if (!theirs.protocolVersions.some((version) => mine.protocolVersions.includes(version))) {
    const details = { own: mine.protocolVersions, peer: theirs.protocolVersions };
    return { ok: false, code: "INCOMPATIBLE_VERSION", message: "no protocol version in common", details };
  }
  if (theirs.instanceId === mine.instanceId) {
    return { ok: false, code: "SELF_CONNECTION", message: "the peer is this node itself", details: {} };
  }
  const fault = chainFault(mine, theirs);
  if (fault !== undefined) return fault;
  const differenceMs = theirs.status.clockMs - mine.status.clockMs;
  if (Math.abs(differenceMs) > CLOCK_SKEW_MAX_MS) {
    const message = `the clocks are ${Math.round(Math.abs(differenceMs) / 1000)} s apart, more than 60 s`;
    return { ok: false, code: "CLOCK_SKEW", message, details: { differenceMs } };
  }
  return { ok: true };
}

/**
 * What to do about a peer's artifacts.
 * - `done`: there is nothing to fetch from it.
 * - `wait`: the heads differ, so the artifacts cannot be compared yet.
 * - `since`: fetch what changed there after the checkpoint. Where blocks come without a pause, heads may never be equal,
 *   so after a while this is done whatever the heads are; what belongs to contracts not known yet is asked for again.
 * - `all`: both sides applied all that the other announced and still differ: compare from the start, once.
 */
export type ArtifactStep = "done" | "wait" | "since" | "all";

export interface ArtifactSituation {
  readonly mine: Status;
  readonly theirs: Status;
  /** Change sequence of the peer up to which this node has its artifacts. */
  readonly checkpoint: number;
  /** This node holds some contracts only, so that the sets are never equal. */
  readonly partial: boolean;
  /** A comparison from the start was made of exactly these two sets. */
  readonly compared: boolean;
  /** The heads have not been equal for so long that the artifacts wait no longer for it. */
  readonly apartForLong: boolean;
}

export function artifactStep(situation: ArtifactSituation): ArtifactStep {
  const { mine, theirs, checkpoint, partial, compared, apartForLong } = situation;
  const isApart = !sameHead(mine, theirs);
  if (isApart && !apartForLong) return "wait";
  if (sameArtifacts(mine, theirs)) return isApart ? "wait" : "done";
  if (theirs.artifacts.sequence > checkpoint) return "since";
  if (isApart) return "wait";
  if (partial) return "done";
  // While the peer is still fetching from this node, the difference is what it has not got yet.
  if (compared || theirs.applied < mine.sequence) return "done";
  return "all";
}
