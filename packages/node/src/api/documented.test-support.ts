/** Holds answers against the OpenAPI document: a field that is not documented, or documented and absent, is a failure. */

import assert from "node:assert/strict";
import { Compile } from "typebox/schema";
import type { ApiInstance } from "./context.ts";

type Json = Record<string, unknown>;

export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

export interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Json }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Json }>> }>
  >;
}

export const documentOf = (server: ApiInstance): OpenApiDocument => server.swagger() as unknown as OpenApiDocument;

/** The schema without references, and with every object closed that does not say that it is open. */
function closed(schema: unknown, document: OpenApiDocument): unknown {
  if (Array.isArray(schema)) return schema.map((item) => closed(item, document));
  if (typeof schema !== "object" || schema === null) return schema;
  const { $ref } = schema as Json;
  if (typeof $ref === "string") {
    const target = document.components.schemas[$ref.replace("#/components/schemas/", "")];
    assert.ok(target, `${$ref} is not in the document`);
    return closed(target, document);
  }
  const copy: Json = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value, document)]));
  return copy.type === "object" && "properties" in copy ? { additionalProperties: false, ...copy } : copy;
}

function operationAt(document: OpenApiDocument, method: string, path: string): Operation | undefined {
  for (const [template, operations] of Object.entries(document.paths)) {
    const pattern = new RegExp(`^${template.replace(/\{[^}]+\}/g, "[^/]+")}$`);
    const operation = operations[method.toLowerCase()];
    if (operation !== undefined && pattern.test(path)) return operation;
  }
  return undefined;
}

type Validator = ReturnType<typeof Compile>;

/** Compiled once for each document: a schema is asked for again and again. */
const validators = new WeakMap<OpenApiDocument, Map<Json, Validator>>();

function validatorOf(schema: Json, document: OpenApiDocument): Validator {
  const known = validators.get(document) ?? new Map<Json, Validator>();
  const validator = known.get(schema) ?? Compile(closed(schema, document) as Json);
  validators.set(document, known.set(schema, validator));
  return validator;
}

export interface DocumentedAnswer {
  readonly status: number;
  readonly payload: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** @throws AssertionError for an answer that the document does not have */
export function assertDocumented(
  document: OpenApiDocument,
  method: string,
  url: string,
  answer: DocumentedAnswer,
): void {
  const operation = operationAt(document, method, url.split("?", 1)[0] as string);
  const mediaType = String(answer.headers["content-type"]).split(";", 1)[0] as string;
  const problem = mediaType === "application/problem+json";
  assert.ok(operation !== undefined || problem, `${method} ${url} is not documented`);
  const response = operation?.responses[String(answer.status)] ?? operation?.responses.default;
  assert.ok(operation === undefined || response !== undefined, `${method} ${url} documents no ${answer.status}`);
  const schema = problem ? document.components.schemas.Problem : response?.content?.[mediaType]?.schema;
  assert.ok(schema, `${method} ${url} documents no ${answer.status} of ${mediaType}`);
  const [valid, errors] = validatorOf(schema, document).Errors(JSON.parse(answer.payload));
  assert.ok(valid, `${method} ${url} ${answer.status}: ${JSON.stringify(errors)} in ${answer.payload}`);
}

export function checkDocumented(
  server: ApiInstance,
  method: string,
  url: string,
  { statusCode: status, payload, headers }: Omit<DocumentedAnswer, "status"> & { readonly statusCode: number },
): void {
  assertDocumented(documentOf(server), method, url, { status, payload, headers });
}
