import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hashMessage, hashTypedData } from "viem";
import { bytesToHex, hexToBytes } from "../base/bytes.ts";
import { personalDigest, type TypedData, typedDataDigest } from "./typed-data.ts";

/** The example of EIP-712, whose digest its text gives. */
const MAIL: TypedData = {
  types: {
    EIP712Domain: [
      { name: "name", type: "string" },
      { name: "version", type: "string" },
      { name: "chainId", type: "uint256" },
      { name: "verifyingContract", type: "address" },
    ],
    Person: [
      { name: "name", type: "string" },
      { name: "wallet", type: "address" },
    ],
    Mail: [
      { name: "from", type: "Person" },
      { name: "to", type: "Person" },
      { name: "contents", type: "string" },
    ],
  },
  primaryType: "Mail",
  domain: {
    name: "Ether Mail",
    version: "1",
    chainId: 1,
    verifyingContract: "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
  },
  message: {
    from: { name: "Cow", wallet: "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826" },
    to: { name: "Bob", wallet: "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB" },
    contents: "Hello, Bob!",
  },
};

const digest = (data: TypedData): string => bytesToHex(typedDataDigest(data));
const byViem = (data: TypedData): string => hashTypedData(data as unknown as Parameters<typeof hashTypedData>[0]);

test("the example of EIP-712 has the digest that its text gives", () => {
  assert.equal(digest(MAIL), "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2");
});

const hex = (size: number) => fc.uint8Array({ minLength: size, maxLength: size }).map(bytesToHex);
const values = fc.record({
  small: fc.integer({ min: -128, max: 127 }),
  big: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map(String),
  signed: fc.bigInt({ min: -(2n ** 255n), max: 2n ** 255n - 1n }).map(String),
  flag: fc.boolean(),
  text: fc.string({ unit: "grapheme" }),
  who: hex(20),
  data: fc.uint8Array({ maxLength: 70 }).map(bytesToHex),
  salt: hex(32),
  few: hex(3),
});
const FIELDS = [
  { name: "small", type: "int8" },
  { name: "big", type: "uint256" },
  { name: "signed", type: "int256" },
  { name: "flag", type: "bool" },
  { name: "text", type: "string" },
  { name: "who", type: "address" },
  { name: "data", type: "bytes" },
  { name: "salt", type: "bytes32" },
  { name: "few", type: "bytes3" },
];
const nested = fc.record({
  one: values,
  list: fc.array(values, { maxLength: 3 }),
  grid: fc.array(fc.tuple(values, values), { maxLength: 2 }),
  bits: fc.array(fc.boolean(), { maxLength: 4 }),
});

test("values of every type, nested and in arrays, have the digest that viem gives them", () => {
  fc.assert(
    fc.property(nested, fc.subarray(["name", "version", "chainId", "verifyingContract", "salt"]), (message, given) => {
      const whole: Record<string, unknown> = { ...MAIL.domain, salt: `0x${"12".repeat(32)}` };
      const data: TypedData = {
        types: {
          Leaf: FIELDS,
          Tree: [
            { name: "one", type: "Leaf" },
            { name: "list", type: "Leaf[]" },
            { name: "grid", type: "Leaf[2][]" },
            { name: "bits", type: "bool[]" },
          ],
        },
        primaryType: "Tree",
        domain: Object.fromEntries(given.map((name) => [name, whole[name]])),
        message,
      };
      assert.equal(digest(data), byViem(data));
    }),
    { numRuns: 60 },
  );
});

test("a type that holds itself ends with null", () => {
  const types = {
    Node: [
      { name: "value", type: "uint256" },
      { name: "next", type: "Node" },
    ],
  };
  const data = (next: unknown): TypedData => ({
    types,
    primaryType: "Node",
    domain: {},
    message: { value: 1, next },
  });
  assert.notEqual(digest(data({ value: 2, next: null })), digest(data(null)));
  assert.equal(digest(data(null)), digest(data(undefined)));
});

test("what does not fit its type is refused with the type", () => {
  const one = (type: string, value: unknown): TypedData => ({
    types: { One: [{ name: "value", type }] },
    primaryType: "One",
    domain: {},
    message: { value },
  });
  const refused: readonly (readonly [string, unknown, RegExp])[] = [
    ["uint8", 256, /256 is no uint8/],
    ["uint8", -1, /-1 is no uint8/],
    ["int8", 128, /128 is no int8/],
    ["uint256", 2 ** 60, /within 2\^53/],
    ["uint256", "1e3", /must be an integer/],
    ["uint7", 1, /no type uint7/],
    ["bytes33", "0x", /no type bytes33/],
    ["bytes4", "0x123456", /4 bytes, not 3/],
    ["bytes", "0x1", /hexadecimal/],
    ["bool", "true", /true or false/],
    ["address", "0x12", /address/],
    ["string", 1, /must be text/],
    ["uint8[2]", [1], /an array of 2 has 1/],
    ["uint8[]", 1, /must be an array/],
    ["Two", {}, /no type Two/],
    ["string", undefined, /One lacks value/],
  ];
  for (const [type, value, pattern] of refused) assert.throws(() => digest(one(type, value)), pattern, type);
  assert.throws(() => digest({ ...one("bool", true), primaryType: "Two" }), /no type Two/);
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`T${at}`, []]));
  assert.throws(() => digest({ ...one("bool", true), types: many }), /more than 256 types/);
  // The array itself is a value too.
  const booleans = (count: number) => ({ ...one("bool[]", new Array(count).fill(true)), domain: {} });
  assert.doesNotThrow(() => digest(booleans(4_095)));
  assert.throws(() => digest(booleans(4_096)), /more than 4096 values/);
});

test("a personal message has the digest that viem gives it", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      (message) => bytesToHex(personalDigest(message)) === hashMessage({ raw: message }),
    ),
  );
  assert.equal(bytesToHex(personalDigest(hexToBytes("0x"))), hashMessage(""));
});
