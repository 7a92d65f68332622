import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import fc from "fast-check";
import type { ArgumentValue } from "../contracts/types.ts";
import {
  amountText,
  isExactNumber,
  parseExactJson,
  parseJson,
  sameAmount,
  toJson,
  toJsonInSteps,
  toJsonText,
  toPlainJson,
  toSafeJson,
} from "./json.ts";

const field = (value: ArgumentValue, name: string): ArgumentValue =>
  (value as Readonly<Record<string, ArgumentValue>>)[name] as ArgumentValue;

const sourceOf = (value: ArgumentValue): string => {
  assert.ok(isExactNumber(value));
  return value.source;
};

const malformed = (pattern: RegExp) => (error: unknown) =>
  isCodedError(error, "MALFORMED_JSON") && pattern.test(error.message);

test("numbers keep their source text at any size", () => {
  const value = parseExactJson('{"a": 9007199254740993, "b": [1e27], "c": {"d": 0.10, "e": -0}}');
  assert.equal(sourceOf(field(value, "a")), "9007199254740993");
  assert.equal(sourceOf((field(value, "b") as ArgumentValue[])[0] as ArgumentValue), "1e27");
  assert.equal(sourceOf(field(field(value, "c"), "d")), "0.10");
  assert.equal(sourceOf(field(field(value, "c"), "e")), "-0");
});

test("an object that looks like an exact number is none", () => {
  const value = parseExactJson('{"source": "1"}');
  assert.equal(isExactNumber(value), false);
  assert.deepEqual(toPlainJson(value), { source: "1" });
});

test("the plain form is what JSON.parse gives", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      fc.pre(!text.includes("__proto__"));
      assert.deepEqual(toPlainJson(parseExactJson(text, { depthMax: 100, valuesMax: 1e6 })), JSON.parse(text));
    }),
  );
});

test("text that is not JSON is malformed, and the message does not quote it", () => {
  for (const text of ["", "{", '{"a":}', "[1,]", "nul", '"a', "{'a':1}", "01", "1 2", '{"a":"\u0001"}', "]]", "\\"]) {
    assert.throws(() => parseExactJson(text), malformed(/not valid JSON/));
  }
  assert.throws(
    () => parseExactJson('{"password": "hunter2" oops}'),
    (error: unknown) => error instanceof Error && !error.message.includes("hunter2"),
  );
});

test("depth and number of values are bounded before anything is built", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assert.doesNotThrow(() => parseExactJson(nested(32)));
  assert.throws(() => parseExactJson(nested(33)), malformed(/deeper than 32/));
  assert.throws(() => parseExactJson("[".repeat(500_000)), malformed(/deeper/));
  assert.throws(() => parseExactJson(`[${"1,".repeat(100_000)}1]`), malformed(/more than 100000 values/));
});

test("brackets and commas inside strings count for nothing", () => {
  const text = `["${"[{,".repeat(200_000)}\\"]]"]`;
  assert.deepEqual(toPlainJson(parseExactJson(text)), JSON.parse(text));
});

test("keys that reach a prototype are refused, escaped or not", () => {
  assert.throws(() => parseExactJson('{"a": {"__proto__": {"admin": true}}}'), malformed(/__proto__/));
  assert.throws(() => parseExactJson('{"\\u005f_proto__": 1}'), malformed(/__proto__/));
});

test("amounts are the same when they mean the same integer", () => {
  const number = (source: string) => parseExactJson(source);
  assert.ok(sameAmount("1000", number("1e3")));
  assert.ok(sameAmount(number("1000.0"), number("1000")));
  assert.ok(!sameAmount(number("9007199254740993"), number("9007199254740992")));
  assert.ok(!sameAmount("abc", "abc"));
  assert.ok(!sameAmount(true, true));
});

test("an amount becomes decimal digits, exactly", () => {
  assert.equal(amountText(parseExactJson("1e27"), "cap"), `1${"0".repeat(27)}`);
  assert.equal(amountText("9007199254740993", "cap"), "9007199254740993");
  for (const bad of ["-1", "1.5", "x", true, null]) {
    assert.throws(
      () => amountText(bad, "cap"),
      (error: unknown) => isCodedError(error, "INVALID_REQUEST") && error.details.field === "cap",
    );
  }
});

test("values of other layers become JSON: integers as decimal strings, bytes as hexadecimal", () => {
  assert.deepEqual(toJson({ a: 2n ** 70n, b: new Uint8Array([1, 255]), c: [undefined, 1] }), {
    a: "1180591620717411303424",
    b: "0x01ff",
    c: [null, 1],
  });
  assert.equal(toJson(undefined), null);
});

test("requests are read as exactly, and most numbers as ordinary ones", () => {
  assert.deepEqual(parseJson('{"id": 1, "params": ["0x1", true, {"a": [999999999999999, 0]}]}'), {
    id: 1,
    params: ["0x1", true, { a: [999_999_999_999_999, 0] }],
  });
  for (const odd of ["1.50", "1e3", "-0", "9007199254740993", "1000000000000000"]) {
    for (const text of [odd, `[${odd}]`, `{"a":${odd}}`, `[1,${odd}]`, `[ ${odd}]`, `["\\"",\n${odd}]`]) {
      assert.deepEqual(parseJson(text), parseExactJson(text), text);
    }
  }
  assert.deepEqual(parseJson('[", 1.5", 2]'), parseExactJson('[", 1.5", 2]'));
  for (const text of ['{"a": {"__proto__": 1}}', '{"\\u005f_proto__": 1}']) {
    assert.throws(() => parseJson(text), malformed(/__proto__/));
  }
  assert.throws(() => parseJson('{"a": 1'), malformed(/not valid JSON/));
  assert.throws(() => parseJson("[".repeat(33)), malformed(/deeper than 32/));
});

test("strings end where they do, whatever is escaped in them", () => {
  for (const string of ['"a"', '"\\\\"', '"\\""', '"\\\\\\""', '"[[["', '"\\"[["', '""']) {
    const text = `[${string},${string}]`;
    assert.deepEqual(parseExactJson(text, { depthMax: 1, valuesMax: 3 }), JSON.parse(text), text);
  }
  assert.throws(() => parseExactJson('["a'), malformed(/not valid JSON/));
  assert.throws(() => parseExactJson('["a\\'), malformed(/not valid JSON/));
});

test("of parameters only integers beyond 2^53 become text, digit by digit", () => {
  const text =
    '[1, -2, 1.5, 1e3, 9007199254740991, 9007199254740993, -12345678901234567890, {"a": [1000000000000000000]}]';
  assert.deepEqual(toSafeJson(parseExactJson(text)), [
    1,
    -2,
    1.5,
    1_000,
    9_007_199_254_740_991,
    "9007199254740993",
    "-12345678901234567890",
    { a: ["1000000000000000000"] },
  ]);
});

test("a large value becomes the same text in steps, with pauses", async () => {
  const value = {
    gas: 1,
    none: undefined,
    list: Array.from({ length: 1_000 }, (_, at) => ({ at, stack: ["0x1"], storage: { [`0x${at}`]: "0x2" } })),
    nested: [[[[[[1, null, "a\n"]]]]]],
    empty: [{}, [], "", 0, false, null],
    'qu"ote': { big: 5n, bytes: Uint8Array.of(1, 2) },
  };
  let pauses = 0;
  const { text } = await toJsonInSteps(value, async () => void pauses++);
  assert.equal(text, toJsonText(value));
  assert.ok(pauses >= 7 && pauses < 100, `${pauses}`);
  assert.equal((await toJsonInSteps("text", async () => {})).text, '"text"');
});
