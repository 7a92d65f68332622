/**
 * What peers say of where contracts come from. An address that follows from owner and nonce proves both; the owner of a
 * factory's child is somebody's word, and so is that a contract is one. What proves itself counts, and otherwise what
 * most of a few say.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import type { ContractOrigin } from "@counterpart/core/sync/message-types-state";
import { ORIGIN_VOICES_MAX } from "./limits.ts";
import type { Session } from "./session.ts";

export interface ToldOrigins {
  /** A peer's answer is verified as far as it can be. */
  note(account: Hex, session: Session, origin: ContractOrigin): void;
  /** Whether another peer's word is wanted. */
  isOpen(account: Hex): boolean;
  /** By keccak(address). */
  chosen(): ReadonlyMap<Hex, ContractOrigin>;
}

const isProven = ({ creationNonce }: ContractOrigin): boolean => creationNonce !== undefined;

/** The first of those that most say. */
function mostSaid(origins: readonly ContractOrigin[]): ContractOrigin | undefined {
  const voices = (owner: Hex | undefined): number => origins.filter((origin) => origin.owner === owner).length;
  let most: ContractOrigin | undefined;
  for (const origin of origins) if (most === undefined || voices(origin.owner) > voices(most.owner)) most = origin;
  return most;
}

export function createToldOrigins(): ToldOrigins {
  const told = new Map<Hex, Map<Session, ContractOrigin>>();
  const saidOf = (account: Hex): readonly ContractOrigin[] => [...(told.get(account)?.values() ?? [])];
  return {
    note(account, session, origin) {
      const said = told.get(account) ?? new Map<Session, ContractOrigin>();
      told.set(account, said.set(session, origin));
    },
    isOpen(account) {
      const said = saidOf(account);
      return said.length < ORIGIN_VOICES_MAX && !said.some(isProven);
    },
    chosen() {
      const origins = new Map<Hex, ContractOrigin>();
      for (const account of told.keys()) {
        const said = saidOf(account);
        const origin = said.find(isProven) ?? mostSaid(said);
        if (origin !== undefined) origins.set(account, origin);
      }
      return origins;
    },
  };
}
