/** Running whole blocks in tests. */

import type { Hex } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { createExecutor } from "./executor.ts";
import {
  ALICE,
  blockContext,
  CHAIN_ID,
  initcode,
  type TransactionParts,
  transaction,
} from "./fixtures.test-support.ts";
import type { MemoryState } from "./memory-state.test-support.ts";
import type { BlockExecution, StateChanges, TransactionInvalid, TransactionOutcome } from "./types.ts";

export const executor = createExecutor({ chainId: CHAIN_ID });

/** An executor that counts how often it would have let others at the thread. */
export function createCountingExecutor() {
  const pauses = { count: 0 };
  const pause = async (): Promise<void> => {
    pauses.count++;
  };
  return { pauses, executor: createExecutor({ chainId: CHAIN_ID, pause }) };
}

/** Runs a transaction that must be valid. */
export async function run(execution: BlockExecution, parts: TransactionParts): Promise<TransactionOutcome> {
  const outcome = await execution.run(transaction(parts));
  assert(outcome.valid, outcome.valid ? "" : outcome.message);
  return outcome;
}

/** Runs a transaction that must be invalid. */
export async function refuse(execution: BlockExecution, parts: TransactionParts): Promise<TransactionInvalid> {
  const outcome = await execution.run(transaction(parts));
  assert(!outcome.valid, "the transaction was executed");
  return outcome;
}

export interface RanBlock {
  readonly outcomes: TransactionOutcome[];
  readonly changes: StateChanges;
}

/** Runs transactions as one block and gives their outcomes and what the block changed. The state stays as it is. */
export async function block(
  state: MemoryState,
  list: readonly TransactionParts[],
  context = blockContext(),
): Promise<RanBlock> {
  const execution = await executor.begin(context, state);
  const outcomes: TransactionOutcome[] = [];
  for (const parts of list) outcomes.push(await run(execution, parts));
  return { outcomes, changes: execution.finish() };
}

/** Alice deploys a contract in a block of its own, which is applied to the state. */
export async function deploy(state: MemoryState, runtime: Uint8Array, nonce = 0n, value = 0n): Promise<Hex> {
  const { outcomes, changes } = await block(state, [{ from: ALICE, nonce, value, data: initcode(runtime) }]);
  const address = outcomes[0]?.contractAddress;
  assert(address !== undefined, "the deployment failed");
  state.apply(changes);
  return address;
}
