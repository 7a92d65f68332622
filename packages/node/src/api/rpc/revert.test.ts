import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, hexToBytes } from "@counterpart/core/base/bytes";
import fc from "fast-check";
import { encodeErrorResult, parseAbi } from "viem";
import { RpcError } from "./errors.ts";
import { failureOf, revertReason } from "./revert.ts";

const errorAbi = parseAbi(["error Error(string)", "error Panic(uint256)", "error Custom(uint256)"]);

test("the reason of require and revert is read", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (reason) => {
      const data = encodeErrorResult({ abi: errorAbi, errorName: "Error", args: [reason] });
      assert.equal(revertReason(hexToBytes(data)), reason);
    }),
  );
});

test("a panic is named", () => {
  const panic = (code: bigint) =>
    revertReason(hexToBytes(encodeErrorResult({ abi: errorAbi, errorName: "Panic", args: [code] })));
  assert.equal(panic(0x11n), "arithmetic underflow or overflow");
  assert.equal(panic(0x12n), "division or modulo by zero");
  assert.equal(panic(0x99n), "unknown panic code: 0x99");
});

test("any other data has no reason, whatever it is", () => {
  const custom = hexToBytes(encodeErrorResult({ abi: errorAbi, errorName: "Custom", args: [1n] }));
  for (const data of [new Uint8Array(0), new Uint8Array(3), custom]) assert.equal(revertReason(data), undefined);
  fc.assert(
    fc.property(fc.constantFrom("0x08c379a0", "0x4e487b71"), fc.uint8Array({ maxLength: 200 }), (selector, body) => {
      const reason = revertReason(concatBytes(hexToBytes(selector), body));
      assert.ok(reason === undefined || typeof reason === "string");
    }),
  );
});

test("a length beyond the data, or absurd, gives no reason", () => {
  const word = (value: bigint) => hexToBytes(`0x${value.toString(16).padStart(64, "0")}`);
  for (const length of [33n, 2n ** 255n]) {
    const data = concatBytes(hexToBytes("0x08c379a0"), word(32n), word(length), new Uint8Array(32));
    assert.equal(revertReason(data), undefined);
  }
});

test("a revert is error 3 with its data, a halt is a server error", () => {
  const data = hexToBytes(encodeErrorResult({ abi: errorAbi, errorName: "Error", args: ["no"] }));
  const reverted = failureOf({ status: "reverted", output: data });
  assert.ok(reverted instanceof RpcError);
  assert.deepEqual([reverted.code, reverted.message], [3, "execution reverted: no"]);
  assert.match(String(reverted.data), /^0x08c379a0/);
  const silent = failureOf({ status: "reverted", output: new Uint8Array(0) });
  assert.deepEqual([silent.code, silent.message, silent.data], [3, "execution reverted", "0x"]);
  const halted = failureOf({ status: "halted", output: new Uint8Array(0), halt: "out of gas" });
  assert.deepEqual([halted.code, halted.message, halted.data], [-32000, "out of gas", undefined]);
});
