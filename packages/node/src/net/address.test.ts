import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import fc from "fast-check";
import { listenAddress, parseDialAddress } from "./address.ts";

const PEER = "12D3KooWJf2s6mDvxhbfZ2KEj92caWg2QUwstTkAE4LfYxLJMdYT";

test("host and port, and multiaddrs, become what libp2p dials", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["127.0.0.1:5000", "/ip4/127.0.0.1/tcp/5000"],
    ["node-1.example.org:1", "/dns4/node-1.example.org/tcp/1"],
    ["localhost:65535", "/dns4/localhost/tcp/65535"],
    ["[::1]:5000", "/ip6/::1/tcp/5000"],
    ["[2001:db8::7]:5000", "/ip6/2001:db8::7/tcp/5000"],
    ["/ip4/10.0.0.1/tcp/5000", "/ip4/10.0.0.1/tcp/5000"],
    ["/dns4/example.org/tcp/443/wss", "/dns4/example.org/tcp/443/wss"],
    ["/ip4/10.0.0.1/tcp/5000/ws", "/ip4/10.0.0.1/tcp/5000/ws"],
  ];
  for (const [address, expected] of cases) {
    const target = parseDialAddress(address);
    assert.equal(target.multiaddr.toString(), expected);
    assert.equal(target.peerId, undefined);
  }
});

test("the peer id is taken off, to be compared with who answers", () => {
  const target = parseDialAddress(`/ip4/10.0.0.1/tcp/5000/ws/p2p/${PEER}`);
  assert.equal(target.multiaddr.toString(), "/ip4/10.0.0.1/tcp/5000/ws");
  assert.equal(target.peerId, PEER);
});

test("what cannot be dialled is refused with a code", () => {
  const wrong = [
    "",
    ":5000",
    "host",
    "host:",
    "host:0",
    "host:65536",
    "host:99999",
    "ho st:1",
    "-host:1",
    "999.0.0.1:1",
    "1.2.3:1",
    "::1:5000",
    "[::1]",
    "[zz]:1",
    "http://127.0.0.1:5000",
    "127.0.0.1:5000/path",
    "/",
    "/ip4/127.0.0.1",
    "/ip4/127.0.0.1/tcp/0",
    "/ip4/127.0.0.1/udp/5000",
    "/ip4/127.0.0.1/tcp/5000/p2p/xyz",
    `/p2p/${PEER}`,
    `/ip4/127.0.0.1/tcp/5000/p2p/${PEER}/p2p-circuit`,
    `/ip4/127.0.0.1/tcp/5000/p2p/${PEER}/p2p/${PEER}`,
    `${"a".repeat(600)}:1`,
  ];
  for (const address of wrong) {
    assert.throws(
      () => parseDialAddress(address),
      (error) => isCodedError(error, "INVALID_ADDRESS"),
      address,
    );
  }
});

test("any text is either an address or a coded error", () => {
  const text = fc.oneof(
    fc.string(),
    fc.string().map((it) => `/ip4/${it}`),
    fc.string().map((it) => `${it}:1`),
  );
  fc.assert(
    fc.property(text, (address) => {
      try {
        parseDialAddress(address);
      } catch (error) {
        assert.ok(isCodedError(error, "INVALID_ADDRESS"));
      }
    }),
  );
});

test("addresses to listen at", () => {
  assert.equal(listenAddress("127.0.0.1", 0, false), "/ip4/127.0.0.1/tcp/0");
  assert.equal(listenAddress("localhost", 7, false), "/ip4/127.0.0.1/tcp/7");
  assert.equal(listenAddress("::", 7, true), "/ip6/::/tcp/7/ws");
  for (const [host, port] of [
    ["example.org", 1],
    ["127.0.0.1", 70_000],
    ["", 1],
  ] as const) {
    assert.throws(
      () => listenAddress(host, port, false),
      (error) => isCodedError(error, "INVALID_CONFIG"),
    );
  }
});
