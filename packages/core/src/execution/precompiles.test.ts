import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { keccak256, SECP256K1_ORDER, signDigest } from "../crypto/crypto.ts";
import { executor } from "./blocks.test-support.ts";
import { ALICE, BOB, blockContext, fundedState, words } from "./fixtures.test-support.ts";
import type { CallOutcome } from "./types.ts";

const precompile = (number: number): Hex => `0x${number.toString(16).padStart(40, "0")}`;
const state = fundedState(ALICE);

function call(number: number, data: Uint8Array, gasLimit = 500_000): Promise<CallOutcome> {
  const message = { from: BOB.address, to: precompile(number), data, value: 0n, gasLimit };
  return executor.call(blockContext(), message, state);
}

describe("precompiles", () => {
  it("recover a signer at 0x01, whether s is low or high, and give nothing for what recovers nobody", async () => {
    const digest = keccak256(new Uint8Array([1]));
    const signature = signDigest(digest, ALICE.key);
    const r = BigInt(bytesToHex(signature.subarray(0, 32)));
    const s = BigInt(bytesToHex(signature.subarray(32, 64)));
    const v = 27n + BigInt(signature[64] as number);
    const recover = async (...parts: readonly bigint[]): Promise<Uint8Array> =>
      (await call(1, concatBytes(digest, words(...parts)))).output;
    assert.deepEqual(await recover(v, r, s), words(ALICE.address));
    assert.deepEqual(await recover(55n - v, r, SECP256K1_ORDER - s), words(ALICE.address));
    assert.notDeepEqual(await recover(55n - v, r, s), words(ALICE.address));
    for (const bad of [
      [v, 0n, s],
      [v, r, 0n],
      [v, SECP256K1_ORDER, s],
      [29n, r, s],
      [0n, r, s],
    ] as const) {
      assert.equal((await recover(...bad)).length, 0);
    }
  });

  it("hash with sha256 at 0x02 and copy at 0x04", async () => {
    const data = new Uint8Array([1, 2, 3]);
    assert.deepEqual((await call(2, data)).output, sha256(data));
    assert.deepEqual((await call(4, data)).output, data);
  });

  it("exponentiate at 0x05", async () => {
    const data = concatBytes(words(1n, 1n, 1n), new Uint8Array([3, 5, 7]));
    assert.deepEqual((await call(5, data)).output, new Uint8Array([3 ** 5 % 7]));
  });

  it("verify P-256 signatures at 0x100 (EIP-7951)", async () => {
    const key = keccak256(new Uint8Array([2]));
    const digest = sha256(new Uint8Array([3]));
    const signature = p256.sign(digest, key, { prehash: false, format: "compact" });
    const data = concatBytes(digest, signature, p256.getPublicKey(key, false).subarray(1));
    assert.deepEqual((await call(0x100, data)).output, words(1n));
    const wrong = data.slice();
    wrong[0] = (wrong[0] as number) ^ 1;
    assert.equal((await call(0x100, wrong)).output.length, 0);
  });

  it("evaluate points at 0x0a (EIP-4844) instead of breaking the node", async () => {
    // The vector of other clients' precompile tests.
    const input = hexToBytes(
      "0x01e798154708fe7789429634053cbf9f99b619f9f084048927333fce637f549b564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d3630624d25032e67a7e6a4910df5834b8fe70e6bcfeeac0352434196bdf4b2485d5a18f59a8d2a1a625a17f3fea0fe5eb8c896db3764f3185481bc22f91b4aaffcca25f26936857bc3a7c2539ea8ec3a952b7873033e038326e87ed3e1276fd140253fa08e9fc25fb2d9a98527fc22a2c9612fbeafdad446cbc7bcdbdcd780af2c16a",
    );
    const valid = await call(10, input);
    assert.equal(valid.status, "success");
    assert.deepEqual(valid.output, words(4_096n, 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n));
    const otherValue = input.slice();
    otherValue[95] = (otherValue[95] as number) ^ 1;
    for (const bad of [otherValue, input.subarray(1), new Uint8Array(192)]) {
      const outcome = await call(10, bad);
      assert.deepEqual([outcome.status, outcome.gasUsed], ["halted", 500_000]);
    }
  });
});
