/** Ids of subscriptions and filters: nobody guesses another's. */

import { randomBytes } from "node:crypto";
import type { Hex } from "@counterpart/core/base/bytes";
import type { JsonValue } from "../json.ts";
import { badValue, type Reader } from "../rpc/params.ts";

const ID_BYTES = 16;

/** Hexadecimal, without leading zeros, as go-ethereum has them. */
export const createStreamId = (): Hex => `0x${BigInt(`0x${randomBytes(ID_BYTES).toString("hex")}`).toString(16)}`;

/** An id in the form in which it was given out; what is no such id is that of nothing. */
export const readStreamId: Reader<string> = (value: JsonValue) => {
  if (typeof value !== "string") throw badValue("expected a string");
  return value.toLowerCase();
};
