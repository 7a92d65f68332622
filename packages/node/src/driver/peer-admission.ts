/** Who may stay connected, and what this node says of itself. */

import { dropOldest } from "@counterpart/core/base/drop-oldest";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { CodedError } from "@counterpart/core/base/errors";
import { checkVersion } from "@counterpart/core/sync/decisions";
import { OWN_LIMITS } from "@counterpart/core/sync/limits";
import type { VersionMessage } from "@counterpart/core/sync/message-types";
import { PROTOCOL_VERSIONS } from "@counterpart/core/sync/messages-session";
import type { DriverMetrics } from "./driver-metrics.ts";
import { closingError } from "./goodbyes.ts";
import { PEERS_MAX, REFUSED_MAX, TOO_MANY_PEERS_RETRY_MS } from "./limits.ts";
import type { Packing } from "./packing.ts";
import type { Peers } from "./peers.ts";
import type { DriverDeps } from "./ports.ts";
import type { Refusal, Session } from "./session.ts";
import type { StatusBoard } from "./status-board.ts";

export interface PeerAdmission {
  ownVersion(explicit: boolean): VersionMessage;
  /** Undefined when the peer may stay. */
  admit(session: Session, theirs: VersionMessage): Refusal | undefined;
  /** The operator disconnected this peer: its redials are refused until either side connects explicitly. */
  refuse(peerId: string): void;
  lift(peerId: string): void;
}

export interface PeerAdmissionDeps extends Pick<DriverDeps, "engine" | "self" | "logger" | "detached"> {
  readonly peers: Peers;
  readonly board: StatusBoard;
  readonly metrics: DriverMetrics;
  readonly packing: Packing;
}

export function createPeerAdmission({
  engine,
  self,
  peers,
  board,
  metrics,
  packing,
  logger,
  detached = () => undefined,
}: PeerAdmissionDeps): PeerAdmission {
  const refused = new Set<string>();
  /** Peers of which the log was told that they have keys of this node. */
  const copies = new Set<string>();

  const ownVersion = (explicit: boolean): VersionMessage => ({
    type: "Version",
    protocolVersions: PROTOCOL_VERSIONS,
    chainId: engine.chainId,
    genesisHash: engine.genesisHash,
    forkRulesId: self.forkRulesId,
    consensus: self.consensus,
    instanceId: self.instanceId,
    earliestBlock: engine.adopted,
    role: engine.isReplica ? "replica" : "full",
    ...(self.signer === undefined ? {} : { signer: self.signer }),
    limits: OWN_LIMITS,
    codecs: packing.codecs,
    client: self.client,
    explicit,
    status: board.read(0),
  });

  /**
   * A peer says itself that its operator asked for the link, and nothing can check that. It is believed: the refusal is
   * there to stop redials by nodes that missed a goodbye, and one operator's `connect` must be enough after both have
   * disconnected. It is no ban; who would lie here could as well come back with a new identity.
   */
  const isUnwanted = ({ link, peerId }: Session, theirs: VersionMessage): boolean => {
    if (theirs.explicit) refused.delete(peerId);
    return link.direction === "inbound" && refused.has(peerId);
  };

  /** Who got so far is not this node itself: its peer id is another. On another chain the account does no harm. */
  const tellCopy = ({ peerId }: Session, { instanceId, signer }: VersionMessage): void => {
    const isCopy = instanceId === self.instanceId || (signer !== undefined && signer === self.signer);
    if (!isCopy || copies.has(peerId)) return;
    copies.add(peerId);
    dropOldest(copies, REFUSED_MAX);
    const code: ErrorCode = "SHARED_KEYS";
    logger.warn("a peer has this node's own account: both sign with it, and take each other's nonces", {
      ...{ code, peer: peerId, signer },
    });
  };

  return {
    ownVersion,
    admit(session, theirs) {
      const alone = detached();
      if (alone !== undefined) return { code: "DETACHED", error: alone };
      const verdict = checkVersion(ownVersion(false), theirs);
      if (verdict.ok || verdict.code === "SELF_CONNECTION") tellCopy(session, theirs);
      if (!verdict.ok) {
        return { code: verdict.code, error: new CodedError(verdict.code, verdict.message, verdict.details) };
      }
      if (isUnwanted(session, theirs)) return { code: "DISCONNECTED", error: closingError("DISCONNECTED") };
      if (peers.all().filter(({ isAdmitted }) => isAdmitted).length < PEERS_MAX) return undefined;
      const error = new CodedError("TOO_MANY_PEERS", `this node has ${PEERS_MAX} peers already`);
      return { code: "TOO_MANY_PEERS", error, retryAfterMs: TOO_MANY_PEERS_RETRY_MS };
    },
    refuse(peerId) {
      refused.add(peerId);
      metrics.forgotten.add({ record: "refusal" }, dropOldest(refused, REFUSED_MAX));
    },
    lift: (peerId) => void refused.delete(peerId),
  };
}
