/** Attacks on nodes that take state over by what answers are made of: their pace, their size, and what they unpack to. */

import { randomBytes } from "node:crypto";
import { constants, zstdCompressSync } from "node:zlib";
import { concatBytes, EMPTY_BYTES } from "@counterpart/core/base/bytes";
import { encodeRlp, type RlpInput } from "@counterpart/core/codec/rlp";
import { NODE_BYTES_MAX, PROOF_NODES_MAX } from "@counterpart/core/sync/limits";
import { zstd } from "../../packages/node/src/compression/zstd.ts";
import { drip, packed } from "./attacks-framing.ts";
import type { Answer } from "./hostile-peer.ts";
import type { Verdict } from "./judge.ts";
import { TOLERATED, UNPROVEN, WRONG } from "./moves.ts";
import type { TakenChain } from "./taken-chain.ts";
import { TAKERS, type TakeoverAttack, type TakeoverLie } from "./takeover.ts";
import { honestReply, isAboutState, proofsOf, type Reply, toAnswer } from "./takeover-lies.ts";

const MIB = 2 ** 20;
/** A frame with an answer that is a proof has room for so much of it. */
const PROOF_BYTES_MAX = 500_000;
const LATE: Verdict = { ...TOLERATED, faults: ["TIMEOUT"] };

/** Random bytes do not shrink, zeros do: together they unpack to a little more than they may. */
const unpacksTo = (ratio: number): Uint8Array => {
  const core = randomBytes(8_192);
  return packed(zstd.compress(concatBytes(core, new Uint8Array(core.length * ratio))));
};

/** Requests for state get this; an honest peer's headers lead to them. */
const stateBytes =
  (answer: Answer) =>
  async ({ engine }: TakenChain): Promise<TakeoverLie> => {
    const honest = toAnswer(honestReply(engine));
    return { answer: (request, stream) => (isAboutState(request) ? answer(request, stream) : honest(request)) };
  };

const drips: Answer = (_, stream) => void drip(stream);

/** An honest peer's answers with other proofs. */
const proofs =
  (change: (proof: readonly Uint8Array[]) => readonly Uint8Array[]) =>
  async ({ engine }: TakenChain): Promise<TakeoverLie> => {
    const reply: Reply = proofsOf(honestReply(engine), change);
    return { answer: toAnswer(reply) };
  };

/** Nodes that nothing refers to, after those that are right: as many as find room. */
function padded(sizeBytes: number) {
  return (proof: readonly Uint8Array[]): readonly Uint8Array[] => {
    const taken = proof.reduce((sum, { length }) => sum + length + 3, 0);
    const room = Math.floor((PROOF_BYTES_MAX / 2 - taken) / (sizeBytes + 3));
    const more = Math.max(0, Math.min(PROOF_NODES_MAX - proof.length, room));
    return [...proof, ...Array.from({ length: more }, () => randomBytes(sizeBytes))];
  };
}

/** Lists in lists, in the place of a node. */
function nested(): Uint8Array {
  let item: RlpInput = [EMPTY_BYTES];
  while (encodeRlp([item]).length < NODE_BYTES_MAX) item = [item];
  return encodeRlp(item);
}

export const BYTE_ATTACKS: readonly TakeoverAttack[] = [
  {
    name: "answers with state are packed and unpack to 256 MiB",
    isUsual: true,
    takers: TAKERS,
    verdict: WRONG,
    lie: stateBytes(() => packed(zstd.compress(new Uint8Array(256 * MIB)))),
  },
  {
    name: "packed answers with state ask for 128 MiB to be unpacked in",
    takers: TAKERS,
    verdict: WRONG,
    lie: stateBytes(() =>
      packed(zstdCompressSync(new Uint8Array(256 * MIB), { params: { [constants.ZSTD_c_windowLog]: 27 } })),
    ),
  },
  {
    name: "answers with state unpack to a little more than they may",
    takers: TAKERS,
    verdict: WRONG,
    lie: stateBytes(() => unpacksTo(24)),
  },
  {
    name: "answers with state come a byte a second",
    takers: TAKERS,
    verdict: LATE,
    asks: 3,
    lie: stateBytes(drips),
  },
  {
    name: "all answers come a byte a second",
    takers: TAKERS,
    verdict: LATE,
    asks: 2,
    lie: async () => ({ answer: drips }),
  },
  {
    name: "proofs have as many nodes that lead nowhere as there is room for",
    takers: TAKERS,
    verdict: UNPROVEN,
    lie: proofs(padded(28)),
  },
  {
    name: "proofs have the largest nodes that there can be, and they lead nowhere",
    takers: TAKERS,
    verdict: UNPROVEN,
    lie: proofs(padded(NODE_BYTES_MAX)),
  },
  {
    name: "a proof's nodes are larger than any node",
    takers: TAKERS,
    verdict: WRONG,
    lie: proofs((proof) => proof.map(() => new Uint8Array(NODE_BYTES_MAX + 1))),
  },
  {
    name: "a proof's nodes are lists in lists in lists",
    takers: TAKERS,
    verdict: UNPROVEN,
    lie: proofs((proof) => proof.map(nested)),
  },
];
