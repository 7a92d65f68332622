/** Genesis files: of this node's own chains, and those of other clients. */

import { CodedError, isCodedError, reasonOf } from "@counterpart/core/base/errors";
import { DEV_GENESIS, type Genesis } from "@counterpart/core/chain/genesis";
import { parseGenesis } from "@counterpart/core/chain/genesis-json";
import {
  type ForeignGenesis,
  isForeignGenesis,
  parseForeignGenesis,
} from "@counterpart/core/consensus/foreign-genesis";
import { readGenesisBytes } from "./data-dir-genesis.ts";

function readGenesisText(path: string): string {
  try {
    return readGenesisBytes(path).toString("utf8");
  } catch (error) {
    const reason = reasonOf(error);
    throw new CodedError("INVALID_GENESIS", `the genesis file ${path} cannot be read: ${reason}`);
  }
}

/** What is wrong with a file is told with its name. */
function parseFile<T>(path: string, parse: (text: string) => T): T {
  const text = readGenesisText(path);
  try {
    return parse(text);
  } catch (error) {
    if (!isCodedError(error, "INVALID_GENESIS")) throw error;
    throw new CodedError("INVALID_GENESIS", `${path}: ${error.message}`, error.details);
  }
}

/** A file without `config` is one of this program's own networks, such as `network create` makes, or of none. */
function parseToImport(text: string): ForeignGenesis {
  if (isForeignGenesis(text)) return parseForeignGenesis(text);
  const advice =
    "give the genesis file of the client that the blocks come from; a node joins a network by start --genesis";
  const message = "genesis: it has no config, as those of other clients have, whose chains alone are imported";
  throw new CodedError("INVALID_GENESIS", message, { advice });
}

/** @throws CodedError `INVALID_GENESIS` */
export const readForeignGenesis = (path: string): ForeignGenesis => parseFile(path, parseToImport);

/** Where a chain begins: this node's own, or one that was imported. */
export type AnyGenesis = { readonly own: Genesis } | { readonly foreign: ForeignGenesis };

/** @throws CodedError `INVALID_GENESIS` */
export function readGenesis(path: string | undefined): AnyGenesis {
  if (path === undefined) return { own: DEV_GENESIS };
  return parseFile(path, (text) =>
    isForeignGenesis(text) ? { foreign: parseForeignGenesis(text) } : { own: parseGenesis(text) },
  );
}
