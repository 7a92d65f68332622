import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import fc from "fast-check";
import { type AbiInput, amountValue, constructorArguments, exactJson, functionInputs, parseValues } from "./values.ts";

const MINT: AbiInput[] = [
  { name: "to", type: "address" },
  { name: "amount", type: "uint256" },
];
const TO = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

const sent = (value: unknown): string => JSON.stringify(value);
const refused = (message: RegExp) => (error: unknown) =>
  isCodedError(error, "INVALID_CONFIG") && message.test(error.message);

test("named and positional words are what the API takes", () => {
  assert.equal(sent(parseValues([`to=${TO}`, "amount=1000"], [MINT])), `{"to":"${TO}","amount":"1000"}`);
  assert.equal(sent(parseValues([TO, "1000"], [MINT])), `["${TO}","1000"]`);
  assert.throws(() => parseValues([`to=${TO}`, "1000"], [MINT]), refused(/every parameter as name=value/));
  assert.throws(() => parseValues(["to=1", "to=2"], [MINT]), refused(/to is given twice/));
});

test("amounts go out as they were written, whatever their size", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), (amount) => {
      assert.equal(sent(amountValue(amount.toString())), `"${amount}"`);
      assert.equal(sent(parseValues([TO, `0x${amount.toString(16)}`], [MINT])), `["${TO}","0x${amount.toString(16)}"]`);
      assert.equal(sent(exactJson(`[${amount}]`, "x")), `[${amount}]`);
    }),
  );
  assert.equal(sent(amountValue("1e27")), "1e27");
  assert.equal(sent(parseValues(["x=1.5e30"], [[{ name: "x", type: "uint256" }]])), '{"x":1.5e30}');
  assert.equal(sent(parseValues(["-5"], [[{ name: "x", type: "int8" }]])), '["-5"]');
});

test("types of the ABI say how a word is meant", () => {
  const of = (type: string, word: string): string => sent(parseValues([word], [[{ name: "x", type }]]));
  assert.equal(of("string", "true"), '["true"]');
  assert.equal(of("string", '{"a": 1}'), '["{\\"a\\": 1}"]');
  assert.equal(of("string", "1e5"), '["1e5"]');
  assert.equal(of("bool", "true"), "[true]");
  assert.equal(
    of("uint256[]", "[1, 115792089237316195423570985008687907853269984665640564039457584007913129639935]"),
    "[[1,115792089237316195423570985008687907853269984665640564039457584007913129639935]]",
  );
  assert.equal(of("tuple", '{"a": 1e20}'), '[{"a":1e20}]');
  assert.throws(() => of("bool", "yes"), refused(/parameter 0 \(bool\) must be true or false/));
  assert.throws(() => of("uint8[]", "1,2"), refused(/parameter 0 \(uint8\[\]\) is not valid JSON: 1,2/));
});

test("a word with an equals sign is text where no parameter has that name", () => {
  assert.equal(sent(parseValues(["a=b"], [[{ name: "uri", type: "string" }]])), '["a=b"]');
  assert.equal(sent(parseValues(["uri=a=b"], [[{ name: "uri", type: "string" }]])), '{"uri":"a=b"}');
});

test("a misspelt name is sent as a name, for the node to refuse, and never as text", () => {
  assert.equal(sent(parseValues([`account=${TO}`], [[{ name: "owner", type: "address" }]])), `{"account":"${TO}"}`);
  assert.equal(sent(parseValues(["nmae=Bob"], [[{ name: "name", type: "string" }]])), '{"nmae":"Bob"}');
  assert.equal(sent(parseValues(["x=1"], [[]])), '{"x":"1"}');
});

test("without an ABI, or where overloads differ, words are read by their look", () => {
  assert.equal(sent(parseValues(["true", "7", "[1]", '"true"', "x"], [])), '[true,"7",[1],"true","x"]');
  const overloads = functionInputs(
    [
      { type: "function", name: "f", inputs: [{ name: "a", type: "string" }] },
      { type: "function", name: "f", inputs: [{ name: "a", type: "bool" }] },
      { type: "function", name: "f", inputs: [] },
      { type: "event", name: "f", inputs: [{ name: "a", type: "string" }] },
    ],
    "f(string)",
  );
  assert.equal(overloads.length, 3);
  assert.equal(sent(parseValues(["a=true"], overloads)), '{"a":true}');
});

test("a constructor's arguments without an ABI are text where they could be it, and never names", () => {
  const words = ["1.0", "a=b", "aGVsbG8=", "5000", "-5", "0xff", "1e-3", "1e", "v1"];
  assert.equal(sent(constructorArguments(words, undefined)), sent(words));
  assert.equal(sent(constructorArguments(["1e20", "-1.5e1", "true"], undefined)), "[1e20,-1.5e1,true]");
  assert.equal(sent(constructorArguments(['"1e3"', '"true"', "[1]"], undefined)), '["1e3","true",[1]]');
  assert.throws(() => constructorArguments(["x", "[a"], undefined), refused(/^argument 1 is not valid JSON: \[a/));
});

test("a constructor's arguments are put in the order of its ABI", () => {
  const abi = [{ type: "constructor", inputs: MINT }];
  assert.equal(sent(constructorArguments([`amount=5`, `to=${TO}`], abi)), `["${TO}","5"]`);
  assert.equal(sent(constructorArguments([TO, "5"], abi)), `["${TO}","5"]`);
  assert.equal(sent(constructorArguments([], [])), "[]");
  const signature = /the constructor \(address to, uint256 amount\)/;
  assert.throws(() => constructorArguments(["amount=5"], abi), refused(new RegExp(`${signature.source} needs to`)));
  assert.throws(() => constructorArguments([`to=${TO}`, "supply=5"], abi), refused(/has no parameter supply$/));
  assert.throws(
    () => constructorArguments([`to=${TO}`, "amuont=5"], abi),
    refused(/has no parameter amuont; did you mean amount\?$/),
  );
});
