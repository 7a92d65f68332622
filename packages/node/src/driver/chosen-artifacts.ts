/**
 * Artifacts of the contracts that a replica was told to hold. What peers change is told in the order in which it changed
 * there, and what changed before a contract was chosen has gone by: so its artifact is asked for by address, when the
 * contract is there, again where that failed, and once after each start.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import type { Clock } from "@counterpart/core/ports/runtime";
import { CONTRACTS_MAX } from "@counterpart/core/sync/limits";
import type { Engine } from "../engine/types.ts";
import { ARTIFACTS_RETRY_MS } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";

export interface ChosenArtifacts {
  /** Asks for the artifacts of these contracts, as far as they are held, as soon as there is somebody to ask. */
  fetch(addresses: readonly Hex[]): void;
  /** There may be somebody to ask. */
  kick(): void;
  stop(): Promise<void>;
}

export interface ChosenArtifactsDeps {
  readonly engine: Pick<Engine, "holding"> & { readonly adoption: Pick<Engine["adoption"], "isUnderway"> };
  readonly peers: Pick<Peers, "executing">;
  readonly clock: Clock;
  /**
   * Asks a peer about up to `CONTRACTS_MAX` contracts, and keeps the artifacts that it has. Never rejects.
   * @returns those that it has answered for
   */
  readonly ask: (session: Session, addresses: readonly Hex[]) => Promise<readonly Hex[]>;
}

export function createChosenArtifacts({ engine, peers, clock, ask }: ChosenArtifactsDeps): ChosenArtifacts {
  const { holding, adoption } = engine;
  const awaited = new Set<Hex>(holding.role === "chosen" ? holding.chosen() : []);
  let running: Promise<void> | undefined;
  let stopped = false;
  let cancelTimer = (): void => {};

  /** Asks one peer for all of them, until it leaves one out. */
  const askAll = async (session: Session): Promise<void> => {
    for (;;) {
      for (const address of awaited) if (!holding.has(address)) awaited.delete(address);
      const wanted = [...awaited].slice(0, CONTRACTS_MAX);
      if (wanted.length === 0 || stopped || adoption.isUnderway) return;
      const answered = await ask(session, wanted);
      for (const address of answered) awaited.delete(address);
      if (answered.length === 0) return;
    }
  };
  const round = async (): Promise<void> => {
    for (const session of peers.executing()) await askAll(session);
  };
  const kick = (): void => {
    cancelTimer();
    if (stopped || running !== undefined || awaited.size === 0 || adoption.isUnderway) return;
    running = round().finally(() => {
      running = undefined;
      if (!stopped && awaited.size > 0) cancelTimer = clock.setTimer(ARTIFACTS_RETRY_MS, kick);
    });
  };

  return {
    fetch(addresses) {
      if (holding.role !== "chosen") return;
      for (const address of addresses) if (holding.has(address)) awaited.add(address);
      kick();
    },
    kick,
    async stop() {
      stopped = true;
      cancelTimer();
      await running;
    },
  };
}
