/** What compilers leave behind: artifacts of Foundry and Hardhat, files of bytecode and ABI. */

import { readFileSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { type CodedError, reasonOf } from "@counterpart/core/base/errors";
import { invalidConfig } from "../invalid-config.ts";

/** Above the largest build output; the API takes 1 MiB of what is in it. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;

export interface CompiledContract {
  /** As the compiler named it. */
  readonly name: string;
  readonly abi: readonly unknown[];
  /** Creation code, 0x and hexadecimal digits. */
  readonly bytecode: string;
}

/** An ABI and a name, whatever the state of the code is. @throws CodedError `INVALID_CONFIG` */
export function readInterface(path: string, workingDir: string): Pick<CompiledContract, "name" | "abi"> {
  const content = readWholeArtifact(path, workingDir);
  return { name: nameIn(path, content), abi: content.abi as readonly unknown[] };
}

const invalid = (path: string, reason: string): CodedError => invalidConfig(`${path}: ${reason}`);

/** @throws CodedError `INVALID_CONFIG` */
export function readTextFile(path: string, workingDir: string): string {
  const whole = resolve(workingDir, path);
  try {
    if (statSync(whole).size > FILE_BYTES_MAX) throw new Error("the file is too large");
    return readFileSync(whole, "utf8");
  } catch (error) {
    throw invalid(path, `it cannot be read: ${reasonOf(error)}`);
  }
}

function parseFile(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(path, "it is not valid JSON");
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const KEPT = [
  "_format",
  "contractName",
  "abi",
  "bytecode",
  "deployedBytecode",
  "linkReferences",
  "deployedLinkReferences",
  "immutableReferences",
  "metadata",
] as const;

/**
 * An artifact for the node to read, without what it has no use for: syntax trees and sources make the files of compilers
 * larger than a request may be.
 * @throws CodedError `INVALID_CONFIG`
 */
export function readWholeArtifact(path: string, workingDir: string): Readonly<Record<string, unknown>> {
  const content = parseFile(path, readTextFile(path, workingDir));
  if (!isObject(content) || !Array.isArray(content.abi)) {
    throw invalid(path, "it has no ABI: is it a Foundry or Hardhat artifact?");
  }
  const { evm } = content;
  const codes = isObject(evm) ? { evm: pick(evm, ["bytecode", "deployedBytecode"]) } : {};
  return { ...pick(content, KEPT), ...codes };
}

const pick = (content: Record<string, unknown>, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.flatMap((name) => (content[name] === undefined ? [] : [[name, content[name]]])));

/** Names of the libraries whose addresses the code still lacks; the same shape in both tools. */
function unlinkedLibraries(artifact: Record<string, unknown>): string[] {
  const { bytecode, linkReferences } = artifact;
  const references = isObject(bytecode) ? bytecode.linkReferences : linkReferences;
  return isObject(references)
    ? Object.values(references).flatMap((file) => (isObject(file) ? Object.keys(file) : []))
    : [];
}

/** Foundry has `{"bytecode": {"object": "0x…"}}`, Hardhat `{"bytecode": "0x…"}`, solc `{"evm": {"bytecode": …}}`. */
function bytecodeIn({ bytecode, evm }: Record<string, unknown>): unknown {
  const found = isObject(evm) ? evm.bytecode : bytecode;
  return isObject(found) ? found.object : found;
}

/** Hardhat says the name; Foundry's is that of the compilation's target, or the file's. */
function nameIn(path: string, { contractName, metadata }: Record<string, unknown>): string {
  if (typeof contractName === "string") return contractName;
  const settings = isObject(metadata) ? metadata.settings : undefined;
  const target = isObject(settings) ? settings.compilationTarget : undefined;
  const [name] = isObject(target) ? Object.values(target) : [];
  return typeof name === "string" ? name : basename(path).replace(/\.json$/, "");
}

function checkedBytecode(path: string, code: unknown): string {
  if (typeof code !== "string") throw invalid(path, "it has no bytecode: is it a Foundry or Hardhat artifact?");
  const trimmed = code.trim();
  const digits = trimmed.startsWith("0x") ? trimmed.slice(2) : trimmed;
  if (digits === "") throw invalid(path, "its bytecode is empty: an interface or abstract contract cannot be deployed");
  if (!/^([0-9a-fA-F]{2})+$/.test(digits)) throw invalid(path, "its bytecode is not hexadecimal");
  return `0x${digits}`;
}

/** An ABI: an array, or a file that has one as `abi`. @throws CodedError `INVALID_CONFIG` */
export function readAbi(path: string, workingDir: string): readonly unknown[] {
  const content = parseFile(path, readTextFile(path, workingDir));
  const abi = isObject(content) ? content.abi : content;
  if (Array.isArray(abi)) return abi;
  throw invalid(path, "it is neither an ABI nor a file that has one");
}

/** @throws CodedError `INVALID_CONFIG` */
export function readArtifact(path: string, workingDir: string): CompiledContract {
  const content = parseFile(path, readTextFile(path, workingDir));
  if (!isObject(content) || !Array.isArray(content.abi)) {
    throw invalid(path, "it has no ABI: is it a Foundry or Hardhat artifact?");
  }
  const libraries = unlinkedLibraries(content);
  if (libraries.length > 0) {
    throw invalid(
      path,
      `its code needs the addresses of ${libraries.join(", ")}: deploy these first, then give --library Name=0x…`,
    );
  }
  return { name: nameIn(path, content), abi: content.abi, bytecode: checkedBytecode(path, bytecodeIn(content)) };
}

/** Hexadecimal digits themselves, or the path of a file of them. @throws CodedError `INVALID_CONFIG` */
export function readBytecode(given: string, workingDir: string): string {
  if (/^0x[0-9a-fA-F]*$/.test(given)) return checkedBytecode("--bytecode", given);
  return checkedBytecode(given, readTextFile(given, workingDir));
}
