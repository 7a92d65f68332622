/** Which headers a block of proof of work may name as ommers. Source: yellow paper, section 11.1. */

import type { Hex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import type { AnySealedHeader } from "../chain/any-header.ts";
import { checkForeignHeader, isMerged } from "./foreign-headers.ts";
import type { ForkSchedule } from "./fork-schedule.ts";

const OMMERS_MAX = 2;
/** Blocks from a block's parent on among which an ommer's parent is. */
export const OMMER_ANCESTORS = 7;

/** A block that came before, as far as ommers are concerned. */
export interface Ancestor {
  readonly header: AnySealedHeader;
  readonly ommers: readonly AnySealedHeader[];
}

/**
 * @param ancestors the last `OMMER_ANCESTORS` blocks, or as many as there are, the parent first
 * @throws CodedError `INVALID_BLOCK` that names the block and what is wrong, `INVALID_HEADER` of an ommer's header
 */
export function checkOmmers(
  header: AnySealedHeader,
  ommers: readonly AnySealedHeader[],
  ancestors: readonly Ancestor[],
  schedule: ForkSchedule,
): void {
  const refuse = (what: string): CodedError => new CodedError("INVALID_BLOCK", `block ${header.number}: ${what}`);
  if (ommers.length > OMMERS_MAX) throw refuse(`${ommers.length} ommers are more than ${OMMERS_MAX}`);
  const line = new Map(ancestors.map((ancestor) => [ancestor.header.hash, ancestor.header]));
  const included = new Set<Hex>(ancestors.flatMap((ancestor) => ancestor.ommers.map(({ hash }) => hash)));
  for (const ommer of ommers) {
    if (line.has(ommer.hash)) throw refuse(`the ommer ${ommer.hash} is an ancestor`);
    if (included.has(ommer.hash)) throw refuse(`the ommer ${ommer.hash} was included before`);
    included.add(ommer.hash);
    const parent = line.get(ommer.parentHash);
    if (parent === undefined || parent.hash === header.parentHash) {
      throw refuse(`the ommer ${ommer.hash} does not branch off from the last ${OMMER_ANCESTORS - 1} ancestors`);
    }
    if (isMerged(ommer)) throw refuse(`the ommer ${ommer.hash} has no difficulty`);
    // Of a block before the Merge every ancestor is before it as well.
    checkForeignHeader(ommer, parent, 0n, schedule);
  }
}
