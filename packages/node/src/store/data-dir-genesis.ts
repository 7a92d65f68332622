/** The genesis file that a data directory may have of its own, so that its node need not be told which chain it is on. */

import { existsSync } from "node:fs";
import { join } from "node:path";

export const GENESIS_NAME = "genesis.json";

/** Its path; undefined where there is none. */
export function genesisIn(dataDir: string): string | undefined {
  const path = join(dataDir, GENESIS_NAME);
  return existsSync(path) ? path : undefined;
}
