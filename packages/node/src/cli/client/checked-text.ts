/** Words of a command line that become part of a request's path. */

import { invalidConfig } from "../invalid-config.ts";

/** @throws CodedError `INVALID_CONFIG` */
function matching(word: string, shape: RegExp, what: string): string {
  if (shape.test(word)) return word;
  const shown = word.length > 100 ? `${word.slice(0, 100)}…` : word;
  throw invalidConfig(`${JSON.stringify(shown)} is not ${what}`);
}

/** The node checks the checksum. @throws CodedError `INVALID_CONFIG` */
export const addressWord = (word: string): string =>
  matching(word, /^0x[0-9a-fA-F]{40}$/, "an address (0x and 40 hexadecimal digits)");

/** @throws CodedError `INVALID_CONFIG` */
export const hashWord = (word: string): string =>
  matching(word, /^0x[0-9a-fA-F]{64}$/, "a transaction's hash (0x and 64 hexadecimal digits)");

/** @throws CodedError `INVALID_CONFIG` */
export const blockWord = (word: string): string =>
  matching(word, /^(latest|\d{1,15}|0x[0-9a-fA-F]{64})$/, "a block's number or hash, or latest");
