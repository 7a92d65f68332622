/** The genesis file that a data directory may have of its own, so that its node need not be told which chain it is on. */

import { lstatSync } from "node:fs";
import { join } from "node:path";

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
