/**
 * Elliptic curves on mcl, a library in WebAssembly. One instance of its module knows one curve, so there is one for each.
 * The package's own JavaScript knows one curve in a process and takes a fifth of a second to turn text into the module:
 * only the module is taken from it.
 */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { assert } from "@counterpart/core/base/errors";

export type Pointer = number;

/** Its functions by name. Results come first among the arguments, which are pointers unless their name says otherwise. */
export interface MclFunctions {
  __wasm_call_ctors(): void;
  malloc(size: number): Pointer;
  mclBn_init(curve: number, version: number): number;
  mclBn_setETHserialization(isOn: number): void;
  mclBn_setMapToMode(mode: number): void;
  mclBn_verifyOrderG1(isOn: number): void;
  mclBn_verifyOrderG2(isOn: number): void;
  mclBnFp_clear(result: Pointer): void;
  mclBnFp_getLittleEndian(result: Pointer, size: number, element: Pointer): number;
  mclBnFp_setBigEndianMod(result: Pointer, bytes: Pointer, size: number): number;
  mclBnFp_setInt32(result: Pointer, value: number): void;
  mclBnFp_mapToG1(result: Pointer, element: Pointer): number;
  mclBnFp2_mapToG2(result: Pointer, element: Pointer): number;
  mclBnFr_div(result: Pointer, dividend: Pointer, divisor: Pointer): void;
  mclBnFr_getLittleEndian(result: Pointer, size: number, element: Pointer): number;
  mclBnFr_setBigEndianMod(result: Pointer, bytes: Pointer, size: number): number;
  mclBnG1_add(result: Pointer, a: Pointer, b: Pointer): void;
  mclBnG1_clear(result: Pointer): void;
  mclBnG1_deserialize(result: Pointer, bytes: Pointer, size: number): number;
  mclBnG1_isValid(point: Pointer): number;
  mclBnG1_isValidOrder(point: Pointer): number;
  mclBnG1_isZero(point: Pointer): number;
  mclBnG1_mulVec(result: Pointer, points: Pointer, factors: Pointer, count: number): void;
  mclBnG1_normalize(result: Pointer, point: Pointer): void;
  mclBnG2_add(result: Pointer, a: Pointer, b: Pointer): void;
  mclBnG2_clear(result: Pointer): void;
  mclBnG2_isValid(point: Pointer): number;
  mclBnG2_isValidOrder(point: Pointer): number;
  mclBnG2_isZero(point: Pointer): number;
  mclBnG2_mulVec(result: Pointer, points: Pointer, factors: Pointer, count: number): void;
  mclBnG2_normalize(result: Pointer, point: Pointer): void;
  mclBnGT_isOne(element: Pointer): number;
  mclBnGT_mul(result: Pointer, a: Pointer, b: Pointer): void;
  mclBnGT_setInt32(result: Pointer, value: number): void;
  mclBn_finalExp(result: Pointer, element: Pointer): void;
  mclBn_millerLoopVec(result: Pointer, firsts: Pointer, seconds: Pointer, count: number): void;
}

/** An instance that knows a curve. Values are kept outside, as their bytes, and put into its memory for each call. */
export interface Mcl {
  readonly functions: MclFunctions;
  readonly memory: Uint8Array;
  allocate(size: number): Pointer;
  write(bytes: Uint8Array, at: Pointer): void;
  /** A copy. */
  read(at: Pointer, size: number): Uint8Array;
}

/** The library's numbers of curves. */
export const MCL_CURVES = { bn254: 4, bls12381: 5, p256: 107 } as const;
/** Sizes of elements and points in memory, which are the same for all curves. */
export const MCL_BYTES = { fp: 48, fr: 32, g1: 144, g2: 288, gt: 576 } as const;

/** Tells the library which sizes are meant. */
const VERSION = 46;
/** Half of it is the stack. It does not grow: no call needs more than a few points. */
const MEMORY_PAGES = 32;
const MODULE_TEXT = /wasmBase64 = '([A-Za-z0-9+/=]+)'/;

/** The compiled module, which any number of instances can share. */
export async function loadMclModule(): Promise<WebAssembly.Module> {
  const script = await readFile(createRequire(import.meta.url).resolve("mcl-wasm/dist/mcl_c.js"), "latin1");
  const text = MODULE_TEXT.exec(script)?.[1];
  assert(text !== undefined, "the package has no WebAssembly module where it is expected");
  return await WebAssembly.compile(Buffer.from(text, "base64"));
}

export async function createMcl(module: WebAssembly.Module, curve: keyof typeof MCL_CURVES): Promise<Mcl> {
  const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES });
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const functions = exports as unknown as MclFunctions;
  functions.__wasm_call_ctors();
  assert(functions.mclBn_init(MCL_CURVES[curve], VERSION) === 0, "it does not know the curve");
  const bytes = new Uint8Array(memory.buffer);
  return {
    functions,
    memory: bytes,
    allocate(size) {
      const pointer = functions.malloc(size);
      assert(pointer !== 0, "its memory is full");
      return pointer;
    },
    write: (value, at) => bytes.set(value, at),
    read: (at, size) => bytes.slice(at, at + size),
  };
}
