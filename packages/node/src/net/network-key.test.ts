import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { generateKey } from "@libp2p/pnet";
import { networkKeyText, parseNetworkKey } from "./network-key.ts";

const DIGITS = "dffb7e3135399a8b1612b2aaca1c36a3a8ac2cd0cca51ceeb2ced87d308cac6d";

test("a key's file is read as libp2p and go-ipfs write it", () => {
  for (const text of [
    `/key/swarm/psk/1.0.0/\n/base16/\n${DIGITS}`,
    `/key/swarm/psk/1.0.0/\r\n/base16/\r\n${DIGITS.toUpperCase()}\r\n`,
  ]) {
    assert.equal(bytesToHex(parseNetworkKey(text)), `0x${DIGITS}`);
  }
  const written = new Uint8Array(95);
  generateKey(written);
  assert.equal(parseNetworkKey(new TextDecoder().decode(written)).length, 32);
});

test("what is written is read again", () => {
  const key = Uint8Array.from({ length: 32 }, (_, index) => index * 7);
  assert.deepEqual(parseNetworkKey(networkKeyText(key)), key);
});

test("anything else is refused without a word of the key", () => {
  for (const text of [
    "",
    DIGITS,
    `/key/swarm/psk/2.0.0/\n/base16/\n${DIGITS}`,
    `/key/swarm/psk/1.0.0/\n/base64/\n${DIGITS}`,
    `/key/swarm/psk/1.0.0/\n/base16/\n${DIGITS.slice(2)}`,
    `/key/swarm/psk/1.0.0/\n/base16/\n${DIGITS}00`,
    `/key/swarm/psk/1.0.0/\n/base16/\n${DIGITS.replace("d", "g")}`,
    `/key/swarm/psk/1.0.0/\n/base16/\n${DIGITS}\nmore`,
  ]) {
    assert.throws(
      () => parseNetworkKey(text),
      (error) => isCodedError(error, "INVALID_CONFIG") && !error.message.includes(DIGITS.slice(2, 20)),
      text,
    );
  }
});
