/** What an answer must be, whatever was asked. */

import assert from "node:assert/strict";
import { ERROR_CATALOGUE, type ErrorCode } from "@counterpart/core/base/error-catalogue";
import { assertDocumented, type OpenApiDocument } from "../../packages/node/src/api/documented.test-support.ts";
import { assertDocumentedResult } from "../../packages/node/src/api/rpc/documented-results.test-support.ts";
import { RPC_CODES } from "../../packages/node/src/api/rpc/errors.ts";
import { METHOD_DOCUMENTS } from "../../packages/node/src/api/rpc/openrpc.ts";
import type { ApiOperation } from "./document.ts";
import type { FuzzRequest } from "./requests.ts";
import type { Answer } from "./wire.ts";

const PROBLEM = "application/problem+json";

export interface Verdict {
  /** Status, and the code of a refusal. */
  readonly outcome: string;
  /** Whether it may have changed anything. */
  readonly mayHaveActed: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

const mediaTypeOf = ({ headers }: Answer): string => headers["content-type"]?.split(";", 1)[0] ?? "";

const isRecord = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Strict, as the API says that it reads: undefined for what is no JSON. */
function parsed(body: Buffer | undefined): { readonly value: unknown } | undefined {
  if (body === undefined || body.length === 0) return { value: {} };
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body)) };
  } catch {
    return undefined;
  }
}

/** Statuses of 500 and more that are no defect: a peer that is not there, to whoever asked for it. */
const isExpectedFailure = (operation: ApiOperation, status: number): boolean =>
  operation.id === "connectPeer" && [502, 503, 504].includes(status);

function checkProblem(answer: Answer, isHttp: boolean): string {
  assert.equal(mediaTypeOf(answer), PROBLEM);
  const problem: unknown = JSON.parse(answer.body.toString("utf8"));
  assert.ok(isRecord(problem) && typeof problem.code === "string");
  assert.ok(Object.hasOwn(ERROR_CATALOGUE, problem.code), `${problem.code} is not in the catalogue`);
  assert.equal(problem.status, answer.status);
  assert.equal(problem.type, `urn:counterpart:error:${problem.code}`);
  for (const field of ["title", "detail"])
    assert.ok(typeof problem[field] === "string" && problem[field] !== "", field);
  // What is no HTTP is answered before there is a request, with the status that HTTP has for it.
  if (isHttp) assert.equal(ERROR_CATALOGUE[problem.code as ErrorCode].status, answer.status);
  return problem.code;
}

function checkRpcResponse(response: unknown): string {
  assert.ok(isRecord(response), "a JSON-RPC response is an object");
  assert.equal(response.jsonrpc, "2.0");
  assert.ok("id" in response);
  assert.equal(Number("result" in response) + Number("error" in response), 1);
  if ("result" in response) return "result";
  const { code, message } = response.error as Fields;
  assert.ok(Object.values(RPC_CODES).includes(code as never), `no JSON-RPC error is called ${code}`);
  assert.notEqual(code, RPC_CODES.internal, "a method failed");
  assert.ok(typeof message === "string" && message !== "");
  return String(code);
}

/** What was not included in time was taken all the same. */
const ACTED: ReadonlySet<string> = new Set(["result", String(RPC_CODES.timeout)]);

/** A result is held against the document of the method that was asked for. */
function checkRpcResult(body: Buffer | undefined, response: unknown): void {
  const request = parsed(body)?.value;
  if (!isRecord(request) || !isRecord(response) || !("result" in response)) return;
  const { method } = request;
  if (typeof method === "string" && Object.hasOwn(METHOD_DOCUMENTS, method)) {
    assertDocumentedResult(method, response.result);
  }
}

function judgeRpc({ fault, body }: FuzzRequest, answer: Answer): Verdict {
  if (answer.status === 204) {
    assert.equal(answer.body.length, 0);
    return { outcome: "204", mayHaveActed: true };
  }
  assert.equal(answer.status, 200);
  const value: unknown = JSON.parse(answer.body.toString("utf8"));
  const outcomes = [value].flat().map(checkRpcResponse);
  checkRpcResult(body, value);
  const wasJson = parsed(body) !== undefined && body?.length !== 0;
  if (fault === "bytes" && !wasJson) assert.deepEqual(outcomes, [String(RPC_CODES.parse)]);
  const outcome = Array.isArray(value) ? "batch" : (outcomes[0] ?? "");
  return { outcome: `200 ${outcome}`, mayHaveActed: outcomes.some((each) => ACTED.has(each)) };
}

/** A body that is no JSON, or that the document's schema does not allow, is never acted on. */
function checkRefused(operation: ApiOperation, { fault, body }: FuzzRequest, { status }: Answer): void {
  if (operation.body === undefined || (fault !== "body" && fault !== "bytes")) return;
  const json = parsed(body);
  if (json === undefined) assert.equal(status === 400 || status === 413, true, `${status} for what is no JSON`);
  else if (!operation.allows(json.value)) assert.ok(status >= 400, `${status} for what the schema does not allow`);
}

const ROUTING: ReadonlySet<string> = new Set([
  "MALFORMED_JSON",
  "UNSUPPORTED_MEDIA_TYPE",
  "ROUTE_NOT_FOUND",
  "METHOD_NOT_ALLOWED",
  "PAYLOAD_TOO_LARGE",
  "HOST_NOT_ALLOWED",
]);

export interface Asked {
  readonly document: OpenApiDocument;
  readonly operation: ApiOperation;
  readonly request: FuzzRequest;
}

/** @throws AssertionError for an answer that must not be */
export function judge({ document, operation, request }: Asked, answer: Answer): Verdict {
  const { method, target, fault } = request;
  assert.ok(answer.status < 500 || isExpectedFailure(operation, answer.status), `status ${answer.status}`);
  if (method === "HEAD") return { outcome: String(answer.status), mayHaveActed: false };
  if (answer.status >= 400) {
    const isHttp = fault !== "headers" && fault !== "method" && fault !== "path";
    const code = checkProblem(answer, isHttp);
    if (fault === "none") assert.ok(!ROUTING.has(code), `${code} for a good request`);
    if (isHttp) assertDocumented(document, method, target, { ...answer, payload: answer.body.toString("utf8") });
    return { outcome: `${answer.status} ${code}`, mayHaveActed: false };
  }
  if (operation.id === "jsonRpc" && method === "POST") return judgeRpc(request, answer);
  checkRefused(operation, request, answer);
  if (mediaTypeOf(answer) === "application/json" && fault !== "path" && fault !== "method") {
    assertDocumented(document, method, target, { ...answer, payload: answer.body.toString("utf8") });
  }
  const isWrite = operation.method !== "GET" && operation.id !== "callContract";
  return { outcome: String(answer.status), mayHaveActed: isWrite };
}
