/** How often each function was called, by its selector and the bytes of its arguments: go-ethereum's `4byteTracer`. */

import { bytesToHex, type Hex } from "../../base/bytes.ts";
import type { CallKind, Tracer } from "../tracer.ts";
import type { Spend } from "./budget.ts";

const SELECTOR_BYTES = 4;
const ENTRY_CHARACTERS = 30;
const CALLS: ReadonlySet<CallKind> = new Set(["CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"]);

export interface FourByteTracer {
  readonly tracer: Tracer;
  result(): Readonly<Record<string, number>>;
}

/** @param isPrecompile whether a precompiled contract stands at an address: it has no functions */
export function createFourByteTracer(isPrecompile: (address: Hex) => boolean, spend: Spend): FourByteTracer {
  const counts = new Map<string, number>();
  const tracer: Tracer = {
    enter({ kind, to, input }) {
      if (!CALLS.has(kind) || input.length < SELECTOR_BYTES || isPrecompile(to)) return;
      const key = `${bytesToHex(input.subarray(0, SELECTOR_BYTES))}-${input.length - SELECTOR_BYTES}`;
      const count = counts.get(key) ?? 0;
      if (count === 0) spend(ENTRY_CHARACTERS);
      counts.set(key, count + 1);
    },
  };
  return { tracer, result: () => Object.fromEntries(counts) };
}
