/** What an operator asks of the network: connect to an address, disconnect from a peer. */

import { isCodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Agreements } from "./agreement.ts";
import type { Dialer } from "./dialer.ts";
import { CONNECT_WAIT_MAX_MS } from "./limits.ts";
import type { PeerAdmission } from "./peer-admission.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import type { ConnectResult, NetworkService } from "./types.ts";

export interface OperatorDeps {
  readonly clock: Clock;
  readonly peers: Peers;
  readonly dialer: Dialer;
  readonly admission: PeerAdmission;
  readonly agreements: Agreements;
}

/** A redial under way may have been refused because it was none of an operator's: then ask again as one. */
async function dialExplicitly(dialer: Dialer, address: string): Promise<Session> {
  try {
    return await dialer.dial(address, true);
  } catch (error) {
    if (!isCodedError(error) || error.details.goodbye !== "DISCONNECTED") throw error;
    return dialer.dial(address, true);
  }
}

/** See `NetworkService.connect`. */
export async function connect(deps: OperatorDeps, address: string, waitMs: number): Promise<ConnectResult> {
  const { clock, peers, dialer, admission, agreements } = deps;
  const startMs = clock.now();
  const before = new Map(
    peers.all().map((session) => [session, { blocks: session.blocksSynced, contracts: session.contractsSynced }]),
  );
  dialer.checkRoom(address);
  const { peerId } = await dialExplicitly(dialer, address);
  admission.lift(peerId);
  dialer.remember(address, peerId);
  const agreed = await agreements.wait(peerId, startMs + Math.min(waitMs, CONNECT_WAIT_MAX_MS));
  const session = peers.get(peerId);
  const base = (session && before.get(session)) ?? { blocks: 0, contracts: 0 };
  return {
    status: agreed ? "synced" : "syncing",
    peerId,
    address,
    blocksSynced: Math.max(0, (session?.blocksSynced ?? 0) - base.blocks),
    contractsSynced: Math.max(0, (session?.contractsSynced ?? 0) - base.contracts),
    durationMs: clock.now() - startMs,
  };
}

/** See `NetworkService.disconnect`. Everything that is known to be the peer goes: its link, its addresses, dials to it. */
export async function disconnect(
  { peers, dialer, admission }: OperatorDeps,
  target: Parameters<NetworkService["disconnect"]>[0],
): Promise<number> {
  const ids = new Set<string>(target?.peerId === undefined ? [] : [target.peerId]);
  for (const { address, peerId } of dialer.targets()) {
    if (peerId !== undefined && (target === undefined || address === target.address)) ids.add(peerId);
  }
  for (const { peerId, link } of peers.all()) {
    if (target === undefined || link.address === target.address) ids.add(peerId);
  }
  for (const id of ids) admission.refuse(id);
  dialer.forget(
    ({ address, peerId }) =>
      target === undefined || address === target.address || (peerId !== undefined && ids.has(peerId)),
  );
  const leaving = peers.all().filter(({ peerId }) => ids.has(peerId));
  await Promise.all(leaving.map((session) => session.close("DISCONNECTED")));
  return leaving.length;
}
