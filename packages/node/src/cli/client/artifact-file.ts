/** What compilers leave behind: artifacts of Foundry and Hardhat, files of bytecode and ABI. */

import { readFileSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { type CodedError, reasonOf } from "@counterpart/core/base/errors";
import { isJsonObject } from "@counterpart/core/base/json-object";
import { invalidConfig } from "../invalid-config.ts";

/** Above the largest build output; the API takes 1 MiB of what is in it. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;

/** As the node reads it: all that it has no use for is left out. */
export interface Artifact extends Readonly<Record<string, unknown>> {
  readonly abi: readonly unknown[];
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

const CODES = ["bytecode", "deployedBytecode"] as const;
/** Beside these, solc writes the sources of what it generates, with their syntax trees. */
const KEPT_OF_CODE = ["object", "linkReferences", "immutableReferences"] as const;

/**
 * An artifact without syntax trees and sources, which make the files of compilers larger than a request may be.
 * @throws CodedError `INVALID_CONFIG`
 */
export function readArtifact(path: string, workingDir: string): Artifact {
  const content = parseFile(path, readTextFile(path, workingDir));
  if (!isJsonObject(content) || !Array.isArray(content.abi)) {
    throw invalid(path, "it has no ABI: is it a Foundry or Hardhat artifact?");
  }
  const { abi, evm } = content;
  return {
    ...withoutTrees(pick(content, KEPT)),
    ...(isJsonObject(evm) && { evm: withoutTrees(pick(evm, CODES)) }),
    abi,
  };
}

/** Of codes that are objects, as solc and Foundry write them, what is read of them. */
function withoutTrees(content: Record<string, unknown>): Record<string, unknown> {
  const codes = CODES.flatMap((name) => {
    const code = content[name];
    return isJsonObject(code) ? [[name, pick(code, KEPT_OF_CODE)]] : [];
  });
  return { ...content, ...Object.fromEntries(codes) };
}

const pick = (content: Record<string, unknown>, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.flatMap((name) => (content[name] === undefined ? [] : [[name, content[name]]])));

/** Hardhat says the name; Foundry's is that of the compilation's target, or the file's. */
export function artifactName(path: string, { contractName, metadata }: Artifact): string {
  if (typeof contractName === "string") return contractName;
  const settings = isJsonObject(metadata) ? metadata.settings : undefined;
  const target = isJsonObject(settings) ? settings.compilationTarget : undefined;
  const [name] = isJsonObject(target) ? Object.values(target) : [];
  return typeof name === "string" ? name : basename(path).replace(/\.json$/, "");
}

function checkedBytecode(path: string, code: string): string {
  const trimmed = code.trim();
  const digits = trimmed.startsWith("0x") ? trimmed.slice(2) : trimmed;
  if (digits === "") throw invalid(path, "the bytecode is empty: an interface or abstract contract cannot be deployed");
  if (/^([0-9a-fA-F]{2})+$/.test(digits)) return `0x${digits}`;
  throw invalid(path, "the bytecode is not hexadecimal: is it linked with its libraries? an --artifact need not be");
}

/** An ABI: an array, or a file that has one as `abi`. @throws CodedError `INVALID_CONFIG` */
export function readAbi(path: string, workingDir: string): readonly unknown[] {
  const content = parseFile(path, readTextFile(path, workingDir));
  const abi = isJsonObject(content) ? content.abi : content;
  if (Array.isArray(abi)) return abi;
  throw invalid(path, "it is neither an ABI nor a file that has one");
}

/** Hexadecimal digits themselves, or the path of a file of them. @throws CodedError `INVALID_CONFIG` */
export function readBytecode(given: string, workingDir: string): string {
  if (/^0x[0-9a-fA-F]*$/.test(given)) return checkedBytecode("--bytecode", given);
  return checkedBytecode(given, readTextFile(given, workingDir));
}
