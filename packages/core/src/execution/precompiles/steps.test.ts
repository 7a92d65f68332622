import assert from "node:assert/strict";
import { test } from "node:test";
import { CodedError } from "../../base/errors.ts";
import { atOnce, finish, inSteps } from "./steps.ts";

const failing = (error: Error) => {
  const work = (): never => {
    throw error;
  };
  const steps = inSteps(
    () => 0,
    function* () {
      yield work();
      return undefined;
    },
  );
  return [
    () => atOnce(() => 0, work).run(new Uint8Array(0)),
    () => steps.run(new Uint8Array(0)),
    () => finish(steps.steps?.(new Uint8Array(0)) as Generator<void, undefined>),
  ];
};

test("what a library refuses is an invalid input", () => {
  for (const run of failing(new RangeError("not a point"))) assert.equal(run(), undefined);
});

test("a library that breaks gives no result, not even that the input is invalid", () => {
  const errors = [new CodedError("INVARIANT_BROKEN", "too many products"), new WebAssembly.RuntimeError("unreachable")];
  for (const error of errors) {
    for (const run of failing(error)) assert.throws(run, error);
  }
});
