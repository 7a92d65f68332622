/**
 * A contract's ABI, checked and indexed. It comes from callers and from other nodes' owners, so every name, type and
 * size is bounded before anything encodes or decodes by it.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { utf8ToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";

/** A parameter, return value or tuple component. */
export interface AbiParam {
  /** Empty when unnamed. */
  readonly name: string;
  /** Canonical: `uint256`, never `uint`. */
  readonly type: string;
  readonly components?: readonly AbiParam[];
}

export interface AbiEventParam extends AbiParam {
  readonly indexed: boolean;
}

export interface AbiFunction {
  readonly name: string;
  /** Such as `transfer(address,uint256)`. */
  readonly signature: string;
  /** 4 bytes. */
  readonly selector: Hex;
  readonly inputs: readonly AbiParam[];
  readonly outputs: readonly AbiParam[];
  /** Declared to change no state. */
  readonly view: boolean;
  readonly payable: boolean;
}

export interface AbiError {
  readonly name: string;
  readonly inputs: readonly AbiParam[];
}

export interface AbiEvent {
  readonly name: string;
  readonly inputs: readonly AbiEventParam[];
}

export interface ContractAbi {
  /** Those that can be called by name. */
  readonly functions: readonly AbiFunction[];
  readonly constructorInputs: readonly AbiParam[];
  readonly constructorPayable: boolean;
  /** By selector. */
  readonly errors: ReadonlyMap<Hex, AbiError>;
  /** By first topic. Anonymous events cannot be told apart and are left out. */
  readonly events: ReadonlyMap<Hex, readonly AbiEvent[]>;
}

const ITEMS_MAX = 4_096;
const PARAMS_MAX = 256;
const DEPTH_MAX = 16;
const NAME_LENGTH_MAX = 256;
const FIXED_LENGTH_MAX = 65_536;
const TYPE = /^(u?int\d{0,3}|bytes\d{0,2}|address|bool|string|tuple|function)((?:\[\d{0,5}\]){0,8})$/;

function invalidAbi(reason: string): CodedError {
  return new CodedError("INVALID_ABI", `invalid ABI: ${reason}`);
}

type RawObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is RawObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseName(value: unknown, where: string): string {
  if (value === undefined) return "";
  if (typeof value !== "string" || value.length > NAME_LENGTH_MAX) throw invalidAbi(`${where} has no proper name`);
  return value;
}

/** Of a function, event or error, which is called by it. */
function parseItemName(value: unknown, where: string): string {
  const name = parseName(value, where);
  if (name === "") throw invalidAbi(`${where} has no name`);
  return name;
}

function isElementary(base: string): boolean {
  const integer = /^u?int(\d+)$/.exec(base);
  if (integer !== null) return Number(integer[1]) % 8 === 0 && Number(integer[1]) >= 8 && Number(integer[1]) <= 256;
  const bytes = /^bytes(\d+)$/.exec(base);
  return bytes === null || (Number(bytes[1]) >= 1 && Number(bytes[1]) <= 32);
}

/** Canonical form of a type; the elements of all fixed arrays together stay below a limit. */
function parseType(value: unknown, where: string): string {
  const match = typeof value === "string" ? TYPE.exec(value) : null;
  if (match === null) throw invalidAbi(`${where} has the unknown type ${JSON.stringify(value)}`);
  const base = match[1] === "uint" || match[1] === "int" ? `${match[1]}256` : (match[1] as string);
  const suffix = match[2] as string;
  if (!isElementary(base)) throw invalidAbi(`${where} has the unknown type ${JSON.stringify(value)}`);
  const lengths = [...suffix.matchAll(/\[(\d+)\]/g)].map(([, length]) => Number(length));
  if (lengths.includes(0) || lengths.reduce((product, length) => product * length, 1) > FIXED_LENGTH_MAX) {
    throw invalidAbi(`${where} has an array of impossible length`);
  }
  return base + suffix;
}

function parseParam(raw: unknown, where: string, depth: number): AbiParam {
  if (!isObject(raw)) throw invalidAbi(`${where} is not an object`);
  const name = parseName(raw.name, where);
  const type = parseType(raw.type, where);
  if (!type.startsWith("tuple")) return { name, type };
  const components = parseParams(raw.components, where, depth + 1);
  if (components.length === 0) throw invalidAbi(`${where} is a tuple without components`);
  return { name, type, components };
}

function parseParams(raw: unknown, where: string, depth = 1): readonly AbiParam[] {
  if (raw === undefined) return [];
  if (!Array.isArray(raw) || raw.length > PARAMS_MAX) throw invalidAbi(`${where} has no proper list of parameters`);
  if (depth > DEPTH_MAX) throw invalidAbi(`${where} is nested too deep`);
  const params = raw.map((param, i) => parseParam(param, `${where}, parameter ${i}`, depth));
  const names = params.map(({ name }) => name).filter((name) => name !== "");
  if (new Set(names).size !== names.length) throw invalidAbi(`${where} has two parameters of one name`);
  return params;
}

