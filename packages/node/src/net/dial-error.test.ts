import assert from "node:assert/strict";
import { test } from "node:test";
import { CodedError } from "@counterpart/core/base/errors";
import { dialError, listenError } from "./dial-error.ts";

function failure(name: string, message = "", code?: string): Error {
  return Object.assign(new Error(message), { name }, code === undefined ? {} : { code });
}

test("what libp2p throws becomes a code, by name, by system code, or by nothing at all", () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [failure("Error", "connect ECONNREFUSED 127.0.0.1:1", "ECONNREFUSED"), "CONNECTION_REFUSED"],
    [failure("Error", "connect ETIMEDOUT", "ETIMEDOUT"), "CONNECTION_TIMEOUT"],
    [failure("Error", "read ECONNRESET", "ECONNRESET"), "CONNECTION_FAILED"],
    [failure("Error", "getaddrinfo ENOTFOUND", "ENOTFOUND"), "CONNECTION_FAILED"],
    [failure("EncryptionFailedError", "Unexpected EOF - stream closed while reading 46/72 bytes"), "NOT_A_PEER"],
    [failure("EncryptionFailedError", "Unexpected EOF - stream closed while reading 0/1 bytes"), "CONNECTION_FAILED"],
    [failure("EncryptionFailedError", "Encryption failed"), "CONNECTION_FAILED"],
    [failure("UnsupportedProtocolError"), "NOT_A_PEER"],
    [failure("MuxerUnavailableError"), "NOT_A_PEER"],
    [failure("InvalidPeerIdError"), "SELF_CONNECTION"],
    [failure("NoValidAddressesError"), "INVALID_ADDRESS"],
    [failure("TimeoutError"), "CONNECTION_TIMEOUT"],
    [new DOMException("The operation was aborted", "AbortError"), "CONNECTION_TIMEOUT"],
    [new Event("error"), "CONNECTION_FAILED"],
    [undefined, "CONNECTION_FAILED"],
    [new AggregateError([]), "CONNECTION_FAILED"],
    [new AggregateError([new Event("error"), failure("Error", "", "ECONNREFUSED")]), "CONNECTION_REFUSED"],
  ];
  for (const [error, code] of cases) {
    const coded = dialError(error, "host:1", false);
    assert.equal(coded.code, code);
    assert.match(coded.message, /^host:1: ./);
  }
});

test("an aborted dial is a time-out, whatever it failed with, unless the failure has a code", () => {
  assert.equal(dialError(failure("EncryptionFailedError", "aborted"), "host:1", true).code, "CONNECTION_TIMEOUT");
  const coded = new CodedError("TOO_MANY_PEERS", "full");
  assert.equal(dialError(coded, "host:1", true), coded);
});

test("a failed listen is told by the text that libp2p wraps it in", () => {
  const taken = failure(
    "UnsupportedListenAddressesError",
    "Some …:\n\n  /ip4/…: Error: listen EADDRINUSE: address in use",
  );
  assert.equal(listenError(taken, "127.0.0.1", 5000).code, "PORT_IN_USE");
  const denied = listenError(failure("X", "…\n Error: listen EACCES: permission denied\n at Server"), "127.0.0.1", 80);
  assert.equal(denied.code, "INVALID_CONFIG");
  assert.match(denied.message, /EACCES: permission denied$/);
});
