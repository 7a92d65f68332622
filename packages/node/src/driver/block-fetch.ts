/** Headers and bodies from a peer, checked as far as that goes without the chain's state. */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { decodeBlock } from "@counterpart/core/chain/block";
import { decodeHeader } from "@counterpart/core/chain/header";
import type { Block, SealedHeader } from "@counterpart/core/chain/types";
import type { Clock } from "@counterpart/core/ports/runtime";
import { BLOCKS_MAX, HEADERS_MAX } from "@counterpart/core/sync/limits";
import { checkHeaderPage } from "@counterpart/core/sync/locator";
import { FALLBACK_PEERS_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import { createPacer } from "./timing.ts";

export interface BlockFetchDeps {
  readonly peers: Peers;
  readonly clock: Clock;
  readonly chainId: number;
}

export interface FetchedBlocks {
  readonly blocks: readonly Block[];
  readonly from: Session;
}

/** Notes a failed request where it belongs: silence and emptiness set the peer back, a broken reply ends it. */
export function noteFailure(peers: Peers, session: Session, error: unknown): void {
  if (isCodedError(error, "REQUEST_TIMEOUT")) {
    session.batch = Math.max(1, Math.floor(session.batch / 2));
    peers.penalise(session, "TIMEOUT");
  } else if (isCodedError(error, "BAD_MESSAGE") || isCodedError(error, "INVALID_RLP")) {
    peers.penalise(session, "WRONG_REPLY", { reason: error.message });
  }
}

/**
 * One page of the peer's canonical chain, starting at the first hash of `locator` that is on it.
 * @throws CodedError of the request, or `BAD_MESSAGE`, `INVALID_RLP` when the answer is none
 */
export async function fetchHeaders(session: Session, locator: readonly Hex[]): Promise<readonly SealedHeader[]> {
  const count = Math.min(HEADERS_MAX, Math.max(2, session.version?.limits.headers ?? HEADERS_MAX));
  const reply = await session.request({ type: "GetHeaders", from: { hashes: locator }, count, direction: "up" });
  const headers = reply.headers.map(decodeHeader);
  checkHeaderPage(headers, locator, count);
  return headers;
}

/** Decodes the answer up to the first absent block. Blocks are checked to be the ones asked for. */
async function decodeBlocks(
  encoded: readonly Uint8Array[],
  wanted: readonly SealedHeader[],
  { clock, chainId }: BlockFetchDeps,
): Promise<readonly Block[]> {
  const pause = createPacer(clock);
  const blocks: Block[] = [];
  for (const [index, bytes] of encoded.entries()) {
    if (bytes.length === 0) break;
    const block = decodeBlock(bytes, chainId);
    if (block.header.hash !== wanted[index]?.hash) throw new CodedError("BAD_MESSAGE", "another block than asked for");
    blocks.push(block);
    await pause();
  }
  return blocks;
}

async function askOne(
  session: Session,
  wanted: readonly SealedHeader[],
  deps: BlockFetchDeps,
): Promise<readonly Block[]> {
  const count = Math.max(1, Math.min(BLOCKS_MAX, session.batch, session.version?.limits.blocks ?? BLOCKS_MAX));
  const some = wanted.slice(0, count);
  const reply = await session.request({ type: "GetBlocks", hashes: some.map(({ hash }) => hash) });
  if (reply.blocks.length > some.length) throw new CodedError("BAD_MESSAGE", "more blocks than asked for");
  try {
    const blocks = await decodeBlocks(reply.blocks, some, deps);
    session.batch = Math.min(BLOCKS_MAX, session.batch * 2);
    return blocks;
  } catch (error) {
    throw new CodedError("BAD_MESSAGE", `wrong blocks: ${String(error)}`);
  }
}

function sources(first: Session, wanted: readonly SealedHeader[], peers: Peers): readonly Session[] {
  const lowest = wanted[0]?.number ?? 0;
  const others = peers.ready().filter((peer) => peer !== first && (peer.status?.head.number ?? 0) >= lowest);
  return [first, ...others.slice(0, FALLBACK_PEERS_MAX)];
}

/**
 * The first blocks of `wanted`, at least one, as many as the peer gives at once. What it does not deliver, others are
 * asked for.
 * @throws CodedError `PEER_ERROR` when nobody delivers
 */
export async function fetchBlocks(
  session: Session,
  wanted: readonly SealedHeader[],
  deps: BlockFetchDeps,
): Promise<FetchedBlocks> {
  for (const source of sources(session, wanted, deps.peers)) {
    if (source.closing !== undefined) continue;
    try {
      const blocks = await askOne(source, wanted, deps);
      if (blocks.length > 0) return { blocks, from: source };
      deps.peers.penalise(source, "EMPTY_REPLY", { block: wanted[0]?.hash });
    } catch (error) {
      noteFailure(deps.peers, source, error);
    }
  }
  throw new CodedError("PEER_ERROR", "no peer delivers the block", { block: wanted[0]?.hash });
}
