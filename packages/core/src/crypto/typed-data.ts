/**
 * Typed structured data and the digest that its signer signs. Source: EIP-712; null structs and recursive types as in
 * MetaMask's `eth_signTypedData_v4`.
 */

import { bigIntToFixedBytes, concatBytes, hexToBytes, isHex, joinBytes, leftPad, utf8ToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { keccak256, parseAddress } from "./crypto.ts";

export interface TypedDataField {
  readonly name: string;
  readonly type: string;
}

/** As JSON has it: integers are numbers within 2^53, or decimal or hexadecimal text; bytes are hexadecimal text. */
export interface TypedData {
  readonly types: Readonly<Record<string, readonly TypedDataField[]>>;
  readonly primaryType: string;
  readonly domain: Readonly<Record<string, unknown>>;
  readonly message: Readonly<Record<string, unknown>>;
}

/** The encoding of each type names all that it uses: these bound what a digest costs. */
const TYPES_MAX = 256;
const VALUES_MAX = 4_096;
const TYPE_CHARACTERS_MAX = 16_384;
const DOMAIN = "EIP712Domain";
/** Members of a domain in their order, for data that does not say which it has. */
const DOMAIN_FIELDS: readonly TypedDataField[] = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
  { name: "salt", type: "bytes32" },
];
const NAME = /^[A-Za-z_$][A-Za-z0-9_$]*$/;
const ARRAY = /^(.*)\[(\d*)\]$/;
const NULL_STRUCT = new Uint8Array(32);

const unfit = (message: string): CodedError => new CodedError("INVALID_PARAMETER", `typed data: ${message}`);

/** The type of the innermost elements. */
function elementOf(type: string): string {
  let inner = type;
  for (let match = ARRAY.exec(inner); match !== null; match = ARRAY.exec(inner)) inner = match[1] as string;
  return inner;
}

function integerOf(value: unknown, type: string): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^(-?\d{1,78}|0x[0-9a-fA-F]{1,64})$/.test(value)) return BigInt(value);
  throw unfit(`a value of ${type} must be an integer: a number within 2^53, or text`);
}

function encodeInteger(type: string, signed: boolean, bits: number, value: unknown): Uint8Array {
  const integer = integerOf(value, type);
  const end = 1n << BigInt(signed ? bits - 1 : bits);
  if (integer >= end || integer < (signed ? -end : 0n)) throw unfit(`${integer} is no ${type}`);
  return bigIntToFixedBytes(BigInt.asUintN(256, integer), 32);
}

function bytesOf(value: unknown, type: string): Uint8Array {
  if (isHex(value)) return hexToBytes(value);
  throw unfit(`a value of ${type} must be 0x and an even number of hexadecimal digits`);
}

/** The 32 bytes of a value whose type is neither an array nor a struct. */
function encodeAtom(type: string, value: unknown): Uint8Array {
  if (type === "string") {
    if (typeof value !== "string") throw unfit("a value of string must be text");
    return keccak256(utf8ToBytes(value));
  }
  if (type === "bytes") return keccak256(bytesOf(value, type));
  if (type === "bool") {
    if (typeof value !== "boolean") throw unfit("a value of bool must be true or false");
    return leftPad(Uint8Array.of(value ? 1 : 0), 32);
  }
  if (type === "address") {
    if (typeof value !== "string") throw unfit("a value of address must be text");
    return leftPad(hexToBytes(parseAddress(value)), 32);
  }
  const [, unsigned, bitsText] = /^(u?)int([1-9]\d{0,2})$/.exec(type) ?? [];
  const bits = Number(bitsText ?? 0);
  if (bits > 0 && bits <= 256 && bits % 8 === 0) return encodeInteger(type, unsigned === "", bits, value);
  const size = Number(/^bytes([1-9]\d?)$/.exec(type)?.[1] ?? 0);
  if (size === 0 || size > 32) throw unfit(`there is no type ${type}`);
  const bytes = bytesOf(value, type);
  if (bytes.length !== size) throw unfit(`a value of ${type} has ${size} bytes, not ${bytes.length}`);
  return concatBytes(bytes, new Uint8Array(32 - size));
}

