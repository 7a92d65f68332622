/** The node's own OpenAPI document, as the fuzzer reads it. */

import { Compile } from "typebox/schema";
import type { OpenApiDocument, Operation } from "../../packages/node/src/api/documented.test-support.ts";

export type Schema = Readonly<Record<string, unknown>>;

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly schema: Schema;
}

export interface ApiOperation {
  readonly id: string;
  /** Upper case. */
  readonly method: string;
  /** With `{name}` where a parameter stands. */
  readonly template: string;
  readonly parameters: readonly Parameter[];
  /** Of its JSON body. */
  readonly body: Schema | undefined;
  /** Whether a body is one that the schema allows; always, without schema. */
  readonly allows: (body: unknown) => boolean;
}

function readOperation(method: string, template: string, operation: Operation): ApiOperation {
  const { operationId: id = `${method} ${template}`, parameters = [], requestBody } = operation;
  const body = requestBody?.content["application/json"]?.schema;
  const check = body === undefined ? undefined : Compile(body);
  return {
    id,
    method: method.toUpperCase(),
    template,
    parameters: parameters as readonly Parameter[],
    body,
    allows: (value) => check === undefined || check.Check(value),
  };
}

export const operationsOf = ({ paths }: OpenApiDocument): readonly ApiOperation[] =>
  Object.entries(paths).flatMap(([template, operations]) =>
    Object.entries(operations).map(([method, operation]) => readOperation(method, template, operation)),
  );
