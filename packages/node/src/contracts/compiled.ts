/** Compiled contracts as compilers and their tools write them: read, checked, and linked with their libraries. */

import { type Hex, isHex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { isJsonObject, type JsonObject } from "@counterpart/core/base/json-object";
import { parseAddress } from "@counterpart/core/crypto/crypto";

/** Bytes of the code that are filled in later. */
export interface CodeRange {
  readonly start: number;
  readonly length: number;
}

/** What a compiler made of one contract. */
export interface CompiledContract {
  readonly name?: string;
  readonly abi: readonly unknown[];
  /** Creation code, linked; the constructor's arguments follow it. */
  readonly bytecode: Hex;
  /** What creation leaves, linked, with zeros for immutables; absent where the artifact does not say. */
  readonly deployedBytecode?: Hex;
  /** Where each immutable stands in it. */
  readonly immutables: readonly (readonly CodeRange[])[];
}

/** Addresses of libraries by name, or by `path:name` where several have that name. */
export type Libraries = Readonly<Record<string, string>>;

const RANGES_MAX = 4_096;
const LIBRARY_BYTES = 20;
/** What compilers put where a library's address goes. */
const PLACEHOLDER = /__[0-9a-zA-Z$_.:/-]{36}__/;

const objectOf = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});

function invalid(reason: string): CodedError {
  return new CodedError("INVALID_BYTECODE", `the artifact is not one of Hardhat, Foundry or solc: ${reason}`, {
    field: "artifact",
  });
}

function rangesOf(value: unknown): CodeRange[] {
  if (!Array.isArray(value) || value.length > RANGES_MAX) throw invalid("a list of references is malformed");
  return value.map((raw) => {
    const { start, length } = objectOf(raw);
    const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(length) && Number(start) >= 0;
    if (!isRange || Number(length) < 1) throw invalid("a reference has no start and length");
    return { start: Number(start), length: Number(length) };
  });
}

/** Ranges by library: `{ path: { name: [{ start, length }] } }`. */
function libraryRanges(
  value: unknown,
): readonly { readonly path: string; readonly name: string; ranges: CodeRange[] }[] {
  return Object.entries(objectOf(value)).flatMap(([path, names]) =>
    Object.entries(objectOf(names)).map(([name, ranges]) => ({ path, name, ranges: rangesOf(ranges) })),
  );
}

function insert(code: string, { start, length }: CodeRange, digits: string): string {
  const [from, to] = [2 * start, 2 * (start + length)];
  if (to > code.length || length !== LIBRARY_BYTES) throw invalid("a reference to a library lies outside of the code");
  return code.slice(0, from) + digits + code.slice(to);
}

/** By its path and name, by its name alone, or by the end of its path: Hardhat 3 puts `project/` before paths. */
function addressOf(libraries: Libraries, path: string, name: string): string | undefined {
  const whole = `${path}:${name}`;
  const byEnd = (): string | undefined => Object.entries(libraries).find(([given]) => whole.endsWith(`/${given}`))?.[1];
  return libraries[whole] ?? libraries[name] ?? byEnd();
}

/** @throws CodedError `INVALID_BYTECODE` with the names of libraries whose addresses were not given */
function link(text: unknown, references: unknown, libraries: Libraries): Hex {
  if (typeof text !== "string") throw invalid("it has no bytecode");
  let code = text.startsWith("0x") ? text.slice(2) : text;
  const missing: string[] = [];
  for (const { path, name, ranges } of libraryRanges(references)) {
    const address = addressOf(libraries, path, name);
    if (address === undefined) missing.push(`${path}:${name}`);
    else for (const range of ranges) code = insert(code, range, parseAddress(address).slice(2));
  }
  if (missing.length > 0 || PLACEHOLDER.test(code)) {
    const names = missing.length > 0 ? missing.join(", ") : "some that the artifact does not name";
    throw new CodedError("INVALID_BYTECODE", `the code needs libraries, whose addresses are not given: ${names}`, {
      field: "libraries",
      libraries: missing,
    });
  }
  const linked = `0x${code.toLowerCase()}`;
  if (!isHex(linked)) throw invalid("its bytecode is not hexadecimal");
  return linked;
}

/** Code with what belongs to it, wherever the tool puts it. */
interface RawCode {
  readonly object: unknown;
  readonly links: unknown;
  readonly immutables: unknown;
}

function rawCode(value: unknown, links: unknown, immutables: unknown): RawCode | undefined {
  if (typeof value === "string") return { object: value, links, immutables };
  if (!isJsonObject(value) || value.object === undefined) return undefined;
  return { object: value.object, links: value.linkReferences, immutables: value.immutableReferences };
}

/** Foundry names the contract in its metadata alone. */
function nameOf(raw: JsonObject): string | undefined {
  if (typeof raw.contractName === "string") return raw.contractName;
  const { compilationTarget } = objectOf(objectOf(raw.metadata).settings);
  const [name] = Object.values(objectOf(compilationTarget));
  return typeof name === "string" ? name : undefined;
}

/**
 * Reads an artifact of Hardhat or Foundry, or a contract of solc's standard JSON output.
 * @throws CodedError `INVALID_BYTECODE`, `INVALID_ABI`, `INVALID_HEX` for a library's address that is none
 */
export function readCompiled(raw: unknown, libraries: Libraries = {}): CompiledContract {
  if (!isJsonObject(raw)) throw invalid("it is no object");
  const { abi } = raw;
  if (!Array.isArray(abi)) throw new CodedError("INVALID_ABI", "the artifact has no ABI", { field: "artifact" });
  const evm = objectOf(raw.evm);
  const creation = rawCode(raw.bytecode ?? evm.bytecode, raw.linkReferences, undefined);
  const deployed = rawCode(
    raw.deployedBytecode ?? evm.deployedBytecode,
    raw.deployedLinkReferences,
    raw.immutableReferences,
  );
  if (creation === undefined) throw invalid("it has no bytecode");
  const bytecode = link(creation.object, creation.links, libraries);
  if (bytecode === "0x") {
    throw new CodedError("INVALID_BYTECODE", "an interface or abstract contract has no code", { field: "artifact" });
  }
  const name = nameOf(raw);
  return {
    ...(name !== undefined && { name }),
    abi,
    bytecode,
    ...(deployed !== undefined && { deployedBytecode: link(deployed.object, deployed.links, libraries) }),
    immutables: Object.values(objectOf(deployed?.immutables)).map(rangesOf),
  };
}
