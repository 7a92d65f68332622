/** Fees: what to offer, and what was paid. Source: EIP-1559; go-ethereum's fee history. */

import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { AnyReceipt } from "@counterpart/core/chain/types";
import { blobBaseFeeAt, blobGasUsedRatio, nextFees } from "@counterpart/core/consensus/foreign-rules";
import type { ForkSchedule } from "@counterpart/core/consensus/fork-schedule";
import type { Clock } from "@counterpart/core/ports/runtime";
import { createPatientPacer } from "../../engine/pacer.ts";
import type { ChainEngine } from "../../engine/types.ts";
import type { JsonValue } from "../json.ts";
import { canonicalBlock } from "../state.ts";
import { headerAt, readBlockNumber } from "./block-ref.ts";
import type { RpcMethod } from "./dispatch.ts";
import { serverError } from "./errors.ts";
import { quantity } from "./format.ts";
import { badValue, defineMethod, listOf, optional, type Reader, readCount, required } from "./params.ts";

/** Fewer blocks than asked for may be answered, as the method's specification allows. */
const HISTORY_BLOCKS_MAX = 1024;
/** With rewards every block and its receipts are read. */
const REWARD_BLOCKS_MAX = 128;
const PERCENTILES_MAX = 100;

/** No tip is needed: gas is free and blocks are sealed on demand. */
const SUGGESTED_TIP = 0n;

/**
 * What the transactions of a block paid above the base fee, at percentiles of the block's gas.
 * @param percentiles ascending, 0 to 100
 */
export function rewardsAt(
  percentiles: readonly number[],
  gasUsed: number,
  baseFee: bigint,
  receipts: readonly Pick<AnyReceipt, "gasUsed" | "effectiveGasPrice">[],
): bigint[] {
  const paid = receipts
    .map((receipt) => ({ tip: receipt.effectiveGasPrice - baseFee, gas: receipt.gasUsed }))
    .sort((a, b) => (a.tip < b.tip ? -1 : a.tip > b.tip ? 1 : 0));
  let index = 0;
  let gas = paid[0]?.gas ?? 0;
  return percentiles.map((percentile) => {
    const threshold = (gasUsed * percentile) / 100;
    while (gas < threshold && index < paid.length - 1) {
      index++;
      gas += paid[index]?.gas ?? 0;
    }
    return paid[index]?.tip ?? 0n;
  });
}

const readPercentiles: Reader<number[]> = (value: JsonValue) => {
  const percentiles = listOf((item) => {
    if (typeof item !== "number" || item < 0 || item > 100)
      throw badValue(`invalid reward percentile: ${JSON.stringify(item)}`);
    return item;
  }, PERCENTILES_MAX)(value);
  const at = percentiles.findIndex((item, index) => index > 0 && item <= (percentiles[index - 1] as number));
  if (at > 0) {
    throw badValue(`invalid reward percentile: #${at - 1}:${percentiles[at - 1]} >= #${at}:${percentiles[at]}`);
  }
  return percentiles;
};

function headersUpTo(engine: ChainEngine, newest: AnySealedHeader, count: number): AnySealedHeader[] {
  const headers: AnySealedHeader[] = [];
  let header: AnySealedHeader | undefined = newest;
  for (; header !== undefined && headers.length < count; header = engine.header(header.parentHash)) {
    headers.push(header);
  }
  return headers.reverse();
}

/**
 * Rewards in the newest of these blocks, as far back as it is known what was paid.
 * @throws CodedError `PRUNED` where of the newest only the header is known: there is no telling what was paid
 */
async function rewardsOf(
  engine: ChainEngine,
  clock: Clock,
  headers: readonly AnySealedHeader[],
  percentiles: readonly number[],
): Promise<string[][]> {
  const pause = createPatientPacer(clock);
  const rewards: string[][] = [];
  for (const { hash, gasUsed, baseFeePerGas = 0n } of headers.toReversed()) {
    // In a block without transactions nothing was paid, as its header says.
    const receipts = gasUsed === 0 ? [] : engine.receipts(hash);
    if (receipts === undefined && rewards.length > 0) break;
    if (receipts === undefined) canonicalBlock(engine, hash);
    rewards.push(rewardsAt(percentiles, gasUsed, baseFeePerGas, receipts ?? []).map(quantity));
    await pause();
  }
  return rewards.reverse();
}

