/**
 * Errors with a stable code. The catalogue is documented API: docs/ERRORS.md lists the same codes, and a test compares
 * both ways. `status` is the HTTP status when the error reaches a caller of the REST API.
 */

import { ERROR_CATALOGUE, type ErrorCode } from "./error-catalogue.ts";

export type ErrorDetails = Readonly<Record<string, unknown>>;

export class CodedError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message);
    this.name = "CodedError";
    this.code = code;
    this.details = details;
  }

  /** HTTP status that the REST API answers with. */
  get status(): number {
    return ERROR_CATALOGUE[this.code].status;
  }
}

export function isCodedError(error: unknown, code?: ErrorCode): error is CodedError {
  return error instanceof CodedError && (code === undefined || error.code === code);
}

/** What an error says, whatever was thrown. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const NO_ROOM: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** Whether an error of the file system says that the disk, or who writes to it, has no room. */
export const saysNoRoom = (error: unknown): boolean =>
  error instanceof Error && "code" in error && NO_ROOM.has(error.code);

/** A broken invariant is a defect of this program, never a caller's mistake. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new CodedError("INVARIANT_BROKEN", message);
}
