/** Headers and bodies from a peer, checked as far as that goes without the chain's state. */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { decodeBlock, decodeBlockWith } from "@counterpart/core/chain/block";
import { decodeHeader } from "@counterpart/core/chain/header";
import type { Block, SealedHeader } from "@counterpart/core/chain/types";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { RecoverSenders } from "@counterpart/core/ports/senders";
import { BLOCKS_MAX, HEADERS_MAX } from "@counterpart/core/sync/limits";
import { checkHeaderPage } from "@counterpart/core/sync/locator";
import { createPacer } from "../engine/pacer.ts";
import { STALLS_TOLD_FROM } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import type { Retry } from "./timing.ts";

export interface BlockFetchDeps {
  readonly peers: Peers;
  readonly clock: Clock;
  readonly chainId: number;
  readonly recoverSenders?: RecoverSenders | undefined;
  /** As of `Session.request`. */
  readonly onSilent: () => void;
}

/** Notes a failed request where it belongs: silence and emptiness set the peer back, a broken reply ends it. */
export function noteFailure(peers: Pick<Peers, "penalise">, session: Session, error: unknown): void {
  if (isCodedError(error, "REQUEST_TIMEOUT")) {
    session.batch = Math.max(1, Math.floor(session.batch / 2));
    peers.penalise(session, "TIMEOUT");
  } else if (isCodedError(error, "BAD_MESSAGE") || isCodedError(error, "INVALID_RLP")) {
    const fault = error.details.fault === "FORGED_CONTENT" ? "FORGED_CONTENT" : "WRONG_REPLY";
    peers.penalise(session, fault, { reason: error.message });
  } else if (isCodedError(error, "INVALID_PROOF")) {
    peers.penalise(session, "FORGED_PROOF", { reason: error.message });
  }
}

/**
 * How loudly a failure is told. A peer that answers, and has not what it is asked for, has mostly gone over to another
 * branch meanwhile, or this node has yet to: that passes by itself.
 */
export const stallLevel = (error: unknown, { failures }: Pick<Retry, "failures">): "debug" | "warn" =>
  isCodedError(error, "PEER_ERROR") && failures < STALLS_TOLD_FROM ? "debug" : "warn";

/**
 * One page of the peer's canonical chain, starting at the first hash of `locator` that is on it.
 * @throws CodedError of the request, or `BAD_MESSAGE`, `INVALID_RLP` when the answer is none
 */
export async function fetchHeaders(
  session: Session,
  locator: readonly Hex[],
  onSilent: () => void,
): Promise<readonly SealedHeader[]> {
  const count = Math.min(HEADERS_MAX, Math.max(2, session.version?.limits.headers ?? HEADERS_MAX));
  const query = { type: "GetHeaders", from: { hashes: locator }, count, direction: "up" } as const;
  const reply = await session.request(query, { onSilent });
  const headers = reply.headers.map(decodeHeader);
  checkHeaderPage(headers, locator, count);
  return headers;
}

type Wanted = Pick<SealedHeader, "hash"> | undefined;

const wrongBlock = (error: unknown): CodedError => new CodedError("BAD_MESSAGE", `a wrong block: ${String(error)}`);

function checkWanted(block: Block, wanted: Wanted): Block {
  if (block.header.hash !== wanted?.hash) throw new CodedError("BAD_MESSAGE", "another block than asked for");
  return block;
}

/** @throws CodedError `BAD_MESSAGE` for another block, or transactions that the header does not commit to */
export function decodeWanted(bytes: Uint8Array, wanted: Wanted, chainId: number): Block {
  let block: Block;
  try {
    block = decodeBlock(bytes, chainId);
  } catch (error) {
    throw wrongBlock(error);
  }
  return checkWanted(block, wanted);
}

async function decodeWantedWith(recover: RecoverSenders, bytes: Uint8Array, wanted: Wanted, chainId: number) {
  let block: Block;
  try {
    block = await decodeBlockWith(recover, bytes, chainId);
  } catch (error) {
    throw wrongBlock(error);
  }
  return checkWanted(block, wanted);
}

/** Decodes the answer up to the first absent block. Blocks are checked to be the ones asked for. */
async function decodeBlocks(
  encoded: readonly Uint8Array[],
  wanted: readonly SealedHeader[],
  { clock, chainId, recoverSenders: recover }: BlockFetchDeps,
): Promise<readonly Block[]> {
  const pause = createPacer(clock);
  const blocks: (Block | Promise<Block>)[] = [];
  for (const [index, bytes] of encoded.entries()) {
    if (bytes.length === 0) break;
    const one = wanted[index];
    const block =
      recover === undefined ? decodeWanted(bytes, one, chainId) : decodeWantedWith(recover, bytes, one, chainId);
    blocks.push(block);
    if (block instanceof Promise) block.catch(() => {});
    await pause();
  }
  return recover === undefined ? (blocks as Block[]) : Promise.all(blocks);
}

/**
 * The first blocks of `wanted`, at least one, as many as the peer gives at once.
 * @throws CodedError of the request, `BAD_MESSAGE` (other blocks than asked for), `PEER_ERROR` (none)
 */
export async function fetchBlocks(
  session: Session,
  wanted: readonly SealedHeader[],
  deps: BlockFetchDeps,
): Promise<readonly Block[]> {
  const count = Math.max(1, Math.min(BLOCKS_MAX, session.batch, session.version?.limits.blocks ?? BLOCKS_MAX));
  const some = wanted.slice(0, count);
  const query = { type: "GetBlocks", hashes: some.map(({ hash }) => hash) } as const;
  const reply = await session.request(query, { onSilent: deps.onSilent });
  const blocks = await decodeBlocks(reply.blocks, some, deps);
  if (blocks.length === 0) {
    deps.peers.penalise(session, "EMPTY_REPLY", { block: some[0]?.hash });
    throw new CodedError("PEER_ERROR", "the peer does not deliver the block", { block: some[0]?.hash });
  }
  session.batch = Math.min(BLOCKS_MAX, session.batch * 2);
  return blocks;
}
