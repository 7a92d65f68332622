/**
 * Finds out where contracts come from that were taken over while nobody said it: each full peer is asked about all of
 * them that are left, when it comes, again where it failed, and after a long while once more, as it may have found out.
 */

import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import { CONTRACTS_MAX } from "@counterpart/core/sync/limits";
import type { Adoption } from "../engine/adoption.ts";
import { inLanes } from "./lanes.ts";
import { NAMES_AGAIN_MS, NAMES_RETRY_MS, STATE_LANES } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import type { StateSource } from "./state-source.ts";

export interface ContractNaming {
  /** Asks whom there is to ask, if contracts are to be named. */
  kick(): void;
  /** Resolves when what is under way has ended. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export interface ContractNamingDeps {
  readonly engine: { readonly adoption: Pick<Adoption, "isUnderway" | "unnamed" | "unnamedAfter" | "name"> };
  readonly source: Pick<StateSource, "origins">;
  readonly peers: Pick<Peers, "executing">;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createContractNaming({ engine, source, peers, clock, logger }: ContractNamingDeps): ContractNaming {
  const { adoption } = engine;
  /** When a peer is asked again. */
  const againAt = new WeakMap<Session, number>();
  let running: Promise<void> | undefined;
  let stopped = false;
  let cancelTimer = (): void => {};

  /** No wait is longer: the clock was set back. */
  const waitFor = (session: Session): number =>
    Math.min(NAMES_AGAIN_MS, Math.max(0, (againAt.get(session) ?? 0) - clock.now()));

  function* pages(): Generator<readonly Hex[]> {
    for (let last: Uint8Array | undefined; ; ) {
      const page = adoption.unnamedAfter(last, CONTRACTS_MAX);
      last = page.at(-1);
      if (last === undefined || stopped) return;
      yield page.map(bytesToHex);
    }
  }
  /** Asks about one page; returns who has not answered about contracts that nobody else named. */
  const askAbout = async (page: readonly Hex[], voices: readonly Session[]): Promise<readonly Session[]> => {
    const passed = new Set(peers.executing().filter((session) => !voices.includes(session)));
    const origins = await source.origins(page, passed);
    await adoption.name(origins);
    const isDone = page.every((account) => origins.get(account)?.owner !== undefined);
    return isDone ? [] : voices.filter((session) => !passed.has(session));
  };
  const round = async (voices: readonly Session[]): Promise<void> => {
    const before = adoption.unnamed;
    const failed = new Set<Session>();
    let isOver = false;
    try {
      await inLanes(pages(), STATE_LANES, async (page) => {
        for (const session of await askAbout(page, voices)) failed.add(session);
      });
      isOver = true;
    } finally {
      for (const session of voices) {
        const hasAnswered = isOver && !failed.has(session);
        againAt.set(session, clock.now() + (hasAnswered ? NAMES_AGAIN_MS : NAMES_RETRY_MS));
      }
    }
    const named = before - adoption.unnamed;
    if (named > 0) logger.info("peers have named contracts", { named, unnamed: adoption.unnamed });
  };
  function kick(): void {
    cancelTimer();
    if (stopped || running !== undefined || adoption.isUnderway || adoption.unnamed === 0) return;
    const full = peers.executing();
    if (full.length === 0) return;
    const waitMs = Math.min(...full.map(waitFor));
    if (waitMs > 0) {
      cancelTimer = clock.setTimer(waitMs, kick);
      return;
    }
    running = round(full.filter((session) => waitFor(session) === 0))
      .catch((error: unknown) => {
        if (!stopped) logger.warn("contracts could not be named", { reason: String(error) });
      })
      .finally(() => {
        running = undefined;
        kick();
      });
  }

  return {
    kick,
    settled: async () => running,
    async stop() {
      stopped = true;
      cancelTimer();
      await running;
    },
  };
}
