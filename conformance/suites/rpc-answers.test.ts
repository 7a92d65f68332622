import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "../vector-files.ts";
import { differencesOf, formFault } from "./rpc-answers.ts";

const HASH = `0x${"1f".repeat(32)}`;
const ADDRESS = `0x${"2e".repeat(20)}`;

test("answers are compared as JSON: neither the order of members nor the writing of numbers matters", () => {
  assert.deepEqual(differencesOf({ a: [1, { b: null }], c: "0x1" }, { c: "0x1", a: [1.0, { b: null }] }), []);
  assert.deepEqual(differencesOf({ a: [1, 2] }, { a: [1, 3, 4] }), ["a: 2 items, wanted 3", "a.1: 2, wanted 3"]);
  assert.deepEqual(differencesOf({ a: null }, {}), ["a: null, wanted absent"]);
  assert.deepEqual(differencesOf({ "0": 1 }, [1]), [': {"0":1}, wanted [1]']);
  assert.equal(differencesOf(Array(20).fill(0), Array(20).fill(1)).length, 5);
});

test("the wording of errors is each client's own, wherever they are; their codes and data are not", () => {
  const error = (message: Json, code: number): Json => ({ error: { code, message }, calls: [{ error: { message } }] });
  assert.deepEqual(differencesOf(error("a", 3), error("b", 3)), []);
  assert.deepEqual(differencesOf(error("a", 3), error("b", 4)), ["error.code: 3, wanted 4"]);
  assert.equal(differencesOf(error(null, 3), error("b", 3)).length, 2);
  assert.deepEqual(differencesOf({ message: "a" }, { message: "b" }), ['message: "a", wanted "b"']);
  assert.deepEqual(differencesOf({ error: { data: "0x" } }, { error: { data: "0x01" } }), [
    'error.data: "0x", wanted "0x01"',
  ]);
});

test("forms agree when kinds, members and sizes do", () => {
  const alike: readonly (readonly [Json, Json])[] = [
    ["0x12", "0x7"],
    [`0x${"00".repeat(32)}`, HASH],
    [[], ["0x1"]],
    [["0x5", "0x6", "0x7"], ["0x1"]],
    [{ number: "0x1" }, { number: "0x36" }],
    [{}, { [ADDRESS]: { "0": { hash: HASH } } }],
    [
      { [`0x${"33".repeat(20)}`]: { "7": { hash: HASH }, "8": { nonce: 1 } } },
      { [ADDRESS]: { "0": { hash: HASH }, "1": { nonce: 2 } } },
    ],
    [{ oldestBlock: "0x0" }, { oldestBlock: "0x0", deleteStrategy: { type: "window" } }],
    [0.25, 0.5],
    ["0xabcd", "0x55aa"],
  ];
  for (const [given, wanted] of alike) assert.equal(formFault("r", given, wanted), undefined, JSON.stringify(given));
});

test("forms do not agree otherwise", () => {
  const unlike: readonly (readonly [Json, Json])[] = [
    ["12", "0x7"],
    ["0x012", "0x7"],
    ["0x", "0x7"],
    ["0x1f", HASH],
    [HASH, ADDRESS],
    [1, "0x1"],
    [null, "0x1"],
    [{}, []],
    [["0x5", 6], ["0x1"]],
    [{ number: "0x1" }, { number: "0x36", hash: HASH }],
    [{ number: "0x1", more: 1 }, { number: "0x36" }],
    [{ [ADDRESS]: { "0": { hash: "0x1" } } }, { [ADDRESS]: { "0": { hash: HASH } } }],
    [{ nonce: "0x1" }, { [ADDRESS]: "0x1" }],
  ];
  for (const [given, wanted] of unlike) assert.ok(formFault("r", given, wanted), JSON.stringify(given));
});
