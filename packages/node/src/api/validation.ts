/** Requests against their schemas: what is wrong is said by the field's name. */

import { CodedError } from "@counterpart/core/base/errors";
import { isJsonObject } from "@counterpart/core/base/json-object";
import { suggestionOf } from "@counterpart/core/base/similar";
import type { FastifySchemaCompiler } from "fastify";
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { TLocalizedValidationError } from "typebox/error";

export interface FieldError {
  /** Dotted path, such as `params.to` or `args.0`; empty for the whole body. */
  readonly field: string;
  readonly message: string;
}

const FIELD_ERRORS_MAX = 10;

const PART_NAMES: Readonly<Record<string, string>> = {
  body: "body",
  params: "path",
  querystring: "query",
  headers: "header",
};

const fieldOf = (instancePath: string, property?: string): string =>
  [...instancePath.split("/").slice(1), ...(property === undefined ? [] : [property])].join(".");

/** What the alternatives of a failed `anyOf` wanted, such as "string or number" or `"token" or "custom"`. */
function alternativesOf(errors: readonly TLocalizedValidationError[], union: TLocalizedValidationError): string {
  const wanted = errors
    .filter((error) => error.schemaPath.startsWith(`${union.schemaPath}/anyOf/`))
    .filter((error) => error.instancePath === union.instancePath)
    .map((error) => (error.keyword === "const" ? JSON.stringify(error.params.allowedValue) : error.message));
  return [...new Set(wanted)].map((text) => text.replace(/^must be /, "")).join(" or ");
}

function isCovered(error: TLocalizedValidationError, errors: readonly TLocalizedValidationError[]): boolean {
  if (error.keyword === "boolean") return true; // said again by additionalProperties
  return errors.some((other) => other.keyword === "anyOf" && error.schemaPath.startsWith(`${other.schemaPath}/anyOf/`));
}

/** The first example of the schema at a place, such as `#/properties/owner`. */
function exampleAt(schema: TSchema, place: string): unknown {
  let at: unknown = schema;
  for (const part of place.split("/").slice(1)) {
    at = typeof at === "object" && at !== null ? (at as Readonly<Record<string, unknown>>)[part] : undefined;
  }
  return isJsonObject(at) && Array.isArray(at.examples) ? at.examples[0] : undefined;
}

/** @param known the members of the whole value, for what stands directly in it */
function explain(
  error: TLocalizedValidationError,
  all: readonly TLocalizedValidationError[],
  schema: TSchema,
  known: readonly string[],
): FieldError[] {
  const field = fieldOf(error.instancePath);
  switch (error.keyword) {
    case "required":
      return error.params.requiredProperties.map((name) => ({
        field: fieldOf(error.instancePath, name),
        message: "is required",
      }));
    case "additionalProperties":
      return error.params.additionalProperties.map((name) => ({
        field: fieldOf(error.instancePath, name),
        message: `is not a known field${error.instancePath === "" ? suggestionOf(name, known) : ""}`,
      }));
    case "anyOf":
      return [{ field, message: `must be ${alternativesOf(all, error)}` }];
    case "enum":
      return [{ field, message: `must be ${error.params.allowedValues.map((v) => JSON.stringify(v)).join(" or ")}` }];
    case "const":
      return [{ field, message: `must be ${JSON.stringify(error.params.allowedValue)}` }];
    case "pattern": {
      const example = exampleAt(schema, error.schemaPath);
      return [{ field, message: example === undefined ? error.message : `must look like ${example}` }];
    }
    default:
      return [{ field, message: error.message }];
  }
}

/** One line for each wrong field, unions summed up. */
function explainErrors(errors: readonly TLocalizedValidationError[], schema: TSchema): FieldError[] {
  const known = "properties" in schema ? Object.keys(schema.properties as object) : [];
  return errors
    .filter((error) => !isCovered(error, errors))
    .flatMap((error) => explain(error, errors, schema, known))
    .slice(0, FIELD_ERRORS_MAX);
}

