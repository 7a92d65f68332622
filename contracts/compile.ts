/** Compiles the templates reproducibly: pinned compiler, pinned settings, no metadata in the code. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { bytesToHex, hexToBytes, utf8ToBytes } from "@counterpart/core/base/bytes";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import solc from "solc";

/** What the node needs of a template, and what pins it to its source. */
export interface TemplateArtifact {
  readonly contractName: string;
  readonly compiler: { readonly version: string; readonly settings: typeof SETTINGS };
  /** Keccak-256 of the JSON text of all sources, `[path, text]` pairs sorted by path. */
  readonly sourceHash: string;
  readonly deployedBytecodeHash: string;
  readonly abi: readonly unknown[];
  /** Creation code; the constructor's arguments follow it. */
  readonly bytecode: string;
}

/** Templates: source file → contract in it. The artifact is named after the source. */
export const TEMPLATES = { token: "Token", nft: "Nft" } as const;
export type TemplateName = keyof typeof TEMPLATES;

const SETTINGS = {
  evmVersion: "osaka",
  optimizer: { enabled: true, runs: 200 },
  // The code must not depend on comments or paths, so that a rebuild anywhere gives the same bytes.
  metadata: { appendCBOR: false, bytecodeHash: "none" },
} as const;

interface CompilerOutput {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly sources?: Readonly<Record<string, unknown>>;
  readonly contracts?: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly abi: readonly unknown[];
            readonly evm: {
              readonly bytecode: { readonly object: string };
              readonly deployedBytecode: { readonly object: string };
            };
          }
        >
      >
    >
  >;
}

const require = createRequire(import.meta.url);

/** Source text by the path it is imported by: packages by their name, our own beside this file. */
function readSource(path: string): string {
  return readFileSync(path.startsWith("@") ? require.resolve(path) : new URL(path, import.meta.url), "utf8");
}

/** The ABI without `internalType`, which nobody here reads and every token's artifact would carry. */
function lean(abi: readonly unknown[]): readonly unknown[] {
  return JSON.parse(JSON.stringify(abi, (key, value: unknown) => (key === "internalType" ? undefined : value)));
}

/** @throws Error with the compiler's messages: warnings count, because a template has none */
export function compileTemplate(name: TemplateName): TemplateArtifact {
  const sources: [string, string][] = [];
  const read = (path: string): string => {
    const text = readSource(path);
    sources.push([path, text]);
    return text;
  };
  const file = `${name}.sol`;
  const input = {
    language: "Solidity",
    sources: { [file]: { content: read(file) } },
    settings: {
      ...SETTINGS,
      outputSelection: { [file]: { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
    },
  };
  const text: string = solc.compile(JSON.stringify(input), { import: (path: string) => ({ contents: read(path) }) });
  const output: CompilerOutput = JSON.parse(text);
  const problems = (output.errors ?? []).filter(({ severity }) => severity !== "info");
  if (problems.length > 0) throw new Error(problems.map(({ formattedMessage }) => formattedMessage).join("\n"));
  const contract = output.contracts?.[file]?.[TEMPLATES[name]];
  if (contract === undefined) throw new Error(`${file} has no contract ${TEMPLATES[name]}`);
  sources.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    contractName: TEMPLATES[name],
    compiler: { version: solc.version(), settings: SETTINGS },
    sourceHash: keccak256Hex(utf8ToBytes(JSON.stringify(sources))),
    deployedBytecodeHash: keccak256Hex(hexToBytes(`0x${contract.evm.deployedBytecode.object}`)),
    abi: lean(contract.abi),
    bytecode: bytesToHex(hexToBytes(`0x${contract.evm.bytecode.object}`)),
  };
}

/** Where the node keeps the one copy of a template's artifact. */
export function artifactFile(name: TemplateName): URL {
  return new URL(`../packages/node/src/contracts/templates/${name}.json`, import.meta.url);
}

export function templateNames(): TemplateName[] {
  return Object.keys(TEMPLATES).filter((name): name is TemplateName => name in TEMPLATES);
}
