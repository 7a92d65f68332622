/**
 * The messages of a transaction as a tree: go-ethereum's `callTracer`. Source: go-ethereum's documentation, "Built-in
 * tracers".
 */

import { bytesToHex, type Hex } from "../../base/bytes.ts";
import type { Log } from "../../chain/types.ts";
import type { CallEnter, CallExit, CallKind, Tracer } from "../tracer.ts";
import type { Spend } from "./budget.ts";

const FRAME_CHARACTERS = 300;
const LOG_CHARACTERS = 200;
const TOPIC_CHARACTERS = 70;

export interface CallTracerOptions {
  /** Leaves out the messages that the first one sends. */
  readonly onlyTopCall: boolean;
  readonly withLog: boolean;
  /** The reason in revert data, where it has one in words. */
  readonly reasonOf: (output: Uint8Array) => string | undefined;
  readonly spend: Spend;
}

export interface TracedLog {
  readonly address: Hex;
  readonly topics: readonly Hex[];
  readonly data: Hex;
  /** Index among the logs of the transaction; those that were undone have none and are left out. */
  index: Hex;
  /** Messages of the frame that were sent before. */
  readonly position: Hex;
}

/** A message, as it is shown. */
export interface CallFrame {
  readonly type: CallKind;
  readonly from: Hex;
  /** Absent for a creation that failed. */
  to?: Hex;
  /** Absent for STATICCALL. */
  readonly value?: Hex;
  gas: Hex;
  gasUsed: Hex;
  readonly input: Hex;
  output?: Hex;
  error?: string;
  revertReason?: string;
  calls?: CallFrame[];
  logs?: TracedLog[];
}

export interface CallTracer {
  readonly tracer: Tracer;
  result(): CallFrame | undefined;
}

const quantity = (value: bigint | number): Hex => `0x${value.toString(16)}`;

interface Open {
  readonly frame: CallFrame;
  readonly gas: bigint;
}

function frameOf({ kind, from, to, value, gas, input }: CallEnter): CallFrame {
  return {
    type: kind,
    from,
    to,
    ...(kind === "STATICCALL" ? {} : { value: quantity(value) }),
    gas: quantity(gas),
    gasUsed: "0x0",
    input: bytesToHex(input),
  };
}

function close({ frame, gas }: Open, { output, gasLeft, failure, vmError }: CallExit, options: CallTracerOptions) {
  frame.gasUsed = quantity(gas - gasLeft);
  options.spend(2 * output.length);
  if (failure === undefined) {
    if (output.length > 0) frame.output = bytesToHex(output);
    return;
  }
  const isReverted = failure === "revert";
  frame.error = isReverted ? "execution reverted" : (vmError ?? failure);
  if (frame.type === "CREATE" || frame.type === "CREATE2") delete frame.to;
  if (!isReverted || output.length === 0) return;
  frame.output = bytesToHex(output);
  const reason = options.reasonOf(output);
  if (reason !== undefined && reason !== "") frame.revertReason = reason;
}

/** Takes away the logs of what was undone, and numbers the others in the order in which they came. */
function settleLogs(frame: CallFrame, isUndone: boolean): void {
  const undone = isUndone || frame.error !== undefined;
  if (undone) delete frame.logs;
  for (const call of frame.calls ?? []) settleLogs(call, undone);
}

function numberLogs(frame: CallFrame, from: number): number {
  let next = from;
  const calls = frame.calls ?? [];
  let called = 0;
  for (const log of frame.logs ?? []) {
    while (called < Number(log.position)) next = numberLogs(calls[called++] as CallFrame, next);
    log.index = quantity(next++);
  }
  while (called < calls.length) next = numberLogs(calls[called++] as CallFrame, next);
  return next;
}

export function createCallTracer(options: CallTracerOptions): CallTracer {
  const { onlyTopCall, withLog, spend } = options;
  const stack: Open[] = [];
  let top: CallFrame | undefined;
  let gasLimit = 0n;

  function noteLog({ address, topics, data }: Log): void {
    const frame = stack.at(-1)?.frame;
    if (frame === undefined) return;
    spend(LOG_CHARACTERS + TOPIC_CHARACTERS * topics.length + 2 * data.length);
    frame.logs ??= [];
    frame.logs.push({
      address,
      topics,
      data: bytesToHex(data),
      index: "0x0",
      position: quantity(frame.calls?.length ?? 0),
    });
  }

  const tracer: Tracer = {
    begin(transaction) {
      gasLimit = transaction.gasLimit;
    },
    enter(call) {
      if (onlyTopCall && call.depth > 0) return;
      spend(FRAME_CHARACTERS + 2 * call.input.length);
      const frame = frameOf(call);
      const parent = stack.at(-1)?.frame;
      if (parent === undefined) top = frame;
      else {
        parent.calls ??= [];
        parent.calls.push(frame);
      }
      stack.push({ frame, gas: call.gas });
    },
    exit(call) {
      if (onlyTopCall && call.depth > 0) return;
      const open = stack.pop();
      if (open !== undefined) close(open, call, options);
    },
    end({ gasUsed }) {
      if (top === undefined) return;
      // The transaction's own: with what it costs before its code runs, and after refunds.
      top.gas = quantity(gasLimit);
      top.gasUsed = quantity(gasUsed);
      settleLogs(top, false);
      numberLogs(top, 0);
    },
    ...(withLog && {
      log(log: Log) {
        if (!onlyTopCall || stack.length === 1) noteLog(log);
      },
    }),
  };
  return { tracer, result: () => top };
}
