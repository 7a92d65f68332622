/** Waiting until this node and a peer are in step. */

import { CodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";

export interface Agreements {
  /**
   * Resolves true when in step with the peer, false at the deadline. A lost link is waited for, a refusal is not.
   * @throws CodedError why the peer is gone
   */
  wait(peerId: string, deadlineMs: number): Promise<boolean>;
  inStep(session: Session): void;
  closed(session: Session): void;
  stop(): void;
}

interface Waiter {
  readonly peerId: string;
  settle(outcome: boolean | CodedError): void;
}

export function createAgreements(peers: Peers, clock: Clock): Agreements {
  const waiters = new Set<Waiter>();
  const settle = (peerId: string | undefined, outcome: boolean | CodedError): void => {
    for (const waiter of [...waiters]) if (peerId === undefined || waiter.peerId === peerId) waiter.settle(outcome);
  };
  return {
    wait: (peerId, deadlineMs) =>
      new Promise((resolve, reject) => {
        const session = peers.get(peerId);
        if (session?.inStep === true) return resolve(true);
        let lost = new CodedError("PEER_DISCONNECTED", "the connection to the peer was lost");
        if (session?.closing !== undefined) lost = session.closing.error;
        const waiter: Waiter = {
          peerId,
          settle(outcome) {
            waiters.delete(waiter);
            cancel();
            if (outcome instanceof CodedError) reject(outcome);
            else resolve(outcome);
          },
        };
        const onDeadline = (): void => waiter.settle(peers.get(peerId) === undefined ? lost : false);
        const cancel = clock.setTimer(Math.max(0, deadlineMs - clock.now()), onDeadline);
        waiters.add(waiter);
      }),
    inStep: ({ peerId }) => settle(peerId, true),
    closed({ peerId, closing }) {
      if (closing?.final === true) settle(peerId, closing.error);
    },
    stop: () => settle(undefined, new CodedError("NOT_READY", "the node is stopping")),
  };
}
