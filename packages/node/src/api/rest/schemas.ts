/** Schemas that several resources share, and the small conversions of their values. */

import type { Hex } from "@counterpart/core/base/bytes";
import { assert, CodedError } from "@counterpart/core/base/errors";
import { checksumAddress, parseAddress } from "@counterpart/core/crypto/crypto";
import Type, { type Static, type TSchema } from "typebox";
import { PEER_ID } from "../../net/address.ts";

export const AddressSchema = Type.String({
  pattern: "^0x[0-9a-fA-F]{40}$",
  description: "20 bytes; answers carry the EIP-55 checksum, requests may, and then it is checked",
  examples: ["0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"],
});

export const HashSchema = Type.String({ pattern: "^0x[0-9a-fA-F]{64}$", description: "32 bytes, hexadecimal" });
export const HexSchema = Type.String({ pattern: "^0x([0-9a-fA-F]{2})*$", description: "bytes, hexadecimal" });
export const DecimalSchema = Type.String({ pattern: "^\\d+$", description: "an unsigned integer in base units" });

/** An amount in a request: base units. */
export const AmountSchema = Type.Union([Type.String({ maxLength: 100 }), Type.Number()], {
  description: "base units, as a decimal string or as a JSON number, exact to the unit at any size",
});

export const WaitSchema = Type.Integer({
  minimum: 0,
  maximum: 120_000,
  description: "milliseconds to wait for inclusion before answering 202",
});

export const PeerIdSchema = Type.String({
  pattern: PEER_ID.source,
  description: "a libp2p peer id: the base58 of a multihash",
  examples: ["12D3KooWRBy97UB99e3J6hiPesre1MZeuNQvfan4gBziswrRJsNK"],
});

export const TimestampSchema = Type.Integer({ minimum: 0, description: "milliseconds since 1970" });
export const CertifiedSchema = Type.Enum(["none", "signer"], {
  description: "who vouches for the block: nobody, or a signer that the genesis lists",
});

export function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

/** Refers to a schema that is registered under its `$id`, so that the OpenAPI document names it once. */
export function refTo<T extends TSchema>(schema: T) {
  const id = "$id" in schema ? schema.$id : undefined;
  assert(typeof id === "string", "only a schema with $id can be referred to");
  return Type.Unsafe<Static<T>>({ $ref: `${id}#` });
}

export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: "urn:counterpart:error: and the code" }),
    title: Type.String({ description: "what the code means" }),
    status: Type.Integer(),
    detail: Type.String({ description: "what was wrong this time" }),
    code: Type.String({ description: "stable; see the table of errors", examples: ["CONTRACT_NOT_FOUND"] }),
    instance: Type.String({ description: "path of the request" }),
    request_id: Type.String(),
  },
  { $id: "Problem", additionalProperties: true, description: "RFC 9457; further members depend on the code" },
);

/** Every route can fail with a problem document. */
export const PROBLEM_RESPONSE = {
  description: "a problem document (RFC 9457)",
  content: { "application/problem+json": { schema: Type.Unsafe<never>({ $ref: "Problem#" }) } },
};

/**
 * Lower-case form of an address of a request.
 * @throws CodedError `INVALID_REQUEST` naming the field, when its checksum is wrong
 */
export function addressOf(text: string, field: string): Hex {
  try {
    return parseAddress(text);
  } catch (error) {
    const reason = error instanceof CodedError ? error.message : "not an address";
    throw new CodedError("INVALID_REQUEST", `${field}: ${reason}`, { field });
  }
}

/** Lower-case form of a hash whose shape a schema has checked. */
export const hashOf = (text: string): Hex => text.toLowerCase() as Hex;

export const shownAddress = (address: Hex): Hex => checksumAddress(address);
export const shownAddressOrNull = (address: Hex | undefined): Hex | null =>
  address === undefined ? null : checksumAddress(address);

type Defined<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** The object without its undefined members, as exact optional properties want it. */
export function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Defined<T>;
}

/** Of routes that read none of it: nobody is to think that `?block=5` was heard where it is not. */
export const NO_QUERY = Type.Object({}, { additionalProperties: false });
