/** What only shows to be wrong with settings when all of them are there. */

import { type CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { NodeConfig } from "../config.ts";
import { readPassword } from "../keys/secret-file.ts";
import { readGenesis } from "../store/genesis-file.ts";
import { createSystemClock } from "../telemetry/runtime.ts";

/** What a node would refuse of settings that are right by themselves: beside each other, and in the files that they name. */
export async function problemsOf(config: NodeConfig): Promise<readonly CodedError[]> {
  const { checkCertified, checkContracts, checkGenesisTime, chosenOf, privateNetworkOf } = await import(
    "../app/checks.ts"
  );
  const checks = [
    () => {
      const genesis = readGenesis(config.genesis);
      if (!("own" in genesis)) return;
      checkGenesisTime(genesis.own, createSystemClock().now());
      checkCertified(config, genesis.own);
    },
    () => checkContracts(config),
    () => void chosenOf(config.contracts),
    () => void privateNetworkOf(config),
    () => {
      if (config.keystorePasswordFile !== undefined) readPassword(config.keystorePasswordFile);
    },
  ];
  return checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      if (isCodedError(error)) return [error];
      throw error;
    }
  });
}
