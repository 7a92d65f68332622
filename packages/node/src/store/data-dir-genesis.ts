/** The genesis file that a data directory may have of its own, so that its node need not be told which chain it is on. */

import { lstatSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";

export const GENESIS_NAME = "genesis.json";

/**
 * Its path; undefined where nothing has the name. What cannot be looked at, and a link that leads nowhere, count as there:
 * whoever reads them is told, where another chain would be begun without them.
 */
export function genesisIn(dataDir: string): string | undefined {
  const path = join(dataDir, GENESIS_NAME);
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined ? undefined : path;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOTDIR" ? undefined : path;
  }
}

/** What was in pipes, which can be read but once. */
const pipes = new Map<string, Buffer>();

/**
 * What a genesis file holds. One that is named otherwise may be a pipe, as of `--genesis <(…)`; this one would be waited
 * for, maybe in vain, where nobody has asked for it.
 * @throws what the file system says
 */
export function readGenesisBytes(path: string): Buffer {
  const isPipe = !statSync(path).isFile();
  if (isPipe && basename(path) === GENESIS_NAME) throw new Error("it is no file");
  const bytes = pipes.get(path) ?? readFileSync(path);
  if (isPipe) pipes.set(path, bytes);
  return bytes;
}
