/** The attacks, and what each must come to. */

import assert from "node:assert/strict";
import { concatBytes, type Hex } from "@counterpart/core/base/bytes";
import type { Block } from "@counterpart/core/chain/types";
import { UPDATED_AT_MAX } from "@counterpart/core/sync/artifact";
import type { ArtifactEnvelope, GoodbyeCode, Message, Status } from "@counterpart/core/sync/message-types";
import type { Fault } from "@counterpart/core/sync/scores";
import { encodeFrame } from "../../packages/node/src/net/frame-writer.ts";
import { eventually } from "../network/nodes.ts";
import {
  envelopeOf,
  FORGED_CODE_HASH,
  FORGED_CONTRACT,
  FORGER,
  forgeRecord,
  servesChain,
  tipOf,
  withForgedSeal,
  withWrongLastRoot,
} from "./forgeries.ts";
import { type Answer, framed, type HostilePeer, instanceOf, NOT_HELD } from "./hostile-peer.ts";
import { type Evidence, faultsOf, type Scene } from "./scene.ts";

/** What becomes of every attacker. */
export interface Verdict {
  readonly faults: readonly Fault[];
  /** What the node says at the end; "cut" when it ends the connection without a word; undefined when it stays. */
  readonly end: GoodbyeCode | "cut" | undefined;
  readonly banned: boolean;
}

export interface Attack {
  readonly name: string;
  readonly verdict: Verdict;
  readonly run: (scene: Scene) => Promise<Evidence>;
}

const TOLERATED: Verdict = { faults: [], end: undefined, banned: false };
const IGNORED: Verdict = { ...TOLERATED, faults: ["REFUSED_RECORD"] };
const BROKEN: Verdict = { faults: ["BAD_MESSAGE"], end: "BAD_MESSAGE", banned: false };
const WRONG: Verdict = { faults: ["WRONG_REPLY"], end: "BAD_MESSAGE", banned: false };
const INVALID: Verdict = { faults: ["INVALID_BLOCK"], end: "PEER_BANNED", banned: true };
const FORGED: Verdict = { faults: ["FORGED_CONTENT"], end: "PEER_BANNED", banned: true };

const FAKE_HASH: Hex = `0x${"f6".repeat(32)}`;
const FAR_AHEAD = 2 ** 40;
const EMPTY_PEERS = 4;
const FLOOD_SMALL = 20_000;
const FLOOD_LARGE = 400;
const FAULTS_TO_BAN = 4;
const PREFIX_OF_4_GIB = Uint8Array.of(255, 255, 255, 255);
const PREFIX_OVER_1_MIB = Uint8Array.of(0, 16, 0, 1);

/** A `Status` of a thousand bytes, by its length and type number. */
function oversizeStatus(): Uint8Array {
  return Uint8Array.of(0xf9, 0x03, 0xe8, 0x02, ...new Uint8Array(999).fill(0x01));
}

async function meet(scene: Scene): Promise<HostilePeer> {
  const peer = await scene.newPeer();
  await peer.meet();
  return peer;
}

/** Resolves when the node has handled all that the peer announced before. */
async function handled(scene: Scene, peer: HostilePeer): Promise<void> {
  const held = await envelopeOf(peer, scene.token);
  peer.say({ type: "UpdateContract", kind: "artifact", artifact: forgeRecord(peer, held, UPDATED_AT_MAX) });
  await eventually(async () => assert.ok(faultsOf(scene.victim, peer).includes("REFUSED_RECORD")));
}

/** The same announcements from a peer that is otherwise in step. */
const announces =
  (forged: readonly Hex[], messages: (peer: HostilePeer, scene: Scene) => Promise<Iterable<Message>>) =>
  async (scene: Scene): Promise<Evidence> => {
    const peer = await meet(scene);
    const all = await messages(peer, scene);
    await peer.write(
      (function* () {
        for (const message of all) yield framed(message);
      })(),
    );
    await handled(scene, peer);
    return { attackers: [peer], forged };
  };

/** Writes bytes on a link, each time from a new peer. */
const writes =
  (...openings: readonly Uint8Array[]) =>
  async (scene: Scene): Promise<Evidence> => {
    const attackers = await Promise.all(openings.map(() => meet(scene)));
    for (const [index, peer] of attackers.entries()) await peer.write([openings[index] ?? new Uint8Array()]);
    await Promise.all(attackers.map((peer) => peer.gone()));
    return { attackers, forged: [] };
  };

interface Lie {
  readonly claim: (peer: HostilePeer, scene: Scene) => Partial<Status>;
  readonly answer: (peer: HostilePeer, scene: Scene) => Answer | Promise<Answer>;
  readonly forged?: (scene: Scene) => readonly Hex[];
  readonly peers?: number;
  /** How many requests the node makes of each before it is judged, where it does not end the link. */
  readonly asks?: number;
}

