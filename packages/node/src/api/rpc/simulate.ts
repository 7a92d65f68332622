/** eth_simulateV1: blocks that do not exist, on one that does. */

import { bytesToHex } from "@counterpart/core/base/bytes";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { ExecutionSite } from "../../engine/execution-site.ts";
import type { ChainEngine } from "../../engine/types.ts";
import { toJsonInSteps } from "../json.ts";
import { LATEST, onState, readBlockRef } from "./block-ref.ts";
import type { RpcMethod } from "./dispatch.ts";
import { callDeadline, createSpend } from "./execution-limits.ts";
import { formatBlock, formatLog, placeOf, quantity } from "./format.ts";
import { defineMethod, optional, required } from "./params.ts";
import { failureOf } from "./revert.ts";
import { type Progress, type SimulatedCall, type SimulatedResult, simulateBlock } from "./simulate-block.ts";
import { placeBlocks, readSimulation, SIMULATION_CODES, type Simulation } from "./simulate-input.ts";

/** Characters of a block without calls. */
const BLOCK_CHARACTERS = 2_000;

function formatFailure({ outcome }: SimulatedCall) {
  if (outcome.status === "success") return {};
  const { code, message, data } = failureOf(outcome);
  if (outcome.status === "reverted") return { error: { code, message, data } };
  return { error: { code: SIMULATION_CODES.vmError, message } };
}

function formatResult({ block, calls }: SimulatedResult, fullTransactions: boolean) {
  const place = placeOf(block.header);
  const results = calls.map((call, index) => {
    const { outcome, logs } = call;
    const hash = block.transactions[index]?.hash ?? block.header.hash;
    return {
      returnData: outcome.status === "success" ? bytesToHex(outcome.output) : "0x",
      logs: logs.map(({ log, index: at }) => formatLog(log, place, hash, index, at)),
      gasUsed: quantity(outcome.gasUsed),
      maxUsedGas: quantity(outcome.gasSpent),
      status: outcome.status === "success" ? "0x1" : "0x0",
      ...formatFailure(call),
    };
  });
  return { ...formatBlock(block, fullTransactions), calls: results };
}

async function simulate(site: ExecutionSite, simulation: Simulation, gasMax: bigint, clock: Clock) {
  const blocks = placeBlocks(site.header, simulation.blocks);
  const progress: Progress = {
    site,
    scratch: site.scratch(),
    pause: callDeadline(clock),
    spend: createSpend(),
    options: simulation,
    headers: [],
    parent: site.header,
    gasLeft: gasMax,
  };
  const results = [];
  for (const block of blocks) {
    await progress.pause();
    progress.spend(BLOCK_CHARACTERS);
    results.push(formatResult(await simulateBlock(progress, block), simulation.returnFullTransactions));
  }
  return toJsonInSteps(results, progress.pause);
}

/** @param gasMax what all calls of a simulation have at most */
export function simulateMethods(engine: ChainEngine, clock: Clock, gasMax: bigint): Record<string, RpcMethod> {
  return {
    eth_simulateV1: defineMethod([required(readSimulation), optional(readBlockRef, LATEST)], (simulation, ref) =>
      onState(engine, ref, (block) => engine.execute(block?.hash, (site) => simulate(site, simulation, gasMax, clock))),
    ),
  };
}
