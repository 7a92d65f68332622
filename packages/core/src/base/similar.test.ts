import assert from "node:assert/strict";
import { test } from "node:test";
import { similarName } from "./similar.ts";

test("a name that is a slip or two away is the one that was meant", () => {
  const known = ["to", "amount", "initial_supply", "name", "spender"];
  for (const [given, meant] of [
    ["amonut", "amount"],
    ["Amount", "amount"],
    ["nmae", "name"],
    ["nam", "name"],
    ["initialsupply", "initial_supply"],
    ["spnedr", "spender"],
    ["ot", "to"],
  ] as const) {
    assert.equal(similarName(given, known), meant);
  }
});

test("a name that is far from all others suggests none", () => {
  for (const given of ["recipient", "x", "", "a".repeat(10_000)])
    assert.equal(similarName(given, ["to", "amount"]), undefined);
  assert.equal(similarName("x", ["y"]), undefined);
  assert.equal(similarName("amount", []), undefined);
  assert.equal(similarName("a".repeat(65), ["a".repeat(64)]), undefined);
});

test("the nearest of several is taken", () => {
  assert.equal(similarName("value", ["values", "valid", "value2x"]), "values");
});
