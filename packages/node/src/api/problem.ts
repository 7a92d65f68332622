/** Problem documents (RFC 9457): every failure of the REST API has one, with a stable `code`. */

import { ERROR_CATALOGUE, type ErrorCode } from "@counterpart/core/base/error-catalogue";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { type JsonValue, toJson } from "./json.ts";

export const PROBLEM_TYPE = "application/problem+json";

/** The members that a problem of any code has. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  /** Path of the request. */
  readonly instance: string;
  readonly request_id: string;
  /** The error's details. */
  readonly [detail: string]: JsonValue;
}

export interface ProblemReply {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the operator must hear of it: a defect, or a failure of the machine. */
  readonly unexpected: boolean;
}

/** What fastify itself refuses, by its own codes, or by the name of an error that has none. */
const FRAMEWORK_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "PAYLOAD_TOO_LARGE",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "UNSUPPORTED_MEDIA_TYPE",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "INVALID_REQUEST",
  FST_ERR_BAD_URL: "INVALID_REQUEST",
  FST_ERR_MAX_PARAM_LENGTH: "INVALID_REQUEST",
  FST_ERR_NOT_FOUND: "ROUTE_NOT_FOUND",
  // a path that leads out of the folder of the documentation's files
  FST_STATIC_FORBIDDEN_PATH: "ROUTE_NOT_FOUND",
  // conditions and ranges that those files do not meet
  PreconditionFailedError: "INVALID_REQUEST",
  RangeNotSatisfiableError: "INVALID_REQUEST",
};

const CODE_HEADERS: Partial<Record<ErrorCode, Readonly<Record<string, string>>>> = {
  UNAUTHORIZED: { "www-authenticate": "Bearer" },
  NOT_READY: { "retry-after": "1" },
  POOL_FULL: { "retry-after": "1" },
  COMPILER_BUSY: { "retry-after": "1" },
  POOL_SENDER_QUOTA: { "retry-after": "1" },
  TOO_MANY_SUBSCRIBERS: { "retry-after": "1" },
  RATE_LIMITED: { "retry-after": "1" },
};

const INTERNAL = new CodedError("INTERNAL_ERROR", "the request failed; the node's log has the cause under request_id");

/** The coded form of anything that was thrown; undefined for what no caller should see. */
export function codedForm(error: unknown): CodedError | undefined {
  // A broken invariant speaks of this program's inside: it is logged, not shown.
  if (isCodedError(error)) return error.code === "INVARIANT_BROKEN" ? undefined : error;
  if (!(error instanceof Error)) return undefined;
  const code = FRAMEWORK_CODES["code" in error ? String(error.code) : error.name];
  return code === undefined ? undefined : new CodedError(code, error.message);
}

/** Details as members of the problem, in the API's spelling. */
function detailsOf({ details }: CodedError): Record<string, JsonValue> {
  const members = Object.entries(toJson(details) as Record<string, JsonValue>);
  const toSnake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(members.map(([name, value]) => [toSnake(name), value]));
}

/** The problem document and headers that answer a failed request. */
export function problemOf(error: unknown, instance: string, requestId: string): ProblemReply {
  const coded = codedForm(error) ?? INTERNAL;
  const { status, meaning } = ERROR_CATALOGUE[coded.code];
  const allow = coded.code === "METHOD_NOT_ALLOWED" ? allowHeader(coded.details) : {};
  const retry = typeof coded.details.retryAfterMs === "number" ? retryHeader(coded.details.retryAfterMs) : {};
  return {
    problem: {
      ...detailsOf(coded),
      type: `urn:counterpart:error:${coded.code}`,
      title: meaning,
      status,
      detail: coded.message,
      code: coded.code,
      instance,
      request_id: requestId,
    },
    headers: { "content-type": PROBLEM_TYPE, ...CODE_HEADERS[coded.code], ...allow, ...retry },
    unexpected: status === 500 || status === 507,
  };
}

/** Whole seconds (RFC 9110, 10.2.3), and never too early. */
const retryHeader = (afterMs: number): Record<string, string> => ({
  "retry-after": String(Math.max(1, Math.ceil(afterMs / 1_000))),
});

function allowHeader(details: CodedError["details"]): Record<string, string> {
  return Array.isArray(details.allowed) ? { allow: details.allowed.join(", ") } : {};
}

/** The answer to bytes that are not HTTP, or too slow, or have too large headers: there is no request to speak of. */
export function rawProblem(errorCode: string | undefined): string {
  const code: ErrorCode = errorCode === "ERR_HTTP_REQUEST_TIMEOUT" ? "REQUEST_TIMEOUT" : "INVALID_REQUEST";
  const status = rawStatus(errorCode);
  const body = JSON.stringify({
    type: `urn:counterpart:error:${code}`,
    title: "the request is not complete, well-formed HTTP",
    status: Number(status.slice(0, 3)),
    detail: status.slice(4),
    code,
  });
  return `HTTP/1.1 ${status}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
}

function rawStatus(errorCode: string | undefined): string {
  if (errorCode === "HPE_HEADER_OVERFLOW") return "431 Request Header Fields Too Large";
  if (errorCode === "ERR_HTTP_REQUEST_TIMEOUT") return "408 Request Timeout";
  return "400 Bad Request";
}
