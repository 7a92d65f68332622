/** The EVM that runs this node's blocks, and with the same code cache what is only looked at. */

import { createExecutor, type EvmExecutor } from "@counterpart/core/execution/executor";
import type { Clock } from "@counterpart/core/ports/runtime";
import { createPacer } from "./pacer.ts";

/**
 * As `createEngine` takes them.
 * @param contractsMaySend whether accounts with code may be senders, against EIP-3607, as on a development node
 */
export function createExecutors(
  chainId: number,
  clock: Clock,
  contractsMaySend = false,
): { readonly executor: EvmExecutor; readonly evm: EvmExecutor } {
  const executor = createExecutor({ chainId, pause: createPacer(clock), contractsMaySend });
  return { executor, evm: executor };
}
