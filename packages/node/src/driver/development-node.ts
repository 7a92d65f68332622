/**
 * What `--dev` adds to a node: when it seals, whom it impersonates, and the rule that a chain which other nodes could not
 * follow has no peers.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Clock, Logger, Random } from "@counterpart/core/ports/runtime";
import type { EngineDevelopment } from "../engine/development.ts";
import { hasLink } from "./peer-view.ts";
import type { SealerLoop } from "./sealer.ts";
import type { NetworkService } from "./types.ts";

export interface DevelopmentNode {
  readonly chain: EngineDevelopment;
  /** Whether blocks are sealed because transactions wait. */
  readonly automine: boolean;
  setAutomine(isOn: boolean): Promise<void>;
  /**
   * Seals a block each time that so long has passed, empty ones too.
   * @param msMax 0 ends it; where it is above `msMin`, the time is drawn for each block
   */
  setIntervalMining(msMin: number, msMax?: number): void;
  /** Whether what this account sends needs no signature. */
  impersonates(address: Hex): boolean;
  impersonated(): readonly Hex[];
  impersonate(address: Hex): void;
  stopImpersonating(address: Hex): boolean;
  setAutoImpersonate(isOn: boolean): void;
  /**
   * To be called before anything that other nodes could not follow: detaches the chain, durably.
   * @param method named in messages
   * @throws CodedError `DEV_METHOD_WHEN_PEERED`, `STORE_WRITE_FAILED`
   */
  leave(method: string): void;
  /** Blocks, transactions and settings are gone, and peers are taken again. @throws CodedError `DEV_METHOD_WHEN_PEERED` */
  reset(): Promise<void>;
  stop(): void;
}

export interface DevelopmentNodeDeps {
  readonly chain: EngineDevelopment;
  readonly network: Pick<NetworkService, "peers">;
  readonly sealer: SealerLoop;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const IMPERSONATED_MAX = 4_096;

/** Why a node takes no peers; undefined while it does. */
export function detachedError(chain: Pick<EngineDevelopment, "detachedBy"> | undefined): CodedError | undefined {
  const method = chain?.detachedBy;
  if (method === undefined) return undefined;
  const advice = "this node takes no peers until hardhat_reset, anvil_reset or `counterpart db reset`";
  return new CodedError("DETACHED", `${method} has changed this chain as other nodes could not: ${advice}`, { method });
}

export function createDevelopmentNode(deps: DevelopmentNodeDeps): DevelopmentNode {
  const { chain, network, sealer, clock, random, logger } = deps;
  const impersonated = new Set<Hex>();
  let isAuto = false;
  let automine = true;
  /** Rises with each setting of the interval, so that a block under way begins no other. */
  let interval = 0;
  let cancelTimer = (): void => {};

  const tell = (method: string): void =>
    logger.warn("this chain is detached: it takes no peers until it is reset", { method });
  if (chain.detachedBy !== undefined) tell(chain.detachedBy);
  const requireAlone = (method: string): void => {
    if (!network.peers().some(hasLink)) return;
    const message = `${method} does what other nodes could not follow, and peers are connected: disconnect them first`;
    throw new CodedError("DEV_METHOD_WHEN_PEERED", message, { method });
  };
  const mineEvery = (msMin: number, msMax: number, since: number): void => {
    if (since !== interval) return;
    const ms = msMin + Math.floor(random.fraction() * (msMax - msMin + 1));
    cancelTimer = clock.setTimer(ms, () => {
      chain
        .mine()
        .catch((error: unknown) => logger.error("a block could not be sealed at its time", { error: String(error) }))
        .finally(() => mineEvery(msMin, msMax, since));
    });
  };
  const setAutomine = async (isOn: boolean): Promise<void> => {
    if (automine === isOn) return;
    automine = isOn;
    if (isOn) sealer.start();
    else await sealer.stop();
  };
  const setIntervalMining = (msMin: number, msMax = msMin): void => {
    cancelTimer();
    interval++;
    if (msMax > 0) mineEvery(msMin, msMax, interval);
  };

  return {
    chain,
    get automine() {
      return automine;
    },
    setAutomine,
    setIntervalMining,
    impersonates: (address) => isAuto || impersonated.has(address),
    impersonated: () => [...impersonated],
    impersonate(address) {
      if (impersonated.size >= IMPERSONATED_MAX) {
        throw new CodedError("TOO_MANY_ACCOUNTS", `${IMPERSONATED_MAX} accounts are impersonated already`);
      }
      impersonated.add(address);
    },
    stopImpersonating: (address) => impersonated.delete(address),
    setAutoImpersonate(isOn) {
      isAuto = isOn;
    },
    leave(method) {
      if (chain.detachedBy !== undefined) return;
      requireAlone(method);
      chain.detach(method);
      tell(method);
    },
    async reset() {
      requireAlone("a reset");
      // Before the chain goes back: a block whose time comes meanwhile would be the first on the genesis.
      setIntervalMining(0);
      await chain.reset();
      await setAutomine(true);
      impersonated.clear();
      isAuto = false;
      logger.info("the chain was reset to its genesis");
    },
    stop: () => setIntervalMining(0),
  };
}
