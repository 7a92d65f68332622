import assert from "node:assert/strict";
import { it } from "node:test";
import { createAccount } from "@ethereumjs/util";
import fc from "fast-check";
import { bytesToHex, type Hex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { decodeAccount, encodeAccount } from "./account.ts";

const hash: fc.Arbitrary<Hex> = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHex);
const accounts = fc
  .record({
    nonce: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    balance: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
    storageRoot: hash,
    codeHash: hash,
  })
  .map((fields) => ({ ...fields }));

it("accounts decode to what was encoded, and are encoded as the reference library encodes them", () => {
  fc.assert(
    fc.property(accounts, (account) => {
      const bytes = encodeAccount(account);
      assert.deepEqual(decodeAccount(bytes), account);
      assert.deepEqual(createAccount(account).serialize(), bytes);
      for (let end = 0; end < bytes.length; end++) {
        assert.throws(() => decodeAccount(bytes.subarray(0, end)), CodedError);
      }
    }),
    { numRuns: 30 },
  );
});
