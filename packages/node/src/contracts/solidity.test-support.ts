/** Solidity from the package registry, with what its compiler says of it, as a stranger's tools would have it. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import solc from "solc";

const require = createRequire(import.meta.url);

export interface SolcContract {
  readonly abi: readonly unknown[];
  readonly metadata: string;
  readonly evm: {
    readonly bytecode: { readonly object: string; readonly linkReferences: object };
    readonly deployedBytecode: {
      readonly object: string;
      readonly linkReferences: object;
      readonly immutableReferences: object;
    };
  };
}

const HEAD = "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.20;\n";

export const solidity = (text: string): string => HEAD + text;

/** Every source that a text imports, by the path that it is imported by. */
export function sourcesOf(text: string): Record<string, string> {
  const sources: Record<string, string> = { "Contract.sol": text };
  const add = (path: string, from: string): void => {
    const full = path.startsWith(".") ? new URL(path, `file:///${from}`).pathname.slice(1) : path;
    if (sources[full] !== undefined) return;
    sources[full] = readFileSync(require.resolve(full), "utf8");
    visit(full);
  };
  const visit = (at: string): void => {
    for (const [, path] of (sources[at] as string).matchAll(/^import [^"']*["']([^"']+)["'];/gm))
      add(path as string, at);
  };
  visit("Contract.sol");
  return sources;
}

/** Compiles with the compiler's usual settings, metadata in the code included, unless others are given. */
export function compileAll(text: string, settings: object = {}): Record<string, SolcContract> {
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(Object.entries(sourcesOf(text)).map(([path, content]) => [path, { content }])),
    settings: {
      evmVersion: "osaka",
      optimizer: { enabled: true, runs: 200 },
      ...settings,
      outputSelection: { "*": { "*": ["abi", "metadata", "evm.bytecode", "evm.deployedBytecode"] } },
    },
  };
  const output = JSON.parse(String(solc.compile(JSON.stringify(input)))) as {
    readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
    readonly contracts: Record<string, Record<string, SolcContract>>;
  };
  const failure = output.errors?.find(({ severity }) => severity === "error");
  if (failure !== undefined) throw new Error(failure.formattedMessage);
  return output.contracts["Contract.sol"] as Record<string, SolcContract>;
}

/** As Hardhat writes it. */
export const hardhatArtifact = (contractName: string, { abi, evm }: SolcContract) => ({
  _format: "hh3-artifact-1",
  contractName,
  sourceName: "Contract.sol",
  abi,
  bytecode: `0x${evm.bytecode.object}`,
  deployedBytecode: `0x${evm.deployedBytecode.object}`,
  linkReferences: evm.bytecode.linkReferences,
  deployedLinkReferences: evm.deployedBytecode.linkReferences,
  immutableReferences: evm.deployedBytecode.immutableReferences,
});

/** As Foundry writes it. */
export const foundryArtifact = ({ abi, evm, metadata }: SolcContract) => ({
  abi,
  bytecode: { ...evm.bytecode, object: `0x${evm.bytecode.object}` },
  deployedBytecode: { ...evm.deployedBytecode, object: `0x${evm.deployedBytecode.object}` },
  metadata: JSON.parse(metadata),
});
