/** What `debug_trace*` is told: which tracer, how it is to show things, and for how long it may run. Source: go-ethereum. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { EvmExecutor } from "@counterpart/core/execution/executor";
import type { Tracer } from "@counterpart/core/execution/tracer";
import type { Spend } from "@counterpart/core/execution/tracers/budget";
import { createCallTracer } from "@counterpart/core/execution/tracers/call-tracer";
import { createFourByteTracer } from "@counterpart/core/execution/tracers/four-byte-tracer";
import { createPrestateTracer } from "@counterpart/core/execution/tracers/prestate-tracer";
import { createStructLogger } from "@counterpart/core/execution/tracers/struct-logger";
import type { TransactionOutcome } from "@counterpart/core/execution/types";
import { hexToWord } from "@counterpart/core/execution/word";
import type { JsonValue } from "../json.ts";
import { serverError } from "./errors.ts";
import { badValue, type JsonObject, member, readBoolean, readObject } from "./params.ts";
import { revertReason } from "./revert.ts";

const TIMEOUT_MS = 5_000;
/** However long a caller would wait. */
const TIMEOUT_MS_MAX = 60_000;
const NAME_CHARACTERS_MAX = 64;

/** A tracer for one transaction, and what it has to show in the end. */
export interface Tracing {
  readonly tracer: Tracer;
  result(outcome: TransactionOutcome): unknown;
}

/** @param executor whose transaction is traced */
type TracerFactory = (spend: Spend, executor: EvmExecutor) => Tracing;

export interface TraceConfig {
  /** Makes a tracer for each transaction. */
  readonly createTracing: TracerFactory;
  readonly timeoutMs: number;
  /** All members, of which `debug_traceCall` has some of its own. */
  readonly object: JsonObject;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** A duration as Go writes it, such as `10s` or `1m30s`, in milliseconds. */
export function readDuration(value: JsonValue): number {
  const parts = typeof value === "string" ? [...value.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/gy)] : [];
  const read = parts.map(([part]) => part).join("");
  if (parts.length === 0 || read !== value) throw badValue(`time: invalid duration ${JSON.stringify(value)}`);
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS_MS[unit as string] as number), 0);
}

function readText(value: JsonValue): string {
  if (typeof value !== "string") throw badValue("expected a string");
  return value;
}

const flag = (object: JsonObject, name: string): boolean => member(object, name, readBoolean) ?? false;

function readLimit(value: JsonValue): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw badValue("expected an integer that is not negative");
}

/** Reads what a tracer is told; the tracers are made later. */
type ConfigReader = (config: JsonObject) => TracerFactory;

const readStructLogger: ConfigReader = (config) => {
  const options = {
    enableMemory: flag(config, "enableMemory"),
    disableStack: flag(config, "disableStack"),
    disableStorage: flag(config, "disableStorage"),
    enableReturnData: flag(config, "enableReturnData"),
    limit: member(config, "limit", readLimit) ?? 0,
  };
  return (spend) => createStructLogger({ ...options, spend });
};

const TRACERS: Readonly<Record<string, ConfigReader>> = {
  callTracer(config) {
    const options = { onlyTopCall: flag(config, "onlyTopCall"), withLog: flag(config, "withLog") };
    return (spend) => createCallTracer({ ...options, reasonOf: revertReason, spend });
  },
  prestateTracer(config) {
    const options = {
      diffMode: flag(config, "diffMode"),
      disableCode: flag(config, "disableCode"),
      disableStorage: flag(config, "disableStorage"),
      includeEmpty: flag(config, "includeEmpty"),
    };
    return (spend) => createPrestateTracer({ ...options, spend });
  },
  "4byteTracer":
    () =>
    (spend, { precompiles }) =>
      createFourByteTracer((address: Hex) => precompiles.has(hexToWord(address)), spend),
  noopTracer: () => () => ({ tracer: {}, result: () => ({}) }),
};

/** @throws RpcError -32000 for a tracer that there is not */
function tracerNamed(name: string): ConfigReader {
  const reader = Object.hasOwn(TRACERS, name) ? TRACERS[name] : undefined;
  if (reader !== undefined) return reader;
  const known = Object.keys(TRACERS).join(", ");
  throw serverError(`tracer not found: ${name.slice(0, NAME_CHARACTERS_MAX)}; there are ${known}`);
}

/** Without a name every step is shown, by options beside it; a named tracer has a `tracerConfig`. */
export function readTraceConfig(value: JsonValue): TraceConfig {
  const object = readObject(value);
  const tracer = member(object, "tracer", readText) ?? "";
  const tracerConfig = member(object, "tracerConfig", readObject) ?? {};
  return {
    createTracing: tracer === "" ? readStructLogger(object) : tracerNamed(tracer)(tracerConfig),
    timeoutMs: Math.min(member(object, "timeout", readDuration) ?? TIMEOUT_MS, TIMEOUT_MS_MAX),
    object,
  };
}

export const DEFAULT_TRACE: TraceConfig = readTraceConfig({});
