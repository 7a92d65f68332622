/** Which rules hold and which data there is: `eth_config` (EIP-7910) and `eth_capabilities`. */

import type { Hex } from "@counterpart/core/base/bytes";
import {
  BEACON_ROOTS_ADDRESS,
  CONSOLIDATION_REQUESTS_ADDRESS,
  HISTORY_ADDRESS,
  WITHDRAWAL_REQUESTS_ADDRESS,
} from "@counterpart/core/chain/system-contracts";
import { forkHash } from "@counterpart/core/consensus/fork-id";
import { blobsAt, type ForkSchedule, forkOf } from "@counterpart/core/consensus/fork-schedule";
import { type Fork, isAtLeast } from "@counterpart/core/execution/fork";
import { precompilesOf } from "@counterpart/core/execution/precompiles/precompiles";
import { rulesOf } from "@counterpart/core/execution/rules";
import { FETCHED_BLOCKS_DEPTH } from "../../engine/remote-bodies.ts";
import { HELD_BLOCKS } from "../../engine/state-views.ts";
import type { ChainEngine } from "../../engine/types.ts";
import type { RpcMethod } from "./dispatch.ts";
import { quantity } from "./format.ts";
import { defineMethod } from "./params.ts";

/** The rules of this node's own chain, from its genesis on. */
const OWN_FORK: Fork = "osaka";

/** Names by address, as EIP-7910 has them. */
const PRECOMPILE_NAMES: readonly (readonly [name: string, address: number])[] = [
  ["ECREC", 0x01],
  ["SHA256", 0x02],
  ["RIPEMD160", 0x03],
  ["ID", 0x04],
  ["MODEXP", 0x05],
  ["BN254_ADD", 0x06],
  ["BN254_MUL", 0x07],
  ["BN254_PAIRING", 0x08],
  ["BLAKE2F", 0x09],
  ["KZG_POINT_EVALUATION", 0x0a],
  ["BLS12_G1ADD", 0x0b],
  ["BLS12_G1MSM", 0x0c],
  ["BLS12_G2ADD", 0x0d],
  ["BLS12_G2MSM", 0x0e],
  ["BLS12_PAIRING_CHECK", 0x0f],
  ["BLS12_MAP_FP_TO_G1", 0x10],
  ["BLS12_MAP_FP2_TO_G2", 0x11],
  ["P256VERIFY", 0x100],
];

type Addresses = Readonly<Record<string, Hex>>;

function precompilesAt(fork: Fork): Addresses {
  const held = precompilesOf(fork);
  const named = PRECOMPILE_NAMES.map(([name, at]): [string, Hex] => [name, `0x${at.toString(16).padStart(40, "0")}`]);
  return Object.fromEntries(named.filter(([, address]) => held.has(address)));
}

function systemContractsAt(fork: Fork, depositContract: Hex): Addresses {
  return {
    ...(isAtLeast(fork, "cancun") ? { BEACON_ROOTS_ADDRESS } : {}),
    ...(isAtLeast(fork, "prague")
      ? {
          CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS: CONSOLIDATION_REQUESTS_ADDRESS,
          DEPOSIT_CONTRACT_ADDRESS: depositContract,
          HISTORY_STORAGE_ADDRESS: HISTORY_ADDRESS,
          WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS: WITHDRAWAL_REQUESTS_ADDRESS,
        }
      : {}),
  };
}

/** What holds from a time on; null where there is no such time. */
function foreignConfig(engine: ChainEngine, schedule: ForkSchedule, at: number | undefined) {
  const genesis = engine.header(0);
  if (at === undefined || genesis === undefined) return null;
  const blobs = blobsAt(schedule, at);
  const fork = forkOf(schedule, 0, at, true);
  return {
    activationTime: at <= genesis.timestamp ? 0 : at,
    blobSchedule:
      blobs === undefined
        ? null
        : { target: blobs.target, max: blobs.max, baseFeeUpdateFraction: Number(blobs.updateFraction) },
    chainId: quantity(schedule.chainId),
    forkId: forkHash(schedule, { hash: genesis.hash, timestamp: genesis.timestamp }, at),
    precompiles: precompilesAt(fork),
    systemContracts: systemContractsAt(fork, schedule.depositContract),
  };
}

/** Forks that are scheduled by time; those by number are not told of (EIP-7910). */
function foreignConfigs(engine: ChainEngine, schedule: ForkSchedule) {
  const { timestamp } = engine.head();
  const next = schedule.forkTimes.find((at) => at > timestamp);
  const current = schedule.forkTimes.findLast((at) => at <= timestamp);
  const last = next === undefined ? undefined : schedule.forkTimes.at(-1);
  const [shownCurrent, shownNext, shownLast] = [current, next, last].map((at) => foreignConfig(engine, schedule, at));
  return { current: shownCurrent, next: shownNext, last: shownLast };
}

/** One set of rules from the genesis on, without blobs and without requests of the consensus layer. */
function ownConfig(engine: ChainEngine) {
  const genesis = { hash: engine.genesisHash, timestamp: 0 };
  return {
    activationTime: 0,
    blobSchedule: {
      target: 0,
      max: 0,
      baseFeeUpdateFraction: Number(rulesOf(OWN_FORK).blobs?.updateFraction ?? 0n),
    },
    chainId: quantity(engine.chainId),
    forkId: forkHash({ forkNumbers: [], forkTimes: [] }, genesis, 0),
    precompiles: precompilesAt(OWN_FORK),
    systemContracts: { BEACON_ROOTS_ADDRESS, HISTORY_STORAGE_ADDRESS: HISTORY_ADDRESS },
  };
}

/** The first block of which something is held, and how many there are of it where old ones are given up. */
function resource(oldest: number, window?: number) {
  return {
    disabled: false,
    oldestBlock: quantity(Math.max(0, oldest)),
    ...(window === undefined ? {} : { deleteStrategy: { type: "window", retentionBlocks: quantity(window) } }),
  };
}

const DISABLED = { disabled: true };

/** A replica executes nothing: it has the head's state, and near the head the blocks that peers give it. */
function replicaCapabilities(engine: ChainEngine) {
  const { number } = engine.head();
  return {
    state: resource(number, 1),
    tx: DISABLED,
    logs: DISABLED,
    receipts: DISABLED,
    blocks: resource(number - FETCHED_BLOCKS_DEPTH + 1, FETCHED_BLOCKS_DEPTH),
    stateproofs: DISABLED,
  };
}

function fullCapabilities(engine: ChainEngine) {
  const { adopted, historyStart, historyBlocks, schedule } = engine;
  const executed = resource(adopted === 0 ? 0 : adopted + 1);
  const oldestProven = Math.max(adopted, engine.head().number - HELD_BLOCKS + 1);
  return {
    // As many blocks before the head, and the head.
    state: historyBlocks === undefined ? resource(historyStart) : resource(historyStart, historyBlocks + 1),
    tx: executed,
    logs: executed,
    receipts: executed,
    blocks: executed,
    stateproofs: schedule === undefined ? resource(oldestProven, HELD_BLOCKS) : resource(historyStart),
  };
}

export function chainConfigMethods(engine: ChainEngine): Record<string, RpcMethod> {
  return {
    eth_config: defineMethod([], () =>
      engine.schedule === undefined
        ? { current: ownConfig(engine), next: null, last: null }
        : foreignConfigs(engine, engine.schedule),
    ),
    eth_capabilities: defineMethod([], () => {
      const { number, hash } = engine.head();
      const held = engine.isReplica ? replicaCapabilities(engine) : fullCapabilities(engine);
      return { head: { number: quantity(number), hash }, ...held };
    }),
  };
}
