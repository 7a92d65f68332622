/**
 * Whether an answer is the recorded one, by the rules of hive's rpc-compat: equal as JSON, but for the wording of errors,
 * which is each client's own; or, where only the form is given, alike in form.
 */

import { isObject, type Json, type JsonObject } from "../vector-files.ts";

const DIFFERENCES_MAX = 5;
const VALUE_CHARACTERS_MAX = 160;

/** Members that the specification lets an answer have or not, where the recorded one happens to have them or not. */
const OPTIONAL_MEMBERS: ReadonlySet<string> = new Set([
  "deleteStrategy",
  "error",
  "memory",
  "refund",
  "returnData",
  "stack",
  "storage",
]);

const shown = (value: Json | undefined): string => {
  const text = value === undefined ? "absent" : JSON.stringify(value);
  return text.length > VALUE_CHARACTERS_MAX ? `${text.slice(0, VALUE_CHARACTERS_MAX)}…` : text;
};

const keysOf = (...objects: readonly JsonObject[]): string[] => [...new Set(objects.flatMap(Object.keys))].sort();

const own = (object: JsonObject, key: string): Json | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined;

/** An error's message is compared only as far as there is one on both sides. */
const isWording = (path: string, given: Json | undefined, wanted: Json | undefined): boolean =>
  /(^|\.)error\.message$/.test(path) && typeof given === "string" && typeof wanted === "string";

function* differences(path: string, given: Json | undefined, wanted: Json | undefined): Generator<string> {
  if (isWording(path, given, wanted)) return;
  const at = (key: string): string => (path === "" ? key : `${path}.${key}`);
  if (isObject(given) && isObject(wanted)) {
    for (const key of keysOf(given, wanted)) yield* differences(at(key), own(given, key), own(wanted, key));
  } else if (Array.isArray(given) && Array.isArray(wanted)) {
    if (given.length !== wanted.length) yield `${path}: ${given.length} items, wanted ${wanted.length}`;
    for (const [index, item] of given.entries()) {
      if (index < wanted.length) yield* differences(at(`${index}`), item, wanted[index]);
    }
  } else if (given !== wanted) yield `${path}: ${shown(given)}, wanted ${shown(wanted)}`;
}

/** Where an answer differs from the recorded one; empty when it does not. */
export const differencesOf = (given: Json, wanted: Json): string[] =>
  [...differences("", given, wanted)].slice(0, DIFFERENCES_MAX);

/** Sizes of values that always have all their bytes: addresses, hashes, blooms. */
const FIXED_SIZES = [20, 32, 256];

function textFault(given: string, wanted: string): boolean {
  if (!/^0x[0-9a-fA-F]*$/.test(wanted)) return false;
  if (!/^0x[0-9a-fA-F]*$/.test(given)) return true;
  if (FIXED_SIZES.some((size) => wanted.length === 2 + 2 * size)) return given.length !== wanted.length;
  const isQuantity = (text: string): boolean => /^0x(0|[1-9a-f][0-9a-f]*)$/.test(text);
  return isQuantity(wanted) && wanted.length % 2 === 1 && !isQuantity(given);
}

/** Whether an object's keys are data (addresses, slots, nonces) and not names. */
const isTable = (object: JsonObject): boolean =>
  Object.keys(object).length > 0 && Object.keys(object).every((key) => /^(0x)?[0-9a-fA-F]+$/.test(key));

function objectFault(path: string, given: JsonObject, wanted: JsonObject): string | undefined {
  if (isTable(wanted)) {
    const alike = Object.values(wanted);
    const odd = Object.keys(given).find((key) => !/^(0x)?[0-9a-fA-F]+$/.test(key));
    if (odd !== undefined) return `${path}: the key ${odd} is no data`;
    return Object.entries(given)
      .map(([key, value]) => anyFault(`${path}.${key}`, value, alike))
      .find((fault) => fault !== undefined);
  }
  if (Object.keys(wanted).length === 0) return undefined;
  for (const key of keysOf(given, wanted)) {
    const [value, form] = [own(given, key), own(wanted, key)];
    if (OPTIONAL_MEMBERS.has(key) && (value === undefined || form === undefined)) continue;
    if (value === undefined || form === undefined) return `${path}.${key}: ${shown(value)}, wanted ${shown(form)}`;
    const fault = formFault(`${path}.${key}`, value, form);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The recorded values are examples: it is enough to be like one of them. */
function anyFault(path: string, given: Json, examples: readonly Json[]): string | undefined {
  let first: string | undefined;
  for (const example of examples) {
    const fault = formFault(path, given, example);
    if (fault === undefined) return undefined;
    first ??= fault;
  }
  return first;
}

/**
 * How an answer's form differs from that of the recorded one: kinds of values, names of members, sizes of hashes. Objects
 * whose keys are data, and lists, may have any number of items like one of those recorded.
 */
export function formFault(path: string, given: Json, wanted: Json): string | undefined {
  const fault = `${path}: ${shown(given)} has not the form of ${shown(wanted)}`;
  if (isObject(given) && isObject(wanted)) return objectFault(path, given, wanted);
  if (Array.isArray(given) && Array.isArray(wanted)) {
    if (wanted.length === 0) return undefined;
    return given.map((item, at) => anyFault(`${path}.${at}`, item, wanted)).find((each) => each !== undefined);
  }
  if (typeof given === "string" && typeof wanted === "string") return textFault(given, wanted) ? fault : undefined;
  const kindOf = (value: Json): string => (value === null ? "null" : Array.isArray(value) ? "list" : typeof value);
  return kindOf(given) === kindOf(wanted) ? undefined : fault;
}
