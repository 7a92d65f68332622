/** Ways to name a contract's code: what a compiler made of it, or its source for the node to compile. */

import { flag, integer, list, text, withoutUndefined } from "../command.ts";
import { invalidConfig } from "../invalid-config.ts";
import { type Artifact, readArtifact } from "./artifact-file.ts";
import { addressWord } from "./checked-text.ts";
import { readSources } from "./solidity-sources.ts";

const RUNS_MAX = 4_294_967_295;

export const CODE_OPTIONS = {
  artifact: text("--artifact <path>", "what Foundry or Hardhat compiled: out/Foo.sol/Foo.json, artifacts/…/Foo.json"),
  source: text("--source <path>", "Solidity, which the node compiles; what it imports is sent along"),
  contract: text("--contract <name>", "which of a source's contracts, where several in the file have code"),
  includePath: list("--include-path <path>", "folder to look for imported files in, beside node_modules; repeatable"),
  optimizerRuns: integer("--optimizer-runs <count>", "of the compiler", 1, RUNS_MAX, { defaultNote: "200" }),
  viaIr: flag("--via-ir", "compile by way of Yul"),
  library: list("--library <name=address>", "address of a library to link with; repeatable"),
};

export interface WantedCode {
  readonly artifact?: string | undefined;
  readonly source?: string | undefined;
  readonly contract?: string | undefined;
  readonly includePath?: readonly string[] | undefined;
  readonly optimizerRuns?: number | undefined;
  readonly viaIr?: boolean | undefined;
  readonly library?: readonly string[] | undefined;
}

/** @throws CodedError `INVALID_CONFIG` */
function librariesOf(words: readonly string[] | undefined): Readonly<Record<string, string>> | undefined {
  if (words === undefined) return undefined;
  const pairs = words.map((word) => {
    const [, name, address] = /^(.+)=([^=]+)$/.exec(word) ?? [];
    if (name === undefined || address === undefined)
      throw invalidConfig(`--library ${word} is not of the form Name=0x…`);
    return [name, addressWord(address)] as const;
  });
  return Object.fromEntries(pairs);
}

export interface CodeFields {
  readonly artifact?: Artifact;
  readonly sources?: Readonly<Record<string, string>>;
  readonly contract?: string;
}

/**
 * The fields of a request that bring the code for the node to read; undefined where neither an artifact nor a source is
 * given.
 * @throws CodedError `INVALID_CONFIG`
 */
export function codeFields(wanted: WantedCode, workingDir: string): CodeFields | undefined {
  const { artifact, source, contract, includePath, optimizerRuns, viaIr, library } = wanted;
  if (artifact !== undefined && source !== undefined) throw invalidConfig("give --artifact or --source, not both");
  const libraries = librariesOf(library);
  if (source !== undefined) {
    const { main, sources } = readSources(source, includePath ?? [], workingDir);
    const settings = withoutUndefined({ optimizer_runs: optimizerRuns, via_ir: viaIr, libraries });
    // Files that are imported may have contracts too: those of the file itself are meant.
    return { sources, contract: contract ?? main, ...settings };
  }
  const misplaced = Object.entries({
    "--contract": contract,
    "--include-path": includePath,
    "--optimizer-runs": optimizerRuns,
    "--via-ir": viaIr,
  });
  const [name] = misplaced.find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) throw invalidConfig(`${name} is for --source`);
  if (artifact === undefined) {
    if (libraries !== undefined) throw invalidConfig("--library is for --artifact or --source");
    return undefined;
  }
  return { artifact: readArtifact(artifact, workingDir), ...withoutUndefined({ libraries }) };
}
