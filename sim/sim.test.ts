import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import { BUGS } from "./bugs.ts";
import { loadWith, sourceWith } from "./edits.ts";
import type { RunOptions, RunResult } from "./run.ts";
import { SCALE } from "./scale.ts";

const MAIN = new URL("./main.ts", import.meta.url).pathname;

/** Enough for every fault, and for some of what faults lead to; the last ones have what is rare. */
const SEEDS = [...Array.from({ length: 24 }, (_, n) => n + 1), 35, 90];
/** What must have happened in those runs for them to say anything. */
const HAPPENED = [
  ...[
    "acknowledged",
    "conflict",
    "reinjected",
    "reorganisation",
    "reorganisation of more than 3",
    "artifact from a peer",
  ],
  ...["lost", "duplicated", "reordered", "unanswered", "partition", "one-way partition", "full disk", "clock moved"],
  ...["crash", "crash before a write", "crash after a write", "replacement", "factory", "execution"],
  ...["lie: forged root behind valid blocks", "lie: forged seal behind valid blocks", "lie: swapped content"],
  ...["lie: page with a forged artifact", "lie: forged artifact", "lie: forged contract", "lie: fake height"],
  ...["lie: unsolicited response", "lie: oversize", "lie: garbage", "lie: flood", "lie: silence", "lie: nothing held"],
  ...["lie: page without progress", "ban for INVALID_BLOCK", "ban for FORGED_CONTENT"],
  "goodbye PEER_BANNED to a hostile peer",
  ...["state taken over: joins", "state taken over: all", "state taken over: chosen", "looked at while taken over"],
  ...["crash while a state is taken over", "restart while a state was filled", "pivot moved while a state was filled"],
  ...["contract chosen", "contract given up", "ban for FORGED_PROOF"],
];

let run: (options: RunOptions) => Promise<RunResult>;

before(async () => {
  loadWith(SCALE);
  const { useCrypto } = await import("@counterpart/core/crypto/crypto");
  const { createNativeCrypto } = await import("../packages/node/src/crypto/native.ts");
  useCrypto(await createNativeCrypto());
  ({ run } = await import("./run.ts"));
});

test("the same seed gives the same run, another seed another", async () => {
  const [one, again, other] = [await run({ seed: 3 }), await run({ seed: 3 }), await run({ seed: 4 })];
  assert.deepEqual(again, one);
  assert.notEqual(other.trace, one.trace);
});

test("networks under faults lose nothing and agree once everything heals", { timeout: 300_000 }, async () => {
  const total: Record<string, number> = {};
  for (const seed of SEEDS) {
    const { violation, coverage } = await run({ seed });
    assert.equal(violation, undefined, `npm run sim -- --seed ${seed}`);
    for (const [what, times] of Object.entries(coverage)) total[what] = (total[what] ?? 0) + times;
  }
  for (const what of HAPPENED) assert.ok((total[what] ?? 0) > 0, `no run had: ${what}`);
});

/** What the run with the bug prints, and its exit code. */
function runWith(bug: string, seed: number): Promise<{ readonly code: number | null; readonly text: string }> {
  const child = spawn(process.execPath, [MAIN, "--bug", bug, "--seeds", String(seed)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
  }
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, text })));
}

describe("planted bugs", { concurrency: 2 }, () => {
  for (const bug of BUGS) {
    test(`${bug.name} is caught`, async () => {
      assert.notEqual(sourceWith(bug.file, [bug]), readFileSync(new URL(`../${bug.file}`, import.meta.url), "utf8"));
      const { code, text } = await runWith(bug.name, bug.seed);
      assert.equal(code, 1, text);
      assert.match(text, new RegExp(`^seed ${bug.seed}: `, "m"));
    });
  }

  test("are those of the documentation", () => {
    const documented = readFileSync(new URL("../docs/SIMULATION.md", import.meta.url), "utf8");
    const rows = BUGS.map(({ name, about }) => `| \`${name}\` | ${about} |`);
    assert.deepEqual(documented.match(/^\| `.*$/gm), rows);
  });
});
