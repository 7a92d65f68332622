/** What only shows to be wrong with settings beside each other, and in the files that they name. */

import { type CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { ConfigKey } from "../config.ts";
import { readPassword } from "../keys/secret-file.ts";
import { listenAddress } from "../net/address.ts";
import { readGenesis } from "../store/genesis-file.ts";
import { createSystemClock } from "../telemetry/runtime.ts";
import type { Inspection } from "./resolve-config.ts";

/** What a node would refuse of settings that are right by themselves. Where one of them is not known nothing is said. */
export async function problemsOf({ draft, unknown }: Inspection): Promise<readonly CodedError[]> {
  const { checkCertified, checkContracts, checkGenesisTime, chosenOf, privateNetworkOf } = await import(
    "../app/checks.ts"
  );
  const problems: CodedError[] = [];
  const check = <T>(keys: readonly ConfigKey[], work: () => T): T | undefined => {
    if (keys.some((key) => unknown.has(key))) return undefined;
    try {
      return work();
    } catch (error) {
      if (!isCodedError(error)) throw error;
      if (!problems.some(({ message }) => message === error.message)) problems.push(error);
      return undefined;
    }
  };
  const { networkKey, allowPeers, allowPeersFile, keystorePasswordFile, p2pHost, p2pPort } = draft;
  const genesis = check(["genesis"], () => readGenesis(draft.genesis));
  if (genesis !== undefined && "own" in genesis) {
    check([], () => checkGenesisTime(genesis.own, createSystemClock().now()));
    check(["role", "sync", "allowUncertified"], () => checkCertified(draft, genesis.own));
  }
  check(["role", "contracts"], () => checkContracts(draft));
  check(["contracts"], () => chosenOf(draft.contracts));
  check(["p2pHost"], () => listenAddress(p2pHost, p2pPort, false));
  // One by one, as the first that is wrong ends what a node reads of them.
  check(["networkKey"], () => privateNetworkOf({ networkKey, allowPeers: [], peer: [] }));
  check(["allowPeersFile"], () => privateNetworkOf({ allowPeers: [], allowPeersFile, peer: [] }));
  for (const address of draft.peer) {
    check(["peer"], () => privateNetworkOf({ allowPeers: [], peer: [address] }));
    const keys = ["peer", "allowPeers", "allowPeersFile"] as const;
    check(keys, () => privateNetworkOf({ allowPeers, allowPeersFile, peer: [address] }));
  }
  check(["keystorePasswordFile"], () => keystorePasswordFile && readPassword(keystorePasswordFile));
  return problems;
}
