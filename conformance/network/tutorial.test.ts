/** docs/TUTORIAL.md, typed as it stands: every command works, and answers what is shown. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { untakenIn } from "./tour.ts";
import { ROOT, takeTour } from "./tour-walk.ts";

test("the tutorial works as it is written, with the command line alone", async () => {
  const page = readFileSync(join(ROOT, "docs/TUTORIAL.md"), "utf8");
  assert.deepEqual(untakenIn(page), ["npm ci\n"]);
  const steps = await takeTour(page);
  assert.ok(steps.length >= 20, "the tutorial is there");
  for (const { commands } of steps) assert.doesNotMatch(commands, /\bcurl\b/);
});
