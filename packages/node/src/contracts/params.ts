/** Parameters as callers write them, checked against the ABI and encoded. */

import { bytesToHex, type Hex, hexToBytes, isHex } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { suggestionOf } from "@counterpart/core/base/similar";
import { parseAddress } from "@counterpart/core/crypto/crypto";
import type { AbiParameter } from "viem";
import { encodeAbiParameters } from "viem/utils";
import { type AbiParam, signatureType } from "./abi.ts";
import { parseIntegerText, parseNumberSource } from "./exact-integer.ts";
import type { ArgumentValue, ExactNumber, FunctionCall } from "./types.ts";

export type ParamValues = FunctionCall["params"];

/** What the encoder takes: tuples are arrays, in the order of their components. */
type Encodable = bigint | boolean | string | Encodable[];

/** Greatest number of elements of one array; a transaction has no room for more. */
const ELEMENTS_MAX = 8_192;

/** `path` names the parameter, with tuple components and array elements. */
export function invalidParameter(path: string, type: string, reason: string): CodedError {
  return new CodedError("INVALID_PARAMETER", `parameter ${path} (${type}): ${reason}`, {
    parameter: path,
    abi_type: type,
    reason,
  });
}

const isArray = (value: ArgumentValue): value is readonly ArgumentValue[] => Array.isArray(value);

function isExactNumber(value: ArgumentValue): value is ExactNumber {
  return typeof value === "object" && value !== null && !isArray(value) && typeof value.source === "string";
}

/** A number, or where that would not be exact its text. */
const shortNumber = (source: string): number | string => (String(Number(source)) === source ? Number(source) : source);

