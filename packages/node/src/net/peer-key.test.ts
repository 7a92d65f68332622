import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { generateKeyPair, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import { createPeerKey, peerKeyFromBytes } from "./peer-key.ts";

test("a key survives its bytes, and two keys differ", async () => {
  const bytes = await createPeerKey();
  assert.equal(peerKeyFromBytes(bytes).type, "Ed25519");
  assert.ok(peerKeyFromBytes(bytes).equals(peerKeyFromBytes(bytes.slice())));
  assert.ok(!peerKeyFromBytes(bytes).equals(peerKeyFromBytes(await createPeerKey())));
});

test("other bytes and other kinds of keys are refused with a code", async () => {
  const bytes = await createPeerKey();
  const other = privateKeyToProtobuf(await generateKeyPair("secp256k1"));
  for (const wrong of [new Uint8Array(0), new Uint8Array(32), bytes.subarray(0, 20), other]) {
    assert.throws(
      () => peerKeyFromBytes(wrong),
      (error) => isCodedError(error, "INVALID_CONFIG"),
    );
  }
});
