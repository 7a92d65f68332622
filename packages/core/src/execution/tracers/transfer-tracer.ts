/**
 * The logs of a message, and with them, on request, one for each transfer of ether, as if it were a token's: what
 * `eth_simulateV1` shows with `traceTransfers`. Logs of messages that failed are left out.
 */

import { bigIntToFixedBytes, type Hex } from "../../base/bytes.ts";
import type { Log } from "../../chain/types.ts";
import type { CallEnter, Tracer } from "../tracer.ts";
import type { Spend } from "./budget.ts";

/** As whose events transfers of ether are shown. */
const ETHER_ADDRESS: Hex = `0x${"ee".repeat(20)}`;
/** keccak of Transfer(address,address,uint256). */
const TRANSFER_TOPIC: Hex = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
const LOG_CHARACTERS = 600;

export interface TransferTracer {
  readonly tracer: Tracer;
  /** The logs of the last message. */
  logs(): readonly TracedLog[];
}

export interface TracedLog {
  readonly log: Log;
  /** Number among all logs of the block so far, those that were undone included, as in go-ethereum. */
  readonly index: number;
}

const topicOf = (address: Hex): Hex => `0x${address.slice(2).padStart(64, "0")}`;

function transferOf({ from, to, value }: CallEnter): Log {
  const topics = [TRANSFER_TOPIC, topicOf(from), topicOf(to)];
  return { address: ETHER_ADDRESS, topics, data: bigIntToFixedBytes(value, 32) };
}

/** @param showsTransfers whether transfers of ether have logs */
export function createTransferTracer(showsTransfers: boolean, spend: Spend): TransferTracer {
  let logs: TracedLog[] = [];
  let count = 0;
  /** Where the logs of each message that runs begin. */
  const marks: number[] = [];
  const add = (log: Log): void => {
    spend(LOG_CHARACTERS + 2 * log.data.length);
    logs.push({ log, index: count++ });
  };
  const tracer: Tracer = {
    begin() {
      logs = [];
      marks.length = 0;
    },
    enter(call) {
      marks.push(logs.length);
      if (showsTransfers && call.kind !== "DELEGATECALL" && call.value > 0n) add(transferOf(call));
    },
    exit({ failure }) {
      const mark = marks.pop() ?? 0;
      if (failure !== undefined) logs.length = mark;
    },
    log: add,
  };
  return { tracer, logs: () => logs };
}
