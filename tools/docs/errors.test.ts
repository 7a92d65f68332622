import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { catalogued, parseErrors, renderErrors } from "./error-table.ts";

const PAGE = readFileSync(resolve(import.meta.dirname, "../../docs/ERRORS.md"), "utf8");
const ADVICE = "npm run docs writes docs/ERRORS.md anew";

test("every error of the catalogue is documented as it is", () => {
  const documented = new Map(parseErrors(PAGE).map((error) => [error.code, error]));
  for (const error of catalogued()) assert.deepEqual(documented.get(error.code), error, ADVICE);
});

test("every documented error is in the catalogue, once", () => {
  const known = new Set(catalogued().map((error) => error.code));
  const documented = parseErrors(PAGE).map((error) => error.code);
  for (const code of documented) assert.ok(known.has(code), `${code}: ${ADVICE}`);
  assert.equal(new Set(documented).size, documented.length);
});

test("what is rendered can be read back", () => {
  const errors = [{ code: "A_1", status: 418, meaning: "a teapot, short and stout" }];
  assert.deepEqual(parseErrors(renderErrors(errors)), errors);
});

test("statuses are HTTP errors, and a meaning fits in its row", () => {
  for (const { code, status, meaning } of catalogued()) {
    assert.ok(status >= 400 && status < 600, code);
    assert.ok(meaning.length > 0 && !/[|\n]/.test(meaning), code);
  }
});
