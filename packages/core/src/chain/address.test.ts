import assert from "node:assert/strict";
import { it } from "node:test";
import { generateAddress } from "@ethereumjs/util";
import fc from "fast-check";
import { bigIntToBytes, bytesToHex, hexToBytes } from "../base/bytes.ts";
import { createAddress } from "./address.ts";

const fixed = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size });

it("CREATE addresses are those of the reference library", () => {
  fc.assert(
    fc.property(fixed(20), fc.bigInt({ min: 1n, max: 2n ** 64n - 2n }), (creator, nonce) => {
      assert.deepEqual(
        hexToBytes(createAddress(bytesToHex(creator), nonce)),
        generateAddress(creator, bigIntToBytes(nonce)),
      );
    }),
  );
  // The first contract of the first development account, as every Hardhat and Anvil user knows it.
  assert.equal(
    createAddress("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266", 0n),
    "0x5fbdb2315678afecb367f032d93f642f64180aa3",
  );
});
