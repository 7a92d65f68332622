/**
 * The canonical encoding of an artifact's content: one content has one encoding, so that its hash names it.
 *
 * RLP of `[version, contractType, name, symbol, decimals, cap, abi]`, where each field is a list of none or one item.
 * The ABI is JSON text in a canonical form: no white space, keys of objects in the order of their UTF-16 code units,
 * strings and numbers as ECMAScript serialises them (as in RFC 8785).
 */

import { equalBytes, utf8ToBytes } from "../base/bytes.ts";
import { CodedError, isCodedError } from "../base/errors.ts";
import {
  asList,
  asListMax,
  asNumber,
  asText,
  decodeRlp,
  encodeRlp,
  type RlpInput,
  type RlpItem,
  rlpNumber,
} from "../codec/rlp.ts";
import type { ArtifactContent } from "./artifact-types.ts";

export const CONTENT_SIZE_MAX = 256 * 1024;
const CONTENT_VERSION = 1;
const TYPE_SIZE_MAX = 32;
const NAME_SIZE_MAX = 256;
const SYMBOL_SIZE_MAX = 64;
/** 2^256 − 1 has 78 digits. */
const CAP_SIZE_MAX = 78;
const UINT256_MAX = (1n << 256n) - 1n;
/** Far deeper than any compiler's ABI nests, far below what exhausts a stack. */
const JSON_DEPTH_MAX = 64;

export function invalidArtifact(reason: string): CodedError {
  return new CodedError("INVALID_ARTIFACT", `invalid artifact: ${reason}`);
}

/** Runs `work`, whose errors of lower layers mean that an artifact is malformed. */
export function asArtifactError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isCodedError(error) && error.code !== "INVALID_ARTIFACT" && error.code !== "INVARIANT_BROKEN") {
      throw invalidArtifact(error.message);
    }
    throw error;
  }
}

function canonicalObject(value: object, depth: number): string {
  const parts: string[] = [];
  for (const [key, item] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    if (item !== undefined) parts.push(`${JSON.stringify(key)}:${canonicalJson(item, depth + 1)}`);
  }
  return `{${parts.join(",")}}`;
}

/**
 * Canonical JSON text of what `JSON.parse` may yield; members that are undefined are left out.
 * @throws CodedError `INVALID_ARTIFACT` for what JSON cannot hold, and for nesting deeper than 64
 */
export function canonicalJson(value: unknown, depth = 1): string {
  if (depth > JSON_DEPTH_MAX) throw invalidArtifact("JSON is nested too deep");
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(",")}]`;
  if (typeof value === "object") return canonicalObject(value, depth);
  throw invalidArtifact(`JSON cannot hold a ${typeof value}`);
}

function checkText(text: string, field: string, sizeMax: number): void {
  if (!text.isWellFormed()) throw invalidArtifact(`${field} is not well-formed text`);
  if (utf8ToBytes(text).length > sizeMax) throw invalidArtifact(`${field} is longer than ${sizeMax} bytes`);
}

function checkCap(cap: string): void {
  if (cap.length > CAP_SIZE_MAX || !/^(0|[1-9][0-9]*)$/.test(cap) || BigInt(cap) > UINT256_MAX) {
    throw invalidArtifact("cap is not a canonical decimal number below 2^256");
  }
}

function checkContent(content: ArtifactContent): void {
  const { contractType, name, symbol, decimals, cap, abi } = content;
  if (contractType !== undefined) checkText(contractType, "contractType", TYPE_SIZE_MAX);
  if (name !== undefined) checkText(name, "name", NAME_SIZE_MAX);
  if (symbol !== undefined) checkText(symbol, "symbol", SYMBOL_SIZE_MAX);
  if (decimals !== undefined && !(Number.isInteger(decimals) && decimals >= 0 && decimals <= 255)) {
    throw invalidArtifact("decimals is not an integer from 0 to 255");
  }
  if (cap !== undefined) checkCap(cap);
  if (abi !== undefined && !(Array.isArray(abi) && abi.every(isPlainObject))) {
    throw invalidArtifact("abi is not a list of objects");
  }
}

const isPlainObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);

function optional<T>(value: T | undefined, encode: (value: T) => Uint8Array): RlpInput {
  return value === undefined ? [] : [encode(value)];
}

/**
 * The canonical encoding.
 * @throws CodedError `INVALID_ARTIFACT` when a field breaks its limits or the whole exceeds 256 KiB
 */
export function encodeContent(content: ArtifactContent): Uint8Array {
  checkContent(content);
  const bytes = encodeRlp([
    rlpNumber(CONTENT_VERSION),
    optional(content.contractType, utf8ToBytes),
    optional(content.name, utf8ToBytes),
    optional(content.symbol, utf8ToBytes),
    optional(content.decimals, rlpNumber),
    optional(content.cap, utf8ToBytes),
    optional(content.abi, (abi) => utf8ToBytes(canonicalJson(abi))),
  ]);
  if (bytes.length > CONTENT_SIZE_MAX) throw invalidArtifact(`content is longer than ${CONTENT_SIZE_MAX} bytes`);
  return bytes;
}

function decodeAbi(text: string): readonly unknown[] {
  let abi: unknown;
  try {
    abi = JSON.parse(text);
  } catch {
    throw invalidArtifact("abi is not JSON");
  }
  if (!Array.isArray(abi)) throw invalidArtifact("abi is not a list of objects");
  return abi;
}

function optionalField<T>(item: RlpItem | undefined, field: string, decode: (item: RlpItem) => T): T | undefined {
  const [value] = asListMax(item, field, 1);
  return value === undefined ? undefined : decode(value);
}

function decodeChecked(bytes: Uint8Array): ArtifactContent {
  if (bytes.length > CONTENT_SIZE_MAX) throw invalidArtifact(`content is longer than ${CONTENT_SIZE_MAX} bytes`);
  const fields = asList(decodeRlp(bytes, { depthMax: 2, itemsMax: 16 }), "content", 7);
  if (asNumber(fields[0], "version") !== CONTENT_VERSION) throw invalidArtifact("unknown content version");
  const contractType = optionalField(fields[1], "contractType", (item) => asText(item, "contractType", TYPE_SIZE_MAX));
  const name = optionalField(fields[2], "name", (item) => asText(item, "name", NAME_SIZE_MAX));
  const symbol = optionalField(fields[3], "symbol", (item) => asText(item, "symbol", SYMBOL_SIZE_MAX));
  const decimals = optionalField(fields[4], "decimals", (item) => asNumber(item, "decimals"));
  const cap = optionalField(fields[5], "cap", (item) => asText(item, "cap", CAP_SIZE_MAX));
  const abi = optionalField(fields[6], "abi", (item) => decodeAbi(asText(item, "abi", CONTENT_SIZE_MAX)));
  const content: ArtifactContent = {
    ...(contractType !== undefined && { contractType }),
    ...(name !== undefined && { name }),
    ...(symbol !== undefined && { symbol }),
    ...(decimals !== undefined && { decimals }),
    ...(cap !== undefined && { cap }),
    ...(abi !== undefined && { abi }),
  };
  if (!equalBytes(encodeContent(content), bytes)) throw invalidArtifact("content is not in canonical form");
  return content;
}

/**
 * The content that `bytes` canonically encode.
 * @throws CodedError `INVALID_ARTIFACT` for any other bytes, a field beyond its limit, and more than 256 KiB
 */
export function decodeContent(bytes: Uint8Array): ArtifactContent {
  return asArtifactError(() => decodeChecked(bytes));
}
