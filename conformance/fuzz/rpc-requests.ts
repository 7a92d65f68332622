/** Requests to the JSON-RPC API: good ones by method, changed like any other JSON. */

import type { Dice } from "../../sim/dice.ts";
import { type Json, Members } from "./json-text.ts";
import { mutateJson, nastyValue } from "./nasty.ts";
import type { Known, Source } from "./values.ts";

const TAGS: readonly string[] = ["latest", "earliest", "pending", "safe", "finalized", "0x0", "0x1"];

const message = ({ contracts, wallets }: Known, dice: Dice): Members =>
  new Members([
    ["from", dice.pick(wallets)],
    ["to", dice.pick(contracts)],
    ["data", dice.pick(["0x", "0x18160ddd", "0x3fa4f245", "0x60fe47b1"])],
    ...(dice.chance(0.3) ? [["value", "0x1"] as const] : []),
    ...(dice.chance(0.3) ? [["gas", dice.pick(["0x5208", "0xffffffff"])] as const] : []),
    ...(dice.chance(0.2) ? [["accessList", []] as const] : []),
  ]);

const filter = ({ contracts, blocks }: Known, dice: Dice): Members =>
  dice.pick([
    new Members([
      ["fromBlock", dice.pick(TAGS)],
      ["toBlock", dice.pick(TAGS)],
      ["address", dice.pick(contracts)],
      ["topics", [null]],
    ]),
    new Members([
      ["blockHash", dice.pick(blocks)],
      ["topics", []],
    ]),
  ]);

type Parameters = (source: Source, dice: Dice) => readonly Json[];

const wallet = ({ known }: Source, dice: Dice): string => dice.pick(known.wallets);
const contract = ({ known }: Source, dice: Dice): string => dice.pick(known.contracts);
const tag = (dice: Dice): string => dice.pick(TAGS);

const METHODS: Readonly<Record<string, Parameters>> = {
  eth_accounts: () => [],
  eth_blockNumber: () => [],
  eth_chainId: () => [],
  eth_gasPrice: () => [],
  eth_maxPriorityFeePerGas: () => [],
  eth_syncing: () => [],
  net_listening: () => [],
  net_peerCount: () => [],
  net_version: () => [],
  web3_clientVersion: () => [],
  web3_sha3: () => ["0x68"],
  eth_call: ({ known }, dice) => [message(known, dice), tag(dice)],
  eth_estimateGas: ({ known }, dice) => [message(known, dice)],
  eth_feeHistory: (_, dice) => [dice.pick(["0x1", "0x5", "0x400"]), tag(dice), [10, 50]],
  eth_getBalance: (source, dice) => [wallet(source, dice), tag(dice)],
  eth_getTransactionCount: (source, dice) => [wallet(source, dice), tag(dice)],
  eth_getCode: (source, dice) => [contract(source, dice), tag(dice)],
  eth_getStorageAt: (source, dice) => [contract(source, dice), "0x0", tag(dice)],
  eth_getProof: (source, dice) => [contract(source, dice), ["0x0"], "latest"],
  eth_getBlockByHash: ({ known }, dice) => [dice.pick(known.blocks), dice.chance(0.5)],
  eth_getBlockByNumber: (_, dice) => [tag(dice), dice.chance(0.5)],
  eth_getLogs: ({ known }, dice) => [filter(known, dice)],
  eth_getTransactionByHash: ({ known }, dice) => [dice.pick(known.transactions)],
  eth_getTransactionReceipt: ({ known }, dice) => [dice.pick(known.transactions)],
  eth_sendRawTransaction: ({ transactions }, dice) => [dice.pick(transactions)],
  eth_nothing: () => [],
};

function call(source: Source, dice: Dice): Members {
  const method = dice.pick(Object.keys(METHODS));
  const id: Json = dice.pick<Json>([1, "a", null, 1.5]);
  const params = METHODS[method]?.(source, dice) ?? [];
  const members: readonly [string, Json][] = [
    ["jsonrpc", "2.0"],
    ["method", method],
    ["params", params],
  ];
  return new Members(dice.chance(0.95) ? [...members, ["id", id]] : members);
}

/** Single, or a batch. */
export function rpcBody(source: Source, dice: Dice): Json {
  if (dice.chance(0.85)) return call(source, dice);
  return Array.from({ length: dice.pick([1, 3, 3, 100, 101]) }, () =>
    dice.chance(0.8) ? call(source, dice) : dice.pick([mutateJson(call(source, dice), dice), nastyValue(dice)]),
  );
}
