import assert from "node:assert/strict";
import { test } from "node:test";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { CodedError } from "@counterpart/core/base/errors";
import { problemOf } from "./problem.ts";

test("what passes by itself says when to come again, and nothing else does", () => {
  const retryAfter = (code: ErrorCode): string | undefined =>
    problemOf(new CodedError(code, "why"), "/api/v1/contracts", "1").headers["retry-after"];
  const passing: readonly ErrorCode[] = [
    ...(["NOT_READY", "POOL_FULL", "POOL_SENDER_QUOTA"] as const),
    ...(["TOO_MANY_SUBSCRIBERS", "RATE_LIMITED", "COMPILER_BUSY"] as const),
  ];
  for (const code of passing) assert.equal(retryAfter(code), "1", code);
  for (const code of ["INVALID_REQUEST", "STORE_WRITE_FAILED", "DIVERGED"] as const) {
    assert.equal(retryAfter(code), undefined, code);
  }
});
