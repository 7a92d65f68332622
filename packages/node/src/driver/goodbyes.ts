/** Why connections end, as errors that a caller can read. */

import { ERROR_CATALOGUE, type ErrorCode } from "@counterpart/core/base/error-catalogue";
import { CodedError } from "@counterpart/core/base/errors";
import { GOODBYES, type GoodbyeCode } from "@counterpart/core/sync/message-types";

const MESSAGES: Readonly<Record<GoodbyeCode, readonly [ErrorCode, string]>> = {
  DISCONNECTED: ["PEER_DISCONNECTED", "one of the two nodes was told to disconnect from the other"],
  STOPPING: ["PEER_DISCONNECTED", "the node is stopping"],
  WRONG_CHAIN: ["WRONG_CHAIN", "the peer is on another chain id, genesis or set of rules"],
  CLOCK_SKEW: ["CLOCK_SKEW", "the peer's clock and this node's are more than 60 s apart"],
  INCOMPATIBLE_VERSION: ["INCOMPATIBLE_VERSION", "no protocol version in common"],
  SELF_CONNECTION: ["SELF_CONNECTION", "the address is this node's own"],
  TOO_MANY_PEERS: ["TOO_MANY_PEERS", "the peer takes no more connections at present"],
  PEER_BANNED: ["PEER_BANNED", "the peer has banned this node"],
  BAD_MESSAGE: ["BAD_MESSAGE", "the connection ended because a message broke the protocol"],
  TIMEOUT: ["CONNECTION_TIMEOUT", "the peer did not say what was due in time"],
  DETACHED: ["DETACHED", "the peer's chain was changed by development methods: it takes no peers until it is reset"],
  REPLACED: ["PEER_DISCONNECTED", "another connection to the same peer took over"],
};

const isGoodbye = (text: string): text is GoodbyeCode => Object.hasOwn(GOODBYES, text);
const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(ERROR_CATALOGUE, text);

/** The error for a goodbye, or for the reason that the network gives for a link's end. */
export function closingError(reason: string | undefined): CodedError {
  if (reason !== undefined && isGoodbye(reason)) {
    const [code, message] = MESSAGES[reason];
    return new CodedError(code, message, { goodbye: reason });
  }
  const code = reason !== undefined && isErrorCode(reason) ? reason : "PEER_DISCONNECTED";
  return new CodedError(code, "the connection to the peer ended", reason === undefined ? {} : { reason });
}

/** Whether waiting for the peer to come back is pointless. */
export const isFinalGoodbye = (code: GoodbyeCode): boolean => code !== "TIMEOUT" && code !== "REPLACED";
