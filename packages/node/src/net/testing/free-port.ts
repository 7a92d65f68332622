/** Ports that stay free while nobody listens there, for tests and benchmarks. */

import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below what systems take for outgoing connections (32768 and more on Linux, 49152 elsewhere), above well-known services. */
const FIRST = 10_000;
const END = 32_768;
const ATTEMPTS_MAX = 100;

const given = new Set<number>();

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });

/**
 * A port of the loopback interface at which nobody listens, for a node that stops and must find it free when it comes
 * back: a port that the system chose may by then be that of somebody's outgoing connection. No port is given twice.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const port = randomInt(FIRST, END);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port from ${FIRST} to ${END - 1}`);
}
