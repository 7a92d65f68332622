import assert from "node:assert/strict";
import { test } from "node:test";
import { createEventRing } from "./event-ring.ts";

test("an event becomes text when it is first read, and not again", () => {
  let made = 0;
  const data = { hash: `0x${"ab".repeat(32)}`, number: 7 };
  const counted = Object.defineProperty({ ...data }, "toJSON", {
    value() {
      made++;
      return data;
    },
  });
  const ring = createEventRing(4);
  ring.push("block.reorged", counted);
  ring.push("block.reorged", counted);
  assert.equal(made, 0);
  for (let read = 0; read < 3; read++) assert.equal(ring.at(1)?.text(), JSON.stringify(data));
  assert.equal(made, 1);
});
