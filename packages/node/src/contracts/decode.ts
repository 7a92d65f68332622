/** What contracts answer, as JSON can hold it: integers as decimal strings, bytes as hex, addresses in lower case. */

import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import type { Log } from "@counterpart/core/chain/types";
import { decodeAbiParameters } from "viem/utils";
import type { AbiEvent, AbiEventParam, AbiParam, ContractAbi } from "./abi.ts";
import { positional } from "./params.ts";

/** Text of a revert that is shown; the whole is in `data`. */
const REASON_LENGTH_MAX = 1_024;

type Named = Readonly<Record<string, unknown>>;

/** An object when every value has a name, else an array. */
function gather(params: readonly AbiParam[], values: readonly unknown[]): Named | readonly unknown[] {
  const plain = params.map((param, i) => toPlain(param, values[i]));
  if (params.some(({ name }) => name === "")) return plain;
  return Object.fromEntries(params.map(({ name }, i) => [name, plain[i]]));
}

function toPlain(param: AbiParam, value: unknown): unknown {
  if (param.type.endsWith("]")) {
    const element: AbiParam = { ...param, type: param.type.slice(0, param.type.lastIndexOf("[")) };
    return Array.isArray(value) ? value.map((item: unknown) => toPlain(element, item)) : value;
  }
  if (param.components !== undefined) return gather(param.components, Array.isArray(value) ? value : []);
  if (typeof value === "bigint" || typeof value === "number") return value.toString();
  return param.type === "address" && typeof value === "string" ? value.toLowerCase() : value;
}

/** @throws whatever the decoder throws when the data does not fit the types */
function decodeValues(params: readonly AbiParam[], data: Uint8Array): readonly unknown[] {
  return params.length === 0 ? [] : decodeAbiParameters(params.map(positional), data);
}

/**
 * Return data by a function's outputs: `null` for none, the value for one, an object or array for more.
 * @returns undefined when the data does not fit the outputs
 */
export function decodeOutputs(outputs: readonly AbiParam[], data: Uint8Array): { readonly value: unknown } | undefined {
  try {
    const values = decodeValues(outputs, data);
    const [only] = outputs;
    if (only === undefined) return { value: null };
    return { value: outputs.length === 1 ? toPlain(only, values[0]) : gather(outputs, values) };
  } catch {
    return undefined;
  }
}

export interface RevertReason {
  /** For people. */
  readonly reason: string;
  /** `Error`, `Panic`, or the name of a custom error that the ABI has. */
  readonly error?: string;
  readonly args?: Named | readonly unknown[];
  /** Revert data. */
  readonly data: Hex;
}

const ERROR_SELECTOR: Hex = "0x08c379a0";
const PANIC_SELECTOR: Hex = "0x4e487b71";

/** Source: Solidity documentation, "Panic via assert and Error via require". */
const PANICS: ReadonlyMap<bigint, string> = new Map([
  [0x00n, "a compiler's generic panic"],
  [0x01n, "an assertion failed"],
  [0x11n, "arithmetic overflow or underflow"],
  [0x12n, "division or modulo by zero"],
  [0x21n, "conversion to an enum out of range"],
  [0x22n, "incorrectly encoded storage byte array"],
  [0x31n, "pop on an empty array"],
  [0x32n, "array index out of bounds"],
  [0x41n, "too much memory allocated"],
  [0x51n, "call of an uninitialised function pointer"],
]);

function plainText(args: RevertReason["args"]): string {
  const values: readonly unknown[] = Array.isArray(args) ? args : Object.values(args ?? {});
  return values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(", ");
}

function decodePanic(body: Uint8Array, data: Hex): RevertReason {
  const [code] = decodeAbiParameters([{ type: "uint256" }], body);
  const meaning = PANICS.get(code) ?? "unknown panic code";
  const shown = `0x${code.toString(16).padStart(2, "0")}`;
  return { reason: `Panic(${shown}): ${meaning}`, error: "Panic", args: [code.toString()], data };
}

function decodeKnown(output: Uint8Array, data: Hex, abi: ContractAbi | undefined): RevertReason | undefined {
  const selector = data.slice(0, 10) as Hex;
  const body = output.subarray(4);
  if (selector === ERROR_SELECTOR) {
    const [text] = decodeAbiParameters([{ type: "string" }], body);
    return { reason: text.slice(0, REASON_LENGTH_MAX), error: "Error", args: [text], data };
  }
  if (selector === PANIC_SELECTOR) return decodePanic(body, data);
  const custom = abi?.errors.get(selector);
  if (custom === undefined) return undefined;
  const args = gather(custom.inputs, decodeValues(custom.inputs, body));
  return { reason: `${custom.name}(${plainText(args)})`.slice(0, REASON_LENGTH_MAX), error: custom.name, args, data };
}

/** Revert data by the two built-in errors and the ABI's own. Never throws: what cannot be decoded says so. */
export function decodeRevert(output: Uint8Array, abi: ContractAbi | undefined): RevertReason {
  const data = bytesToHex(output);
  if (output.length === 0) return { reason: "reverted without a reason", data };
  if (output.length < 4) return { reason: "reverted with data that is no error", data };
  try {
    const known = decodeKnown(output, data, abi);
    if (known !== undefined) return known;
  } catch {
    return { reason: `reverted with malformed data of error ${data.slice(0, 10)}`, data };
  }
  return { reason: `reverted with the unknown error ${data.slice(0, 10)}`, data };
}

export interface DecodedEvent {
  readonly event: string;
  readonly args: Named;
}

/** An indexed value of dynamic size is only known by its hash. */
function isHashed({ type, components }: AbiEventParam): boolean {
  return type.endsWith("]") || components !== undefined || type === "string" || type === "bytes";
}

function decodeByEvent(event: AbiEvent, log: Log): DecodedEvent | undefined {
  const indexed = event.inputs.filter((input) => input.indexed);
  const others = event.inputs.filter((input) => !input.indexed);
  const topics = log.topics.slice(1);
  if (topics.length !== indexed.length) return undefined;
  const fromData = decodeValues(others, log.data);
  const values = event.inputs.map((input) => {
    if (!input.indexed) return toPlain(input, fromData[others.indexOf(input)]);
    const topic = topics[indexed.indexOf(input)] as Hex;
    return isHashed(input) ? topic : toPlain(input, decodeAbiParameters([positional(input)], topic)[0]);
  });
  const names = event.inputs.map(({ name }, i) => (name === "" ? String(i) : name));
  return { event: event.name, args: Object.fromEntries(names.map((name, i) => [name, values[i]])) };
}

/** Name and arguments of a log by the ABI of the contract that wrote it; undefined when no event fits. */
export function decodeLog(log: Log, abi: ContractAbi | undefined): DecodedEvent | undefined {
  const [topic] = log.topics;
  for (const event of (topic === undefined ? undefined : abi?.events.get(topic)) ?? []) {
    try {
      const decoded = decodeByEvent(event, log);
      if (decoded !== undefined) return decoded;
    } catch {
      // Data of another shape than the ABI says: the next overload may fit.
    }
  }
  return undefined;
}