function refusal(part: string, fields: readonly FieldError[]): CodedError {
  const said = fields.map(({ field, message }) => `${field === "" ? part : `${part}.${field}`} ${message}`);
  const first = fields[0]?.field;
  return new CodedError("INVALID_REQUEST", said.join("; ") || `${part} does not match its schema`, {
    ...(first === undefined || first === "" ? {} : { field: first }),
    errors: fields,
  });
}

type Check = (value: unknown) => readonly FieldError[];

function compilePlain(schema: TSchema): Check {
  const validator = Compile(schema);
  return (value) => (validator.Check(value) ? [] : explainErrors(validator.Errors(value), schema));
}

interface UnionSchema {
  readonly anyOf: readonly (TSchema & {
    readonly properties: Readonly<Record<string, { readonly const?: unknown }>>;
  })[];
  readonly discriminator: { readonly propertyName: string };
}

const isDiscriminated = (schema: TSchema): schema is TSchema & UnionSchema =>
  "discriminator" in schema && "anyOf" in schema;

/** Only the variant that the discriminator names is checked, so that its errors are the ones that are reported. */
function compileDiscriminated({ anyOf, discriminator }: UnionSchema): Check {
  const name = discriminator.propertyName;
  const variants = new Map(anyOf.map((variant) => [variant.properties[name]?.const, compilePlain(variant)]));
  const names = [...variants.keys()].map((key) => JSON.stringify(key)).join(" or ");
  return (value) => {
    if (!isJsonObject(value)) return [{ field: "", message: "must be object" }];
    if (!Object.hasOwn(value, name)) return [{ field: name, message: `is required: ${names}` }];
    return variants.get(value[name])?.(value) ?? [{ field: name, message: `must be ${names}` }];
  };
}

/** How far a value is from a variant: wrong members of its own weigh more than what is wrong deeper inside them. */
const distance = (errors: readonly FieldError[]): number =>
  errors.reduce((sum, { field }) => sum + (field.includes(".") ? 1 : FIELD_ERRORS_MAX), 0);

/** The variant that fits best speaks for a union: its errors are the ones that are reported. */
function compileUnion(schema: TSchema & { readonly anyOf: readonly TSchema[] }): Check {
  const variants = schema.anyOf.map(compilePlain);
  return (value) =>
    variants.map((check) => check(value)).reduce((best, next) => (distance(next) < distance(best) ? next : best));
}

function compileCheck(schema: TSchema): Check {
  if (isDiscriminated(schema)) return compileDiscriminated(schema);
  if ("anyOf" in schema) return compileUnion(schema as TSchema & { readonly anyOf: readonly TSchema[] });
  return compilePlain(schema);
}

/** Numbers and booleans of a query, which arrive as text; anything doubtful stays text and fails its schema. */
function convertQuery(schema: TSchema, query: unknown): unknown {
  if (!isJsonObject(query) || !("properties" in schema)) return query;
  const properties = schema.properties as Readonly<Record<string, { readonly type?: unknown }>>;
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      const type = Object.hasOwn(properties, name) ? properties[name]?.type : undefined;
      if (type === "integer" && typeof value === "string" && /^-?\d{1,15}$/.test(value)) return [name, Number(value)];
      if (type === "boolean" && (value === "true" || value === "false")) return [name, value === "true"];
      return [name, value];
    }),
  );
}

/** An integer that `convertQuery` left as text because it has too many digits is one nevertheless. */
const sayRange = (query: unknown, { field, message }: FieldError): FieldError => {
  const value = isJsonObject(query) ? query[field] : undefined;
  const isLong = message === "must be integer" && typeof value === "string" && /^-?\d{16,}$/.test(value);
  return { field, message: isLong ? "is out of range" : message };
};

/**
 * Compiles request schemas for fastify.
 * @throws CodedError (the validator) `INVALID_REQUEST` with `field` and `errors`
 */
export const compileRequestSchema: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const check = compileCheck(schema);
  const part = PART_NAMES[httpPart ?? "body"] ?? "request";
  return (input: unknown) => {
    const isQuery = httpPart === "querystring";
    const value = isQuery ? convertQuery(schema, input) : input;
    const fields = isQuery ? check(value).map((error) => sayRange(value, error)) : check(value);
    return fields.length === 0 ? { value } : { error: refusal(part, fields) };
  };
};