/** Claims to have what the node has not, and answers its questions. */
const claims =
  ({ claim, answer, forged, peers = 1, asks }: Lie) =>
  async (scene: Scene): Promise<Evidence> => {
    const attackers = await Promise.all(Array.from({ length: peers }, () => meet(scene)));
    for (const peer of attackers) {
      peer.answer = await answer(peer, scene);
      peer.claim = { sequence: FAR_AHEAD, ...claim(peer, scene) };
      peer.say(peer.status());
    }
    for (const peer of attackers) {
      if (asks === undefined) await peer.gone();
      else await peer.until(() => peer.asked.length >= asks, `${asks} requests`);
    }
    return { attackers, forged: forged?.(scene) ?? [] };
  };

const moreArtifacts = (peer: HostilePeer): Partial<Status> => ({
  artifacts: { count: peer.version.status.artifacts.count + 1, digest: FAKE_HASH, sequence: FAR_AHEAD },
});
const fakeHeight = (): Partial<Status> => ({ head: { hash: FAKE_HASH, number: FAR_AHEAD } });

/** A page of artifacts, as from this peer's own database. */
function page(peer: HostilePeer, entries: readonly ArtifactEnvelope[], upTo: number): Uint8Array {
  const instanceId = instanceOf(peer.peerId);
  return framed({ type: "Contracts", kind: "since", instanceId, upTo, last: FAR_AHEAD, entries });
}

/** An artifact of the token whose content goes by a hash that it does not have. */
async function swapsContent(peer: HostilePeer, { token }: Scene): Promise<Answer> {
  const { content: _, ...envelope } = await envelopeOf(peer, token);
  const entry = { ...envelope, updatedAt: envelope.updatedAt + 1, contentHash: FAKE_HASH };
  const blobs = framed({ type: "Blobs", blobs: [new TextEncoder().encode('{"name":"Swapped"}')] });
  return (request) => (request.type === "GetBlobs" ? blobs : page(peer, [entry], FAR_AHEAD));
}

const chainAttack = (forge: (chain: readonly Block[]) => readonly Block[]) =>
  claims({
    claim: (_, { branch }) => ({ head: tipOf(forge(branch)) }),
    answer: (_, { branch }) => servesChain(forge(branch)),
    forged: ({ branch }) => [tipOf(forge(branch)).hash],
  });

/** Serves headers of a branch, and has left it when asked for its blocks. */
function leavesBranch(peer: HostilePeer, { branch }: Scene): Answer {
  const serve = servesChain(branch);
  return (request) => {
    if (request.type !== "GetBlocks") return serve(request);
    peer.claim = {};
    return framed({ type: "Blocks", blocks: request.hashes.map(() => new Uint8Array()) });
  };
}

/** Comes back with the same fault until the node does not take it any more. */
async function reconnects(scene: Scene): Promise<Evidence> {
  const peer = await meet(scene);
  for (let faults = 1; faults <= FAULTS_TO_BAN; faults++) {
    peer.say({ type: "Headers", headers: [] });
    await peer.gone();
    await peer.meet();
  }
  assert.equal(peer.goodbye, "PEER_BANNED");
  await peer.meet();
  await peer.gone();
  return { attackers: [peer], forged: [] };
}

async function newContracts(peer: HostilePeer, { token }: Scene): Promise<readonly Message[]> {
  const { hash: blockHash } = peer.version.status.head;
  const { codeHash } = await envelopeOf(peer, token);
  const contract = { address: FORGED_CONTRACT, codeHash: FORGED_CODE_HASH };
  const artifact = forgeRecord(peer, { ...contract, creationNonce: 0n }, Date.now());
  const made: Message = { type: "NewContract", blockHash, owner: FORGER, ...contract, artifact };
  return [
    made,
    { ...made, blockHash: FAKE_HASH },
    { type: "NewContract", blockHash, address: token, owner: FORGER, codeHash },
    { type: "NewContract", blockHash, address: token, owner: FORGER, codeHash: FORGED_CODE_HASH },
    {
      type: "UpdateContract",
      kind: "state",
      blockHash,
      contracts: [{ address: token, storageRoot: FAKE_HASH }],
      truncated: false,
    },
  ];
}

async function wrongRecords(peer: HostilePeer, { token }: Scene): Promise<readonly Message[]> {
  const held = await envelopeOf(peer, token);
  const dates = [held.updatedAt + 1, Date.now() + 3_600_000, UPDATED_AT_MAX, UPDATED_AT_MAX + 1];
  const records = dates.map((date) => forgeRecord(peer, held, date));
  return records.map((artifact) => ({ type: "UpdateContract", kind: "artifact", artifact }));
}

