/**
 * Requests that may be sent twice but must act once. A caller's key stands for the transaction that its first request
 * became: the row that says so is written together with that transaction, so that after whatever crash, restart or
 * reorganisation a repeated request finds the same transaction, or none was ever sent. What failed before there was a
 * transaction is not remembered, and what a development node has forgotten was never sent.
 *
 *     idempotency   keccak(key) → [fingerprint of the request, transaction hash, when (ms), return data of the simulation]
 */

import { bytesToHex, EMPTY_BYTES, type Hex, hexToBytes, utf8ToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { asBytes, asFixedHex, asList, asNumber, decodeRlp, encodeRlp, rlpNumber } from "@counterpart/core/codec/rlp";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Store, StoreWrite } from "@counterpart/core/ports/store";
import type { Engine } from "../engine/types.ts";

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
const OUTPUT_BYTES_MAX = 4_096;

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

/** Expired keys that a new one takes the place of: two, so that what is remembered shrinks. */
const REMOVED_MAX = 2;

/** Only a development node forgets transactions: those that are dropped, or taken back with the head. */
export const forgottenBy =
  ({ development, knows }: Pick<Engine, "development" | "knows">) =>
  (transaction: Hex): boolean =>
    development !== undefined && !knows(transaction);

/** @param isForgotten whether a transaction is gone as if it had never been sent: its keys are free again */
export function createIdempotency(
  store: Pick<Store, "get" | "range">,
  clock: Clock,
  isForgotten: (transaction: Hex) => boolean = () => false,
): Idempotency {
  const times = loadTimes(store);
  /** Keys that a request is about to write or to remove. */
  const underWay = new Map<Hex, Promise<void>>();
  /** Requests under way that will be remembered beside all that is. */
  let adding = 0;

  const isOver = (at: number): boolean => clock.now() - at > KEPT_MS;
  const read = (id: Hex): Row | undefined => {
    const at = times.get(id);
    if (at === undefined || isOver(at)) return undefined;
    const bytes = store.get("idempotency", hexToBytes(id));
    const row = bytes === undefined ? undefined : decodeRow(bytes);
    return row === undefined || isForgotten(row.transactionHash) ? undefined : row;
  };
  /** The oldest keys whose time is over and that no other request is about to write or remove. */
  const expired = (): readonly Hex[] => {
    const gone: Hex[] = [];
    for (const [id, at] of times) {
      if (!isOver(at) || gone.length === REMOVED_MAX) break;
      if (!underWay.has(id)) gone.push(id);
    }
    return gone;
  };
  const enterAs = (id: Hex, fingerprint: Hex): Entry => {
    const at = clock.now();
    const removed = expired().filter((old) => old !== id);
    const adds = times.has(id) || removed.length > 0 ? 0 : 1;
    if (times.size + adding + adds > KEYS_MAX) {
      throw new CodedError("IDEMPOTENCY_KEYS_FULL", `this node remembers ${KEYS_MAX} keys of the last 24 hours`);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const taken = [id, ...removed];
    for (const one of taken) underWay.set(one, promise);
    adding += adds;
    return {
      known: undefined,
      rows(transactionHash, whole) {
        const output = whole.length > OUTPUT_BYTES_MAX ? EMPTY_BYTES : whole;
        return [
          ...removed.map((old): StoreWrite => ({ table: "idempotency", key: hexToBytes(old), value: null })),
          { table: "idempotency", key: hexToBytes(id), value: encodeRow({ fingerprint, transactionHash, at, output }) },
        ];
      },
      leave(sent) {
        for (const one of taken) underWay.delete(one);
        adding -= adds;
        if (sent) {
          for (const one of taken) times.delete(one);
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
      if (row === undefined) return enterAs(id, fingerprint);
      if (row.fingerprint === fingerprint) return { known: row };
      throw new CodedError("IDEMPOTENCY_KEY_REUSED", "the Idempotency-Key was used for another request", {
        transaction_hash: row.transactionHash,
      });
    },
  };
}