/** Base fee of the block that would be sealed now; on this node's own chain zero, unless a development method set it. */
export const upcomingBaseFee = (engine: ChainEngine): bigint =>
  engine.nextContext().baseFeePerGas ?? baseFeeAfter(engine, engine.head());

/** Base fee of the block after `header` by the rules of the chain; this node's own has none, whatever `header` has. */
const baseFeeAfter = ({ schedule }: Pick<ChainEngine, "schedule">, header: AnySealedHeader): bigint =>
  schedule === undefined ? 0n : nextFees(schedule, header).gas;

/** Price of blob gas in the block after `header`; on this node's own chain, which has no blobs, always 1. */
const blobFeeAfter = ({ schedule }: Pick<ChainEngine, "schedule">, header: AnySealedHeader): bigint =>
  schedule === undefined ? 1n : nextFees(schedule, header).blobGas;

/** Price of blob gas in blocks and in the one after the last; on this node's own chain, which has no blobs, always 1. */
function blobFees(schedule: ForkSchedule | undefined, headers: readonly AnySealedHeader[], last: AnySealedHeader) {
  if (schedule === undefined) return [...headers, last].map(() => 1n);
  return [...headers.map((header) => blobBaseFeeAt(schedule, header) ?? 0n), nextFees(schedule, last).blobGas];
}

async function feeHistory(
  engine: ChainEngine,
  clock: Clock,
  newest: AnySealedHeader,
  count: number,
  percentiles: readonly number[] = [],
) {
  const most = percentiles.length === 0 ? HISTORY_BLOCKS_MAX : REWARD_BLOCKS_MAX;
  const asked = headersUpTo(engine, newest, Math.min(count, most));
  const reward = percentiles.length === 0 ? undefined : await rewardsOf(engine, clock, asked, percentiles);
  const headers = reward === undefined ? asked : asked.slice(asked.length - reward.length);
  const last = headers.at(-1);
  const { schedule } = engine;
  if (last === undefined) return { oldestBlock: quantity(0), baseFeePerGas: [], gasUsedRatio: [] };
  const next = last.hash === engine.head().hash ? upcomingBaseFee(engine) : baseFeeAfter(engine, last);
  return {
    oldestBlock: quantity(headers[0]?.number ?? 0),
    baseFeePerGas: [...headers.map(({ baseFeePerGas = 0n }) => baseFeePerGas), next].map(quantity),
    // A development node may seal blocks that have room for nothing.
    gasUsedRatio: headers.map(({ gasUsed, gasLimit }) => (gasLimit === 0 ? 0 : gasUsed / Number(gasLimit))),
    baseFeePerBlobGas: blobFees(schedule, headers, last).map(quantity),
    blobGasUsedRatio: headers.map((header) => (schedule === undefined ? 0 : blobGasUsedRatio(schedule, header))),
    ...(reward === undefined ? {} : { reward }),
  };
}

/** What a sender would offer now for a transaction without fees of its own. */
export const suggestedPrice = (engine: ChainEngine): bigint => upcomingBaseFee(engine) + SUGGESTED_TIP;

export function feeMethods(engine: ChainEngine, clock: Clock): Record<string, RpcMethod> {
  return {
    eth_gasPrice: defineMethod([], () => quantity(suggestedPrice(engine))),
    eth_maxPriorityFeePerGas: defineMethod([], () => quantity(SUGGESTED_TIP)),
    eth_baseFee: defineMethod([], () => quantity(upcomingBaseFee(engine))),
    eth_blobBaseFee: defineMethod([], () => quantity(blobFeeAfter(engine, engine.head()))),
    eth_feeHistory: defineMethod(
      [required(readCount), required(readBlockNumber), optional<number[] | undefined>(readPercentiles, undefined)],
      (count, ref, percentiles) => {
        const newest = headerAt(engine, ref);
        if (newest === undefined) {
          const [asked, head] = [ref.kind === "number" ? ref.number : ref.kind, engine.head().number];
          throw serverError(`request beyond head block: requested ${asked}, head ${head}`);
        }
        return feeHistory(engine, clock, newest, count, percentiles);
      },
    ),
  };
}
