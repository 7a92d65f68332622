/** Reasons in revert data: `Error(string)` and `Panic(uint256)` of the Solidity ABI. Hostile data gives no reason. */

import { bytesToBigInt, bytesToHex, equalBytes, hexToBytes } from "@counterpart/core/base/bytes";
import type { CallOutcome } from "@counterpart/core/execution/types";
import { RPC_CODES, RpcError, serverError } from "./errors.ts";

const ERROR_SELECTOR = hexToBytes("0x08c379a0");
const PANIC_SELECTOR = hexToBytes("0x4e487b71");
const WORD = 32;
const REASON_BYTES_MAX = 4096;

/** Source: Solidity documentation, "Panic via assert and Error via require". */
const PANICS: Readonly<Record<string, string>> = {
  "0": "generic panic",
  "1": "assert(false)",
  "17": "arithmetic underflow or overflow",
  "18": "division or modulo by zero",
  "33": "enum overflow",
  "34": "invalid encoded storage byte array accessed",
  "49": "out-of-bounds array access; popping on an empty array",
  "50": "out-of-bounds access of an array or bytesN",
  "65": "out of memory",
  "81": "uninitialized function",
};

function wordAt(bytes: Uint8Array, at: number): bigint | undefined {
  return bytes.length < at + WORD ? undefined : bytesToBigInt(bytes.subarray(at, at + WORD));
}

function textOf(body: Uint8Array): string | undefined {
  if (wordAt(body, 0) !== 32n) return undefined;
  const length = wordAt(body, WORD);
  if (length === undefined || length > BigInt(body.length - 2 * WORD)) return undefined;
  const end = 2 * WORD + Math.min(Number(length), REASON_BYTES_MAX);
  return new TextDecoder().decode(body.subarray(2 * WORD, end));
}

/** The reason in words, where the data has one of the two standard forms. */
export function revertReason(output: Uint8Array): string | undefined {
  const selector = output.subarray(0, 4);
  const body = output.subarray(4);
  if (equalBytes(selector, ERROR_SELECTOR)) return textOf(body);
  if (!equalBytes(selector, PANIC_SELECTOR)) return undefined;
  const code = wordAt(body, 0);
  return code === undefined ? undefined : (PANICS[code.toString()] ?? `unknown panic code: 0x${code.toString(16)}`);
}

/** What a caller is told of a message that did not succeed. */
export function failureOf(outcome: Pick<CallOutcome, "status" | "output" | "halt" | "vmError">): RpcError {
  if (outcome.status !== "reverted") return serverError(outcome.vmError ?? outcome.halt ?? "execution halted");
  const reason = revertReason(outcome.output);
  const message = reason === undefined ? "execution reverted" : `execution reverted: ${reason}`;
  return new RpcError(RPC_CODES.reverted, message, bytesToHex(outcome.output));
}
