/** Which function of an ABI a caller means. */

import { CodedError } from "@counterpart/core/base/errors";
import { suggestionOf } from "@counterpart/core/base/similar";
import { type AbiFunction, type ContractAbi, describeFunction } from "./abi.ts";
import { hasText, type ParamValues, paramsFit, valuesFit } from "./params.ts";

const LISTED_MAX = 64;
const SHOWN_CHARACTERS_MAX = 256;
/** Comparing names takes time. */
const COMPARED_MAX = 256;
/** So does reading the parameters by each overload. */
const TRIED_MAX = 16;

/** White space out, and `uint`, `int` as their canonical types, so that `f(address, uint)` finds `f(address,uint256)`. */
function canonicalSignature(text: string): string {
  return text.replace(/\s+/g, "").replace(/\b(u?int)(?!\d)/g, "$1256");
}

function listed(functions: readonly AbiFunction[]): string[] {
  return functions.slice(0, LISTED_MAX).map(describeFunction);
}

function unknownFunction(abi: ContractAbi, text: string): CodedError {
  const shown = text.slice(0, SHOWN_CHARACTERS_MAX);
  const compared = abi.functions.slice(0, COMPARED_MAX);
  const names = compared.map(({ name, signature }) => (text.includes("(") ? signature : name));
  const message = `the contract has no function ${JSON.stringify(shown)}${suggestionOf(text, names)}`;
  return new CodedError("UNKNOWN_FUNCTION", message, { function: shown, available: listed(abi.functions) });
}

/**
 * The function that `text`, a name or a full signature, names. Of several overloads the one that takes parameters of
 * these names or this number, or of several such ones the only one that takes their values. Text may
 * be meant as anything, and be written wrongly: it tells no overloads apart.
 * @throws CodedError `UNKNOWN_FUNCTION` with the functions there are, `AMBIGUOUS_FUNCTION` with the overloads
 */
export function findFunction(abi: ContractAbi, text: string, params: ParamValues): AbiFunction {
  if (text.includes("(")) {
    const open = text.indexOf("(");
    const signature = text.slice(0, open).trim() + canonicalSignature(text.slice(open));
    const exact = abi.functions.find((candidate) => candidate.signature === signature);
    if (exact === undefined) throw unknownFunction(abi, text);
    return exact;
  }
  const named = abi.functions.filter(({ name }) => name === text);
  const [only] = named;
  if (only === undefined) throw unknownFunction(abi, text);
  if (named.length === 1) return only;
  const fitting = named.filter(({ inputs }) => paramsFit(inputs, params));
  const areTried = fitting.length > 1 && fitting.length <= TRIED_MAX && !hasText(params);
  const left = areTried ? fitting.filter(({ inputs }) => valuesFit(inputs, params)) : fitting;
  const [fit] = left;
  if (fit !== undefined && left.length === 1) return fit;
  const reason = fit === undefined ? "no overload takes these parameters" : "several overloads may be meant";
  throw new CodedError("AMBIGUOUS_FUNCTION", `${text}: ${reason}; give the full signature`, {
    function: text,
    overloads: listed(fit === undefined ? named : left),
  });
}
