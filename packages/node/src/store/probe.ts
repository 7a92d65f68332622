/** Looks at the database file before the node opens it. */

import { existsSync, statSync } from "node:fs";
import { CodedError } from "@counterpart/core/base/errors";
import { runModule } from "./child.ts";

/** Far more than it takes; damage that makes LMDB go in circles must not hold a node's start for ever. */
const PROBE_MS_MAX = 30_000;

/**
 * Opens the file in a process of its own, reads of every table what comes first and last, and compares the file's size
 * with what it says of itself. A file that is not there, or empty, is a new database.
 * @throws CodedError `STORE_CORRUPT`
 */
export async function probeDatabase(path: string): Promise<void> {
  if (!existsSync(path) || statSync(path).size === 0) return;
  let said = "";
  const note = (line: string): void => {
    said = line;
  };
  const { code, signal } = await runModule("probe-child", import.meta.url, [path], note, PROBE_MS_MAX);
  if (code === 0 && said === "ok") return;
  const reason = signal ?? (said === "" ? `exit code ${code}` : said);
  throw new CodedError(
    "STORE_CORRUPT",
    `the database ${path} is damaged (${reason}): restore a backup, or move ${path} and every file whose name ` +
      "begins so away and let the node fetch the chain from a peer",
    { path, reason },
  );
}
