/** Values of a function's parameters, from words of a command line to JSON in which every number is exact. */

import { similarName, suggestionOf } from "@counterpart/core/base/similar";
import { invalidConfig } from "../invalid-config.ts";

/** What the API takes for a parameter. Numbers are `JSON.rawJSON`, so that none is ever rounded. */
export type ParamValue = unknown;
export type ParamValues = readonly ParamValue[] | Readonly<Record<string, ParamValue>>;

/** An input of the ABI, as far as it says how a word is meant. */
export interface AbiInput {
  readonly name?: string;
  readonly type: string;
}

interface AbiEntry {
  readonly type?: string;
  readonly name?: string;
  readonly inputs?: readonly AbiInput[];
}

interface SourceContext {
  readonly source?: string;
}

/** Both are in the runtime (ECMAScript: JSON.parse source text access), and not yet in the library's types. */
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: SourceContext) => unknown,
) => unknown;
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };

/** JSON in which numbers stay as they are written. @throws CodedError `INVALID_CONFIG` */
export function exactJson(text: string, what: string): unknown {
  try {
    return parseWithSource(text, (_key, value, { source }) =>
      typeof value === "number" && source !== undefined ? rawJSON(source) : value,
    );
  } catch {
    throw invalidConfig(`${what} is not valid JSON: ${text.length > 80 ? `${text.slice(0, 80)}…` : text}`);
  }
}

const DECIMAL = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** An amount of base units for a request: digits, 0x text, or a number such as 1e18, exact at any size. */
export function amountValue(text: string): ParamValue {
  return /[.eE]/.test(text) && !text.startsWith("0x") && DECIMAL.test(text) ? rawJSON(text) : text;
}

/** A number that is no text of digits, and yet whole as a rule; `1.0` is rather the text of a version. */
const POWER = /^-?(0|[1-9]\d*)(\.\d+)?[eE]\+?\d+$/;

/**
 * How a word is meant where no ABI says it: as JSON when it looks like an array, an object, a truth value, quoted or
 * `1e18`. Everything else is text, which the node takes for whole numbers as well.
 */