/** A parameter's type with tuples written out, as signatures have it. */
export function signatureType({ type, components }: AbiParam): string {
  if (components === undefined) return type;
  return `(${components.map(signatureType).join(",")})${type.slice("tuple".length)}`;
}

const signatureOf = (name: string, inputs: readonly AbiParam[]): string =>
  `${name}(${inputs.map(signatureType).join(",")})`;

const hashOf = (signature: string): Hex => keccak256Hex(utf8ToBytes(signature));
const selectorOf = (signature: string): Hex => hashOf(signature).slice(0, 10) as Hex;

/**
 * Whether a parameter has a type that solc writes by its name in the ABI of a library alone: `Lib.E` for an enum, `I` for
 * a contract, `Lib.S storage`. It does not say there what values such types take. What is nested deeper is refused when
 * it is parsed.
 */
function isOfLibrary(raw: unknown, depth = 1): boolean {
  if (!isObject(raw)) return false;
  const { type, internalType, components } = raw;
  if (typeof type === "string") {
    if (internalType === `enum ${type}` || internalType === `contract ${type}` || type.endsWith(" storage"))
      return true;
  }
  return depth < DEPTH_MAX && Array.isArray(components) && components.some((part) => isOfLibrary(part, depth + 1));
}

/** Other contracts' code calls those functions; nobody can by name. */
const isForCodeAlone = ({ inputs, outputs }: RawObject): boolean =>
  [inputs, outputs].some((params) => Array.isArray(params) && params.some((param) => isOfLibrary(param)));

function parseFunction(raw: RawObject): AbiFunction {
  const name = parseItemName(raw.name, "a function");
  const inputs = parseParams(raw.inputs, name);
  const signature = signatureOf(name, inputs);
  const mutability = raw.stateMutability;
  return {
    name,
    signature,
    selector: selectorOf(signature),
    inputs,
    outputs: parseParams(raw.outputs, `${name}, outputs`),
    // `constant` and `payable` are how compilers before Solidity 0.5 said it.
    view: mutability === "view" || mutability === "pure" || raw.constant === true,
    payable: mutability === "payable" || raw.payable === true,
  };
}

function parseEvent(raw: RawObject): { readonly topic: Hex; readonly event: AbiEvent } {
  const name = parseItemName(raw.name, "an event");
  const params = parseParams(raw.inputs, name);
  const list: readonly unknown[] = Array.isArray(raw.inputs) ? raw.inputs : [];
  const inputs = params.map((param, i) => {
    const source = list[i];
    return { ...param, indexed: isObject(source) && source.indexed === true };
  });
  return { topic: hashOf(signatureOf(name, params)), event: { name, inputs } };
}

interface Builder {
  readonly functions: AbiFunction[];
  readonly errors: Map<Hex, AbiError>;
  readonly events: Map<Hex, AbiEvent[]>;
  constructorItem: RawObject | undefined;
}

function addItem(builder: Builder, raw: unknown): void {
  if (!isObject(raw)) throw invalidAbi("an item is not an object");
  switch (raw.type ?? "function") {
    case "function":
      if (!isForCodeAlone(raw)) builder.functions.push(parseFunction(raw));
      return;
    case "constructor":
      builder.constructorItem = raw;
      return;
    case "error": {
      const name = parseItemName(raw.name, "an error");
      const inputs = parseParams(raw.inputs, name);
      builder.errors.set(selectorOf(signatureOf(name, inputs)), { name, inputs });
      return;
    }
    case "event": {
      if (raw.anonymous === true) return;
      const { topic, event } = parseEvent(raw);
      builder.events.set(topic, [...(builder.events.get(topic) ?? []), event]);
      return;
    }
    case "fallback":
    case "receive":
      return;
    default:
      throw invalidAbi(`an item has the unknown type ${JSON.stringify(raw.type)}`);
  }
}

/**
 * Checks and indexes a JSON ABI.
 * @throws CodedError `INVALID_ABI`
 */
export function parseContractAbi(raw: readonly unknown[]): ContractAbi {
  if (raw.length > ITEMS_MAX) throw invalidAbi(`more than ${ITEMS_MAX} items`);
  const builder: Builder = { functions: [], errors: new Map(), events: new Map(), constructorItem: undefined };
  for (const item of raw) addItem(builder, item);
  const { functions, errors, events, constructorItem } = builder;
  return {
    functions,
    errors,
    events,
    constructorInputs: constructorItem === undefined ? [] : parseParams(constructorItem.inputs, "the constructor"),
    constructorPayable: constructorItem?.stateMutability === "payable" || constructorItem?.payable === true,
  };
}

/** Such as `mint(address to, uint256 amount)`, for messages. */
export function describeFunction({ name, inputs }: Pick<AbiFunction, "name" | "inputs">): string {
  const params = inputs.map((input) => `${signatureType(input)}${input.name === "" ? "" : ` ${input.name}`}`);
  return `${name}(${params.join(", ")})`;
}