/** Short and safe to show in a message. */
function shown(value: ArgumentValue): string {
  if (isExactNumber(value)) return value.source.slice(0, 80);
  const text = JSON.stringify(value, (_, item) => (isExactNumber(item) ? shortNumber(item.source) : item));
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function toInteger(value: ArgumentValue, type: string, path: string): bigint {
  const fail = (reason: string): never => {
    throw invalidParameter(path, type, `${shown(value)} ${reason}`);
  };
  if (typeof value !== "string" && !isExactNumber(value)) return fail("is not an integer");
  const parsed = typeof value === "string" ? parseIntegerText(value) : parseNumberSource(value.source);
  if ("problem" in parsed) return fail(parsed.problem);
  const signed = type.startsWith("int");
  const bits = BigInt(type.slice(signed ? 3 : 4));
  const limit = 1n << (signed ? bits - 1n : bits);
  if (!signed && parsed.value < 0n) return fail("is negative");
  if (parsed.value >= limit || parsed.value < -limit) return fail("is out of range");
  return parsed.value;
}

function toAddress(value: ArgumentValue, path: string): Hex {
  try {
    if (typeof value === "string") return parseAddress(value);
  } catch (error) {
    throw invalidParameter(
      path,
      "address",
      `${shown(value)}: ${error instanceof Error ? error.message : "no address"}`,
    );
  }
  throw invalidParameter(path, "address", `${shown(value)} is not an address`);
}

/** Undefined for any number. A function is its contract's address and its selector. */
function bytesOf(type: string): number | undefined {
  if (type === "function") return 24;
  return type === "bytes" ? undefined : Number(type.slice("bytes".length));
}

function toBytes(value: ArgumentValue, type: string, path: string): Hex {
  const size = bytesOf(type);
  if (typeof value === "string" && isHex(value, size)) return bytesToHex(hexToBytes(value));
  const wanted =
    size === undefined ? "0x and an even number of hexadecimal digits" : `0x and ${2 * size} hexadecimal digits`;
  throw invalidParameter(path, type, `${shown(value)} is not ${wanted}`);
}

function toElementary(value: ArgumentValue, type: string, path: string): Encodable {
  if (type === "address") return toAddress(value, path);
  if (type.startsWith("bytes") || type === "function") return toBytes(value, type, path);
  if (type === "bool") {
    if (typeof value !== "boolean") throw invalidParameter(path, type, `${shown(value)} is neither true nor false`);
    return value;
  }
  if (type === "string") {
    if (typeof value !== "string") throw invalidParameter(path, type, `${shown(value)} is not text`);
    if (!value.isWellFormed()) throw invalidParameter(path, type, "is not well-formed text");
    return value;
  }
  return toInteger(value, type, path);
}

function toArray(value: ArgumentValue, param: AbiParam, length: string, path: string): Encodable {
  const shownType = signatureType(param);
  if (!isArray(value)) throw invalidParameter(path, shownType, `${shown(value)} is not an array`);
  if (length !== "" && value.length !== Number(length)) {
    throw invalidParameter(path, shownType, `has ${value.length} elements, not ${length}`);
  }
  if (value.length > ELEMENTS_MAX) throw invalidParameter(path, shownType, `has more than ${ELEMENTS_MAX} elements`);
  const element: AbiParam = { ...param, type: param.type.slice(0, param.type.lastIndexOf("[")) };
  return value.map((item, i) => toEncodable(item, element, `${path}[${i}]`));
}

function toEncodable(value: ArgumentValue, param: AbiParam, path: string): Encodable {
  const array = /\[(\d*)\]$/.exec(param.type);
  if (array !== null) return toArray(value, param, array[1] as string, path);
  if (param.components === undefined) return toElementary(value, param.type, path);
  if (typeof value !== "object" || value === null || (isExactNumber(value) && !takesSource(param))) {
    throw invalidParameter(path, signatureType(param), `${shown(value)} is neither an object nor an array`);
  }
  return toValues(param.components, value as NonNullable<ParamValues>, `${path}.`);
}

/** A tuple with a component named `source` may be given as an object that looks like an exact number. */
const takesSource = (param: AbiParam): boolean => param.components?.some(({ name }) => name === "source") === true;

const shownName = ({ name }: AbiParam, index: number): string => (name === "" ? String(index) : name);

const listed = (inputs: readonly AbiParam[]): string[] =>
  inputs.map((input, i) => `${signatureType(input)} ${shownName(input, i)}`);

/** A name that was given; `prefix` names what it is in. */
const quoted = (prefix: string, name: string): string => `"${(prefix + name).slice(0, 256)}"`;

const namesOf = (inputs: readonly AbiParam[]): string[] => inputs.flatMap(({ name }) => (name === "" ? [] : [name]));

/** @param stray a name that was given and is none of theirs: as a rule a misspelt one */
function missing(inputs: readonly AbiParam[], index: number, prefix: string, stray?: string): CodedError {
  const input = inputs[index] as AbiParam;
  const path = prefix + shownName(input, index);
  const type = signatureType(input);
  const all = inputs.length > 1 ? `: ${listed(inputs).join(", ").slice(0, 256)} are wanted` : "";
  const given =
    stray === undefined
      ? all
      : `, and there is none called ${quoted(prefix, stray)}${suggestionOf(stray, namesOf(inputs))}`;
  return new CodedError("MISSING_PARAMETER", `parameter ${path} (${type}) is missing${given}`, {
    parameter: path,
    abi_type: type,
  });
}

function unknown(name: string, inputs: readonly AbiParam[], prefix: string): CodedError {
  const expected = listed(inputs);
  const path = (prefix + name).slice(0, 256);
  const known = expected.length === 0 ? "none is taken" : `those are ${expected.join(", ").slice(0, 256)}`;
  const message = `there is no parameter ${quoted(prefix, name)}: ${known}${suggestionOf(name, namesOf(inputs))}`;
  return new CodedError("UNKNOWN_PARAMETER", message, { parameter: path, expected });
}

/** The key under which an object gives an input: its name, or its position. */
function keyOf(input: AbiParam, index: number, values: object): string | undefined {
  if (input.name !== "" && Object.hasOwn(values, input.name)) return input.name;
  return Object.hasOwn(values, String(index)) ? String(index) : undefined;
}

function byName(
  inputs: readonly AbiParam[],
  values: { readonly [name: string]: ArgumentValue },
  prefix: string,
): ArgumentValue[] {
  const keys = inputs.map((input, i) => keyOf(input, i, values));
  const used = new Set(keys);
  const left = Object.keys(values).find((key) => !used.has(key));
  const absent = keys.indexOf(undefined);
  if (absent >= 0) throw missing(inputs, absent, prefix, left);
  if (left !== undefined) throw unknown(left, inputs, prefix);
  return keys.map((key) => values[key as string] as ArgumentValue);
}

function byPosition(inputs: readonly AbiParam[], values: readonly ArgumentValue[], prefix: string): void {
  if (values.length < inputs.length) throw missing(inputs, values.length, prefix);
  if (values.length > inputs.length) throw unknown(String(inputs.length), inputs, prefix);
}

function toValues(inputs: readonly AbiParam[], values: NonNullable<ParamValues>, prefix: string): Encodable[] {
  if (Array.isArray(values)) byPosition(inputs, values, prefix);
  const ordered: readonly ArgumentValue[] = Array.isArray(values)
    ? values
    : byName(inputs, values as { readonly [name: string]: ArgumentValue }, prefix);
  return inputs.map((input, i) => toEncodable(ordered[i] as ArgumentValue, input, prefix + shownName(input, i)));
}

/** Whether names or number of the parameters are those of `inputs`; their values are not looked at. */
export function paramsFit(inputs: readonly AbiParam[], params: ParamValues): boolean {
  const values = params ?? [];
  if (Array.isArray(values)) return values.length === inputs.length;
  return (
    Object.keys(values).length === inputs.length && inputs.every((input, i) => keyOf(input, i, values) !== undefined)
  );
}

/** Whether any of the values is text. */
export function hasText(value: ArgumentValue | undefined): boolean {
  if (typeof value === "string") return true;
  if (typeof value !== "object" || value === null || isExactNumber(value)) return false;
  return (isArray(value) ? value : Object.values(value)).some(hasText);
}

/** Whether parameters whose names or number fit are values of the types of `inputs` as well. */
export function valuesFit(inputs: readonly AbiParam[], params: ParamValues): boolean {
  try {
    toValues(inputs, params ?? [], "");
    return true;
  } catch (error) {
    if (isCodedError(error)) return false;
    throw error;
  }
}

/**
 * The parameter as the encoder knows it: without names, so that no name can mean anything to it. It knows no functions,
 * which are encoded as `bytes24` (Contract ABI Specification).
 */
export function positional(param: AbiParam): AbiParameter {
  if (param.components === undefined) return { type: param.type.replace(/^function/, "bytes24") };
  return { type: param.type, components: param.components.map(positional) };
}

/**
 * ABI encoding of parameters given by name, by position as an array, or by position as numeric keys.
 * @throws CodedError `MISSING_PARAMETER`, `UNKNOWN_PARAMETER`, `INVALID_PARAMETER`, each with parameter and type
 */
export function encodeParams(inputs: readonly AbiParam[], params: ParamValues): Uint8Array {
  const values = toValues(inputs, params ?? [], "");
  return hexToBytes(encodeAbiParameters(inputs.map(positional), values));
}

/** Values of one who did not know the types: what looks like a number or a truth value is text where text is wanted. */
export function withText(inputs: readonly AbiParam[], values: readonly ArgumentValue[]): readonly ArgumentValue[] {
  return values.map((value, i) => {
    if (inputs[i]?.type !== "string") return value;
    return isExactNumber(value) ? value.source : typeof value === "boolean" ? String(value) : value;
  });
}

/**
 * An amount as an unsigned integer of 256 bits; absent: zero.
 * @throws CodedError `INVALID_PARAMETER` that names `name`
 */
export function toAmount(value: ArgumentValue | undefined, name: string): bigint {
  return value === undefined ? 0n : toInteger(value, "uint256", name);
}