function checkTypes(types: TypedData["types"]): void {
  const names = Object.keys(types);
  if (names.length > TYPES_MAX) throw unfit(`more than ${TYPES_MAX} types`);
  let characters = 0;
  for (const name of names) {
    const fields = types[name] as readonly TypedDataField[];
    if (!NAME.test(name)) throw unfit("a type's name is not a name");
    characters += fields.reduce((sum, field) => sum + field.name.length + field.type.length + 2, name.length);
    if (!fields.every((field) => NAME.test(field.name))) throw unfit(`a field of ${name} has no name`);
  }
  if (characters > TYPE_CHARACTERS_MAX) throw unfit(`types of more than ${TYPE_CHARACTERS_MAX} characters`);
}

/** Encodes values of one set of types; the hash of each type is computed once. */
class StructEncoder {
  readonly #types: TypedData["types"];
  readonly #typeHashes = new Map<string, Uint8Array>();
  #values = 0;

  constructor(types: TypedData["types"]) {
    this.#types = types;
  }

  #fields(type: string): readonly TypedDataField[] | undefined {
    return Object.hasOwn(this.#types, type) ? this.#types[type] : undefined;
  }

  /** The type with every struct that it uses, those after the first in order of name. */
  #encodeType(type: string): string {
    const used = new Set<string>();
    const open = [type];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (used.has(name)) continue;
      const fields = this.#fields(name);
      if (fields === undefined) continue;
      used.add(name);
      open.push(...fields.map((field) => elementOf(field.type)));
    }
    used.delete(type);
    const encode = (name: string): string =>
      `${name}(${(this.#fields(name) ?? []).map((field) => `${field.type} ${field.name}`).join(",")})`;
    return [type, ...[...used].sort()].map(encode).join("");
  }

  #typeHash(type: string): Uint8Array {
    const known = this.#typeHashes.get(type);
    if (known !== undefined) return known;
    const hash = keccak256(utf8ToBytes(this.#encodeType(type)));
    this.#typeHashes.set(type, hash);
    return hash;
  }

  #encodeArray(element: string, length: string, value: unknown): Uint8Array {
    if (!Array.isArray(value)) throw unfit(`a value of ${element}[${length}] must be an array`);
    if (length !== "" && value.length !== Number(length))
      throw unfit(`an array of ${length} has ${value.length} items`);
    return keccak256(joinBytes(value.map((item: unknown) => this.#encodeValue(element, item))));
  }

  #encodeValue(type: string, value: unknown): Uint8Array {
    if (++this.#values > VALUES_MAX) throw unfit(`more than ${VALUES_MAX} values`);
    const array = ARRAY.exec(type);
    if (array !== null) return this.#encodeArray(array[1] as string, array[2] as string, value);
    if (this.#fields(type) === undefined) return encodeAtom(type, value);
    return value === null || value === undefined ? NULL_STRUCT : this.hashStruct(type, value);
  }

  hashStruct(type: string, value: unknown): Uint8Array {
    const fields = this.#fields(type);
    if (fields === undefined) throw unfit(`there is no type ${type}`);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw unfit(`a value of ${type} must be an object`);
    }
    const members = value as Readonly<Record<string, unknown>>;
    const encoded = fields.map((field) => {
      const member = Object.hasOwn(members, field.name) ? members[field.name] : undefined;
      const isAbsent = member === undefined || member === null;
      if (isAbsent && this.#fields(field.type) === undefined) throw unfit(`${type} lacks ${field.name}`);
      return this.#encodeValue(field.type, member);
    });
    return keccak256(joinBytes([this.#typeHash(type), ...encoded]));
  }
}

/**
 * The 32-byte digest of typed data. Where the types do not describe the domain, its members do.
 * @throws CodedError `INVALID_PARAMETER` when a value does not fit its type, or there are too many types
 */
export function typedDataDigest({ types, primaryType, domain, message }: TypedData): Uint8Array {
  const derived = DOMAIN_FIELDS.filter(({ name }) => Object.hasOwn(domain, name));
  const all = Object.hasOwn(types, DOMAIN) ? types : { ...types, [DOMAIN]: derived };
  checkTypes(all);
  const encoder = new StructEncoder(all);
  const separator = encoder.hashStruct(DOMAIN, domain);
  const prefix = Uint8Array.of(0x19, 0x01);
  if (primaryType === DOMAIN) return keccak256(concatBytes(prefix, separator));
  return keccak256(concatBytes(prefix, separator, encoder.hashStruct(primaryType, message)));
}

/** The 32-byte digest of a message that a person signs (EIP-191, version 0x45). */
export function personalDigest(message: Uint8Array): Uint8Array {
  return keccak256(concatBytes(utf8ToBytes(`\x19Ethereum Signed Message:\n${message.length}`), message));
}
