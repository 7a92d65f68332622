import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Hex, hexToBytes } from "../base/bytes.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { Code, CodeCache } from "./code.ts";
import { slotOf } from "./fixtures.test-support.ts";

const code = (hex: Hex): Code => new Code("0x", hexToBytes(hex));

describe("code", () => {
  it("has jump destinations where a JUMPDEST is no data of a PUSH", () => {
    assert.deepEqual([...code("0x5b605b5b").jumpDestinations], [1, 0, 0, 1]);
    assert.deepEqual([...code("0x7f5b5b").jumpDestinations], [0, 0, 0]);
    assert.deepEqual([...code("0x625b5b5b5b").jumpDestinations], [0, 0, 0, 0, 1]);
  });

  it("gives immediates, of zeros where they are cut off", () => {
    const cut = code("0x6801020304");
    assert.equal(cut.constant(1, 9), 0x010203040000000000n);
    assert.equal(cut.constant(1, 9), 0x010203040000000000n);
    assert.equal(cut.padded[5], 0);
  });

  it("says for whom it stands in", () => {
    assert.equal(code(`0xef0100${"0".repeat(38)}07`).delegate, 7);
    assert.equal(code(`0xef0100${"0".repeat(40)}07`).delegate, undefined);
    assert.equal(code("0x6000").delegate, undefined);
  });
});

describe("a cache of code", () => {
  const codes = new Map([1, 2, 3].map((first) => [keccak256Hex(long(first)), long(first)]));
  const [a, b, c] = [...codes.keys()] as [Hex, Hex, Hex];
  const loading = (loaded: Hex[]) => (hash: Hex) => {
    loaded.push(hash);
    return codes.get(hash) ?? new Uint8Array(1);
  };

  it("holds what was used last, up to its size in bytes", () => {
    const loaded: Hex[] = [];
    // Room for two.
    const cache = new CodeCache(20_000);
    for (const hash of [a, b, a, c, a, b]) assert.equal(cache.get(hash, loading(loaded)).hash, hash);
    assert.deepEqual(loaded, [a, b, c, b]);
  });

  it("holds one code that is larger than all of it", () => {
    const loaded: Hex[] = [];
    const cache = new CodeCache(1);
    for (const hash of [a, a]) cache.get(hash, loading(loaded));
    assert.deepEqual(loaded, [a]);
  });

  it("does not hold what is not the code of the hash", () => {
    const loaded: Hex[] = [];
    const cache = new CodeCache(20_000);
    for (const hash of [slotOf(1n), slotOf(1n)]) cache.get(hash, loading(loaded));
    assert.equal(loaded.length, 2);
  });
});

function long(first: number): Uint8Array {
  return new Uint8Array(1_000).fill(first, 0, 1);
}
