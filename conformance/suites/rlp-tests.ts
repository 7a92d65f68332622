/**
 * RLPTests of ethereum/tests: a value and its encoding, or an encoding alone that must be rejected (`in` is "INVALID")
 * or accepted ("VALID"). An integer beyond JSON's is text: "#" and its decimal digits.
 */

import { bytesToHex, utf8ToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { decodeRlp, encodeRlp, type RlpItem, rlpBigInt, rlpNumber } from "@counterpart/core/codec/rlp";
import { check, runCase, type Suite } from "../suite.ts";
import { hexOf, isObject, type Json, readVectors } from "../vector-files.ts";

/** The vectors test the format, not the limits that a node sets for its peers. */
const LIMITS = { depthMax: 1024, itemsMax: 10_000_000 };

export const rlpTests: Suite = {
  name: "RLPTests",
  async run(folder, report) {
    for (const { id, content } of readVectors(folder)) await runCase(report, id, () => checkVector(content));
  },
};

function checkVector(content: Json): void {
  check(isObject(content) && content.in !== undefined && typeof content.out === "string", "not an RLP vector");
  const encoding = hexOf(content.out);
  if (content.in === "INVALID") {
    checkRejected(encoding);
    return;
  }
  const decoded = decodeRlp(encoding, LIMITS);
  checkSame(encodeRlp(decoded), encoding);
  if (content.in === "VALID") return;
  const item = toItem(content.in);
  checkSame(encodeRlp(item), encoding);
  check(sameItem(decoded, item), "it decodes to another value");
}

function checkRejected(encoding: Uint8Array): void {
  try {
    decodeRlp(encoding, LIMITS);
  } catch (error) {
    check(isCodedError(error, "INVALID_RLP"), `rejected with another error: ${error}`);
    return;
  }
  throw new Error("accepted, though it is invalid");
}

function checkSame(actual: Uint8Array, expected: Uint8Array): void {
  check(bytesToHex(actual) === bytesToHex(expected), `encoded as ${bytesToHex(actual)}`);
}

function toItem(value: Json): RlpItem {
  if (Array.isArray(value)) return value.map(toItem);
  if (typeof value === "number") return rlpNumber(value);
  check(typeof value === "string", "a value is neither text, number nor list");
  return value.startsWith("#") ? rlpBigInt(BigInt(value.slice(1))) : utf8ToBytes(value);
}

function sameItem(a: RlpItem | undefined, b: RlpItem): boolean {
  if (a === undefined || Array.isArray(a) !== Array.isArray(b)) return false;
  if (!Array.isArray(a) || !Array.isArray(b)) return bytesToHex(a as Uint8Array) === bytesToHex(b as Uint8Array);
  return a.length === b.length && b.every((item, index) => sameItem(a[index], item));
}
