/** `counterpart`: arguments, configuration, and a node. */

import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { createLogger } from "../telemetry/logger.ts";
import { EXIT, exitCodeOf, sentenceOf } from "./exit-code.ts";
import type { ExportOptions } from "./export.ts";
import { createProcessHost } from "./host.ts";
import type { ImportOptions } from "./import.ts";
import { parseArguments, type Request } from "./program.ts";
import { resolveConfig } from "./resolve-config.ts";
import { runNode } from "./run-node.ts";
import type { StatusOptions } from "./status.ts";

type DatabaseRequest = Extract<Request, { kind: "verify" | "backup" | "restore" | "reset" }>;

const host = createProcessHost();

async function main(): Promise<void> {
  const request = parseArguments(process.argv.slice(2), { write: host.print, writeError: host.printError });
  if (request.kind === "shown") return;
  if (request.kind === "status") return runStatus(request.options);
  if (request.kind === "import") return runImport(request.options);
  if (request.kind === "export") return runExport(request.options);
  if (request.kind !== "start") return runDatabaseCommand(request);
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

async function runStatus(options: StatusOptions): Promise<void> {
  const { status } = await import("./status.ts");
  await status(options, { print: host.print, wait: setTimeout, isTerminal: process.stdout.isTTY });
}

/** A signal ends it after the block that it is at. */
async function runImport(options: ImportOptions): Promise<void> {
  const [{ importChain }, { chooseCrypto }] = await Promise.all([import("./import.ts"), import("../app.ts")]);
  await chooseCrypto(createLogger({ level: "warn", format: "pretty" }));
  let stoppedWith: number | undefined;
  host.on("SIGINT", () => (stoppedWith ??= EXIT.interrupted));
  host.on("SIGTERM", () => (stoppedWith ??= EXIT.terminated));
  host.on("parentGone", () => (stoppedWith ??= EXIT.terminated));
  const isWhole = await importChain(options, {
    print: host.print,
    ...(process.stderr.isTTY && { progress: showProgress }),
    now: host.now,
    isStopped: () => stoppedWith !== undefined,
  });
  if (!isWhole) process.exitCode = stoppedWith ?? EXIT.failure;
}

async function runExport(options: ExportOptions): Promise<void> {
  const { exportChain } = await import("./export.ts");
  await exportChain(options, host.print);
}

async function runDatabaseCommand(request: DatabaseRequest): Promise<void> {
  const { verify, backup, restore, reset } = await import("./db.ts");
  const output = { print: host.print, ...(process.stderr.isTTY && { progress: showProgress }) };
  if (request.kind === "verify") await verify(request.options, output);
  else if (request.kind === "backup") await backup(request.options, output);
  else if (request.kind === "reset") await reset(request.options, output);
  else await restore(request.options, output);
}

/** On the terminal's last line, to be written over. */
function showProgress(text: string): void {
  host.printError(`\r\x1b[K${text}\r`);
}

try {
  await main();
} catch (error) {
  host.printError(`${sentenceOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
