/** The EVM that runs this node's blocks, and with the same code cache what is only looked at. */

import { createExecutor, type EvmExecutor } from "@counterpart/core/execution/executor";
import type { Clock } from "@counterpart/core/ports/runtime";
import { createPacer } from "./pacer.ts";

/** As `createEngine` takes them. */
export function createExecutors(
  chainId: number,
  clock: Clock,
): { readonly executor: EvmExecutor; readonly evm: EvmExecutor } {
  const executor = createExecutor({ chainId, pause: createPacer(clock) });
  return { executor, evm: executor };
}
