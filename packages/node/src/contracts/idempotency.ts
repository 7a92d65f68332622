/**
 * Requests that may be sent twice but must act once. A caller's key stands for the transaction that its first request
 * became: the row that says so is written together with that transaction, so that after whatever crash, restart or
 * reorganisation a repeated request finds the same transaction, or none was ever sent. What failed before there was a
 * transaction is not remembered.
 *
 *     idempotency   keccak(key) → [fingerprint of the request, transaction hash, when (ms), return data of the simulation]
 */

import { bytesToHex, EMPTY_BYTES, type Hex, hexToBytes, utf8ToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { asBytes, asFixedHex, asList, asNumber, decodeRlp, encodeRlp, rlpNumber } from "@counterpart/core/codec/rlp";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Store, StoreWrite } from "@counterpart/core/ports/store";

/** What identifies a request. */
export interface RequestKey {
  /** As the caller gave it. */
  readonly key: string;
  /** Hash of route and body: the same key with another one is a mistake. */
  readonly fingerprint: Hex;
}

/** What a key stands for. */
export interface Known {
  readonly transactionHash: Hex;
  /** Return data of the simulation before the transaction was sent. */
  readonly output: Uint8Array;
}

/** The right to send for a key. `leave` must be called. */
export interface Entry {
  readonly known: undefined;
  /** Rows to write with the transaction. */
  rows(transactionHash: Hex, output: Uint8Array): readonly StoreWrite[];
  /** Lets those with the same key go on. @param sent the transaction is durable, and its rows with it */
  leave(sent: boolean): void;
}

export interface Idempotency {
  /**
   * Waits for requests with the same key that are under way.
   * @throws CodedError `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_KEYS_FULL`
   */
  enter(request: RequestKey): Promise<Entry | { readonly known: Known }>;
}

export const KEPT_MS = 24 * 60 * 60 * 1000;
export const KEYS_MAX = 65_536;
/** Longer return data is not kept: the repeated answer then has no result. */
export const OUTPUT_BYTES_MAX = 4_096;

interface Row extends Known {
  readonly fingerprint: Hex;
  readonly at: number;
}

const encodeRow = ({ fingerprint, transactionHash, at, output }: Row): Uint8Array =>
  encodeRlp([hexToBytes(fingerprint), hexToBytes(transactionHash), rlpNumber(at), output]);

function decodeRow(bytes: Uint8Array): Row {
  const [fingerprint, transactionHash, at, output] = asList(decodeRlp(bytes), "idempotency", 4);
  return {
    fingerprint: asFixedHex(fingerprint, "fingerprint", 32),
    transactionHash: asFixedHex(transactionHash, "transaction hash", 32),
    at: asNumber(at, "at"),
    output: asBytes(output, "output"),
  };
}

/** When each key was first used, the oldest first. */
function loadTimes(store: Pick<Store, "range">): Map<Hex, number> {
  const rows = store.range("idempotency", { limit: KEYS_MAX });
  const times = rows.map(({ key, value }) => [bytesToHex(key), decodeRow(value).at] as const);
  return new Map(times.sort(([, a], [, b]) => a - b));
}

export function createIdempotency(store: Pick<Store, "get" | "range">, clock: Clock): Idempotency {
  const times = loadTimes(store);
  const underWay = new Map<Hex, Promise<void>>();

  const read = (id: Hex): Row | undefined => {
    const at = times.get(id);
    if (at === undefined || clock.now() - at > KEPT_MS) return undefined;
    const row = store.get("idempotency", hexToBytes(id));
    return row === undefined ? undefined : decodeRow(row);
  };
  /** The oldest keys whose time is over, as many as there are to make room for, and one more for good measure. */
  const expired = (): Hex[] => {
    const gone: Hex[] = [];
    for (const [id, at] of times) {
      if (clock.now() - at <= KEPT_MS || gone.length === 2) break;
      gone.push(id);
    }
    return gone;
  };
  const enterAs = (id: Hex, fingerprint: Hex): Entry => {
    const { promise, resolve } = Promise.withResolvers<void>();
    underWay.set(id, promise);
    let removed: readonly Hex[] = [];
    const at = clock.now();
    return {
      known: undefined,
      rows(transactionHash, whole) {
        const output = whole.length > OUTPUT_BYTES_MAX ? EMPTY_BYTES : whole;
        removed = expired().filter((old) => old !== id);
        return [
          ...removed.map((old): StoreWrite => ({ table: "idempotency", key: hexToBytes(old), value: null })),
          { table: "idempotency", key: hexToBytes(id), value: encodeRow({ fingerprint, transactionHash, at, output }) },
        ];
      },
      leave(sent) {
        underWay.delete(id);
        if (sent) {
          for (const old of removed) times.delete(old);
          times.delete(id);
          times.set(id, at);
        }
        resolve();
      },
    };
  };

  return {
    async enter({ key, fingerprint }) {
      const id = bytesToHex(keccak256(utf8ToBytes(key)));
      for (let other = underWay.get(id); other !== undefined; other = underWay.get(id)) await other;
      const row = read(id);
      if (row === undefined) {
        if (times.size + underWay.size >= KEYS_MAX && !times.has(id) && expired().length === 0) {
          throw new CodedError("IDEMPOTENCY_KEYS_FULL", `this node remembers ${KEYS_MAX} keys of the last 24 hours`);
        }
        return enterAs(id, fingerprint);
      }
      if (row.fingerprint === fingerprint) return { known: row };
      throw new CodedError("IDEMPOTENCY_KEY_REUSED", "the Idempotency-Key was used for another request", {
        transaction_hash: row.transactionHash,
      });
    },
  };
}
