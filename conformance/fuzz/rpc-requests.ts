/** Requests to the JSON-RPC API: good ones of every documented method, changed like any other JSON. */

import type { Schema } from "../../packages/node/src/api/rpc/documents/schemas.ts";
import { METHOD_DOCUMENTS } from "../../packages/node/src/api/rpc/openrpc.ts";
import type { Dice } from "../../sim/dice.ts";
import { type Json, Members } from "./json-text.ts";
import { mutateJson, nastyValue } from "./nasty.ts";
import { type Known, type Source, valueFor } from "./values.ts";

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

/** Where the document alone would seldom give what the node knows. */
const METHODS: Readonly<Record<string, Parameters>> = {
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
  eth_sendRawTransactionSync: ({ transactions }, dice) => [dice.pick(transactions), dice.pick([1, "0x5"])],
  eth_nothing: () => [],
};

/** What moves the chain, or changes it without sealing: such effects are not accounted for here. */
const isDevelopment = (name: string): boolean => /^(evm|hardhat|anvil)_/.test(name);

const NAMES: readonly string[] = [
  ...new Set([...Object.keys(METHODS), ...Object.keys(METHOD_DOCUMENTS).filter((name) => !isDevelopment(name))]),
];

/** Values by the names that documents give to schemas. */
const BY_REFERENCE: Readonly<Record<string, (source: Source, dice: Dice, name: string) => Json>> = {
  hash32: ({ known }, dice, name) => dice.pick(/block/i.test(name) ? known.blocks : known.transactions),
  address: ({ known }, dice) => dice.pick([...known.contracts, ...known.wallets]),
  uint: (_, dice) => dice.pick(["0x0", "0x1", "0x40"]),
  bytes: ({ transactions }, dice) => dice.pick([...transactions, "0x", "0x00"]),
  storageKey: (_, dice) => dice.pick(["0x", "0x0", `0x${"00".repeat(32)}`]),
  BlockNumberOrTag: (_, dice) => tag(dice),
  BlockNumberOrTagOrHash: ({ known }, dice) => dice.pick([tag(dice), dice.pick(known.blocks)]),
  Filter: ({ known }, dice) => filter(known, dice),
  GenericTransaction: ({ known }, dice) => message(known, dice),
};

function documented(schema: Schema, source: Source, dice: Dice, name: string): Json {
  const { $ref, items, additionalProperties: values } = schema;
  const named = typeof $ref === "string" ? BY_REFERENCE[$ref.split("/").at(-1) ?? ""] : undefined;
  if (named !== undefined) return named(source, dice, name);
  if (schema.type === "array") {
    return Array.from({ length: dice.below(3) }, () => documented((items ?? {}) as Schema, source, dice, name));
  }
  if (schema.type === "object" && typeof values === "object" && values !== null) {
    return new Members([[dice.pick(source.known.contracts), documented(values as Schema, source, dice, name)]]);
  }
  return valueFor(schema, source.known, dice);
}

/** As the method's document says, those that may be left out sometimes left out. */
function documentedParams(method: string, source: Source, dice: Dice): readonly Json[] {
  const params = METHOD_DOCUMENTS[method]?.params ?? [];
  const count = dice.chance(0.3) ? params.filter(({ required }) => required).length : params.length;
  return params.slice(0, count).map(({ name, schema }) => documented(schema, source, dice, name));
}

function call(source: Source, dice: Dice): Members {
  const method = dice.pick(NAMES);
  const id: Json = dice.pick<Json>([1, "a", null, 1.5]);
  const params = METHODS[method]?.(source, dice) ?? documentedParams(method, source, dice);
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
