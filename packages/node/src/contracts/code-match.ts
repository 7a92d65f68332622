/**
 * Whether a contract's code is what a compiler made. Two things may differ: immutables, which creation fills in, and the
 * metadata that solc appends, a hash of sources and settings in CBOR with its length in the last two bytes (Solidity
 * documentation, "Contract Metadata"), also to the code of contracts that it creates.
 */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import type { CodeRange, CompiledContract } from "./compiled.ts";

export interface Immutable {
  /** Bytes from the start of the code, of each place where it stands. */
  readonly offsets: readonly number[];
  readonly value: Hex;
}

export interface CodeMatch {
  /**
   * `exact`: every byte but immutables; `except_metadata`: the same instructions, of sources that may differ in comments,
   * names and paths.
   */
  readonly match: "exact" | "except_metadata";
  readonly immutables: readonly Immutable[];
}

export type CodeComparison = CodeMatch | { readonly match: "none"; readonly reason: string };

/** A CBOR map of one to four entries. */
const isMap = (byte: number | undefined): boolean => byte !== undefined && byte >= 0xa1 && byte <= 0xa4;
const LENGTH_BYTES = 2;
const INVALID = 0xfe;
/** `{"ipfs": <multihash>, "solc": <three bytes>}` with its length, as hexadecimal digits. */
const METADATA = /a2646970667358221220[0-9a-f]{64}64736f6c6343[0-9a-f]{6}0033/g;
const HASH_AT = 10;
const HASH_BYTES = 32;
const PUSH20 = 0x73;
const ADDRESS_BYTES = 20;

/** Length of code without metadata, and without the INVALID that keeps execution from running into it. */
function lengthOfInstructions(code: Uint8Array): number {
  const high = code.at(-2) ?? 0;
  const start = code.length - LENGTH_BYTES - ((high << 8) | (code.at(-1) ?? 0));
  if (start <= 0 || !isMap(code[start])) return code.length;
  return code[start - 1] === INVALID ? start - 1 : start;
}

/** The hash in the metadata of each contract that the code creates, and in its own, in the form that solc gives them. */
const hashesIn = (code: Hex): readonly CodeRange[] =>
  [...code.slice("0x".length).matchAll(METADATA)]
    .filter(({ index }) => index % 2 === 0)
    .map(({ index }) => ({ start: index / 2 + HASH_AT, length: HASH_BYTES }));

function firstDifference(a: Uint8Array, b: Uint8Array, length: number): number | undefined {
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return at;
  return undefined;
}

/** A library begins with a PUSH of its own address, for which the compiler leaves zeros. */
function isLibrary(code: Uint8Array): boolean {
  return code[0] === PUSH20 && code.subarray(1, 1 + ADDRESS_BYTES).every((byte) => byte === 0);
}

/** The value of an immutable; undefined where its places have different ones, or lie outside. */
function readImmutable(code: Uint8Array, ranges: readonly CodeRange[]): Immutable | undefined {
  const values = ranges.map(({ start, length }) => bytesToHex(code.subarray(start, start + length)));
  const [value] = values;
  const isWhole = ranges.every(({ start, length }) => start + length <= code.length);
  if (value === undefined || !isWhole || values.some((other) => other !== value)) return undefined;
  return { offsets: ranges.map(({ start }) => start), value };
}

function withZeros(code: Uint8Array, ranges: readonly CodeRange[]): Uint8Array {
  const copy = new Uint8Array(code);
  for (const { start, length } of ranges) copy.fill(0, start, start + length);
  return copy;
}

/** @param code of the contract on the chain */
export function compareCode(
  code: Uint8Array,
  { deployedBytecode, immutables }: Pick<CompiledContract, "deployedBytecode" | "immutables">,
): CodeComparison {
  if (deployedBytecode === undefined) return { match: "none", reason: "the artifact has no deployed bytecode" };
  const compiled = hexToBytes(deployedBytecode);
  const length = lengthOfInstructions(compiled);
  if (lengthOfInstructions(code) !== length) {
    const reason = `the contract has ${code.length} bytes of code, what was compiled ${compiled.length}`;
    return { match: "none", reason };
  }
  const found: Immutable[] = [];
  for (const ranges of immutables) {
    const immutable = readImmutable(code, ranges);
    if (immutable === undefined) return { match: "none", reason: "an immutable has several values, or none" };
    found.push(immutable);
  }
  const filled = [...immutables.flat(), ...(isLibrary(compiled) ? [{ start: 1, length: ADDRESS_BYTES }] : [])];
  const [theirs, ours] = [withZeros(code, filled), withZeros(compiled, filled)];
  const hashes = hashesIn(deployedBytecode);
  const difference = firstDifference(withZeros(theirs, hashes), withZeros(ours, hashes), length);
  if (difference !== undefined) return { match: "none", reason: `the code differs at byte ${difference}` };
  const isExact = theirs.length === ours.length && firstDifference(theirs, ours, ours.length) === undefined;
  return { match: isExact ? "exact" : "except_metadata", immutables: found };
}
