/** Attacks on nodes that are at the head: what a peer may say of the next block, and of contracts that are held. */

import { EMPTY_BYTES, type Hex } from "@counterpart/core/base/bytes";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { signDigest } from "@counterpart/core/crypto/crypto";
import { signArtifact } from "@counterpart/core/sync/artifact";
import { NODE_BYTES_MAX } from "@counterpart/core/sync/limits";
import type { ArtifactEnvelope, Message } from "@counterpart/core/sync/message-types";
import { keyOf, writerCode } from "../../packages/node/src/engine/engine.test-support.ts";
import type { ContractEntry } from "../../packages/node/src/engine/types.ts";
import { withSnapshot } from "../../packages/node/src/engine/with-snapshot.ts";
import { type FollowingAttack, type FollowingGround, type FollowingLie, nextBlock } from "./following.ts";
import { FAKE_HASH, WRONG_ROOT } from "./forgeries.ts";
import { instanceOf } from "./hostile-peer.ts";
import { EMPTY, FORGED, IGNORED, INVALID, TOLERATED, UNPROVEN } from "./moves.ts";
import { TAKERS } from "./takeover.ts";
import {
  answeringState,
  changing,
  codesOf,
  headersOf,
  honestReply,
  proofsOf,
  type Reply,
  sealedByOutsider,
  signedBranch,
  toAnswer,
  withHeaders,
} from "./takeover-lies.ts";

const AUTHOR_KEY = 1;
const BRANCH = 4;
const NOT_HELD: Message = { type: "Error", code: "NOT_HELD", retryAfterMs: 0 };

/** An honest peer that has the next block already, with its answers changed. */
const nextSays =
  (change: (honest: Reply) => Reply) =>
  async ({ chain }: FollowingGround): Promise<FollowingLie> => {
    const next = await nextBlock(chain, writerCode);
    const { hash, number } = next.head();
    return { answer: toAnswer(change(honestReply(next))), head: { hash, number } };
  };

const nodesOf = (honest: Reply, node: (given: Uint8Array) => Uint8Array): Reply =>
  changing(honest, (message) => (message.type === "Nodes" ? { ...message, nodes: message.nodes.map(node) } : message));

/** One bit of it is another. */
const flipped = (node: Uint8Array): Uint8Array => Uint8Array.from([...node.subarray(0, -1), (node.at(-1) ?? 0) ^ 1]);

/** The next block, as if somebody had sealed it who is not listed. */
async function outsidersBlock({ chain }: FollowingGround): Promise<FollowingLie> {
  const next = await nextBlock(chain, writerCode);
  const sealed = sealedByOutsider(headersOf(next));
  const { hash, number } = sealed.at(-1) as SealedHeader;
  return { answer: toAnswer(withHeaders(honestReply(next), sealed)), head: { hash, number } };
}

/** A listed signer's branch whose state nobody has; after a while the peer knows nothing of it any more. */
async function withdrawn({ chain, peer }: FollowingGround): Promise<FollowingLie> {
  const honest = honestReply(chain.engine);
  const branch = signedBranch(headersOf(chain.engine), BRANCH, WRONG_ROOT.stateRoot as Hex);
  const { hash, number } = branch.at(-1) as SealedHeader;
  const answer = toAnswer(
    withHeaders(
      answeringState(honest, () => NOT_HELD),
      branch,
    ),
  );
  return {
    ...{ answer, head: { hash, number } },
    async afterwards() {
      const head = chain.engine.head();
      peer.answer = toAnswer(honest);
      peer.claim = { head: { hash: head.hash, number: head.number }, sequence: 2 ** 40 + 1 };
      peer.say(peer.status());
    },
  };
}

/** The owner's artifact of the first contract, given for the second, that the same owner created. */
function artifactLie(change: (first: ArtifactEnvelope, second: ArtifactEnvelope) => ArtifactEnvelope) {
  return async ({ chain, peer }: FollowingGround): Promise<FollowingLie> => {
    const { engine } = chain;
    const [first, second] = chain.contracts.slice(0, 2).map((address, nonce) => {
      const { codeHash } = withSnapshot(engine, ({ contract }) => contract(address)) as ContractEntry;
      const draft = { address, codeHash, creationNonce: BigInt(nonce), updatedAt: 1 };
      return signArtifact({ ...draft, content: { name: `Contract ${nonce}` } }, engine, (digest) =>
        signDigest(digest, keyOf(AUTHOR_KEY)),
      );
    }) as [ArtifactEnvelope, ArtifactEnvelope];
    const entries = [change(first, second)];
    const honest = honestReply(engine);
    const reply: Reply = (request) =>
      request.type === "GetContracts" && request.kind === "since"
        ? { type: "Contracts", kind: "since", instanceId: instanceOf(peer.peerId), upTo: 1, last: 1, entries }
        : honest(request);
    return { answer: toAnswer(reply), artifacts: { count: 1, digest: FAKE_HASH, sequence: 1 } };
  };
}

export const FOLLOWING_ATTACKS: readonly FollowingAttack[] = [
  {
    name: "nodes of the next state are others",
    isUsual: true,
    takers: ["replica"],
    verdict: UNPROVEN,
    lie: nextSays((honest) => nodesOf(honest, flipped)),
  },
  {
    name: "nodes of the next state are withheld",
    takers: ["replica"],
    verdict: UNPROVEN,
    lie: nextSays((honest) => nodesOf(honest, () => EMPTY_BYTES)),
  },
  {
    name: "nodes of the next state are as large as can be",
    takers: ["replica"],
    verdict: UNPROVEN,
    lie: nextSays((honest) => nodesOf(honest, () => new Uint8Array(NODE_BYTES_MAX))),
  },
  {
    name: "proofs of the next state lack a node",
    takers: ["chosen"],
    verdict: UNPROVEN,
    lie: nextSays((honest) => proofsOf(honest, (proof) => proof.slice(0, -1))),
  },
  {
    name: "a new contract has another code",
    takers: ["replica"],
    verdict: UNPROVEN,
    lie: nextSays((honest) => codesOf(honest, () => new Uint8Array(64).fill(0x5b))),
  },
  {
    name: "the code of a new contract is withheld",
    takers: ["replica"],
    verdict: EMPTY,
    asks: 12,
    lie: nextSays((honest) => codesOf(honest, () => undefined)),
  },
  {
    name: "the state of the next block is withheld",
    takers: ["replica", "chosen"],
    verdict: TOLERATED,
    asks: 3,
    lie: nextSays((honest) => answeringState(honest, () => NOT_HELD)),
  },
  {
    name: "nobody listed has sealed the next block",
    takers: ["replica", "chosen"],
    verdict: INVALID,
    lie: outsidersBlock,
  },
  {
    name: "a branch of headers is withdrawn",
    isUsual: true,
    takers: ["replica", "chosen"],
    verdict: TOLERATED,
    asks: 3,
    lie: withdrawn,
  },
  {
    name: "the artifact of a contract is given for another's",
    takers: TAKERS,
    verdict: IGNORED,
    asks: 1,
    lie: artifactLie(({ address: _, codeHash: __, creationNonce: ___, ...given }, second) => ({ ...second, ...given })),
  },
  {
    name: "the content of an artifact is another contract's",
    takers: TAKERS,
    verdict: FORGED,
    lie: artifactLie((first, second) => ({ ...second, ...(first.content && { content: first.content }) })),
  },
];
