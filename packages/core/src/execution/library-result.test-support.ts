/** What the EVM library says of an execution, in our terms. */

import { EVMError, type ExecResult } from "@ethereumjs/evm";
import { bytesToHex, EMPTY_BYTES, type Hex } from "../base/bytes.ts";
import { isDelegation } from "../chain/account.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import type { Log } from "../chain/types.ts";
import type { StateJournal } from "./library-journal.test-support.ts";
import type { ExecutionStatus } from "./types.ts";

export interface ExecutionEnd {
  readonly status: ExecutionStatus;
  readonly output: Uint8Array;
  readonly halt?: string;
  readonly logs: readonly Log[];
}

function logsOf(result: ExecResult): Log[] {
  return (result.logs ?? []).map(([address, topics, data]) => ({
    address: bytesToHex(address),
    topics: topics.map(bytesToHex),
    data: data.slice(),
  }));
}

/** How an execution ended. Output is copied: the library's may be a view into a frame's memory. */
export function endOf(result: ExecResult): ExecutionEnd {
  const { exceptionError, returnValue } = result;
  if (exceptionError === undefined) return { status: "success", output: returnValue.slice(), logs: logsOf(result) };
  if (exceptionError.error === EVMError.errorMessages.REVERT) {
    return { status: "reverted", output: returnValue.slice(), logs: [] };
  }
  return halted(exceptionError.error);
}

export function halted(halt: string): ExecutionEnd {
  return { status: "halted", output: EMPTY_BYTES, halt, logs: [] };
}

/** Accounts that received contract code in the transaction that just ended, and hold it. */
export function takeCreated(journal: StateJournal): Hex[] {
  const created: Hex[] = [];
  for (const [address, codeHashBefore] of journal.takeCoded()) {
    const codeHash = journal.account(address)?.codeHash ?? EMPTY_CODE_HASH;
    if (codeHash === EMPTY_CODE_HASH || codeHash === codeHashBefore) continue;
    if (!isDelegation(journal.code(address))) created.push(address);
  }
  return created;
}
