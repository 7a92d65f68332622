/** Attacks by chains that a peer claims to have. */

import { concatBytes } from "@counterpart/core/base/bytes";
import type { Block } from "@counterpart/core/chain/types";
import type { Request, Status } from "@counterpart/core/sync/message-types";
import {
  copyChain,
  FAKE_HASH,
  type Forge,
  forgeLast,
  forgeOnto,
  servesChain,
  tipOf,
  WRONG_ROOT,
  WRONG_SEALER,
} from "./forgeries.ts";
import { framed, type HostilePeer, NOT_HELD } from "./hostile-peer.ts";
import type { Attack, Ground } from "./judge.ts";
import { claims, EMPTY, fakeHeight, INVALID, type Lie, TOLERATED, WRONG } from "./moves.ts";

/** Longer than what honest nodes seal meanwhile. */
const LEAD = 16;
const EMPTY_PEERS = 4;

const headOf = (chain: readonly Block[]): Partial<Status> => {
  const { hash, number } = tipOf(chain);
  return { head: { hash, number } };
};
const forgedOf = (chain: readonly Block[]) => chain.slice(-LEAD).map(({ header }) => header.hash);
const nothingFor = (hashes: readonly unknown[]) =>
  framed({ type: "Blocks", blocks: hashes.map(() => new Uint8Array()) });

/** Blocks with valid seals on the node's own head, as if the peer had sealed them. */
async function forgedBranch(peer: HostilePeer, forge: Forge): Promise<readonly Block[]> {
  return forgeOnto(await copyChain(peer, peer.version.status.head.number), LEAD, forge);
}

/** What is right of the branch is no longer than what the node has, so that nothing may change. */
const wrongBranch =
  (forge: Forge) =>
  async (peer: HostilePeer): Promise<Lie> => {
    const chain = await forgedBranch(peer, forge);
    return { claim: () => headOf(chain), answer: servesChain(chain), forged: forgedOf(chain) };
  };

/** What is right of the branch is longer than what the node has, so that it may be taken, without the last block. */
const wrongEnd =
  (forge: Forge) =>
  async (_: HostilePeer, ground: Ground): Promise<Lie> => {
    const chain = forgeLast(await ground.branch(LEAD), forge);
    return { claim: () => headOf(chain), answer: servesChain(chain), forged: [tipOf(chain).hash] };
  };

/** Serves headers of a branch, and has left it when asked for its blocks. */
async function leavesBeforeBlocks(peer: HostilePeer): Promise<Lie> {
  const chain = await forgedBranch(peer, WRONG_ROOT);
  const serve = servesChain(chain);
  const answer = (request: Request) => {
    if (request.type !== "GetBlocks") return serve(request);
    peer.claim = {};
    return nothingFor(request.hashes);
  };
  return { claim: () => headOf(chain), answer, forged: forgedOf(chain), asks: 2 };
}

/** Serves the first blocks of a branch, and has left it when asked for the others. */
async function leavesBetweenBlocks(peer: HostilePeer, ground: Ground): Promise<Lie> {
  const chain = await ground.branch(LEAD);
  const serve = servesChain(chain);
  let served = 0;
  const answer = (request: Request) => {
    if (request.type !== "GetBlocks") return serve(request);
    if (served++ === 0) return serve({ ...request, hashes: request.hashes.slice(0, LEAD / 2) });
    peer.claim = {};
    return nothingFor(request.hashes);
  };
  return { claim: () => headOf(chain), answer, asks: 3 };
}

/** Gives every block, but for another question. */
async function crosses(peer: HostilePeer): Promise<Lie> {
  const chain = await forgedBranch(peer, WRONG_ROOT);
  const serve = servesChain(chain);
  const answer = (request: Request) => {
    const asked = request.type === "GetBlocks" ? { ...request, hashes: request.hashes.toReversed() } : request;
    return serve(asked);
  };
  return { claim: () => headOf(chain), answer, forged: forgedOf(chain) };
}

/** Has headers, and no blocks for them. */
async function deliversNothing(peer: HostilePeer): Promise<Lie> {
  const chain = await forgedBranch(peer, WRONG_ROOT);
  const serve = servesChain(chain);
  const nothing = framed({ type: "Blocks", blocks: [] });
  const answer = (request: Request) => (request.type === "GetBlocks" ? nothing : serve(request));
  return { claim: () => headOf(chain), answer, forged: forgedOf(chain), asks: 4 };
}

const answers = (answer: Uint8Array) => claims(async () => ({ claim: fakeHeight, answer: () => answer }));

export const CHAIN_ATTACKS: readonly Attack[] = [
  { name: "a request is answered twice", verdict: WRONG, run: answers(concatBytes(NOT_HELD, NOT_HELD)) },
  {
    name: "a request gets the answer of another kind",
    verdict: WRONG,
    run: answers(framed({ type: "Blobs", blobs: [] })),
  },
  {
    name: "a request for blocks gets other blocks",
    verdict: { ...WRONG, because: /another block than asked for/ },
    run: claims(crosses),
  },
  {
    name: "a height is claimed that nobody has",
    verdict: TOLERATED,
    run: claims(async () => ({ claim: fakeHeight, answer: () => NOT_HELD, asks: 2, forged: [FAKE_HASH] })),
  },
  {
    name: "the root that decides over a longer branch is wrong",
    verdict: { ...INVALID, because: /stateRoot/ },
    run: claims(wrongBranch(WRONG_ROOT)),
  },
  {
    name: "the seal that decides over a longer branch is forged",
    verdict: { ...INVALID, because: /sealed by another than its coinbase/ },
    run: claims(wrongBranch(WRONG_SEALER)),
  },
  {
    name: "the last root of a longer branch is wrong",
    verdict: { ...INVALID, because: /stateRoot/ },
    run: claims(wrongEnd(WRONG_ROOT)),
  },
  {
    name: "a peer leaves its branch between headers and blocks",
    verdict: EMPTY,
    run: claims(leavesBeforeBlocks),
  },
  {
    name: "a peer leaves its branch between two answers with blocks",
    verdict: EMPTY,
    run: claims(leavesBetweenBlocks),
  },
  {
    name: "several peers claim a longer branch and answer empty",
    verdict: EMPTY,
    run: claims(deliversNothing, EMPTY_PEERS),
  },
];
