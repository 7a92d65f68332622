import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bigIntToFixedBytes, bytesToBigInt, bytesToHex, concatBytes, type Hex } from "../base/bytes.ts";
import { sealHeader } from "../chain/header.ts";
import type { Header, SealedHeader } from "../chain/types.ts";
import { privateKeyToAddress, SECP256K1_ORDER, signDigest } from "../crypto/crypto.ts";
import { addSeal, checkHeader, compareHeads, draftHeader, isFromFuture, sealDigest } from "./poa.ts";

const privateKey = new Uint8Array(32).fill(7);
const sealer = privateKeyToAddress(privateKey);
const outsiderKey = new Uint8Array(32).fill(8);
const vanity = new Uint8Array(32);
const open = { signers: [] };

const root: SealedHeader = sealHeader({
  ...draftHeader({
    parent: { hash: `0x${"00".repeat(32)}`, number: -1, gasLimit: 60_000_000 } as SealedHeader,
    coinbase: `0x${"00".repeat(20)}`,
    timestamp: 1_000,
    vanity,
  }),
});

function draft(changes: Partial<Header> = {}): Header {
  return { ...draftHeader({ parent: root, coinbase: sealer, timestamp: 1_001, vanity }), ...changes };
}
const seal = (header: Header, key = privateKey): SealedHeader => addSeal(header, (digest) => signDigest(digest, key));

test("a header sealed by its coinbase is accepted where anyone may seal and where the sealer is listed", () => {
  checkHeader(seal(draft()), root, open);
  checkHeader(seal(draft()), root, { signers: [sealer] });
});

test("a header sealed by somebody who is not listed is refused", () => {
  const rules = { signers: [privateKeyToAddress(outsiderKey)] };
  assert.throws(() => checkHeader(seal(draft()), root, rules), {
    code: "INVALID_HEADER",
    message: /not a listed signer/,
  });
});

test("a header sealed by another than its coinbase is refused", () => {
  assert.throws(() => checkHeader(seal(draft(), outsiderKey), root, open), { message: /another than its coinbase/ });
});

test("a header may have its parent's time and use all the gas there is", () => {
  checkHeader(seal(draft({ timestamp: root.timestamp, gasUsed: root.gasLimit })), root, open);
});

test("every fixed field is checked", () => {
  const wrong: Partial<Header>[] = [
    { parentHash: `0x${"11".repeat(32)}` },
    { number: 5 },
    { timestamp: 999 },
    { difficulty: 2n },
    { gasLimit: 1 },
    { gasUsed: 60_000_001 },
    { mixHash: `0x${"00".repeat(32)}` },
    { nonce: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1) },
    { baseFeePerGas: 1n },
    { blobGasUsed: 1 },
    { excessBlobGas: 1 },
    { ommersHash: `0x${"00".repeat(32)}` },
    { withdrawalsRoot: `0x${"00".repeat(32)}` },
    { requestsHash: `0x${"00".repeat(32)}` },
    { parentBeaconBlockRoot: `0x${"01".repeat(32)}` },
  ];
  for (const fields of wrong) {
    assert.throws(
      () => checkHeader(seal(draft(fields)), root, open),
      { code: "INVALID_HEADER" },
      JSON.stringify(Object.keys(fields)),
    );
  }
});

test("a second block hash of the same content cannot be made by flipping the seal's s", () => {
  const sealed = seal(draft());
  const signature = sealed.extraData.subarray(32);
  const flipped = concatBytes(
    signature.subarray(0, 32),
    bigIntToFixedBytes(SECP256K1_ORDER - bytesToBigInt(signature.subarray(32, 64)), 32),
    new Uint8Array([1 - (signature[64] as number)]),
  );
  const twin = sealHeader({ ...sealed, extraData: concatBytes(vanity, flipped) });
  assert.notEqual(twin.hash, sealed.hash);
  assert.throws(() => checkHeader(twin, root, open), { code: "INVALID_HEADER" });
});

test("changing any sealed field changes the digest", () => {
  const digest = bytesToHex(sealDigest(draft()));
  assert.notEqual(bytesToHex(sealDigest(draft({ stateRoot: `0x${"22".repeat(32)}` }))), digest);
  assert.notEqual(bytesToHex(sealDigest(draft({ timestamp: 1_002 }))), digest);
});

test("a header counts as from the future more than 60 s ahead", () => {
  assert.equal(isFromFuture(draft({ timestamp: 1_060 }), 1_000_000), false);
  assert.equal(isFromFuture(draft({ timestamp: 1_061 }), 1_000_000), true);
});

test("fork choice is a total order that prefers length, then the lower hash", () => {
  const tip = fc.record({
    number: fc.nat(3),
    hash: fc.nat(5).map((n): Hex => bytesToHex(bigIntToFixedBytes(BigInt(n), 32))),
  });
  fc.assert(
    fc.property(tip, tip, tip, (a, b, c) => {
      assert.equal(Math.sign(compareHeads(a, b)), -Math.sign(compareHeads(b, a)) + 0);
      if (compareHeads(a, b) > 0 && compareHeads(b, c) > 0) assert.ok(compareHeads(a, c) > 0);
      if (compareHeads(a, b) === 0) assert.deepEqual({ ...a }, { ...b });
      if (a.number > b.number) assert.ok(compareHeads(a, b) > 0);
      if (a.number === b.number && a.hash < b.hash) assert.ok(compareHeads(a, b) > 0);
    }),
  );
});
