/** Solidity compiled on the node: each time in a process of its own, whose time, memory and output are bounded. */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CodedError } from "@counterpart/core/base/errors";
import { type CompiledContract, type Libraries, readCompiled } from "./compiled.ts";

export interface SoliditySource {
  /** Text by the path that it is imported by. */
  readonly sources: Readonly<Record<string, string>>;
  /** A name, or `path:name`; may be absent where only one contract has code. */
  readonly contract?: string;
  /** How often code is run in its life; 200 unless given. */
  readonly optimizerRuns?: number;
  readonly viaIr?: boolean;
  readonly libraries?: Libraries;
}

/**
 * @throws CodedError `COMPILATION_FAILED` with `errors`, `COMPILER_LIMIT`, `COMPILER_BUSY`, `INVALID_BYTECODE` for
 * libraries that are not given, `INVALID_REQUEST` when it is not clear which contract is meant
 */
export type CompileSolidity = (source: SoliditySource) => Promise<CompiledContract>;

export interface CompilerLimits {
  readonly timeMs: number;
  /** Of the compiler's WebAssembly, in pages of 64 KiB. */
  readonly memoryPages: number;
  readonly outputBytes: number;
  /** Sources that wait while another one is compiled. */
  readonly waiting: number;
}

export const COMPILER_LIMITS: CompilerLimits = {
  timeMs: 60_000,
  memoryPages: 24_576,
  outputBytes: 16 * 1024 * 1024,
  waiting: 8,
};

/** The rules of every chain of this program's own. */
const EVM_VERSION = "osaka";
const OPTIMIZER_RUNS = 200;
const ERRORS_SHOWN_MAX = 10;
const OUTPUTS = ["abi", "evm.bytecode.object", "evm.bytecode.linkReferences", "evm.deployedBytecode"];

interface SolcError {
  readonly severity: string;
  readonly formattedMessage?: string;
  readonly message: string;
}

interface SolcOutput {
  readonly errors?: readonly SolcError[];
  readonly contracts?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

function inputOf({ sources, optimizerRuns = OPTIMIZER_RUNS, viaIr = false }: SoliditySource): string {
  return JSON.stringify({
    language: "Solidity",
    sources: Object.fromEntries(Object.entries(sources).map(([path, content]) => [path, { content }])),
    settings: {
      evmVersion: EVM_VERSION,
      optimizer: { enabled: true, runs: optimizerRuns },
      viaIR: viaIr,
      outputSelection: { "*": { "*": OUTPUTS } },
    },
  });
}

interface Candidate {
  readonly path: string;
  readonly name: string;
  readonly output: unknown;
}

function hasCode({ output }: Candidate): boolean {
  const { evm } = output as { readonly evm?: { readonly bytecode?: { readonly object?: string } } };
  return (evm?.bytecode?.object ?? "") !== "";
}

/** @throws CodedError `INVALID_REQUEST` */
function choose(all: readonly Candidate[], wanted: string | undefined): Candidate {
  const names = ({ path, name }: Candidate): string[] => [name, `${path}:${name}`];
  const chosen = all.filter((item) => (wanted === undefined ? hasCode(item) : names(item).includes(wanted)));
  const [only] = chosen;
  if (only !== undefined && chosen.length === 1) return only;
  const reason =
    wanted === undefined
      ? `${chosen.length} contracts have code: name one`
      : `${chosen.length === 0 ? "there is no contract" : "there are several contracts"} ${wanted}`;
  throw new CodedError("INVALID_REQUEST", `contract: ${reason}`, {
    field: "contract",
    contracts: all
      .filter(hasCode)
      .slice(0, 64)
      .map(({ path, name }) => `${path}:${name}`),
  });
}

function resultOf(text: string, { contract, libraries }: SoliditySource): CompiledContract {
  const { errors = [], contracts = {} } = JSON.parse(text) as SolcOutput;
  const failures = errors.filter(({ severity }) => severity === "error");
  if (failures.length > 0) {
    const shown = failures.slice(0, ERRORS_SHOWN_MAX).map((error) => (error.formattedMessage ?? error.message).trim());
    throw new CodedError("COMPILATION_FAILED", shown[0] ?? "it does not compile", { errors: shown });
  }
  const all = Object.entries(contracts).flatMap(([path, names]) =>
    Object.entries(names).map(([name, output]): Candidate => ({ path, name, output })),
  );
  const { name, output } = choose(all, contract);
  return { ...readCompiled(output, libraries), name };
}

/** Runs the compiler on a standard JSON input. @throws CodedError `COMPILER_LIMIT`, `COMPILATION_FAILED` */
function run(input: string, limits: CompilerLimits): Promise<string> {
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const file = fileURLToPath(new URL(`./compiler-child.${ending}`, import.meta.url));
  const child = spawn(process.execPath, [`--wasm-max-mem-pages=${limits.memoryPages}`, file], {
    stdio: ["pipe", "pipe", "pipe"],
    timeout: limits.timeMs,
    killSignal: "SIGKILL",
  });
  const output: Buffer[] = [];
  let bytes = 0;
  let complaint = "";
  child.stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limits.outputBytes) child.kill("SIGKILL");
    else output.push(chunk);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-500);
  });
  // It may be killed before it has read everything.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(output).toString("utf8"));
      const what =
        bytes > limits.outputBytes
          ? `its output has more than ${limits.outputBytes} bytes`
          : signal === "SIGKILL"
            ? `it was not done after ${limits.timeMs / 1_000} s`
            : `the compiler ended with ${signal ?? code}: ${complaint.trim()}`;
      reject(new CodedError("COMPILER_LIMIT", `the source was not compiled: ${what}`));
    });
  });
}

/** One source at a time; a few more wait. */
export function createCompiler(limits: CompilerLimits = COMPILER_LIMITS): CompileSolidity {
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return async (source) => {
    if (waiting > limits.waiting) {
      throw new CodedError("COMPILER_BUSY", `${waiting} sources are being compiled or wait: try again later`);
    }
    waiting++;
    const made = tail.then(() => run(inputOf(source), limits));
    tail = made.catch(() => {});
    try {
      return resultOf(await made, source);
    } finally {
      waiting--;
    }
  };
}
