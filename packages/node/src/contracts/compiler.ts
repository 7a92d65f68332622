/** Solidity compiled on the node: each time in a process of its own, whose time, memory and output are bounded. */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { assert, CodedError } from "@counterpart/core/base/errors";
import { type CompiledContract, type Libraries, readCompiled } from "./compiled.ts";

export interface SoliditySource {
  /** Text by the path that it is imported by. */
  readonly sources: Readonly<Record<string, string>>;
  /** A name, `path:name`, or the path of a file in which one contract has code; may be absent where only one has. */
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
const NAMES_SHOWN_MAX = 16;
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

const fullName = ({ path, name }: Candidate): string => `${path}:${name}`;

/** What is wrong where it is not one contract. */
function unclear(found: readonly Candidate[], all: readonly Candidate[], wanted: string | undefined): CodedError {
  const named = (candidates: readonly Candidate[]): string[] => candidates.map(fullName).slice(0, NAMES_SHOWN_MAX);
  const contracts = named(all.filter(hasCode));
  const isAnyMeant = wanted === undefined || all.some(({ path }) => path === wanted);
  const why = isAnyMeant
    ? "no contract has code: interfaces and abstract contracts cannot be deployed"
    : `there is no contract ${wanted}; those with code: ${contracts.join(", ") || "none"}`;
  const reason = found.length > 1 ? `name one of ${named(found).join(", ")}` : why;
  return new CodedError("INVALID_REQUEST", `contract: ${reason}`, { field: "contract", contracts });
}

/** @throws CodedError `INVALID_REQUEST` */
function choose(all: readonly Candidate[], wanted: string | undefined): Candidate {
  const called = all.filter((item) => item.name === wanted || fullName(item) === wanted);
  const isAmong = ({ path }: Candidate): boolean => wanted === undefined || path === wanted;
  const found = called.length > 0 ? called : all.filter((item) => isAmong(item) && hasCode(item));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw unclear(found, all, wanted);
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
    // By the last one it hears the end of this process.
    stdio: ["pipe", "pipe", "pipe", "ipc"],
    timeout: limits.timeMs,
    killSignal: "SIGKILL",
  });
  const { stdin, stdout, stderr } = child;
  assert(stdin !== null && stdout !== null && stderr !== null, "the compiler has no pipes");
  const output: Buffer[] = [];
  let bytes = 0;
  let complaint = "";
  stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limits.outputBytes) child.kill("SIGKILL");
    else output.push(chunk);
  });
  stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-500);
  });
  // It may be killed before it has read everything.
  stdin.on("error", () => {});
  stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(output).toString("utf8"));
      const what =
        bytes > limits.outputBytes
          ? `its output has more than ${limits.outputBytes} bytes`
          : signal === "SIGKILL"
            ? `it was not done after ${limits.timeMs / 1_000} s`
            : signal === null
              ? `the compiler gave up: ${complaint.trim().split("\n", 1)[0] || `exit code ${code}`}`
              : `the compiler was ended by ${signal}`;
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