/** Valid in form, each new, none of use: small ones by the thousand, and as many bytes as fit. */
function* flood(peer: HostilePeer): Generator<Message> {
  const address = FORGED_CONTRACT;
  const word = (i: number): Hex => `0x${i.toString(16).padStart(64, "6")}`;
  const large = { ...forgeRecord(peer, { address, codeHash: FORGED_CODE_HASH }, 1), content: new Uint8Array(256_000) };
  for (let i = 0; i < FLOOD_SMALL; i++) {
    yield { type: "NewContract", blockHash: word(i), address, owner: FORGER, codeHash: FORGED_CODE_HASH };
  }
  for (let i = 0; i < FLOOD_LARGE; i++) {
    yield { type: "NewContract", blockHash: word(i), address, owner: FORGER, codeHash: word(i), artifact: large };
  }
}

const wrongAnswer = (answer: Uint8Array) => claims({ claim: fakeHeight, answer: () => () => answer });

export const ATTACKS: readonly Attack[] = [
  {
    name: "contracts that nobody created, or of other owners, code and state, are announced",
    verdict: IGNORED,
    run: announces([FORGED_CONTRACT, FORGED_CODE_HASH, FORGER], newContracts),
  },
  {
    name: "artifacts are signed by another than the owner, and dated far ahead",
    verdict: IGNORED,
    run: announces([FORGER], wrongRecords),
  },
  {
    name: "an artifact's content is swapped",
    verdict: FORGED,
    run: claims({ claim: moreArtifacts, answer: swapsContent, forged: () => [FAKE_HASH] }),
  },
  {
    name: "length prefixes promise 4 GiB, and a byte more than a frame may have",
    verdict: { ...BROKEN, end: "cut" },
    run: writes(PREFIX_OF_4_GIB, PREFIX_OVER_1_MIB),
  },
  {
    name: "frames are larger than their type allows, or undecodable",
    verdict: BROKEN,
    run: writes(encodeFrame(oversizeStatus()), encodeFrame(new Uint8Array(2 ** 20)), encodeFrame(new Uint8Array())),
  },
  {
    name: "pages of artifacts make no progress",
    verdict: WRONG,
    run: claims({ claim: moreArtifacts, answer: (peer) => () => page(peer, [], 1) }),
  },
  {
    name: "answers come that nobody asked for",
    verdict: BROKEN,
    run: writes(
      framed({ type: "Headers", headers: [] }),
      framed({ type: "Blocks", blocks: [] }),
      framed({ type: "Blobs", blobs: [] }),
    ),
  },
  { name: "a request is answered twice", verdict: WRONG, run: wrongAnswer(concatBytes(NOT_HELD, NOT_HELD)) },
  {
    name: "a request gets the answer of another",
    verdict: WRONG,
    run: wrongAnswer(framed({ type: "Blobs", blobs: [] })),
  },
  {
    name: "a height is claimed that nobody has",
    verdict: TOLERATED,
    run: claims({ claim: fakeHeight, answer: () => () => NOT_HELD, asks: 2, forged: () => [FAKE_HASH] }),
  },
  { name: "the last root of a longer branch is wrong", verdict: INVALID, run: chainAttack(withWrongLastRoot) },
  { name: "the last seal of a longer branch is forged", verdict: INVALID, run: chainAttack(withForgedSeal) },
  {
    name: "a peer leaves its branch between headers and blocks",
    verdict: { ...TOLERATED, faults: ["EMPTY_REPLY"] },
    run: claims({ claim: (_, { branch }) => ({ head: tipOf(branch) }), answer: leavesBranch, asks: 2 }),
  },
  {
    name: "a peer reconnects to be forgiven",
    verdict: { faults: ["BAD_MESSAGE"], end: "PEER_BANNED", banned: true },
    run: reconnects,
  },
  {
    name: "announcements come in floods",
    verdict: IGNORED,
    run: announces([FORGED_CONTRACT], async (peer) => flood(peer)),
  },
  {
    name: "several peers claim a longer branch and answer empty",
    verdict: { ...TOLERATED, faults: ["EMPTY_REPLY"] },
    run: claims({
      claim: (_, { branch }) => ({ head: tipOf(branch) }),
      answer:
        (_, { branch }) =>
        (request) =>
          request.type === "GetHeaders"
            ? servesChain(branch)(request)
            : framed({ type: "Blocks", blocks: [new Uint8Array()] }),
      peers: EMPTY_PEERS,
      asks: 4,
    }),
  },
];
