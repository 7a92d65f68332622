import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { readTextFiles } from "../tidy/files.ts";
import { anchorsOf, linksIn } from "./markdown.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const pages = readTextFiles(ROOT).filter(({ path }) => path.endsWith(".md"));

test("every link of a document leads to a file, and to a heading of it", () => {
  assert.ok(pages.some(({ path }) => path === "README.md"));
  let checked = 0;
  for (const { path, text } of pages) {
    for (const link of linksIn(text).filter((target) => !/^https?:/.test(target))) {
      const [file = "", fragment] = link.split("#", 2);
      const target = file === "" ? join(ROOT, path) : resolve(ROOT, dirname(path), file);
      assert.ok(existsSync(target) && !relative(ROOT, target).startsWith(".."), `${path}: ${link} leads nowhere`);
      if (fragment !== undefined) {
        assert.ok(statSync(target).isFile() && target.endsWith(".md"), `${path}: ${link}`);
        assert.ok(anchorsOf(readFileSync(target, "utf8")).includes(fragment), `${path}: ${link} has no such heading`);
      }
      checked++;
    }
  }
  assert.ok(checked > 20, `only ${checked} links were found`);
});

test("links and headings are found where they are", () => {
  const page = "# A `b` c-d, e\n\n[x](one.md#a)\ny](two.md)\n\n```sh\n# no [z](three.md)\n```\n`[n](four.md)`\n";
  assert.deepEqual(linksIn(page), ["one.md#a", "two.md"]);
  assert.deepEqual(anchorsOf(page), ["a-b-c-d-e"]);
});
