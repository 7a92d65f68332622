/** Runs the official vectors of the folder that COUNTERPART_FIXTURES names: `npm run conformance [-- suite[/folder] …]`. */

import { useCrypto } from "@counterpart/core/crypto/crypto";
import { createNativeCrypto } from "../packages/node/src/crypto/native.ts";
import { FIXTURES_VARIABLE } from "./fixtures.ts";
import { runConformance } from "./run.ts";
import { SUITES } from "./suites.ts";

useCrypto(await createNativeCrypto());
process.exitCode = await runConformance({
  suites: SUITES,
  fixtures: process.env[FIXTURES_VARIABLE],
  names: process.argv.slice(2),
  print: (line) => console.log(line),
});
