/** The EVM that runs this node's blocks, and with the same code cache what is only looked at. */

import { createCodeCache, createExecutor, type EvmExecutor } from "@counterpart/core/execution/executor";
import type { Clock } from "@counterpart/core/ports/runtime";
import { createPacer, createPatientPacer } from "./pacer.ts";

/**
 * As `createEngine` takes them.
 * @param contractsMaySend whether accounts with code may be senders, against EIP-3607, as on a development node
 */
export function createExecutors(
  chainId: number,
  clock: Clock,
  contractsMaySend = false,
): { readonly executor: EvmExecutor; readonly evm: EvmExecutor } {
  const shared = { chainId, contractsMaySend, codes: createCodeCache() };
  return {
    executor: createExecutor({ ...shared, pause: createPacer(clock) }),
    evm: createExecutor({ ...shared, pause: createPatientPacer(clock) }),
  };
}
