/** `node contracts/build.ts`: compiles the templates and writes the artifacts that the node ships. */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { artifactFile, compileTemplate, templateNames } from "./compile.ts";

for (const name of templateNames()) {
  const file = fileURLToPath(artifactFile(name));
  writeFileSync(file, `${JSON.stringify(compileTemplate(name), null, 2)}\n`);
  // The artifact is committed, so it has the formatter's form like any other file.
  execFileSync("npx", ["biome", "format", "--write", file], { stdio: "inherit" });
  console.log(`wrote ${file}`);
}
