/** `node tools/tidy/main.ts [root]`: prints what breaks a rule of the house and ends non-zero if anything does. */

import { resolve } from "node:path";
import { checkRepository, RULES } from "./check.ts";

const root = resolve(process.argv[2] ?? resolve(import.meta.dirname, "../.."));
const findings = checkRepository(root);
for (const { path, line, rule, message } of findings) console.error(`${path}:${line}  ${rule}  ${message}`);
if (findings.length > 0) {
  console.error(`tidy: ${findings.length} violations`);
  process.exitCode = 1;
} else {
  console.log(`tidy: ${RULES.length} rules hold`);
}
