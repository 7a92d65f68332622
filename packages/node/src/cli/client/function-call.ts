/** A function of a contract and its parameters, as `execute` and `call` take them. */

import { required, text, variadic, withoutUndefined } from "../command.ts";
import { invalidConfig } from "../invalid-config.ts";
import type { ApiClient } from "./api-client.ts";
import { addressWord } from "./checked-text.ts";
import { type ContractAnswer, wholeAbi } from "./contract.ts";
import { amountValue, exactJson, functionInputs, type ParamValues, parseValues } from "./values.ts";

export const FUNCTION_ARGUMENTS = {
  address: required("the contract's address"),
  function: required("name, or the signature of an overload: 'burn(address,uint256)'"),
  parameters: variadic("name=value for each, or values by position; arrays and tuples as JSON"),
};

export const FUNCTION_OPTIONS = {
  params: text("--params <json>", "the parameters as one JSON object or array, in the place of words"),
  value: text("--value <wei>", "wei to send along, for a payable function"),
};

export interface WantedCall {
  readonly function: string;
  readonly words: readonly string[];
  readonly params?: string | undefined;
  readonly value?: string | undefined;
  readonly from?: string | undefined;
}

/** @throws CodedError `INVALID_CONFIG` */
function parsedParams(params: string, words: readonly string[]): unknown {
  if (words.length > 0) throw invalidConfig("give the parameters as words or as --params, not both");
  const value = exactJson(params, "--params");
  if (typeof value === "object" && value !== null) return value;
  throw invalidConfig("--params must be a JSON object or array");
}

/** Words mean what the function's types say. A contract without ABI is the node's to complain of. */
async function readParams(
  client: ApiClient,
  address: string,
  { function: name, words }: WantedCall,
): Promise<ParamValues> {
  if (words.length === 0) return [];
  const contract = await client.get<ContractAnswer>(`contracts/${address}`);
  return parseValues(words, functionInputs(wholeAbi(contract), name));
}

/** Path and body of the request, without what only one of both takes. */
export async function callRequest(client: ApiClient, word: string, wanted: WantedCall) {
  const address = addressWord(word);
  const params =
    wanted.params === undefined ? await readParams(client, address, wanted) : parsedParams(wanted.params, wanted.words);
  const { value, from } = wanted;
  const more = withoutUndefined({
    value: value === undefined ? undefined : amountValue(value),
    from: from === undefined ? undefined : addressWord(from),
  });
  return { path: `contracts/${address}`, body: { function: wanted.function, params, ...more } };
}
