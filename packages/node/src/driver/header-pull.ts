/** Fetches the headers of a peer's chain: who takes a state over knows what came before it by its headers. */

import { type Hex, isHex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { checkHeader, compareHeads, isFromFuture } from "@counterpart/core/consensus/poa";
import type { Clock } from "@counterpart/core/ports/runtime";
import { locatorNumbers } from "@counterpart/core/sync/locator";
import { createPacer } from "../engine/pacer.ts";
import type { Engine } from "../engine/types.ts";
import { fetchHeaders } from "./block-fetch.ts";
import { BRANCH_HEADERS_MAX } from "./limits.ts";
import type { Session } from "./session.ts";

export interface HeaderPullDeps {
  readonly engine: Pick<Engine, "header" | "adoption" | "rules">;
  readonly clock: Clock;
}

/** Checks the headers that are new, as far as they go on from what is held or from the ones before. */
async function newHeaders(
  { engine, clock }: HeaderPullDeps,
  page: readonly SealedHeader[],
  branch: SealedHeader[],
): Promise<void> {
  const pause = createPacer(clock);
  for (const header of page) {
    if (engine.header(header.number)?.hash === header.hash && branch.length === 0) continue;
    const before = branch.at(-1);
    const parent = before?.hash === header.parentHash ? before : engine.header(header.parentHash);
    if (parent === undefined) throw new CodedError("BAD_MESSAGE", `the parent of header ${header.number} is missing`);
    if (isFromFuture(header, clock.now())) return;
    checkHeader(header, parent, engine.rules);
    branch.push(header);
    await pause();
  }
}

/**
 * Brings the chain of headers to the end of the peer's, where that is better than the one that is held.
 * @returns how many were added
 * @throws CodedError of the request; `BAD_MESSAGE`, `INVALID_HEADER` when the peer's headers form no valid chain
 */
export async function pullHeaders(deps: HeaderPullDeps, session: Session): Promise<number> {
  const { adoption, header: headerAt } = deps.engine;
  let start: readonly Hex[] = locatorNumbers(adoption.tip().number)
    .map((number) => headerAt(number)?.hash)
    .filter((hash) => isHex(hash));
  let added = 0;
  let branch: SealedHeader[] = [];
  for (;;) {
    const page = await fetchHeaders(session, start, () => {});
    await newHeaders(deps, page, branch);
    const last = branch.at(-1);
    if (last !== undefined && compareHeads(last, adoption.tip()) > 0) {
      await adoption.addHeaders(branch);
      added += branch.length;
      branch = [];
    }
    const end = page.at(-1);
    if (end === undefined || page.length < 2 || session.closing !== undefined) return added;
    if (branch.length > BRANCH_HEADERS_MAX) throw new CodedError("BAD_MESSAGE", "a branch that never gets better");
    start = [end.hash];
  }
}
