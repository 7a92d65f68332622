import assert from "node:assert/strict";
import { test } from "node:test";
import { multiaddr } from "@multiformats/multiaddr";
import { createInboundGate } from "./inbound-limits.ts";

function openGate(perAddressMax: number, totalMax: number) {
  const refused: string[] = [];
  const gate = createInboundGate({ perAddressMax, totalMax, onRefused: (reason) => refused.push(reason) });
  /** What closes the connection; undefined when it was refused. */
  const connect = (address: string): (() => void) | undefined => {
    const target = new EventTarget();
    const connection = {
      remoteAddr: multiaddr(address),
      addEventListener: target.addEventListener.bind(target) as never,
    };
    return gate(connection) ? undefined : () => void target.dispatchEvent(new Event("close"));
  };
  return { connect, refused };
}

test("one address has so many connections at once, others have theirs, and a closed one makes room", () => {
  const { connect, refused } = openGate(2, 100);
  const close = connect("/ip4/192.0.2.1/tcp/1");
  assert.ok(connect("/ip4/192.0.2.1/tcp/2"));
  assert.equal(connect("/ip4/192.0.2.1/tcp/3"), undefined);
  assert.ok(connect("/ip4/192.0.2.2/tcp/1"));
  assert.deepEqual(refused, ["address"]);
  close?.();
  assert.ok(connect("/ip4/192.0.2.1/tcp/4"));
  assert.equal(connect("/ip4/192.0.2.1/tcp/5"), undefined);
});

test("the addresses of one IPv6 network of 64 bits count together", () => {
  const { connect } = openGate(2, 100);
  assert.ok(connect("/ip6/2001:db8::1/tcp/1"));
  assert.ok(connect("/ip6/2001:db8:0:0:ffff::1/tcp/1"));
  assert.equal(connect("/ip6/2001:db8::2/tcp/1"), undefined);
  assert.ok(connect("/ip6/2001:db8:0:1::1/tcp/1"));
});

test("loopback is limited in total only", () => {
  const { connect, refused } = openGate(1, 3);
  for (const address of ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2", "/ip6/::1/tcp/1"]) assert.ok(connect(address));
  assert.equal(connect("/ip4/127.0.0.1/tcp/3"), undefined);
  assert.equal(connect("/ip4/192.0.2.1/tcp/1"), undefined);
  assert.deepEqual(refused, ["total", "total"]);
});