function guessed(word: string, what: string): ParamValue {
  if (word === "true" || word === "false") return word === "true";
  if (POWER.test(word)) return rawJSON(word);
  return /^[[{"]/.test(word) ? exactJson(word, what) : word;
}

/** @throws CodedError `INVALID_CONFIG` */
function paramValueOf(word: string, { type }: AbiInput, what: string): ParamValue {
  if (type.endsWith("]") || type.startsWith("tuple")) return exactJson(word, `${what} (${type})`);
  if (type === "bool") {
    if (word === "true" || word === "false") return word === "true";
    throw invalidConfig(`${what} (bool) must be true or false, not ${JSON.stringify(word)}`);
  }
  return /^u?int/.test(type) ? amountValue(word) : word;
}

const NAMED = /^([A-Za-z_$][\w$]*)=([\s\S]*)$/;

/** Words that are all `name=value`, or none of them. @throws CodedError `INVALID_CONFIG` when some are */
function namesOf(words: readonly string[]): readonly (readonly [string, string])[] | undefined {
  const pairs = words.map((word) => NAMED.exec(word));
  const named = pairs.filter((pair) => pair !== null);
  if (named.length === 0) return undefined;
  if (named.length < words.length) {
    throw invalidConfig("give every parameter as name=value, or every one by its position");
  }
  const names = named.map(([, name = "", value = ""]) => [name, value] as const);
  const twice = names.find(([name], at) => names.findIndex(([other]) => other === name) !== at);
  if (twice !== undefined) throw invalidConfig(`the parameter ${twice[0]} is given twice`);
  return names;
}

/** The inputs that the words can only be meant for; undefined when there is no ABI, or several overloads fit. */
function inputsFor(
  candidates: readonly (readonly AbiInput[])[],
  count: number,
  names: readonly string[] | undefined,
): readonly AbiInput[] | undefined {
  const fitting = candidates.filter(
    (inputs) =>
      inputs.length === count &&
      (names === undefined || names.every((name) => inputs.some((input) => input.name === name))),
  );
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** Whether a word can only be `name=value`: it has the name of a parameter, nearly one, or stands where no text goes. */
function isNamed(word: string, at: number, candidates: readonly (readonly AbiInput[])[]): boolean {
  const name = NAMED.exec(word)?.[1];
  if (name === undefined) return false;
  const names = candidates.flat().map((input) => input.name ?? "");
  if (similarName(name, names) !== undefined) return true;
  return !candidates.some((inputs) => inputs[at]?.type === "string");
}

/**
 * A word that is `a=b` itself among positional ones is told from a name by the ABI. A name that no parameter has is the
 * node's to complain of.
 * @throws CodedError `INVALID_CONFIG`
 */
export function parseValues(words: readonly string[], candidates: readonly (readonly AbiInput[])[]): ParamValues {
  const isPositional = candidates.length > 0 && !words.some((word, at) => isNamed(word, at, candidates));
  const pairs = isPositional ? undefined : namesOf(words);
  if (pairs === undefined) {
    const inputs = inputsFor(candidates, words.length, undefined);
    return words.map((word, at) => {
      const input = inputs?.[at];
      return input === undefined ? guessed(word, `parameter ${at}`) : paramValueOf(word, input, `parameter ${at}`);
    });
  }
  const inputs = inputsFor(
    candidates,
    pairs.length,
    pairs.map(([name]) => name),
  );
  const entries = pairs.map(([name, word]) => {
    const input = inputs?.find((known) => known.name === name);
    return [name, input === undefined ? guessed(word, name) : paramValueOf(word, input, name)] as const;
  });
  return Object.fromEntries(entries);
}

const isEntry = (value: unknown): value is AbiEntry => typeof value === "object" && value !== null;
const entriesOf = (abi: unknown): readonly AbiEntry[] => (Array.isArray(abi) ? abi.filter(isEntry) : []);

/** Inputs of the functions of that name; a signature counts by its name, as the node tells overloads apart. */
export function functionInputs(abi: unknown, name: string): readonly (readonly AbiInput[])[] {
  const bare = name.replace(/\(.*$/s, "");
  return entriesOf(abi)
    .filter((entry) => entry.type === "function" && entry.name === bare)
    .map(({ inputs }) => inputs ?? []);
}

/** Inputs of the constructor; none where the ABI has none. */
export const constructorInputs = (abi: unknown): readonly AbiInput[] =>
  entriesOf(abi).find(({ type }) => type === "constructor")?.inputs ?? [];

/**
 * A constructor's arguments, which the API takes by position.
 * @param abi undefined where it is not known here: then words are read by their look, and `a=b` is text
 * @throws CodedError `INVALID_CONFIG` that names what is missing or unknown
 */
export function constructorArguments(words: readonly string[], abi: unknown): readonly ParamValue[] {
  if (abi === undefined) return words.map((word, at) => guessed(word, `argument ${at}`));
  const inputs = constructorInputs(abi);
  const values = parseValues(words, [inputs]);
  if (Array.isArray(values)) return values;
  const byName = values as Readonly<Record<string, ParamValue>>;
  const unknown = Object.keys(byName).find((name) => !inputs.some((input) => input.name === name));
  const signature = inputs.map(({ type, name }) => `${type} ${name ?? ""}`.trim()).join(", ");
  if (unknown !== undefined) {
    const suggestion = suggestionOf(
      unknown,
      inputs.map(({ name = "" }) => name),
    );
    throw invalidConfig(`the constructor (${signature}) has no parameter ${unknown}${suggestion}`);
  }
  return inputs.map(({ name = "" }) => {
    if (Object.hasOwn(byName, name)) return byName[name];
    throw invalidConfig(`the constructor (${signature}) needs ${name === "" ? "its parameters by position" : name}`);
  });
}
