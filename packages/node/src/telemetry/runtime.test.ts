import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { createSystemClock, createSystemRandom } from "./runtime.ts";

test("the clock tells the machine's time", () => {
  const before = Date.now();
  const now = createSystemClock().now();
  assert.ok(before <= now && now <= Date.now());
});

test("a timer calls back once", async () => {
  let calls = 0;
  await new Promise<void>((resolve) => {
    createSystemClock().setTimer(1, () => {
      calls++;
      setImmediate(resolve);
    });
  });
  assert.equal(calls, 1);
});

test("a cancelled timer does not call back", async () => {
  const clock = createSystemClock();
  let called = false;
  const cancel = clock.setTimer(1, () => {
    called = true;
  });
  cancel();
  await new Promise<void>((resolve) => clock.setTimer(2, resolve));
  assert.equal(called, false);
});

test("a timer that Node would fire at once is refused", () => {
  assert.throws(
    () => createSystemClock().setTimer(2 ** 31, () => {}),
    (error) => isCodedError(error, "INVARIANT_BROKEN"),
  );
});

test("random bytes have the size asked for and differ", () => {
  const random = createSystemRandom();
  assert.equal(random.bytes(32).length, 32);
  assert.notDeepEqual(random.bytes(32), random.bytes(32));
});

test("random fractions lie in [0, 1) and spread", () => {
  const random = createSystemRandom();
  const drawn = Array.from({ length: 1000 }, () => random.fraction());
  assert.ok(drawn.every((fraction) => fraction >= 0 && fraction < 1));
  const tenths = new Set(drawn.map((fraction) => Math.floor(fraction * 10)));
  assert.equal(tenths.size, 10);
});
