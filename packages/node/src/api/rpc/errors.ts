/** Errors of the JSON-RPC API: codes and wording as other clients have them, because tools match on both. */

import { ERROR_CATALOGUE, type ErrorCode } from "@counterpart/core/base/error-catalogue";
import { isCodedError } from "@counterpart/core/base/errors";
import type { JsonValue } from "../json.ts";

/** JSON-RPC 2.0, section 5.1; the others as in go-ethereum, `prunedHistory` as in EIP-4444. */
export const RPC_CODES = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  server: -32000,
  requestTimeout: -32002,
  responseTooLarge: -32003,
  reverted: 3,
  timeout: 4,
  prunedHistory: 4444,
  limitExceeded: -38026,
  /** EIP-1474, "limit exceeded": more is asked, at once or in a time, than this node answers. */
  busy: -32005,
} as const;

export class RpcError extends Error {
  readonly code: number;
  readonly data: JsonValue | undefined;

  constructor(code: number, message: string, data?: JsonValue) {
    super(message);
    this.name = "RpcError";
    this.code = code;
    this.data = data;
  }
}

export const serverError = (message: string): RpcError => new RpcError(RPC_CODES.server, message);
export const responseTooLarge = (): RpcError => new RpcError(RPC_CODES.responseTooLarge, "response too large");
export const tooMuchAtOnce = (message: string): RpcError => new RpcError(RPC_CODES.busy, message);
export const rateLimited = (retryAfterMs: number): RpcError =>
  new RpcError(RPC_CODES.busy, "rate limit exceeded", { retry_after_ms: retryAfterMs });
export const invalidParams = (message: string): RpcError => new RpcError(RPC_CODES.invalidParams, message);

/** Words that wallets and libraries look for, before this node's own. */
const KNOWN_WORDS: Partial<Record<ErrorCode, string>> = {
  PRUNED: "pruned history unavailable",
  NONCE_TOO_LOW: "nonce too low",
  NONCE_TOO_HIGH: "nonce too high",
  INSUFFICIENT_FUNDS: "insufficient funds for gas * price + value",
  UNDERPRICED: "replacement transaction underpriced",
  POOL_FULL: "txpool is full",
  POOL_SENDER_QUOTA: "txpool sender quota exceeded",
  BLOBS_UNSUPPORTED: "transaction type not supported",
  INVALID_TRANSACTION: "invalid transaction",
  FROM_NOT_HELD: "unknown account",
};

/** How what is said of a broken rule begins where it is in the words that everybody has: they need none before them. */
const USUAL_WORDS =
  /^(intrinsic gas|insufficient |max (priority fee|fee|initcode)|nonce has max|invalid chain id|oversized|transaction type|EIP-7702)/;

/** What is the matter with this node, for which no other client has words: told by the code, in `data`. */
const NODE_STATES: ReadonlySet<ErrorCode> = new Set(["STORE_WRITE_FAILED", "STORE_CORRUPT", "NOT_READY"]);

/** Whether a code means a defect or a failure of the machine that callers are not told. */
const isInternal = (code: ErrorCode): boolean =>
  [500, 507].includes(ERROR_CATALOGUE[code].status) && !NODE_STATES.has(code);

/** What a caller is told; undefined for what no caller should see. */
export function rpcErrorOf(error: unknown): RpcError | undefined {
  if (error instanceof RpcError) return error;
  if (!isCodedError(error) || isInternal(error.code)) return undefined;
  if (error.code === "MALFORMED_JSON") return new RpcError(RPC_CODES.parse, `parse error: ${error.message}`);
  const words = KNOWN_WORDS[error.code];
  const isUsual = words === undefined || error.message.includes(words) || USUAL_WORDS.test(error.message);
  const message = isUsual ? error.message : `${words}: ${error.message}`;
  const data = NODE_STATES.has(error.code) ? { code: error.code } : undefined;
  return new RpcError(error.code === "PRUNED" ? RPC_CODES.prunedHistory : RPC_CODES.server, message, data);
}
