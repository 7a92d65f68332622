/**
 * Gathers what was proven of a state until it is written. While a state is taken over, what has been gathered is written
 * whenever it is much; a step from one head to the next has to be one write, so that there it may only be so much.
 */

import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { ContractOrigin } from "@counterpart/core/sync/message-types-state";
import type { KeyedChange, StatePortion } from "../engine/adoption.ts";

/** What a row takes besides key and value. */
const ROW_BYTES = 100;

export interface StateCollector {
  /** About how much is gathered now. */
  readonly bytes: number;
  /** Slots of one account. An account is added only after all of its own. */
  addSlots(account: Uint8Array, slots: readonly KeyedChange[]): Promise<void>;
  addCodes(codes: ReadonlyMap<Hex, Uint8Array>): Promise<void>;
  addOrigins(origins: ReadonlyMap<Hex, ContractOrigin>): void;
  addAccounts(accounts: readonly KeyedChange[]): Promise<void>;
  /** Writes what is gathered. @throws CodedError `PAYLOAD_TOO_LARGE` where everything has to be one write */
  flush(): Promise<void>;
  /** What is gathered now; it starts again from nothing. */
  take(): StatePortion;
}

const sizeOf = (rows: readonly KeyedChange[]): number =>
  rows.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0) + ROW_BYTES, 0);

/** @param onFull writes what is gathered; without it, being full is an error: `PAYLOAD_TOO_LARGE` */
export function createStateCollector(
  bytesMax: number,
  onFull?: (portion: StatePortion) => Promise<void>,
): StateCollector {
  let storage: { account: Uint8Array; slots: readonly KeyedChange[] }[] = [];
  let accounts: KeyedChange[] = [];
  let codes = new Map<Hex, Uint8Array>();
  const origins = new Map<Hex, ContractOrigin>();
  let bytes = 0;

  /** Where the contracts come from that are handed on; of others it is kept, as it means nothing without them. */
  const takeOrigins = (): Map<Hex, ContractOrigin> => {
    const taken = new Map<Hex, ContractOrigin>();
    for (const { key } of accounts) {
      const hash = bytesToHex(key);
      const origin = origins.get(hash);
      if (origin !== undefined) taken.set(hash, origin);
      origins.delete(hash);
    }
    return taken;
  };
  const take = (): StatePortion => {
    const portion = { accounts, storage, codes, origins: takeOrigins() };
    [accounts, storage, codes, bytes] = [[], [], new Map(), 0];
    return portion;
  };
  const flush = async (): Promise<void> => {
    if (onFull === undefined) throw new CodedError("PAYLOAD_TOO_LARGE", "too much of the state differs for one write");
    await onFull(take());
  };
  const grow = async (by: number): Promise<void> => {
    bytes += by;
    if (bytes > bytesMax) await flush();
  };
  return {
    get bytes() {
      return bytes;
    },
    async addSlots(account, slots) {
      storage.push({ account, slots });
      await grow(sizeOf(slots));
    },
    async addCodes(more) {
      let size = 0;
      for (const [hash, code] of more) {
        codes.set(hash, code);
        size += code.length + ROW_BYTES;
      }
      await grow(size);
    },
    addOrigins(more) {
      for (const [hash, origin] of more) origins.set(hash, origin);
    },
    async addAccounts(more) {
      accounts.push(...more);
      await grow(sizeOf(more));
    },
    flush,
    take,
  };
}

/** Runs what gathers. Where it fails because of peers, what it has gathered is written all the same, as it is proven. */
export async function keeping(into: StateCollector, gather: () => Promise<void>): Promise<void> {
  try {
    await gather();
  } catch (error) {
    if (isCodedError(error) && !error.code.startsWith("STORE_")) await into.flush();
    throw error;
  }
}
