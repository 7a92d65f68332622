/**
 * What went wrong with a dial or a listen, as error codes. libp2p 3 tells its failures apart by the `name` of an error
 * at best: an unencrypted server shows as `EncryptionFailedError`, a failed WebSocket as an event that is no `Error`.
 */

import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { KEY_MISMATCH, NO_NEGOTIATION } from "./protector.ts";

const MEANINGS = {
  SELF_CONNECTION: "the address is this node's own",
  CONNECTION_REFUSED: "nothing listens there",
  CONNECTION_TIMEOUT: "the other side did not answer in time",
  NOT_A_PEER: "the other side does not speak this protocol",
  NETWORK_KEY_MISMATCH: "this node and the other side do not hold the same network key",
  INVALID_ADDRESS: "no transport can dial it",
  CONNECTION_FAILED: "no connection could be made",
} as const satisfies Partial<Record<ErrorCode, string>>;

type DialErrorCode = keyof typeof MEANINGS;

const CODE_BY_NAME: Readonly<Record<string, DialErrorCode>> = {
  InvalidPeerIdError: "SELF_CONNECTION",
  NoValidAddressesError: "INVALID_ADDRESS",
  NetworkKeyError: "NETWORK_KEY_MISMATCH",
  NotLibp2pError: "NOT_A_PEER",
  UnsupportedProtocolError: "NOT_A_PEER",
  MuxerUnavailableError: "NOT_A_PEER",
  TimeoutError: "CONNECTION_TIMEOUT",
  AbortError: "CONNECTION_TIMEOUT",
  ECONNREFUSED: "CONNECTION_REFUSED",
  ETIMEDOUT: "CONNECTION_TIMEOUT",
};

/** The encryption handshake failed because the other side hung up before its first byte: a full peer does that too. */
const HUNG_UP = /^Encryption failed$|while reading 0\/|ECONNRESET|EPIPE/;

/**
 * The coded error for a failed dial.
 * @param error what libp2p threw, of whatever type
 * @param aborted whether the caller's signal or the time limit ended the dial
 */
export function dialError(error: unknown, address: string, aborted: boolean): CodedError {
  if (isCodedError(error)) return error;
  const code = aborted ? "CONNECTION_TIMEOUT" : dialErrorCode(error);
  const reason = messageOf(error);
  return new CodedError(code, `${address}: ${MEANINGS[code]}`, reason === "" ? { address } : { address, reason });
}

function dialErrorCode(error: unknown): DialErrorCode {
  if (error instanceof AggregateError) {
    const codes = error.errors.map(dialErrorCode);
    return codes.find((code) => code !== "CONNECTION_FAILED") ?? "CONNECTION_FAILED";
  }
  if (!(error instanceof Error)) return "CONNECTION_FAILED";
  if (error.name === "EncryptionFailedError") return encryptionErrorCode(error.message);
  const systemCode = "code" in error ? String(error.code) : "";
  return CODE_BY_NAME[systemCode] ?? CODE_BY_NAME[error.name] ?? "CONNECTION_FAILED";
}

function encryptionErrorCode(message: string): DialErrorCode {
  if (message.includes(KEY_MISMATCH) || message.includes(NO_NEGOTIATION)) return "NETWORK_KEY_MISMATCH";
  return HUNG_UP.test(message) ? "CONNECTION_FAILED" : "NOT_A_PEER";
}

/** The coded error for a failed start: libp2p wraps the listeners' errors into the text of one. */
export function listenError(error: unknown, host: string, port: number, wsPort?: number): CodedError {
  const reason = messageOf(error);
  if (reason.includes("EADDRINUSE")) {
    const ports = wsPort === undefined ? `peers' port ${port}` : `peers' port ${port} or WebSocket port ${wsPort}`;
    return new CodedError("PORT_IN_USE", `${ports} on ${host} is taken`, { host, port });
  }
  const cause = /\b(E[A-Z]{3,}[^\n]*)/.exec(reason)?.[1] ?? reason;
  return new CodedError("INVALID_CONFIG", `cannot listen at port ${port} of ${host}: ${cause}`, { host, port });
}

function messageOf(error: unknown): string {
  return typeof error === "object" && error !== null && "message" in error ? String(error.message) : "";
}
