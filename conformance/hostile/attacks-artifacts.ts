/** Attacks by artifacts that a peer claims to have: swapped ones, and pages of them. */

import type { Hex } from "@counterpart/core/base/bytes";
import { CONTRACTS_MAX } from "@counterpart/core/sync/limits";
import type { ArtifactEnvelope, Request, Status } from "@counterpart/core/sync/message-types";
import { envelopeOf, FAKE_HASH, FORGED_CODE_HASH, forgeRecord } from "./forgeries.ts";
import { framed, type HostilePeer, instanceOf } from "./hostile-peer.ts";
import type { Attack, Ground } from "./judge.ts";
import { claims, FAR_AHEAD, FORGED, IGNORED, type Lie, TOLERATED, WRONG } from "./moves.ts";

const moreArtifacts = ({ version }: HostilePeer): Partial<Status> => ({
  artifacts: { count: version.status.artifacts.count + 1, digest: FAKE_HASH, sequence: FAR_AHEAD },
});

/** A page of artifacts, as from this peer's own database unless it names another. */
function page(
  peer: HostilePeer,
  entries: readonly ArtifactEnvelope[],
  upTo: number,
  instanceId = instanceOf(peer.peerId),
): Uint8Array {
  return framed({ type: "Contracts", kind: "since", instanceId, upTo, last: FAR_AHEAD, entries });
}

/** The owner's record of the token as it is, but for some of it; a millisecond newer, so that it is asked for. */
type Swap = (held: ArtifactEnvelope, peer: HostilePeer) => Partial<ArtifactEnvelope>;

const SWAPPED_CONTENT = new TextEncoder().encode('{"name":"Swapped"}');

/** Has one artifact more, in a single page. */
const swaps =
  (swap: Swap, rest: Pick<Lie, "asks" | "forged">) =>
  async (peer: HostilePeer, { token }: Ground): Promise<Lie> => {
    const { content: _, ...held } = await envelopeOf(peer, token);
    const entry = { ...held, updatedAt: held.updatedAt + 1, ...swap(held, peer) };
    const blobs = framed({ type: "Blobs", blobs: [SWAPPED_CONTENT] });
    const answer = (request: Request) => (request.type === "GetBlobs" ? blobs : page(peer, [entry], FAR_AHEAD));
    return { ...rest, claim: moreArtifacts, answer };
  };

/** The ABI of a forger under the owner's signature. */
const otherAbi: Swap = (held, peer) => {
  const { content, contentHash } = forgeRecord(peer, held, held.updatedAt + 1);
  return { content, contentHash };
};

const stuck = async (peer: HostilePeer): Promise<Lie> => ({
  claim: moreArtifacts,
  answer: () => page(peer, [], 1),
});

const sequenceOf = (request: Request): number =>
  request.type === "GetContracts" && request.kind === "since" ? request.sequence : 0;

/** Full of an artifact that the node has, as if the next page brought what is missing. */
async function creeping(peer: HostilePeer, { token }: Ground): Promise<Lie> {
  const { content: _, ...held } = await envelopeOf(peer, token);
  const entries = Array.from({ length: CONTRACTS_MAX }, () => held);
  return { claim: moreArtifacts, answer: (request) => page(peer, entries, sequenceOf(request) + 1) };
}

/** The second page is of another database than the first. */
async function replaced(peer: HostilePeer, { token }: Ground): Promise<Lie> {
  const { content: _, ...held } = await envelopeOf(peer, token);
  const databases = [instanceOf(peer.peerId), "another"];
  const answer = (request: Request) => page(peer, [held], sequenceOf(request) + 1, databases.shift());
  return { claim: moreArtifacts, answer };
}

const forged: readonly Hex[] = [FAKE_HASH];

export const ARTIFACT_ATTACKS: readonly Attack[] = [
  {
    name: "the content of an artifact is swapped when it is fetched",
    verdict: { ...FORGED, because: /a blob does not have the hash asked for/ },
    run: claims(swaps(() => ({ contentHash: FAKE_HASH }), { forged })),
  },
  {
    name: "the content of an artifact comes with the hash of another",
    verdict: { ...FORGED, because: /content does not have its hash/ },
    run: claims(swaps(() => ({ contentHash: FAKE_HASH, content: SWAPPED_CONTENT }), { forged })),
  },
  {
    name: "the ABI is exchanged under the owner's signature",
    verdict: IGNORED,
    run: claims(swaps(otherAbi, { asks: 1 })),
  },
  {
    name: "the code is exchanged under the owner's signature",
    verdict: TOLERATED,
    run: claims(swaps(() => ({ codeHash: FORGED_CODE_HASH }), { asks: 1, forged: [FORGED_CODE_HASH] })),
  },
  { name: "pages of artifacts make no progress", verdict: WRONG, run: claims(stuck) },
  {
    name: "pages of artifacts never end",
    verdict: { ...WRONG, because: /artifacts there can be/ },
    run: claims(creeping),
  },
  {
    name: "a peer's database is exchanged between two pages of artifacts",
    verdict: { ...WRONG, because: /of another database/ },
    run: claims(replaced),
  },
];
