/** Brings a node from the state that it holds, or none, to the state of a block whose header is known to be good. */

import { equalBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { encodeAccount } from "@counterpart/core/chain/account";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import type { SeenNode } from "@counterpart/core/trie/lookup";
import { keyToNibbles } from "@counterpart/core/trie/nibbles";
import type { TrieChange } from "@counterpart/core/trie/types";
import type { Adoption, StatePortion } from "../engine/adoption.ts";
import type { Holding } from "../engine/holding.ts";
import { chunks } from "./lanes.ts";
import type { LikelyKeys } from "./likely-keys.ts";
import { ACCOUNTS_AT_A_TIME, CONTRACTS_BY_NAME_MAX, PORTION_BYTES_MAX, STEP_BYTES_MAX } from "./limits.ts";
import { createStateCollector, keeping, type StateCollector } from "./state-collector.ts";
import { decodeSegments, encodeSegments, fillState, WHOLE_STATE } from "./state-fill.ts";
import { bringAccounts } from "./state-parts.ts";
import type { StateSource } from "./state-source.ts";
import { lookUpAccounts, walkDifference } from "./state-walk.ts";

/** What a replica of chosen contracts has seen of a block's account trie, of which it holds nothing. */
export interface SeenState {
  /** Undefined before it has seen any. */
  block: Hex | undefined;
  root: SeenNode | undefined;
}

export const nothingSeen = (): SeenState => ({ block: undefined, root: undefined });

export interface BringDeps {
  readonly adoption: Adoption;
  readonly holding: Holding;
  /** The block whose state is held, unless one is being taken over; the genesis' goes then. */
  readonly head: () => SealedHeader;
  readonly source: StateSource;
  readonly likely: LikelyKeys;
  /** Kept from one target to the next. */
  readonly seen: SeenState;
}

/**
 * Moves the head to `target`, whose header is held.
 * @throws CodedError `PRUNED` when nobody has the target's state any more, `NOT_READY`, `STORE_WRITE_FAILED`
 */
export type Bring = (target: SealedHeader) => Promise<void>;

const NOTHING_LEFT = encodeSegments([]);

export function createBringer({ adoption, holding, head, source, likely, seen }: BringDeps): Bring {
  const isHead = (block: Hex | undefined): boolean => !adoption.isUnderway && head().hash === block;
  /** Gathers what differs of the contracts that a replica was told to hold. */
  const bringChosen = async (target: SealedHeader, into: StateCollector): Promise<void> => {
    const chosen = holding.chosen();
    // Contracts of which the target's state may not be held: of the head's only those that were added since.
    const missing = isHead(target.hash) ? chosen.filter(holding.isAwaited) : chosen;
    if (missing.length > CONTRACTS_BY_NAME_MAX) return bringByNodes(chosen, target, into);
    for (let rest = missing; rest.length > 0; ) {
      const proven = await source.state(
        target,
        rest.map((address) => ({ address, slots: [] })),
      );
      const changes = proven.flatMap(({ address, account }) => {
        const value = account === undefined ? null : encodeAccount(account);
        return changeOf({ key: keccak256(hexToBytes(address)), value });
      });
      await bringAccounts({ adoption, source, target, into, likely }, changes);
      rest = rest.slice(proven.length);
    }
  };
  /** The same of many, by the nodes of the account trie in which the way to them differs from what was seen of the head's. */
  const bringByNodes = async (chosen: readonly Hex[], target: SealedHeader, into: StateCollector): Promise<void> => {
    const keys = new Map(chosen.map((address) => [keyToNibbles(keccak256(hexToBytes(address))), address]));
    const awaited = new Set([...keys].filter(([, address]) => holding.isAwaited(address)).map(([key]) => key));
    const lookedUp = await lookUpAccounts({
      source,
      target,
      keys: [...keys.keys()],
      before: isHead(seen.block) ? seen.root : undefined,
      isKnown: (key) => !awaited.has(key),
      likely: likely.of(undefined, target),
    });
    const changes = lookedUp.changes.flatMap(changeOf);
    likely.note(
      undefined,
      changes.map(({ key }) => key),
    );
    for (const some of chunks(changes, ACCOUNTS_AT_A_TIME)) {
      await bringAccounts({ adoption, source, target, into, likely }, some);
    }
    [seen.block, seen.root] = [target.hash, lookedUp.seen];
  };
  /** What has to be written of an account that was proven; nothing when it is so already. */
  const changeOf = ({ key, value }: TrieChange): readonly TrieChange[] => {
    const held = adoption.account(key);
    const before = held === undefined ? null : encodeAccount(held);
    const isSame = before === value || (before !== null && value !== null && equalBytes(before, value));
    return isSame ? [] : [{ key, value }];
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
