import assert from "node:assert/strict";
import { test } from "node:test";
import { multiaddrConnectionPair } from "@libp2p/utils";
import { xsalsa20 } from "@noble/ciphers/salsa.js";
import fc from "fast-check";
import { KeyedConnection, KeyStream } from "./keyed-connection.ts";

const KEY = new Uint8Array(32).fill(1);
const NONCE = new Uint8Array(24).fill(2);

test("a key stream goes on over pieces of any size as if they were one", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (pieces) => {
      const stream = new KeyStream(KEY, NONCE);
      const whole = Buffer.concat(pieces);
      const expected = xsalsa20(KEY, NONCE, new Uint8Array(whole));
      assert.deepEqual(Buffer.concat(pieces.map((piece) => stream.update(piece))), Buffer.from(expected));
      const back = new KeyStream(KEY, NONCE);
      assert.deepEqual(Buffer.from(back.update(expected)), whole);
    }),
  );
});

test("what is given is left as it was", () => {
  const given = new Uint8Array(100).fill(9);
  new KeyStream(KEY, NONCE).update(given);
  assert.deepEqual(given, new Uint8Array(100).fill(9));
});

for (const direction of ["incoming", "outgoing"] as const) {
  test(`a key stream that is used up ends the connection, and throws at nobody: ${direction}`, async () => {
    const [raw, far] = multiaddrConnectionPair();
    const fine = { update: (bytes: Uint8Array) => bytes };
    const usedUp = {
      update: (): Uint8Array => {
        throw new Error("used up");
      },
    };
    const connection = new KeyedConnection({
      ...{ raw, incoming: fine, outgoing: fine, opening: new Uint8Array(), mismatch: () => new Error("mismatch") },
      [direction]: usedUp,
    });
    connection.addEventListener("message", () => {});
    const ended = new Promise<Error | undefined>((resolve) =>
      connection.addEventListener("close", ({ error }) => resolve(error), { once: true }),
    );
    if (direction === "incoming") far.send(new Uint8Array(10));
    else connection.send(new Uint8Array(10));
    assert.equal((await ended)?.message, "used up");
    assert.notEqual(raw.status, "open");
  });
}
