/** A chain with the logger of `rpc/asking`, whose blocks can be told apart, and followers that keep what they are told. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import type { Block } from "@counterpart/core/chain/types";
import { chainOf, creationOf, openTestEngine, transactionOf } from "../../engine/engine.test-support.ts";
import type { Engine } from "../../engine/types.ts";
import { LOGGER, LOGGER_CODE, OWN, word } from "../rpc/asking.test-support.ts";
import type { Follower } from "./topics.ts";

export async function submitLog(engine: Engine, topic: number): Promise<Hex> {
  const nonce = Number(engine.pool.nextNonce(OWN));
  const data = hexToBytes(word(topic));
  const transaction =
    nonce === 0 ? creationOf(1, 0, LOGGER_CODE) : transactionOf(1, nonce, { to: LOGGER, value: 0n, data });
  await engine.submit(transaction, "local");
  return transaction.hash;
}

/** Seals a block whose logs have these topics. The first one of a chain makes the logger, whatever is asked. */
export async function sealLogs(engine: Engine, ...topics: readonly number[]): Promise<Hex> {
  for (const topic of topics) await submitLog(engine, topic);
  await engine.seal();
  return engine.head().hash;
}

/** A chain of blocks with one logger each, as another node would have it that parted so many blocks below the head. */
export async function rivalBranch(engine: Engine, depth: number, ...blocks: readonly number[][]): Promise<Block[]> {
  const rival = openTestEngine({ sealer: 101 });
  const common = engine.head().number - depth;
  await rival.import(chainOf(engine).slice(0, common));
  for (const topics of blocks) await sealLogs(rival, ...topics);
  await rival.stop();
  return chainOf(rival).slice(common);
}

export interface Recorder<T = unknown> extends Follower {
  readonly told: T[];
  lost: number;
}

export function createRecorder<T = unknown>(): Recorder<T> {
  const recorder: Recorder<T> = {
    told: [],
    lost: 0,
    deliver: ({ value }) => void recorder.told.push(value as T),
    lose() {
      recorder.lost++;
    },
  };
  return recorder;
}
