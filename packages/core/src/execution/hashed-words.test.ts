import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { keccak256 } from "../crypto/crypto.ts";
import { createDice } from "./dice.test-support.ts";
import { HASHED_BYTES, hashOfWords } from "./hashed-words.ts";
import { wordOf } from "./word.ts";

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer);

function checkAt(memory: Uint8Array, offset: number): void {
  const wanted = wordOf(keccak256(memory.slice(offset, offset + HASHED_BYTES)));
  assert.equal(hashOfWords(memory, viewOf(memory), offset), wanted);
}

describe("the hash of two words", () => {
  it("is that of 64 zeros, whatever was asked for before", () => {
    checkAt(new Uint8Array(HASHED_BYTES), 0);
    checkAt(new Uint8Array(HASHED_BYTES), 0);
  });

  it("is another one for another bit anywhere", () => {
    const memory = new Uint8Array(HASHED_BYTES).fill(0xa5);
    for (let bit = 0; bit < 8 * HASHED_BYTES; bit++) {
      const flip = (): void => {
        memory[bit >> 3] = (memory[bit >> 3] as number) ^ (1 << (bit & 7));
      };
      checkAt(memory, 0);
      flip();
      checkAt(memory, 0);
      flip();
      checkAt(memory, 0);
    }
  });

  it("is that of the bytes at the offset, aligned or not, the second time as the first", () => {
    const dice = createDice(7);
    const memory = new Uint8Array(1_024).map(() => dice.below(256));
    for (let round = 0; round < 2; round++) {
      for (let offset = 0; offset + HASHED_BYTES <= memory.length; offset++) checkAt(memory, offset);
    }
  });

  it("is right for more keys than are remembered, asked for again in another order", () => {
    const dice = createDice(8);
    const memory = new Uint8Array(HASHED_BYTES);
    const view = viewOf(memory);
    for (let n = 0; n < 30_000; n++) {
      view.setUint32(28, dice.below(9_000));
      view.setUint32(60, dice.below(3));
      checkAt(memory, 0);
    }
  });
});
