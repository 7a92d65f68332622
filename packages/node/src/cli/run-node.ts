/** A node's life in a process: start, say where it serves, stop when told to. */

import type { Addresses, App } from "../app-types.ts";
import type { NodeConfig } from "../config.ts";
import type { FlushableLogger } from "../telemetry/logger.ts";
import { VERSION } from "../version.ts";
import { complaintOf, EXIT, exitCodeOf } from "./exit-code.ts";
import type { Host } from "./host.ts";

export interface RunOptions {
  readonly config: NodeConfig;
  readonly logger: FlushableLogger;
  readonly host: Host;
  createApp(config: NodeConfig, services: { readonly logger: FlushableLogger }): Promise<App>;
}

/**
 * One Ctrl-C reaches the node several times: from the terminal and again from npm or the launcher. Only a signal after
 * this time counts as the second one.
 */
const SAME_SIGNAL_MS = 1000;
const STOP_MS_MAX = 20_000;
const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;

/** Runs a node; when it has ended, so has the process. Resolves when the node is ready, or has failed to start. */
export async function runNode({ config, logger, host, createApp }: RunOptions): Promise<void> {
  host.outliveReaders();
  const end = (code: number) => {
    logger.flush();
    host.exit(code);
  };
  const fail = (error: unknown, message: string) => {
    if (config.logFormat === "json") logger.error(message, { error });
    host.printError(complaintOf(error));
    if (config.logLevel === "debug" && error instanceof Error) host.printError(`${error.stack}\n`);
    end(exitCodeOf(error));
  };
  host.on("crash", (cause) => fail(cause, "unexpected failure"));

  const created = createApp(config, { logger });
  const started = created.then((app) => app.start());
  const stop = async () => {
    host.after(STOP_MS_MAX, () => fail(new Error(`the node did not stop within ${STOP_MS_MAX / 1000} s`), "stop"));
    await started.catch(() => {});
    const app = await created;
    await app.stop();
    const isDiverged = app.isDiverged();
    logger.info("stopped", isDiverged ? { isDiverged } : {});
    end(isDiverged ? EXIT.diverged : EXIT.ok);
  };
  const signals = onStopSignal(host, end, (signal) => {
    logger.info("stopping", { signal });
    stop().catch((error) => fail(error, "the node did not stop cleanly"));
  });
  try {
    announce(config, await started, logger);
  } catch (error) {
    if (!signals.stopping()) fail(error, "the node did not start");
  }
}

/** Calls `stop` at the first signal; a second one ends the process at once. */
function onStopSignal(host: Host, end: (code: number) => void, stop: (signal: string) => void) {
  let firstAt: number | undefined;
  const receive = (signal: keyof typeof SIGNAL_NUMBERS) => {
    if (firstAt === undefined) {
      firstAt = host.now();
      stop(signal);
    } else if (host.now() - firstAt >= SAME_SIGNAL_MS) {
      end(128 + SIGNAL_NUMBERS[signal]);
    }
  };
  host.on("SIGINT", () => receive("SIGINT"));
  host.on("SIGTERM", () => receive("SIGTERM"));
  host.on("parentGone", () => receive("SIGTERM"));
  return { stopping: () => firstAt !== undefined };
}

function announce(config: NodeConfig, addresses: Addresses, logger: FlushableLogger): void {
  if (config.logFormat === "json") logger.info("ready", { version: VERSION, ...addresses });
  else logger.print(readyText(config, addresses));
}

function readyText(config: NodeConfig, { api, p2p, dataDir, account }: Addresses): string {
  const rows: [string, string][] = [
    ["API", `${api}/api/v1`],
    ["Docs", `${api}/docs`],
    ["JSON-RPC", `${api}/`],
    ...p2p.map((address): [string, string] => ["P2P", peerAddress(address)]),
    ["Data", dataDir],
    ["Account", account],
  ];
  if (config.dev) rows.push(["Dev", "the ten development accounts are held; their keys are public"]);
  const lines = rows.map(([name, value]) => `  ${name.padEnd(10)}${value}\n`);
  return `\nCounterpart ${VERSION} is ready; Ctrl-C stops it.\n${lines.join("")}\n`;
}

/** `/ip4/127.0.0.1/tcp/5000/p2p/12D3…` as `127.0.0.1:5000`, the form that peers are told, then the whole. */
function peerAddress(multiaddr: string): string {
  const [, host, port, rest] = /^\/(?:ip4|ip6|dns\w*)\/([^/]+)\/tcp\/(\d+)(.*)$/.exec(multiaddr) ?? [];
  if (host === undefined || rest?.startsWith("/ws") === true) return multiaddr;
  return `${host.includes(":") ? `[${host}]` : host}:${port}  ${multiaddr}`;
}
