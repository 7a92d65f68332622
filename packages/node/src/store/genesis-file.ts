/** Genesis files: of this node's own chains, and those of other clients. */

import { readFileSync } from "node:fs";
import { CodedError } from "@counterpart/core/base/errors";
import { DEV_GENESIS, type Genesis } from "@counterpart/core/chain/genesis";
import { parseGenesis } from "@counterpart/core/chain/genesis-json";
import {
  type ForeignGenesis,
  isForeignGenesis,
  parseForeignGenesis,
} from "@counterpart/core/consensus/foreign-genesis";

function readGenesisText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CodedError("INVALID_GENESIS", `the genesis file ${path} cannot be read: ${reason}`);
  }
}

/** @throws CodedError `INVALID_GENESIS` */
export const readForeignGenesis = (path: string): ForeignGenesis => parseForeignGenesis(readGenesisText(path));

/** Where a chain begins: this node's own, or one that was imported. */
export type AnyGenesis = { readonly own: Genesis } | { readonly foreign: ForeignGenesis };

/** @throws CodedError `INVALID_GENESIS` */
export function readGenesis(path: string | undefined): AnyGenesis {
  if (path === undefined) return { own: DEV_GENESIS };
  const text = readGenesisText(path);
  return isForeignGenesis(text) ? { foreign: parseForeignGenesis(text) } : { own: parseGenesis(text) };
}
