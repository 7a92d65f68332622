/** How a method is documented: what it does, what it takes and what it answers, by OpenRPC 1.3. */

import { ref, type Schema, type SchemaName } from "./schemas.ts";

export interface ContentDescriptor {
  readonly name: string;
  readonly required: boolean;
  readonly schema: Schema;
}

export interface MethodDocument {
  readonly summary: string;
  /** By position; those that may be left out come last. */
  readonly params: readonly ContentDescriptor[];
  readonly result: ContentDescriptor;
}

export type MethodDocuments = Readonly<Record<string, MethodDocument>>;

/** A schema, or the name of one. */
type Form = Schema | SchemaName;

const schemaOf = (form: Form): Schema => (typeof form === "string" ? ref(form) : form);

export const given = (name: string, form: Form): ContentDescriptor => ({
  name,
  required: true,
  schema: schemaOf(form),
});

/** A parameter that may be left out. */
export const maybe = (name: string, form: Form): ContentDescriptor => ({ ...given(name, form), required: false });

/** A method that answers `result`, which its document calls by the method's own words. */
export const documentOf = (
  summary: string,
  params: readonly ContentDescriptor[],
  [name, form]: readonly [name: string, form: Form],
): MethodDocument => ({ summary, params, result: given(name, form) });
