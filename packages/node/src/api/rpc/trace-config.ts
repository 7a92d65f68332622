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

export interface TraceConfig {
  /** Undefined: every step. */
  readonly tracer: string | undefined;
  readonly tracerConfig: JsonObject;
  readonly timeoutMs: number;
  /** All members, of which the default tracer reads its own. */
  readonly object: JsonObject;
}

export const DEFAULT_TRACE: TraceConfig = {
  tracer: undefined,
  tracerConfig: {},
  timeoutMs: TIMEOUT_MS,
  object: {},
};

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

export function readTraceConfig(value: JsonValue): TraceConfig {
  const object = readObject(value);
  const tracer = member(object, "tracer", readText);
  return {
    tracer: tracer === "" ? undefined : tracer,
    tracerConfig: member(object, "tracerConfig", readObject) ?? {},
    timeoutMs: Math.min(member(object, "timeout", readDuration) ?? TIMEOUT_MS, TIMEOUT_MS_MAX),
    object,
  };
}

/** A tracer for one transaction, and what it has to show in the end. */
export interface Tracing {
  readonly tracer: Tracer;
  result(outcome: TransactionOutcome): unknown;
}

/** @param executor whose transaction is traced */
type TracerFactory = (config: TraceConfig, spend: Spend, executor: EvmExecutor) => Tracing;

const flag = (object: JsonObject, name: string): boolean => member(object, name, readBoolean) ?? false;

function readLimit(value: JsonValue): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw badValue("expected an integer that is not negative");
}

const structLogger: TracerFactory = ({ object }, spend) =>
  createStructLogger({
    enableMemory: flag(object, "enableMemory"),
    disableStack: flag(object, "disableStack"),
    disableStorage: flag(object, "disableStorage"),
    enableReturnData: flag(object, "enableReturnData"),
    limit: member(object, "limit", readLimit) ?? 0,
    spend,
  });

const TRACERS: Readonly<Record<string, TracerFactory>> = {
  callTracer: ({ tracerConfig }, spend) =>
    createCallTracer({
      onlyTopCall: flag(tracerConfig, "onlyTopCall"),
      withLog: flag(tracerConfig, "withLog"),
      reasonOf: revertReason,
      spend,
    }),
  prestateTracer: ({ tracerConfig }, spend) =>
    createPrestateTracer({
      diffMode: flag(tracerConfig, "diffMode"),
      disableCode: flag(tracerConfig, "disableCode"),
      disableStorage: flag(tracerConfig, "disableStorage"),
      includeEmpty: flag(tracerConfig, "includeEmpty"),
      spend,
    }),
  "4byteTracer": (_config, spend, { precompiles }) =>
    createFourByteTracer((address: Hex) => precompiles.has(hexToWord(address)), spend),
  noopTracer: () => ({ tracer: {}, result: () => ({}) }),
};

/** Makes tracers by a configuration, one for each transaction. @throws RpcError -32000 for one that there is not */
export function tracerFactory(config: TraceConfig): (spend: Spend, executor: EvmExecutor) => Tracing {
  const { tracer } = config;
  const factory = tracer === undefined ? structLogger : Object.hasOwn(TRACERS, tracer) ? TRACERS[tracer] : undefined;
  if (factory === undefined) {
    const known = Object.keys(TRACERS).join(", ");
    throw serverError(`tracer not found: ${tracer?.slice(0, NAME_CHARACTERS_MAX)}; there are ${known}`);
  }
  return (spend, executor) => factory(config, spend, executor);
}
