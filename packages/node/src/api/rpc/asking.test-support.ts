/** Asks methods over the whole API, and a contract whose logs are easy to tell apart. */

import assert from "node:assert/strict";
import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import { accountOf, creationOf, openTestEngine, transactionOf } from "../../engine/engine.test-support.ts";
import { createFakeBackend, openTestApi, type TestApi } from "../fake-backend.test-support.ts";
import { assertDocumentedResult } from "./documented-results.test-support.ts";

export const OWN = accountOf(1);
export const STRANGER: Hex = `0x${"77".repeat(20)}`;

/** Every answer is held against what `rpc.discover` says of its method. */
export async function ask<T = unknown>(api: TestApi, method: string, ...params: unknown[]): Promise<T> {
  const { result, error } = await api.rpc(method, ...params);
  assert.equal(error, undefined, `${method}: ${error?.message}`);
  assertDocumentedResult(method, result);
  return result as T;
}

export async function fails(
  api: TestApi,
  code: number,
  message: RegExp,
  method: string,
  ...params: unknown[]
): Promise<void> {
  const { error } = await api.rpc(method, ...params);
  assert.equal(error?.code, code, `${method}: ${JSON.stringify(error)}`);
  assert.match(error?.message ?? "", message);
}

/** Logs the first word it is called with as its only topic. */
export const LOGGER_CODE = hexToBytes("0x6009600c60003960096000f360003560006000a100");
export const LOGGER = createAddress(OWN, 0n);
export const word = (n: number): Hex => `0x${n.toString(16).padStart(64, "0")}`;

/** Block 1 makes the contract; each later block has logs with these topics, one transaction a topic. */
export async function openLogs(...blocks: number[][]) {
  const engine = openTestEngine();
  await engine.submit(creationOf(1, 0, LOGGER_CODE), "local");
  await engine.seal();
  let nonce = 1;
  for (const topics of blocks) {
    for (const topic of topics) {
      await engine.submit(transactionOf(1, nonce++, { to: LOGGER, value: 0n, data: hexToBytes(word(topic)) }), "local");
    }
    await engine.seal();
  }
  return { engine, api: await openTestApi({}, createFakeBackend(engine)) };
}

export interface ShownLog {
  readonly blockNumber: string;
  readonly logIndex: string;
  readonly transactionIndex: string;
  readonly transactionHash: string;
  readonly topics: readonly string[];
}

export const brief = (logs: readonly ShownLog[]) =>
  logs.map(
    (log) =>
      `${Number(log.blockNumber)}/${Number(log.transactionIndex)}/${Number(log.logIndex)}:${Number(log.topics[0])}`,
  );
