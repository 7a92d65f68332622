/** Holds results of JSON-RPC methods against the schemas that `rpc.discover` gives for them. */

import assert from "node:assert/strict";
import { Compile } from "typebox/schema";
import { SCHEMAS, type Schema, type SchemaName } from "./documents/schemas.ts";
import { METHOD_DOCUMENTS } from "./openrpc.ts";

const PREFIX = "#/components/schemas/";

/** The schema without references. */
export function resolved(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(resolved);
  if (typeof schema !== "object" || schema === null) return schema;
  const { $ref } = schema as Schema;
  if ($ref === undefined)
    return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolved(value)]));
  assert.ok(typeof $ref === "string" && $ref.startsWith(PREFIX), String($ref));
  const target = SCHEMAS[$ref.slice(PREFIX.length) as SchemaName];
  assert.ok(target !== undefined, `${$ref} is not in the document`);
  return resolved(target);
}

const validators = new Map<string, ReturnType<typeof Compile>>();

function validatorOf(method: string) {
  const document = METHOD_DOCUMENTS[method];
  assert.ok(document !== undefined, `${method} is not documented`);
  const validator = validators.get(method) ?? Compile(resolved(document.result.schema) as Record<string, unknown>);
  validators.set(method, validator);
  return validator;
}

/** @throws AssertionError for a result that the method's document does not have */
export function assertDocumentedResult(method: string, result: unknown): void {
  const [isValid, errors] = validatorOf(method).Errors(result);
  assert.ok(isValid, `${method}: ${JSON.stringify(errors).slice(0, 500)} in ${JSON.stringify(result)?.slice(0, 500)}`);
}
