/** Brings a node from the state that it holds, or none, to the state of a block whose header is known to be good. */

import { equalBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { encodeAccount } from "@counterpart/core/chain/account";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import { CONTRACTS_MAX } from "@counterpart/core/sync/limits";
import type { TrieChange } from "@counterpart/core/trie/types";
import type { ProvenAccount } from "@counterpart/core/verify/state-proof";
import type { Adoption, StatePortion } from "../engine/adoption.ts";
import type { Holding } from "../engine/holding.ts";
import { chunks } from "./lanes.ts";
import type { LikelyKeys } from "./likely-keys.ts";
import { ACCOUNTS_AT_A_TIME, PORTION_BYTES_MAX, STEP_BYTES_MAX } from "./limits.ts";
import { createStateCollector, keeping, type StateCollector } from "./state-collector.ts";
import { decodeSegments, encodeSegments, fillState, WHOLE_STATE } from "./state-fill.ts";
import { bringAccounts } from "./state-parts.ts";
import type { StateSource } from "./state-source.ts";
import { walkDifference } from "./state-walk.ts";

export interface BringDeps {
  readonly adoption: Adoption;
  readonly holding: Holding;
  /** The block whose state is held, unless one is being taken over; the genesis' goes then. */
  readonly head: () => SealedHeader;
  readonly source: StateSource;
  readonly likely: LikelyKeys;
}

/**
 * Moves the head to `target`, whose header is held.
 * @throws CodedError `PRUNED` when nobody has the target's state any more, `NOT_READY`, `STORE_WRITE_FAILED`
 */
export type Bring = (target: SealedHeader) => Promise<void>;

const NOTHING_LEFT = encodeSegments([]);

export function createBringer({ adoption, holding, head, source, likely }: BringDeps): Bring {
  /** Contracts of which the target's state may not be held: of the head's only those that were added since. */
  const missingOf = (target: SealedHeader): readonly Hex[] => {
    const isHeld = !adoption.isUnderway && head().hash === target.hash;
    return isHeld ? holding.chosen().filter(holding.isAwaited) : holding.chosen();
  };
  /** Gathers what differs of the contracts that a replica was told to hold. */
  const bringChosen = async (target: SealedHeader, into: StateCollector): Promise<void> => {
    for (const some of chunks(missingOf(target), CONTRACTS_MAX)) {
      for (let rest = some; rest.length > 0; ) {
        const proven = await source.state(
          target,
          rest.map((address) => ({ address, slots: [] })),
        );
        await bringAccounts({ adoption, source, target, into, likely }, proven.flatMap(changeOf));
        rest = rest.slice(proven.length);
      }
    }
  };
  /** What has to be written of an account that was proven; nothing when it is so already. */
  const changeOf = ({ address, account }: ProvenAccount): readonly TrieChange[] => {
    const key = keccak256(hexToBytes(address));
    const held = adoption.account(key);
    const [before, after] = [held && encodeAccount(held), account && encodeAccount(account)];
    if (before === after || (before !== undefined && after !== undefined && equalBytes(before, after))) return [];
    return [{ key, value: after ?? null }];
  };

  /** Gathers all in which the state that is held differs from the target's. */
  const bringDifference = async (target: SealedHeader, into: StateCollector): Promise<void> => {
    if (holding.role === "chosen") return bringChosen(target, into);
    for (let isWhole = false; !isWhole; ) {
      const trie = { held: adoption.accountTrie(), root: target.stateRoot, likely: likely.of(undefined, target) };
      const walked = await walkDifference({ source, target, ...trie });
      likely.note(
        undefined,
        walked.changes.map(({ key }) => key),
      );
      isWhole = walked.isWhole;
      for (const some of chunks(walked.changes, ACCOUNTS_AT_A_TIME)) {
        await bringAccounts({ adoption, source, target, into, likely }, some);
      }
      if (!isWhole) await into.flush();
    }
  };

  /** From one state to another in one write, so that readers see either. */
  const step = async (target: SealedHeader): Promise<void> => {
    const into = createStateCollector(STEP_BYTES_MAX);
    await bringDifference(target, into);
    await adoption.complete(target, into.take());
  };
  /** In many writes, the state being nobody's meanwhile. */
  const takeOver = async (target: SealedHeader): Promise<void> => {
    const segments = decodeSegments(adoption.progress());
    if (segments.length > 0) await fillState({ adoption, source, target, likely }, segments);
    const write = (portion: StatePortion): Promise<void> => adoption.write(portion, NOTHING_LEFT);
    const into = createStateCollector(PORTION_BYTES_MAX, write);
    await keeping(into, () => bringDifference(target, into));
    await adoption.complete(target, into.take());
  };
  return async (target) => {
    if (!adoption.isUnderway && head().number === 0) {
      await adoption.begin(true, holding.role === "chosen" ? NOTHING_LEFT : encodeSegments(WHOLE_STATE));
    }
    if (adoption.isUnderway) return takeOver(target);
    try {
      await step(target);
    } catch (error) {
      if (!isCodedError(error, "PAYLOAD_TOO_LARGE")) throw error;
      await adoption.begin(false, NOTHING_LEFT);
      await takeOver(target);
    }
  };
}
