/** What listeners hear of peers that have shaken hands. */

import { createEmitter } from "../engine/emitter.ts";
import type { DriverDeps } from "./ports.ts";
import type { Session } from "./session.ts";
import type { PeerChange, SyncComplete } from "./types.ts";

interface PeerEvents {
  peer(change: PeerChange): void;
  complete(complete: SyncComplete): void;
}

export function createPeerNews(logger: DriverDeps["logger"]) {
  const emitter = createEmitter<PeerEvents>(logger);
  const known = new WeakSet<Session>();
  const tell = ({ peerId, link }: Session, kind: PeerChange["kind"], reason?: PeerChange["reason"]): void =>
    emitter.emit("peer", { kind, peerId, address: link.address, ...(reason === undefined ? {} : { reason }) });
  return {
    on: (listener: PeerEvents["peer"]) => emitter.on("peer", listener),
    onComplete: (listener: PeerEvents["complete"]) => emitter.on("complete", listener),
    complete(complete: SyncComplete): void {
      logger.info("sync complete", { ...complete });
      emitter.emit("complete", complete);
    },
    connected(session: Session): void {
      const { client, signer } = session.version ?? {};
      logger.info("peer connected", { peer: session.peerId, address: session.link.address, client, signer });
      known.add(session);
      tell(session, "connected");
    },
    synced: (session: Session): void => tell(session, "synced"),
    closed(session: Session): void {
      logger.info("peer disconnected", { peer: session.peerId, reason: session.closing?.error.message });
      if (known.delete(session)) tell(session, "disconnected", session.closing?.error.code);
    },
  };
}
