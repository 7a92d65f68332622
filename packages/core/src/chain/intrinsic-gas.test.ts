import assert from "node:assert/strict";
import { it } from "node:test";
import { createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { createAccessList2930Tx } from "@ethereumjs/tx";
import fc from "fast-check";
import { bytesToHex, type Hex } from "../base/bytes.ts";
import { calldataFloorGas, intrinsicGas, minimumGasLimit } from "./intrinsic-gas.ts";

const common = createCustomCommon({ chainId: 31_337 }, Mainnet, { hardfork: Hardfork.Osaka });
const hexOf = (size: number): fc.Arbitrary<Hex> => fc.uint8Array({ minLength: size, maxLength: size }).map(bytesToHex);

it("intrinsic gas is what the reference library computes", () => {
  const inputs = fc.record({
    to: fc.option(hexOf(20), { nil: undefined }),
    data: fc.uint8Array({ maxLength: 200, max: 3 }),
    accessList: fc.array(fc.record({ address: hexOf(20), storageKeys: fc.array(hexOf(32), { maxLength: 3 }) }), {
      maxLength: 3,
    }),
  });
  fc.assert(
    fc.property(inputs, ({ to, data, accessList }) => {
      const target = to === undefined ? {} : { to };
      const theirs = createAccessList2930Tx(
        { ...target, data, accessList, chainId: 31_337, gasLimit: 1_000_000 },
        { common },
      );
      assert.equal(BigInt(intrinsicGas({ ...target, data, accessList })), theirs.getIntrinsicGas());
    }),
  );
});

it("the floor is 10 gas a token: 1 token a zero byte, 4 any other (EIP-7623)", () => {
  const data = new Uint8Array([0, 0, 7]);
  assert.equal(calldataFloorGas({ data }), 21_000 + 60);
  assert.equal(intrinsicGas({ to: `0x${"11".repeat(20)}`, data }), 21_000 + 24);
  assert.equal(minimumGasLimit({ to: `0x${"11".repeat(20)}`, data }), 21_060);
});

it("an authorization costs 25,000 gas (EIP-7702)", () => {
  const to: Hex = `0x${"11".repeat(20)}`;
  assert.equal(intrinsicGas({ to, data: new Uint8Array(0), authorizationList: [{}, {}] }), 71_000);
});
