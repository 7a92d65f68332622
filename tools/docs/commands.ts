/** `node tools/docs/commands.ts --write` writes docs/CLI.md; without `--write` it prints the page. */

import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { renderCommands } from "./command-page.ts";

const page = await renderCommands();
if (process.argv.includes("--write")) writeFileSync(resolve(import.meta.dirname, "../../docs/CLI.md"), page);
else process.stdout.write(page);
