/** Field encodings that several messages share. Every decoder is strict: one value, one encoding. */

import { type Hex, hexToBytes, utf8ToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import {
  asBigInt,
  asBytes,
  asFixedHex,
  asList,
  asNumber,
  asText,
  type RlpInput,
  type RlpItem,
  rlpBigInt,
  rlpNumber,
} from "../codec/rlp.ts";
import { CONTENT_BYTES_MAX } from "./limits.ts";
import type { ArtifactEnvelope, BlockRef } from "./message-types.ts";

/** How the messages of one type are laid out. */
export interface Codec<M> {
  /** Fields after the type number. */
  readonly fields: number;
  /** Items of all lists together; more is refused while decoding. */
  readonly itemsMax: number;
  encode(message: M): readonly RlpInput[];
  /** @throws CodedError `INVALID_RLP` */
  decode(fields: readonly RlpItem[]): M;
}

export const invalidField = (reason: string): CodedError => new CodedError("INVALID_RLP", `invalid message: ${reason}`);

export const hash = (item: RlpItem | undefined, field: string): Hex => asFixedHex(item, field, 32);
export const address = (item: RlpItem | undefined, field: string): Hex => asFixedHex(item, field, 20);

/** Text that is safe to log and to show: printable ASCII. */
export function printable(item: RlpItem | undefined, field: string, sizeMax: number): string {
  const text = asText(item, field, sizeMax);
  if (!/^[\x20-\x7e]*$/.test(text)) throw invalidField(`${field} holds unprintable characters`);
  return text;
}

export const rlpText = (text: string): Uint8Array => utf8ToBytes(text);

/** The name that a number stands for in one of the `as const` tables. */
export function nameOf<T extends Readonly<Record<string, number>>>(
  table: T,
  item: RlpItem | undefined,
  field: string,
): keyof T & string {
  const value = asNumber(item, field);
  for (const name in table) if (table[name] === value) return name;
  throw invalidField(`${field} ${value} is unknown`);
}

/** First field of messages that come in several kinds, numbered from 1. */
export const KIND_BYTES = {
  first: rlpNumber(1),
  second: rlpNumber(2),
  third: rlpNumber(3),
  fourth: rlpNumber(4),
  fifth: rlpNumber(5),
} as const;

type Kind = keyof typeof KIND_BYTES;
const KINDS: readonly Kind[] = ["first", "second", "third", "fourth", "fifth"];

/** @param count how many kinds there are */
export function readKind(item: RlpItem | undefined, count = 2): Kind {
  const value = asNumber(item, "kind");
  const kind = value <= count ? KINDS[value - 1] : undefined;
  if (kind === undefined) throw invalidField(`kind ${value} is unknown`);
  return kind;
}

/** An optional value is a list of none or one. */
export const rlpOptional = (value: RlpInput | undefined): RlpInput => (value === undefined ? [] : [value]);

export function optional<T>(
  item: RlpItem | undefined,
  field: string,
  read: (item: RlpItem, field: string) => T,
): T | undefined {
  const list = asList(item, field);
  if (list.length > 1) throw invalidField(`${field} has more than one value`);
  const [value] = list;
  return value === undefined ? undefined : read(value, field);
}

export const rlpBlockRef = (ref: BlockRef): RlpInput => [hexToBytes(ref.hash), rlpNumber(ref.number)];

export function blockRef(item: RlpItem | undefined, field: string): BlockRef {
  const [blockHash, number] = asList(item, field, 2);
  return { hash: hash(blockHash, `${field} hash`), number: asNumber(number, `${field} number`) };
}

export function rlpEnvelope(envelope: ArtifactEnvelope): RlpInput {
  const { creationNonce } = envelope;
  return [
    hexToBytes(envelope.address),
    hexToBytes(envelope.codeHash),
    rlpOptional(creationNonce === undefined ? undefined : rlpBigInt(creationNonce)),
    rlpNumber(envelope.updatedAt),
    hexToBytes(envelope.contentHash),
    envelope.signature,
    rlpOptional(envelope.content),
  ];
}

export function envelope(item: RlpItem | undefined, field: string): ArtifactEnvelope {
  const [at, codeHash, nonce, updatedAt, contentHash, signature, content] = asList(item, field, 7);
  const creationNonce = optional(nonce, `${field} nonce`, (value, name) => asBigInt(value, name, 64));
  const bytes = optional(content, `${field} content`, (value, name) => asBytes(value, name, CONTENT_BYTES_MAX));
  const signed = asBytes(signature, `${field} signature`, 65);
  if (signed.length !== 65) throw invalidField(`${field} signature is not 65 bytes`);
  return {
    address: address(at, `${field} address`),
    codeHash: hash(codeHash, `${field} code hash`),
    ...(creationNonce === undefined ? {} : { creationNonce }),
    updatedAt: asNumber(updatedAt, `${field} date`),
    contentHash: hash(contentHash, `${field} content hash`),
    signature: signed,
    ...(bytes === undefined ? {} : { content: bytes }),
  };
}
