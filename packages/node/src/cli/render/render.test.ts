import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createTestTerminal } from "../context.test-support.ts";
import { createMeter, createWorkOutput, paceText, remainingMs } from "./progress.ts";
import { PLAIN, styleOf } from "./style.ts";
import { printable, renderFields, renderTable, widthOf } from "./table.ts";
import { duration, moment, size, wholeUnits } from "./units.ts";

test("columns are aligned by what a terminal shows, colours and wide letters counted right", () => {
  const style = styleOf({ isTerminal: true, environment: {} });
  const rows = [
    [style.red("a"), "1"],
    ["漢字", "22"],
    ["é", ""],
  ];
  const plain = renderTable([{ title: "name" }, { title: "count", isRight: true }], rows, PLAIN);
  assert.deepEqual(plain.split("\n"), ["NAME  COUNT", `${style.red("a")}         1`, "漢字     22", "é", ""]);
  assert.equal(widthOf("e\u0301"), 1);
  assert.equal(renderTable([{ title: "x" }], [], PLAIN), "");
  assert.equal(
    renderFields(
      [
        ["a", "1"],
        ["long", undefined],
        ["bc", "2"],
      ],
      PLAIN,
    ),
    "a   1\nbc  2\n",
  );
});

test("what others have named cannot draw on the terminal", () => {
  assert.equal(printable("a\x1b[2Jb\u202ec\nd"), "a\\u{1b}[2Jb\\u{202e}c\\u{a}d");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.doesNotMatch(printable(text), /[\p{Cc}\p{Cf}]/u);
    }),
  );
  assert.equal(printable("Ünïcode 漢字 😀"), "Ünïcode 漢字 😀");
});

test("colours are for terminals, unless somebody wants none", () => {
  const red = (isTerminal: boolean, environment = {}): string => styleOf({ isTerminal, environment }).red("x");
  assert.equal(red(true), "\x1b[31mx\x1b[39m");
  assert.equal(red(true, { NO_COLOR: "" }), "\x1b[31mx\x1b[39m");
  for (const plain of [red(false), red(true, { NO_COLOR: "1" }), red(true, { TERM: "dumb" })]) assert.equal(plain, "x");
});

test("base units are whole ones exactly", () => {
  assert.equal(wholeUnits("1500000", 6), "1.5");
  assert.equal(wholeUnits("1", 18), "0.000000000000000001");
  assert.equal(wholeUnits("0", 18), "0");
  assert.equal(wholeUnits("1000", 0), "1000");
  assert.equal(wholeUnits("-1", 0), undefined);
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 256n }), fc.integer({ min: 0, max: 80 }), (amount, decimals) => {
      const [whole = "", fraction = ""] = (wholeUnits(amount.toString(), decimals) as string).split(".");
      assert.equal(BigInt(whole + fraction.padEnd(decimals, "0")), amount);
    }),
  );
});

test("times and sizes are as people read them", () => {
  assert.deepEqual([900, 12_000, 180_000, 7_200_000, 259_200_000].map(duration), [
    "0.9 s",
    "12 s",
    "3 min",
    "2 h",
    "3 d",
  ]);
  assert.deepEqual([512, 3_355_443, 5 * 2 ** 30].map(size), ["1 KiB", "3.2 MiB", "5.0 GiB"]);
  assert.equal(moment(1_770_000_001_234), "2026-02-02 02:40:01Z");
});

test("progress tells rate, part and what is left", () => {
  assert.equal(paceText({ elapsedMs: 1_000, done: 250, total: 1_000 }, "rows"), "250 rows/s  25 %, 3.0 s left");
  assert.equal(paceText({ elapsedMs: 2_000, done: 500 }, "rows"), "250 rows/s");
  assert.equal(paceText({ elapsedMs: 0, done: 0, total: 0 }, "rows"), "0 rows/s  100 %");
  assert.equal(remainingMs({ elapsedMs: 10, done: 0, total: 5 }), undefined);
});

test("results take the place of the line of progress, which nobody sees where there is no terminal", () => {
  const seen: string[] = [];
  const print = (text: string): void => void seen.push(text);
  const { context } = createTestTerminal({ print, printError: print, isErrorTerminal: true });
  const output = createWorkOutput(context);
  output.progress?.("half");
  output.print("done\n");
  output.done();
  assert.deepEqual(seen, ["\r\x1b[Khalf\r", "\r\x1b[K", "done\n", "\r\x1b[K"]);
  assert.equal(createWorkOutput(createTestTerminal().context).progress, undefined);
  assert.equal(createWorkOutput(context, true).progress, undefined, "a program reads the result");
});

test("work that is told to end cleans up, and ends with the code of what told it", async () => {
  const seen: (string | number)[] = [];
  const terminal = createTestTerminal();
  const host = { ...terminal.context.host, exit: (code: number) => void seen.push(code) };
  createWorkOutput({ ...terminal.context, host }).onStop?.(() => void seen.push("cleaned"));
  for (const event of ["SIGINT", "SIGTERM", "parentGone"] as const) {
    terminal.signal(event);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(seen, ["cleaned", 130, "cleaned", 143, "cleaned", 143]);
});

test("a meter shows how far work has come no oftener than people read", () => {
  const seen: string[] = [];
  let ms = 0;
  const show = createMeter({ progress: (text) => void seen.push(text), now: () => ms }, "rows");
  for (ms = 0; ms < 1_000; ms += 50) show("storage", ms, 2_000);
  assert.deepEqual(
    seen.map((line) => line.trim()),
    [200, 400, 600, 800].map((at) => `…    storage: 1000 rows/s  ${at / 20} %, ${(2 - at / 1_000).toFixed(1)} s left`),
  );
  createMeter({ now: () => (ms += 1_000) }, "rows")("storage", 1);
});
