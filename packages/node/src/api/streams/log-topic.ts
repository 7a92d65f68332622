/** What is to be followed of logs, as a caller says it. */

import type { ChainEngine } from "../../engine/types.ts";
import type { NumberRef } from "../rpc/block-ref.ts";
import { invalidParams, serverError } from "../rpc/errors.ts";
import type { LogQuery } from "../rpc/logs.ts";
import type { LogTopic } from "./topics.ts";

/** @throws RpcError in the words of go-ethereum */
export function logTopicOf({ addresses, topics, from, to }: LogQuery): LogTopic {
  if (from.kind === "pending" || to.kind === "pending") throw invalidParams("pending logs are not supported");
  const numberOf = (ref: NumberRef): number | undefined => (ref.kind === "number" ? ref.number : undefined);
  const [first, last] = [numberOf(from), numberOf(to)];
  const isRange = last === undefined || (first !== undefined && first <= last);
  // What is final is told to nobody as news.
  if (!isRange || from.kind === "final" || to.kind === "final") throw invalidParams("invalid block range params");
  return { kind: "logs", addresses, topics, from: first, to: last };
}

/**
 * A replica executes nothing, so it has neither logs nor a pool: better said than never heard of.
 * @throws RpcError
 */
export function requireExecution(engine: ChainEngine, what: string): void {
  if (engine.isReplica) throw serverError(`a replica has no ${what}: ask a full node`);
}
