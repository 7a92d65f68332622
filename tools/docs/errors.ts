/** `node tools/docs/errors.ts --write` writes docs/ERRORS.md; without `--write` it prints the page. */

import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { catalogued, renderErrors } from "./error-table.ts";

const page = renderErrors(catalogued());
if (process.argv.includes("--write")) writeFileSync(resolve(import.meta.dirname, "../../docs/ERRORS.md"), page);
else process.stdout.write(page);
