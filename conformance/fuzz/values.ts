/** Values that a schema, or an ABI type, allows; where the node knows something by such a name, mostly that. */

import type { AbiParameter } from "viem";
import type { Dice } from "../../sim/dice.ts";
import type { Schema } from "./document.ts";
import { fromPlain, type Json, Members, Raw } from "./json-text.ts";

/** What is on the node that the requests go to. */
export interface Known {
  readonly contracts: readonly string[];
  /** Accounts with money that the node signs for. */
  readonly wallets: readonly string[];
  readonly transactions: readonly string[];
  readonly blocks: readonly string[];
  /** Creation code and ABI of a contract. */
  readonly bytecode: string;
  readonly abi: readonly unknown[];
  /** `host:port` of nothing, of the node itself and of no peer. */
  readonly addresses: readonly string[];
  readonly peerId: string;
  readonly since: string;
}

/** What requests are made of. */
export interface Source {
  readonly known: Known;
  /** Signed transactions, good ones and others, for the nonces of the moment. */
  readonly transactions: readonly string[];
}

const hex = (dice: Dice, bytes: number): string => `0x${Buffer.from(dice.bytes(bytes)).toString("hex")}`;

const NAMED: Readonly<Record<string, (known: Known) => readonly Json[]>> = {
  address: ({ contracts }) => contracts,
  wallet: ({ wallets }) => wallets,
  from: ({ wallets }) => wallets,
  owner: ({ wallets }) => wallets,
  hash: ({ transactions }) => transactions,
  block: ({ blocks }) => [...blocks, "latest", "0", "1"],
  since: ({ since }) => [since],
  cursor: () => [],
  peer_id: ({ peerId }) => [peerId],
  types: () => ["head", "head,block", "transaction.included"],
  wait_ms: () => [0, 1, 50],
  bytecode: ({ bytecode }) => [bytecode],
  abi: ({ abi }) => [fromPlain(abi), []],
  cap: () => ["1000000", 1_000_000, new Raw("1e27")],
  total_supply: () => ["1000000"],
  initial_supply: () => ["10", 0],
  args: () => [[new Raw("7")], []],
};

function text(schema: Schema, dice: Dice): string {
  const digits = /^\^0x\[0-9a-fA-F\]\{(\d+)\}\$$/.exec(String(schema.pattern))?.[1];
  if (digits !== undefined) return hex(dice, Number(digits) / 2);
  if (schema.pattern === "^\\d+$") return String(dice.below(1_000_000));
  if (typeof schema.pattern === "string") return hex(dice, dice.below(80));
  const max = Math.min(Number(schema.maxLength ?? 20), 20);
  return Array.from({ length: 1 + dice.below(max) }, () => dice.pick([..."abcXYZ 019é𝒳"]))
    .join("")
    .slice(0, max);
}

function number(schema: Schema, dice: Dice): number {
  const { minimum = 0, maximum = 1_000 } = schema as { minimum?: number; maximum?: number };
  return dice.pick([minimum, maximum, minimum + dice.below(maximum - minimum + 1)]);
}

function object(schema: Schema, known: Known, dice: Dice): Members {
  const required = new Set((schema.required ?? []) as readonly string[]);
  const properties = Object.entries((schema.properties ?? {}) as Readonly<Record<string, Schema>>);
  const given = properties.filter(([name]) => required.has(name) || dice.chance(0.4));
  return new Members(given.map(([name, property]) => [name, valueFor(property, known, dice, name)]));
}

/** A value that `schema` allows, under that name. */
export function valueFor(schema: Schema, known: Known, dice: Dice, name = ""): Json {
  const candidates = Object.hasOwn(NAMED, name) ? (NAMED[name]?.(known) ?? []) : [];
  if (candidates.length > 0 && dice.chance(0.9)) return dice.pick(candidates);
  if (Array.isArray(schema.enum)) return dice.pick(schema.enum as readonly Json[]);
  if ("const" in schema) return schema.const as Json;
  if (Array.isArray(schema.anyOf)) return valueFor(dice.pick(schema.anyOf as readonly Schema[]), known, dice, name);
  switch (schema.type) {
    case "string":
      return text(schema, dice);
    case "integer":
    case "number":
      return number(schema, dice);
    case "boolean":
      return dice.chance(0.5);
    case "object":
      return object(schema, known, dice);
    case "array":
      return Array.from({ length: dice.below(3) }, () => valueFor((schema.items ?? {}) as Schema, known, dice));
    case "null":
      return null;
    default:
      return dice.pick<Json>(["x", 1, true, [], new Members([])]);
  }
}

function integer(type: string, dice: Dice): Json {
  const bits = Number(/\d+$/.exec(type)?.[0] ?? 256);
  const max = type.startsWith("u") ? 2n ** BigInt(bits) - 1n : 2n ** BigInt(bits - 1) - 1n;
  const value = dice.pick([0n, 1n, max, BigInt(dice.below(100))]);
  return dice.chance(0.5) ? value.toString() : new Raw(value.toString());
}

/** A value of an ABI type, as a caller gives it. */
export function argumentOf(parameter: AbiParameter, known: Known, dice: Dice): Json {
  const { type } = parameter;
  const list = /^(.*)\[(\d*)\]$/.exec(type);
  if (list !== null) {
    const [, item = "", length = ""] = list;
    const count = length === "" ? dice.below(4) : Number(length);
    return Array.from({ length: count }, () => argumentOf({ ...parameter, type: item }, known, dice));
  }
  if (type === "tuple") {
    const { components = [] } = parameter as { readonly components?: readonly AbiParameter[] };
    const members = components.map((component) => [component.name ?? "", argumentOf(component, known, dice)] as const);
    return dice.chance(0.5) ? new Members(members) : members.map(([, value]) => value);
  }
  if (type === "address") return dice.pick(known.wallets);
  if (type === "bool") return dice.chance(0.5);
  if (type === "string") return dice.pick(["", "text", "𝒳é"]);
  if (type.startsWith("bytes")) return hex(dice, Number(type.slice(5) || dice.below(80)));
  return integer(type, dice);
}
