import assert from "node:assert/strict";
import { test } from "node:test";
import { hexToBytes } from "@counterpart/core/base/bytes";
import fc from "fast-check";
import type { JsonValue } from "../json.ts";
import { readBlockRef } from "./block-ref.ts";
import { RpcError } from "./errors.ts";
import { quantity } from "./format.ts";
import {
  defineMethod,
  listOf,
  member,
  optional,
  type Reader,
  readAddress,
  readAmount,
  readBoolean,
  readCount,
  readData,
  readHash,
  readObject,
  readQuantity,
  readSafeQuantity,
  readSlot,
  required,
} from "./params.ts";

const refuses = (read: Reader<unknown>, values: readonly JsonValue[], pattern = /./) => {
  for (const value of values) {
    assert.throws(
      () => read(value),
      (error: unknown) => error instanceof Error && pattern.test(error.message),
      JSON.stringify(value),
    );
  }
};

test("every quantity is read back as it was written", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), (value) => readQuantity(quantity(value)) === value),
  );
});

test("quantities are strict", () => {
  assert.equal(readQuantity("0x0"), 0n);
  assert.equal(readQuantity("0xFf"), 255n);
  refuses(readQuantity, [
    "0x",
    "0x00",
    "0x01",
    "1",
    "",
    "0xg",
    "-0x1",
    "0x-1",
    " 0x1",
    1,
    true,
    [],
    {},
    `0x1${"0".repeat(64)}`,
  ]);
  refuses(readSafeQuantity, ["0x20000000000000"], /out of range/);
  assert.equal(readSafeQuantity("0x1fffffffffffff"), Number.MAX_SAFE_INTEGER);
});

test("counts and amounts are quantities, digits or numbers", () => {
  for (const read of [readCount, readAmount]) {
    assert.deepEqual(
      ["0x10", "16", 16, "0", 0].map((value) => Number(read(value))),
      [16, 16, 16, 0, 0],
    );
    refuses(read, [-1, 1.5, 2 ** 53, "-1", "1.5", "1e3", "", "0x", "0x01", "ten", true, null, {}]);
  }
  for (const amount of [10n ** 77n, 2n ** 256n - 1n]) assert.equal(readAmount(`${amount}`), amount);
  refuses(readCount, ["9".repeat(16)]);
  refuses(readAmount, [`${2n ** 256n}`, `0x1${"0".repeat(64)}`], /> 256 bits/);
  refuses(readAmount, ["9".repeat(79)]);
});

test("data has whole bytes, hashes have 32, addresses a right checksum", () => {
  assert.deepEqual(readData("0x"), hexToBytes("0x"));
  assert.deepEqual(readData("0xAb"), hexToBytes("0xab"));
  refuses(readData, ["", "0x1", "ab", "0xzz", 5]);
  assert.equal(readHash(`0x${"AB".repeat(32)}`), `0x${"ab".repeat(32)}`);
  refuses(readHash, ["0x", `0x${"ab".repeat(31)}`, `0x${"ab".repeat(33)}`]);
  assert.equal(readAddress("0x5FbDB2315678afecb367f032d93F642f64180aa3"), "0x5fbdb2315678afecb367f032d93f642f64180aa3");
  refuses(readAddress, ["0x5fbDB2315678afecb367f032d93F642f64180aa3"], /checksum/);
  refuses(readAddress, ["0x12", "latest"]);
});

test("slots are padded to 32 bytes", () => {
  const padded = (digits: string) => `0x${digits.padStart(64, "0")}`;
  assert.equal(readSlot("0x0"), padded("0"));
  assert.equal(readSlot("0x"), padded("0"));
  assert.equal(readSlot("0xAbc"), padded("abc"));
  assert.equal(readSlot(padded("1")), padded("1"));
  refuses(readSlot, [`0x${"0".repeat(65)}`, "1", "0xg", 1]);
});

test("a block is named by tag, number, hash or an EIP-1898 object", () => {
  const hash = `0x${"ab".repeat(32)}`;
  assert.deepEqual(readBlockRef("latest"), { kind: "head" });
  assert.deepEqual(readBlockRef("pending"), { kind: "pending" });
  for (const tag of ["safe", "finalized"]) assert.deepEqual(readBlockRef(tag), { kind: "final" });
  for (const tag of ["earliest", "0x0"]) {
    assert.deepEqual(readBlockRef(tag), { kind: "number", number: 0 });
  }
  assert.deepEqual(readBlockRef({ blockNumber: "0x5" }), { kind: "number", number: 5 });
  assert.deepEqual(readBlockRef({ blockNumber: "latest" }), { kind: "head" });
  assert.deepEqual(readBlockRef(hash), { kind: "hash", hash, requireCanonical: false });
  assert.deepEqual(readBlockRef({ blockHash: hash, requireCanonical: true }), {
    kind: "hash",
    hash,
    requireCanonical: true,
  });
  refuses(readBlockRef, [
    "newest",
    "toString",
    "5",
    5,
    {},
    { blockHash: hash, blockNumber: "0x5" },
    { blockHash: "0x1" },
    [],
  ]);
});

test("objects are read by their own members only", () => {
  assert.equal(member(readObject({}), "toString", readBoolean), undefined);
  assert.equal(member({ a: null }, "a", readBoolean), undefined);
  refuses((value) => member(readObject(value), "a", readBoolean), [{ a: 1 }], /^a: expected a boolean/);
  refuses(readObject, [[], "x", 1]);
});

test("lists are bounded", () => {
  assert.deepEqual(listOf(readBoolean, 2)([true, false]), [true, false]);
  refuses(listOf(readBoolean, 2), [[true, true, true]], /more than 2/);
  refuses(listOf(readBoolean, 2), ["x", {}], /array/);
});

test("a method gets typed values, and says which argument is missing, wrong or too many", () => {
  const method = defineMethod([required(readQuantity), optional(readBoolean, true)], (a, b) => [a, b]);
  assert.deepEqual(method(["0x5", false]), [5n, false]);
  assert.deepEqual(method(["0x5"]), [5n, true]);
  assert.deepEqual(method(["0x5", null]), [5n, true]);
  const fails = (params: JsonValue[], message: RegExp) =>
    assert.throws(
      () => method(params),
      (error: unknown) => error instanceof RpcError && error.code === -32602 && message.test(error.message),
    );
  fails([], /missing value for required argument 0/);
  fails([null], /missing value for required argument 0/);
  fails(["0x05"], /invalid argument 0: hex number with leading zero digits/);
  fails(["0x5", 1], /invalid argument 1: expected a boolean/);
  fails(["0x5", true, 1], /too many arguments, want at most 2/);
});
