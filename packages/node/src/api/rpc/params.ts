/** Positional parameters, read strictly: a method states what it takes, and gets typed values. */

import { type Hex, hexToBytes, isHex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { parseAddress } from "@counterpart/core/crypto/crypto";
import type { JsonValue } from "../json.ts";
import type { RpcMethod } from "./dispatch.ts";
import { invalidParams } from "./errors.ts";

/** Reads one value; throws an Error whose message says what is wrong with it. */
export type Reader<T> = (value: JsonValue) => T;

interface Parameter<T> {
  readonly read: Reader<T>;
  readonly fallback?: { readonly value: T };
}

export const required = <T>(read: Reader<T>): Parameter<T> => ({ read });
export const optional = <T>(read: Reader<T>, value: T): Parameter<T> => ({ read, fallback: { value } });

/** A value is not what its reader wants. Becomes an invalid-params error that names the argument. */
class BadValue extends Error {}

export const badValue = (reason: string): Error => new BadValue(reason);

function readOne<T>({ read, fallback }: Parameter<T>, value: JsonValue | undefined, index: number): T {
  if (value === undefined || value === null) {
    if (fallback !== undefined) return fallback.value;
    throw invalidParams(`missing value for required argument ${index}`);
  }
  try {
    return read(value);
  } catch (error) {
    if (error instanceof BadValue || isCodedError(error)) {
      throw invalidParams(`invalid argument ${index}: ${error.message}`);
    }
    throw error;
  }
}

type Values<P extends readonly Parameter<unknown>[]> = {
  [K in keyof P]: P[K] extends Parameter<infer T> ? T : never;
};

/** A method with typed parameters. Missing, wrong or surplus ones are invalid-params errors. */
export function defineMethod<const P extends readonly Parameter<unknown>[]>(
  parameters: P,
  run: (...values: Values<P>) => unknown,
): RpcMethod {
  const method = (params: readonly JsonValue[]): unknown => {
    if (params.length > parameters.length) {
      throw invalidParams(`too many arguments, want at most ${parameters.length}`);
    }
    const values = parameters.map((parameter, index) => readOne(parameter, params[index], index));
    return run(...(values as Values<P>));
  };
  return Object.assign(method, { takes: parameters.map(({ fallback }) => ({ isRequired: fallback === undefined })) });
}

function text(value: JsonValue): string {
  if (typeof value !== "string") throw badValue("expected a string");
  return value;
}

/** A QUANTITY: 0x, no leading zeros, at most 256 bits. */
export function readQuantity(value: JsonValue): bigint {
  const digits = text(value);
  if (!digits.startsWith("0x")) throw badValue("hex string without 0x prefix");
  if (digits === "0x") throw badValue('hex string "0x"');
  if (!/^0x[0-9a-fA-F]+$/.test(digits)) throw badValue("invalid hex string");
  if (digits.length > 3 && digits[2] === "0") throw badValue("hex number with leading zero digits");
  if (digits.length > 66) throw badValue("hex number > 256 bits");
  return BigInt(digits);
}

/** A QUANTITY that JavaScript holds exactly. */
export function readSafeQuantity(value: JsonValue): number {
  const quantity = readQuantity(value);
  if (quantity > BigInt(Number.MAX_SAFE_INTEGER)) throw badValue("number out of range");
  return Number(quantity);
}

/** A count: a quantity, and decimal digits or a JSON number as people and some clients send. */
export const readCount: Reader<number> = (value: JsonValue) => {
  if (typeof value === "string" && /^\d{1,15}$/.test(value)) return Number(value);
  if (typeof value !== "number") return readSafeQuantity(value);
  if (!Number.isSafeInteger(value) || value < 0) throw badValue("expected an unsigned integer");
  return value;
};

const AMOUNT_END = 2n ** 256n;

/** An amount of up to 256 bits, in the same forms. */
export const readAmount: Reader<bigint> = (value: JsonValue) => {
  if (typeof value === "number") return BigInt(readCount(value));
  if (typeof value !== "string" || !/^\d{1,78}$/.test(value)) return readQuantity(value);
  const amount = BigInt(value);
  if (amount >= AMOUNT_END) throw badValue("number > 256 bits");
  return amount;
};

const NONCE_END = 2n ** 64n - 1n;

/** The nonce of an account, in the same forms (EIP-2681). */
export const readNonce: Reader<bigint> = (value: JsonValue) => {
  const nonce = readAmount(value);
  if (nonce >= NONCE_END) throw badValue("a nonce is below 2^64 - 1 (EIP-2681)");
  return nonce;
};

export function readData(value: JsonValue): Uint8Array {
  const digits = text(value);
  if (!digits.startsWith("0x")) throw badValue("hex string without 0x prefix");
  if (!isHex(digits)) throw badValue("invalid hex string: expected an even number of digits");
  return hexToBytes(digits);
}

export const readAddress = (value: JsonValue): Hex => parseAddress(text(value));

export function readHash(value: JsonValue): Hex {
  const digits = text(value);
  if (!isHex(digits, 32)) throw badValue("expected a 32-byte hex string");
  return digits.toLowerCase() as Hex;
}

/** A storage slot: at most 32 bytes of hexadecimal digits, padded on the left. */
export function readSlot(value: JsonValue): Hex {
  const given = text(value);
  if (given.length > 66) throw badValue("storage key too long (want at most 32 bytes)");
  const match = /^0x([0-9a-fA-F]*)$/.exec(given);
  if (match === null) throw badValue(`invalid hex in storage key: ${JSON.stringify(given)}`);
  return `0x${(match[1] as string).toLowerCase().padStart(64, "0")}`;
}

export function readBoolean(value: JsonValue): boolean {
  if (typeof value !== "boolean") throw badValue("expected a boolean");
  return value;
}

export type JsonObject = Readonly<Record<string, JsonValue | undefined>>;

export function readObject(value: JsonValue): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badValue("expected an object");
  return value;
}

/** A list of at most `max` items. */
export const listOf =
  <T>(read: Reader<T>, max: number): Reader<T[]> =>
  (value) => {
    if (!Array.isArray(value)) throw badValue("expected an array");
    if (value.length > max) throw badValue(`more than ${max} items`);
    return value.map(read);
  };

/** A member of an object; undefined when absent or null. */
export function member<T>(object: JsonObject, name: string, read: Reader<T>): T | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  if (value === undefined || value === null) return undefined;
  try {
    return read(value);
  } catch (error) {
    if (error instanceof BadValue || isCodedError(error)) throw badValue(`${name}: ${error.message}`);
    throw error;
  }
}
