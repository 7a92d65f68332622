import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Contest,
  type ContestedLink,
  decideHello,
  decodeHello,
  decodeVerdict,
  encodeHello,
  encodeVerdict,
} from "./handshake.ts";

const FREE: Contest = {
  isAllowed: true,
  instance: 1n,
  preferred: false,
  dialling: false,
  hasRoom: true,
  link: undefined,
};
const LINK: ContestedLink = { instance: 1n, direction: "outbound", verified: false };

test("a peer without a link is accepted while there is room", () => {
  assert.equal(decideHello(FREE), "accept");
  assert.equal(decideHello({ ...FREE, hasRoom: false }), "full");
});

test("a stranger is turned away, whatever else there is to say", () => {
  for (const link of [undefined, { ...LINK, direction: "inbound" as const }]) {
    assert.equal(decideHello({ ...FREE, isAllowed: false, instance: 2n, link }), "stranger");
  }
});

test("of two crossed dials each side keeps the one of the smaller peer", () => {
  assert.equal(decideHello({ ...FREE, dialling: true, preferred: true }), "duplicate");
  assert.equal(decideHello({ ...FREE, dialling: true, preferred: false }), "accept");
});

test("a peer that has restarted replaces its link, whoever dialled it and without room for another", () => {
  for (const direction of ["inbound", "outbound"] as const) {
    for (const preferred of [true, false]) {
      const link = { ...LINK, direction, verified: true };
      assert.equal(decideHello({ ...FREE, instance: 2n, preferred, link, hasRoom: false }), "accept");
    }
  }
});

test("a peer that dials again replaces the link it dialled", () => {
  assert.equal(decideHello({ ...FREE, link: { ...LINK, direction: "inbound" }, hasRoom: false }), "accept");
});

test("a dial against this side's own link loses once that link has shown that it is alive", () => {
  for (const preferred of [true, false]) {
    assert.equal(decideHello({ ...FREE, preferred, link: LINK }), "probe");
    assert.equal(decideHello({ ...FREE, preferred, link: { ...LINK, verified: true } }), "duplicate");
  }
});

test("hello and verdict survive their encoding, and nothing else is taken for them", () => {
  const instance = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(
      instance,
      fc.constantFrom("accept" as const, "duplicate" as const, "full" as const, "stranger" as const),
      (value, answer) => {
        assert.equal(decodeHello(encodeHello(value)), value);
        assert.deepEqual(decodeVerdict(encodeVerdict({ answer, instance: value })), { answer, instance: value });
      },
    ),
  );
  for (const frame of [new Uint8Array(0), new Uint8Array(8), new Uint8Array(10)]) {
    assert.equal(decodeHello(frame), undefined);
    assert.equal(decodeVerdict(frame), undefined);
  }
  assert.equal(decodeHello(new Uint8Array(9)), undefined);
  assert.equal(decodeVerdict(new Uint8Array(9).fill(4)), undefined);
});
