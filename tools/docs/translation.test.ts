/** README.es.md against README.md: neither says anything to a program, a shell or a browser that the other does not. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import { codesIn, linksIn, rowsOf } from "./markdown.ts";

const read = (name: string): string => readFileSync(resolve(import.meta.dirname, "../..", name), "utf8");
const ENGLISH = read("README.md");
const SPANISH = read("README.es.md");

/** Blocks with their language, in order. */
const blocksIn = (page: string): string[] => [...page.matchAll(/^```\w+\n.*?^```$/gms)].map(([block]) => block);

const headingLevelsIn = (page: string): number[] =>
  [...page.replace(/^```.*?^```$/gms, "").matchAll(/^(#+) /gm)].map(([, marks = ""]) => marks.length);

const sorted = (words: readonly string[]): string[] => words.map((word) => word.replace(/\s+/g, " ")).sort();

/** Links to other pages: each of the two begins with one to the other. */
const linksBeyond = (page: string): string[] => linksIn(page).filter((link) => !/^README(\.es)?\.md$/.test(link));

describe("the README in Spanish", () => {
  test("has the same commands and answers in the same order", () => {
    assert.ok(blocksIn(ENGLISH).length >= 20);
    assert.deepEqual(blocksIn(SPANISH), blocksIn(ENGLISH));
  });

  test("has the same flags with the same defaults", () => {
    const flags = rowsOf(ENGLISH, "flag", "default", "meaning").map(([flag, value]) => [flag, value]);
    assert.ok(flags.length > 20);
    assert.deepEqual(
      rowsOf(SPANISH, "opción", "valor por defecto", "significado").map(([flag, value]) => [flag, value]),
      flags,
    );
  });

  test("has the same sections, names and links", () => {
    assert.deepEqual(headingLevelsIn(SPANISH), headingLevelsIn(ENGLISH));
    assert.deepEqual(sorted(codesIn(SPANISH)), sorted(codesIn(ENGLISH)));
    assert.deepEqual(sorted(linksBeyond(SPANISH)), sorted(linksBeyond(ENGLISH)));
  });

  test("is linked from the other, and the other from it", () => {
    assert.ok(linksIn(ENGLISH).includes("README.es.md"));
    assert.ok(linksIn(SPANISH).includes("README.md"));
  });
});
