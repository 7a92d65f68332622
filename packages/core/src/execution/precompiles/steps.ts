/** Work that may be left between two steps. */

import { compareBytes } from "../../base/bytes.ts";
import { CodedError } from "../../base/errors.ts";
import type { Precompile } from "./types.ts";

export type Work = (input: Uint8Array) => Generator<void, Uint8Array | undefined>;

/** Runs work in steps to its end. */
export function finish<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value as T;
  }
}

/**
 * Curve libraries throw for what is no point or no element of their field: then the input is invalid. A library that does
 * not do what it should says nothing about the input: whatever is run gets no result.
 * @throws what is thrown then
 */
export function assertInvalidInput(error: unknown): void {
  if (error instanceof CodedError || error instanceof WebAssembly.RuntimeError) throw error;
}

function* attempt(work: Work, input: Uint8Array): Generator<void, Uint8Array | undefined> {
  try {
    return yield* work(input);
  } catch (error) {
    assertInvalidInput(error);
    return undefined;
  }
}

/** A precompile that works in steps. What `work` throws makes the input invalid. */
export const inSteps = (gas: Precompile["gas"], work: Work): Precompile => ({
  gas,
  steps: (input) => attempt(work, input),
  run: (input) => finish(attempt(work, input)),
});

/** One that is short. What `work` throws makes the input invalid. */
export const atOnce = (gas: Precompile["gas"], work: Precompile["run"]): Precompile => ({
  gas,
  run(input) {
    try {
      return work(input);
    } catch (error) {
      assertInvalidInput(error);
      return undefined;
    }
  },
});

/** The input, cut or filled with zeros to so many bytes. */
export function padded(input: Uint8Array, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set(input.subarray(0, size));
  return bytes;
}

/** One as 32 bytes, or zero. */
export function truth(value: boolean): Uint8Array {
  const word = new Uint8Array(32);
  word[31] = value ? 1 : 0;
  return word;
}

/** @throws when big-endian bytes are no element of the field of this order, which has as many bytes */
export function assertElement(bytes: Uint8Array, fieldOrder: Uint8Array): void {
  if (compareBytes(bytes, fieldOrder) >= 0) throw new RangeError("not an element of the field");
}
