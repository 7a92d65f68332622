/** JSON that need not be what a parser would give back: members in any number and order, numbers as they are written. */

/** Text that stands as it is, such as a number that no double holds. */
export class Raw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** An object, whose names may repeat. */
export class Members {
  readonly entries: readonly (readonly [string, Json])[];

  constructor(entries: readonly (readonly [string, Json])[]) {
    this.entries = entries;
  }
}

export type Json = string | number | boolean | null | Raw | Members | readonly Json[];

export const isList = (json: Json): json is readonly Json[] => Array.isArray(json);

export function toText(json: Json): string {
  if (json instanceof Raw) return json.text;
  if (json instanceof Members) {
    return `{${json.entries.map(([name, value]) => `${JSON.stringify(name)}:${toText(value)}`).join(",")}}`;
  }
  return isList(json) ? `[${json.map(toText).join(",")}]` : JSON.stringify(json);
}

/** A plain value as what can be mutated. */
export function fromPlain(value: unknown): Json {
  if (Array.isArray(value)) return value.map(fromPlain);
  if (typeof value !== "object" || value === null) return value as Json;
  return new Members(Object.entries(value).map(([name, item]) => [name, fromPlain(item)]));
}

type Step = string | number;

/** Every place in a value, the whole of it first. */
export function pathsOf(json: Json, path: readonly Step[] = []): readonly (readonly Step[])[] {
  const below = (item: Json, step: Step) => pathsOf(item, [...path, step]);
  if (json instanceof Members) return [path, ...json.entries.flatMap(([, item], at) => below(item, at))];
  return isList(json) ? [path, ...json.flatMap((item, at) => below(item, at))] : [path];
}

/** The value with what is at `path` changed. */
export function changeAt(json: Json, path: readonly Step[], change: (old: Json) => Json): Json {
  const [step, ...rest] = path;
  if (step === undefined) return change(json);
  const deeper = (item: Json, at: number): Json => (at === step ? changeAt(item, rest, change) : item);
  if (json instanceof Members) return new Members(json.entries.map(([name, item], at) => [name, deeper(item, at)]));
  return isList(json) ? json.map(deeper) : json;
}
