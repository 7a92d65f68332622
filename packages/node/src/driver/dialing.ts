/** Dialling and shaking hands. Concurrent dials of one address are one. */

import { assert, CodedError } from "@counterpart/core/base/errors";
import { DIAL_TIMEOUT_MS } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { DriverDeps } from "./ports.ts";
import type { Session } from "./session.ts";

export interface Dialing {
  /**
   * The session is ready when this resolves.
   * @param explicit an operator asked for it now; a dial already under way stays what it was
   * @throws CodedError of `Network.dial` or of the handshake; `DETACHED`
   */
  dial(address: string, explicit: boolean): Promise<Session>;
  /** Ends dials under way; they reject with `error`. */
  abort(matches: (address: string) => boolean, error: CodedError): void;
}

interface Dial {
  readonly abort: AbortController;
  readonly promise: Promise<Session>;
}

export function createDialing({
  network,
  clock,
  peers,
  detached = () => undefined,
}: Pick<DriverDeps, "network" | "clock" | "detached"> & { readonly peers: Peers }): Dialing {
  const dials = new Map<string, Dial>();

  const openLink = async (address: string, signal: AbortSignal): Promise<Session> => {
    const link = await network.dial(address, signal);
    // The handshake may have failed before the dialler hears of its link: the session then says why.
    const session = peers.of(link);
    assert(session !== undefined, "a link is given to its handlers before its dialler");
    return session;
  };
  /** Ready, or the session that took its place and is. */
  const whenReady = async (session: Session): Promise<Session> => {
    try {
      await session.ready;
      return session;
    } catch (error) {
      const successor = peers.get(session.peerId);
      if (successor === undefined || successor === session) throw error;
      return whenReady(successor);
    }
  };
  const connect = async (address: string, explicit: boolean, abort: AbortController): Promise<Session> => {
    const timeout = new CodedError("CONNECTION_TIMEOUT", "the peer did not answer in time", { address });
    const cancel = clock.setTimer(DIAL_TIMEOUT_MS, () => abort.abort(timeout));
    try {
      const session = await openLink(address, abort.signal);
      abort.signal.addEventListener("abort", () => {
        if (!session.isReady) void session.close("TIMEOUT");
      });
      session.open(explicit);
      return await whenReady(session);
    } catch (error) {
      throw abort.signal.reason instanceof CodedError ? abort.signal.reason : error;
    } finally {
      cancel();
    }
  };

  return {
    async dial(address, explicit) {
      const refusal = detached();
      if (refusal !== undefined) throw refusal;
      const underWay = dials.get(address);
      if (underWay !== undefined) return underWay.promise;
      const abort = new AbortController();
      const promise = connect(address, explicit, abort);
      dials.set(address, { abort, promise });
      try {
        return await promise;
      } finally {
        dials.delete(address);
      }
    },
    abort(matches, error) {
      for (const [address, dial] of dials) if (matches(address)) dial.abort.abort(error);
    },
  };
}
