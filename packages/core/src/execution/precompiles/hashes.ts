/** SHA-256, RIPEMD-160 and the identity (yellow paper, appendix E). */

import { ripemd160 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { leftPad } from "../../base/bytes.ts";
import type { Precompile } from "./types.ts";

const perWord =
  (base: number, word: number): Precompile["gas"] =>
  ({ length }) =>
    base + word * Math.ceil(length / 32);

export const SHA256: Precompile = { gas: perWord(60, 12), run: (input) => sha256(input) };
export const RIPEMD160: Precompile = { gas: perWord(600, 120), run: (input) => leftPad(ripemd160(input), 32) };
export const IDENTITY: Precompile = { gas: perWord(15, 3), run: (input) => input.slice() };
