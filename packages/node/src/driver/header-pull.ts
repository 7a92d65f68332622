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
import { bestHeadOf } from "./block-pull.ts";
import { BRANCH_HEADERS_MAX, HEADERS_AT_A_TIME } from "./limits.ts";
import type { Session } from "./session.ts";
import { encodeSegments, WHOLE_STATE } from "./state-fill.ts";

export interface HeaderPullDeps {
  readonly engine: Pick<Engine, "head" | "header" | "adoption" | "rules">;
  readonly clock: Clock;
  /** Whether a head counts for nothing, as nobody gives its state: any chain that leads to the node's head is better. */
  readonly isGivenUp: (head: Hex) => boolean;
}

/**
 * Checks the headers that are new, as far as they go on from what is held or from the ones before.
 * @returns one of them that is not to be taken yet, and so none that follows it
 */
async function newHeaders(
  { engine, clock }: HeaderPullDeps,
  page: readonly SealedHeader[],
  branch: SealedHeader[],
): Promise<SealedHeader | undefined> {
  const pause = createPacer(clock);
  for (const header of page) {
    if (engine.header(header.number)?.hash === header.hash && branch.length === 0) continue;
    const before = branch.at(-1);
    // A page begins with the header that the one before ended with.
    if (before?.hash === header.hash) continue;
    const parent = before?.hash === header.parentHash ? before : engine.header(header.parentHash);
    if (parent === undefined) throw new CodedError("BAD_MESSAGE", `the parent of header ${header.number} is missing`);
    if (isFromFuture(header, clock.now())) return header;
    checkHeader(header, parent, engine.rules);
    branch.push(header);
    await pause();
  }
  return undefined;
}

function isBetter({ engine, isGivenUp }: HeaderPullDeps, last: SealedHeader): boolean {
  const tip = engine.adoption.tip();
  return isGivenUp(tip.hash) ? compareHeads(last, engine.head()) >= 0 : compareHeads(last, tip) > 0;
}

/** Whether a branch ends where the peer's chain did when that was first asked for, or later, and is a better one. */
function reaches(deps: HeaderPullDeps, end: SealedHeader | undefined, goal: ReturnType<typeof bestHeadOf>): boolean {
  return end !== undefined && end.number >= (goal?.number ?? 0) && isBetter(deps, end);
}

/** What the peer announced, from the end of the chain that is held to the peer's best head; empty where one is missing. */
function announcedBranch({ adoption }: Pick<Engine, "adoption">, session: Session): readonly SealedHeader[] {
  const branch: SealedHeader[] = [];
  const tip = adoption.tip();
  let hash = bestHeadOf(session)?.hash;
  while (hash !== tip.hash) {
    const header = hash === undefined ? undefined : session.announcedHeaders.get(hash);
    if (header === undefined) return [];
    branch.unshift(header);
    hash = header.parentHash;
  }
  return branch;
}

/** Takes headers that came with announcements, checked like any others; returns how many were added. */
async function takeAnnounced(deps: HeaderPullDeps, session: Session): Promise<number> {
  const { adoption } = deps.engine;
  if (deps.isGivenUp(adoption.tip().hash)) return 0;
  const branch: SealedHeader[] = [];
  await newHeaders(deps, announcedBranch(deps.engine, session), branch);
  if (branch.length > 0) await adoption.addHeaders(branch, encodeSegments(WHOLE_STATE));
  return branch.length;
}

const futureBlock = ({ number }: SealedHeader): CodedError =>
  new CodedError("FUTURE_BLOCK", `block ${number} is dated more than 60 s ahead of this clock`);

/** The end of the chain is on the peer's too, and what follows it here counts for nothing. */
async function endAt({ engine, isGivenUp }: HeaderPullDeps, end: SealedHeader): Promise<void> {
  const isHeld = engine.header(end.number)?.hash === end.hash && end.number >= engine.head().number;
  const tip = engine.adoption.tip();
  if (isHeld && tip.hash !== end.hash && isGivenUp(tip.hash)) await engine.adoption.endAt(end);
}

/** Whether there is no more to be had now: what follows is dated too far ahead, or the peer is leaving. */
const isCut = ({ closing }: Session, early: SealedHeader | undefined): boolean =>
  early !== undefined || closing !== undefined;

/** What is held of the chain of headers, from its end on, further and further apart. */
const locatorOf = ({ adoption, header }: HeaderPullDeps["engine"]): readonly Hex[] =>
  locatorNumbers(adoption.tip().number)
    .map((number) => header(number)?.hash)
    .filter((hash) => isHex(hash));

/**
 * Brings the chain of headers to the best head that the peer has said to have, where that is better than the one that is
 * held: its chain may grow faster than it answers. What the peer has announced is not asked for.
 * @returns how many were added
 * @throws CodedError of the request; `FUTURE_BLOCK` when all that is new is dated too far ahead; `BAD_MESSAGE`, `INVALID_HEADER` when the peer's headers form no valid chain
 */
export async function pullHeaders(deps: HeaderPullDeps, session: Session): Promise<number> {
  const { adoption } = deps.engine;
  const announced = await takeAnnounced(deps, session);
  if (announced > 0) return announced;
  const start = locatorOf(deps.engine);
  const goal = bestHeadOf(session);
  let added = 0;
  let branch: SealedHeader[] = [];
  const write = async (): Promise<void> => {
    if (!reaches(deps, branch.at(-1), undefined)) return;
    await adoption.addHeaders(branch, encodeSegments(WHOLE_STATE));
    added += branch.length;
    branch = [];
  };
  for (let asked = ask(session, start); ; ) {
    const page = await orAfter(asked, write);
    const end = page.at(-1);
    const isLast = end === undefined || page.length < 2;
    const goesOn = !isLast && !reaches(deps, end, goal);
    // The next page is on its way while this one is checked and written.
    if (goesOn) asked = ask(session, [end.hash]);
    const early = await newHeaders(deps, page, branch);
    const isOver = isCut(session, early);
    const isDone = isOver || !goesOn;
    if (isDone || branch.length >= HEADERS_AT_A_TIME) await write();
    if (isLast && !isOver && end !== undefined) await endAt(deps, end);
    if (early !== undefined && added === 0) throw futureBlock(early);
    if (isDone) return added;
    if (branch.length > BRANCH_HEADERS_MAX) throw new CodedError("BAD_MESSAGE", "a branch that never gets better");
  }
}

/** What was asked for; where that fails, the failure, once what was there before it has been written. */
async function orAfter<T>(asked: Promise<T>, write: () => Promise<void>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    await write();
    throw error;
  }
}

/** A page that whoever asks for it may no longer want when it comes. */
function ask(session: Session, start: readonly Hex[]): Promise<readonly SealedHeader[]> {
  const page = fetchHeaders(session, start, () => {});
  page.catch(() => {});
  return page;
}
