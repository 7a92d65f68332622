/** The driver's memory across restarts, in the store: peers to redial, and how far other nodes' artifacts are known. */

import { bytesToBigInt, bytesToUtf8, utf8ToBytes } from "@counterpart/core/base/bytes";
import { type CodedError, isCodedError } from "@counterpart/core/base/errors";
import { asBytes, asList, asNumber, decodeRlp, encodeRlp, rlpNumber } from "@counterpart/core/codec/rlp";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Store, StoreWrite } from "@counterpart/core/ports/store";
import { type Ban, FAULTS, type Fault } from "@counterpart/core/sync/scores";
import { BANS_MAX, TARGETS_MAX } from "./limits.ts";
import type { BanBook, Checkpoints, PeerBook } from "./ports.ts";

/** The database takes no writes, for want of room or because it is damaged: no peer's fault, and not news. */
export const isUnwritten = (error: unknown): error is CodedError =>
  isCodedError(error, "STORE_WRITE_FAILED") || isCodedError(error, "STORE_CORRUPT");

type Rows = Pick<Store, "get" | "range" | "write">;

const CHECKPOINTS_MAX = 1_024;

export function createStoredPeerBook(store: Rows): PeerBook {
  const rows = () => store.range("peers", { limit: TARGETS_MAX });
  return {
    load: () =>
      [...rows()]
        .sort((a, b) => Number(bytesToBigInt(a.value) - bytesToBigInt(b.value)))
        .map(({ key }) => bytesToUtf8(key)),
    save(addresses) {
      const kept = addresses.slice(0, TARGETS_MAX);
      const gone = rows().filter(({ key }) => !kept.includes(bytesToUtf8(key)));
      store.write([
        ...gone.map(({ key }): StoreWrite => ({ table: "peers", key, value: null })),
        ...kept.map((address, at): StoreWrite => {
          return { table: "peers", key: utf8ToBytes(address), value: rlpNumber(at + 1) };
        }),
      ]);
    },
  };
}

const isFault = (text: string): text is Fault => Object.hasOwn(FAULTS, text);

/** A ban for a reason that this release does not know any more counts as one for a malformed message. */
function decodeBan(row: Uint8Array): Ban {
  const [reason, since, until, times] = asList(decodeRlp(row), "ban", 4);
  const name = bytesToUtf8(asBytes(reason, "reason"));
  return {
    reason: isFault(name) ? name : "BAD_MESSAGE",
    sinceMs: asNumber(since, "since"),
    untilMs: asNumber(until, "until"),
    times: asNumber(times, "times"),
  };
}

const encodeBan = ({ reason, sinceMs, untilMs, times }: Ban): Uint8Array =>
  encodeRlp([utf8ToBytes(reason), rlpNumber(sinceMs), rlpNumber(untilMs), rlpNumber(times)]);

export function createStoredBanBook(store: Rows): BanBook {
  const rows = () => store.range("bans", { limit: BANS_MAX });
  return {
    load: () =>
      rows()
        .map(({ key, value }) => [bytesToUtf8(key), decodeBan(value)] as const)
        .sort(([, a], [, b]) => a.sinceMs - b.sinceMs),
    save(bans) {
      const gone = rows().filter(({ key }) => !bans.has(bytesToUtf8(key)));
      store.write([
        ...gone.map(({ key }): StoreWrite => ({ table: "bans", key, value: null })),
        ...[...bans].map(([peerId, ban]): StoreWrite => {
          return { table: "bans", key: utf8ToBytes(peerId), value: encodeBan(ban) };
        }),
      ]);
    },
  };
}

/** The least recently set are forgotten first: such a node's artifacts are compared from the start again. */
export function createStoredCheckpoints(store: Rows, clock: Clock): Checkpoints {
  const setAt = (row: Uint8Array): number => asNumber(asList(decodeRlp(row), "checkpoint", 2)[1], "set at");
  const surplus = (): StoreWrite[] => {
    const rows = [...store.range("checkpoints", { limit: CHECKPOINTS_MAX + 1 })];
    if (rows.length <= CHECKPOINTS_MAX) return [];
    const [oldest] = rows.sort((a, b) => setAt(a.value) - setAt(b.value));
    return oldest === undefined ? [] : [{ table: "checkpoints", key: oldest.key, value: null }];
  };
  return {
    get(instanceId) {
      const row = store.get("checkpoints", utf8ToBytes(instanceId));
      return row === undefined ? undefined : asNumber(asList(decodeRlp(row), "checkpoint", 2)[0], "sequence");
    },
    set(instanceId, sequence) {
      const value = encodeRlp([rlpNumber(sequence), rlpNumber(clock.now())]);
      store.write([...surplus(), { table: "checkpoints", key: utf8ToBytes(instanceId), value }]);
    },
  };
}
