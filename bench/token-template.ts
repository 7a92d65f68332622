/** The template that tokens are deployed from. */

import { readFileSync } from "node:fs";
import type { Hex } from "viem";

export const tokenTemplate = JSON.parse(
  readFileSync(new URL("../packages/node/src/contracts/templates/token.json", import.meta.url), "utf8"),
) as { readonly abi: readonly unknown[]; readonly bytecode: Hex };
