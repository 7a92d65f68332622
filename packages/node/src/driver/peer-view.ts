/** Peers as the API shows them. */

import type { Dialer, Target } from "./dialer.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import type { PeerState, PeerView } from "./types.ts";

function stateOf(session: Session): PeerState {
  if (!session.isReady) return "handshaking";
  return session.inStep ? "synced" : "syncing";
}

function sessionView(session: Session, target: Target | undefined): PeerView {
  const { version, link, clockDifferenceMs } = session;
  const head = session.status?.head;
  return {
    peerId: session.peerId,
    address: target?.address ?? link.address,
    direction: link.direction,
    state: stateOf(session),
    ...(version === undefined ? {} : { client: version.client }),
    ...(version?.signer === undefined ? {} : { signer: version.signer }),
    ...(head === undefined ? {} : { head }),
    ...(clockDifferenceMs === undefined ? {} : { clockDifferenceMs }),
    connectedAt: session.connectedAtMs,
    blocksSynced: session.blocksSynced,
    contractsSynced: session.contractsSynced,
    ...(session.lastSync === undefined ? {} : { lastSync: session.lastSync }),
  };
}

/** A remembered address without a connection. */
function targetView({ address, peerId, dialling, lastError }: Target): PeerView {
  return {
    ...(peerId === undefined ? {} : { peerId }),
    address,
    direction: "outbound",
    state: dialling ? "connecting" : "disconnected",
    ...(lastError === undefined ? {} : { lastError }),
    blocksSynced: 0,
    contractsSynced: 0,
  };
}

/** Whether there is a connection, if only one that is still shaking hands. */
export const hasLink = ({ state }: PeerView): boolean => state !== "connecting" && state !== "disconnected";

/** Connected peers, then remembered addresses without a connection. */
export function peerViews(peers: Peers, dialer: Dialer): readonly PeerView[] {
  const targets = dialer.targets();
  const targetOf = (session: Session) => targets.find(({ peerId }) => peerId === session.peerId);
  const idle = targets.filter(({ peerId }) => peerId === undefined || peers.get(peerId) === undefined);
  return [...peers.all().map((session) => sessionView(session, targetOf(session))), ...idle.map(targetView)];
}
