/** Ids of subscriptions and filters: nobody guesses another's. */

import { randomBytes } from "node:crypto";
import type { Hex } from "@counterpart/core/base/bytes";

const ID_BYTES = 16;

/** Hexadecimal, without leading zeros, as go-ethereum has them. */
export const createStreamId = (): Hex => `0x${BigInt(`0x${randomBytes(ID_BYTES).toString("hex")}`).toString(16)}`;
