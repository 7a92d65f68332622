/** `counterpart`: arguments, configuration, and a node. */

import { readFileSync } from "node:fs";
import { createLogger } from "../telemetry/logger.ts";
import { exitCodeOf, sentenceOf } from "./exit-code.ts";
import { createProcessHost } from "./host.ts";
import { parseArguments } from "./program.ts";
import { resolveConfig } from "./resolve-config.ts";
import { runNode } from "./run-node.ts";

const host = createProcessHost();

async function main(): Promise<void> {
  const request = parseArguments(process.argv.slice(2), { write: host.print, writeError: host.printError });
  if (request.kind === "shown") return;
  const config = resolveConfig({
    flags: request.flags,
    environment: process.env,
    workingDir: process.cwd(),
    readFile: (path) => readFileSync(path, "utf8"),
  });
  const logger = createLogger({ level: config.logLevel, format: config.logFormat });
  // The node's parts are loaded only now, so that help and wrong flags are answered at once.
  const { createApp } = await import("../app.ts");
  await runNode({ config, logger, host, createApp });
}

try {
  await main();
} catch (error) {
  host.printError(`${sentenceOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
