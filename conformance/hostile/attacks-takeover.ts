/** Attacks on nodes that take state over: what a peer that is asked for headers, state and code may answer. */

import { EMPTY_BYTES } from "@counterpart/core/base/bytes";
import type { SealedHeader } from "@counterpart/core/chain/types";
import type { Message } from "@counterpart/core/sync/message-types";
import { sealAll, transactionOf } from "../../packages/node/src/engine/engine.test-support.ts";
import { BYTE_ATTACKS } from "./attacks-takeover-bytes.ts";
import { FAKE_HASH, WRONG_ROOT } from "./forgeries.ts";
import { NOT_HELD } from "./hostile-peer.ts";
import { EMPTY, fakeHeight, INVALID, TOLERATED, UNPROVEN, WRONG } from "./moves.ts";
import type { TakenChain } from "./taken-chain.ts";
import { grow, TAKERS, type TakeoverAttack, type TakeoverLie, type Taker } from "./takeover.ts";
import {
  answeringState,
  changing,
  codesOf,
  endlessState,
  headersOf,
  honestReply,
  proofsOf,
  type Reply,
  sealedByOutsider,
  signedBranch,
  toAnswer,
  withHeaders,
  withoutRows,
} from "./takeover-lies.ts";

const WHOLE: readonly Taker[] = ["joining", "replica"];
const LEAD = 4;

/** An honest peer's answers, changed. */
const says =
  (change: (honest: Reply, chain: TakenChain) => Reply | Promise<Reply>) =>
  async (chain: TakenChain): Promise<TakeoverLie> => ({
    answer: toAnswer(await change(honestReply(chain.engine), chain)),
  });

const first = <T>(items: readonly T[]): readonly T[] => items.slice(1);
const middle = <T>(items: readonly T[]): readonly T[] => items.filter((_, at) => at !== items.length >> 1);
const tail = <T>(items: readonly T[]): readonly T[] => items.slice(0, -1);

/** State of another chain with the same headers but the last: it has a contract more, and nobody listed has sealed it. */
async function outsidersChain(chain: TakenChain): Promise<TakeoverLie> {
  const other = await chain.fork(chain.blocks.length - 1);
  await sealAll(other, [transactionOf(2, 0)]);
  await sealAll(other, [transactionOf(2, 1)]);
  const honest = honestReply(other);
  const sealed = sealedByOutsider(headersOf(other));
  const { hash, number } = sealed.at(-1) as SealedHeader;
  return { answer: toAnswer(withHeaders(honest, sealed)), head: { hash, number } };
}

/** Everything is proven, and against a header that is not the one asked about. */
async function otherBlock(honest: Reply, chain: TakenChain): Promise<Reply> {
  const other = await chain.fork();
  await sealAll(other, [transactionOf(3, 0)]);
  const { hash } = other.head();
  const elsewhere = honestReply(other);
  return answeringState(honest, (request) =>
    elsewhere("blockHash" in request ? { ...request, blockHash: hash } : request),
  );
}

/** The same, as if it were about the block asked for. */
async function otherRoot(honest: Reply, chain: TakenChain): Promise<Reply> {
  const { hash, number } = chain.engine.head();
  return changing(await otherBlock(honest, chain), (message) =>
    message.type === "Contracts" && "block" in message ? { ...message, block: { hash, number } } : message,
  );
}

/** State of a block of the chain that is not its last, given as that of the last. */
function staleState(honest: Reply, { engine }: TakenChain): Reply {
  const { hash, number } = engine.head();
  const stale = engine.header(number - 2)?.hash;
  return changing(
    (request) => honest("blockHash" in request && stale !== undefined ? { ...request, blockHash: stale } : request),
    (message) =>
      message.type === "Contracts" && "block" in message ? { ...message, block: { hash, number } } : message,
  );
}

const stateAnswer = (message: Message | undefined) => says((honest) => answeringState(honest, () => message));

/** A listed signer's longer branch of which nobody has the state; who made it says `answer` when asked for it. */
const nobodysState =
  (answer: Message | undefined) =>
  async (chain: TakenChain): Promise<TakeoverLie> => {
    const branch = signedBranch(headersOf(chain.engine), LEAD, WRONG_ROOT.stateRoot ?? FAKE_HASH);
    const { hash, number } = branch.at(-1) as SealedHeader;
    const reply = withHeaders(
      answeringState(honestReply(chain.engine), () => answer),
      branch,
    );
    return { answer: toAnswer(reply), head: { hash, number } };
  };

async function endless(chain: TakenChain): Promise<TakeoverLie> {
  const { root, reply } = endlessState();
  const branch = signedBranch(headersOf(chain.engine), LEAD, root);
  const last = branch.at(-1) as SealedHeader;
  const { hash, number } = last;
  return {
    answer: toAnswer(withHeaders(reply(honestReply(chain.engine), last), branch)),
    head: { hash, number },
    outgrow: (honest) => grow(honest, number + 1),
  };
}

const error = (code: "NOT_HELD" | "PRUNED" | "BUSY"): Message => ({ type: "Error", code, retryAfterMs: 0 });

export const TAKEOVER_ATTACKS: readonly TakeoverAttack[] = [
  ...BYTE_ATTACKS,
  {
    name: "state proves against a header that no listed signer has sealed",
    isUsual: true,
    takers: TAKERS,
    verdict: INVALID,
    lie: outsidersChain,
  },
  { name: "state is proven against another block's header", takers: TAKERS, verdict: UNPROVEN, lie: says(otherBlock) },
  {
    name: "state of another chain is said to be of the block",
    takers: TAKERS,
    verdict: UNPROVEN,
    lie: says(otherRoot),
  },
  {
    name: "state of an older block is said to be of the newest",
    isUsual: true,
    takers: TAKERS,
    verdict: UNPROVEN,
    lie: says(staleState),
  },
  {
    name: "ranges have a gap",
    isUsual: true,
    takers: WHOLE,
    verdict: UNPROVEN,
    lie: says((honest) => withoutRows(honest, middle)),
  },
  {
    name: "ranges hide their tail",
    takers: WHOLE,
    verdict: UNPROVEN,
    lie: says((honest) => withoutRows(honest, tail)),
  },
  {
    name: "ranges hide their start",
    takers: WHOLE,
    verdict: UNPROVEN,
    lie: says((honest) => withoutRows(honest, first)),
  },
  {
    name: "storages have a gap",
    isUsual: true,
    takers: ["chosen"],
    verdict: UNPROVEN,
    lie: says((honest) => withoutRows(honest, middle)),
  },
  {
    name: "proofs are made of one node again and again",
    takers: TAKERS,
    verdict: UNPROVEN,
    lie: says((honest) => proofsOf(honest, (proof) => proof.map(() => proof[0] as Uint8Array))),
  },
  {
    name: "proofs are malformed",
    takers: TAKERS,
    verdict: UNPROVEN,
    lie: says((honest) => proofsOf(honest, (proof) => proof.map((node) => node.slice(1)))),
  },
  {
    name: "code is exchanged",
    isUsual: true,
    takers: TAKERS,
    verdict: UNPROVEN,
    lie: says((honest) => codesOf(honest, () => new Uint8Array(64).fill(0x5b))),
  },
  {
    name: "code is withheld",
    takers: TAKERS,
    verdict: EMPTY,
    asks: 12,
    lie: says((honest) => codesOf(honest, () => undefined)),
  },
  {
    name: "contracts are named wrongly",
    isUsual: true,
    takers: TAKERS,
    verdict: UNPROVEN,
    lie: says((honest) =>
      changing(honest, (message) =>
        message.type === "Contracts" && message.kind === "index"
          ? { ...message, entries: message.entries.toReversed() }
          : message,
      ),
    ),
  },
  {
    name: "pages make no progress",
    takers: TAKERS,
    verdict: WRONG,
    lie: says((honest) =>
      changing(honest, (message) => (message.type === "Storage" ? { ...message, pages: [] } : message)),
    ),
  },
  {
    name: "requests get answers of another kind",
    takers: TAKERS,
    verdict: WRONG,
    lie: stateAnswer({ type: "Contracts", kind: "index", entries: [] }),
  },
  {
    name: "requests get answers of another type",
    takers: TAKERS,
    verdict: WRONG,
    lie: stateAnswer({ type: "Nodes", nodes: [EMPTY_BYTES] }),
  },
  {
    name: "every peer says that it does not hold the state",
    isUsual: true,
    takers: TAKERS,
    verdict: TOLERATED,
    asks: 2,
    lie: stateAnswer(error("PRUNED")),
  },
  { name: "every peer is too busy", takers: TAKERS, verdict: TOLERATED, asks: 8, lie: stateAnswer(error("BUSY")) },
  {
    name: "a height is claimed that nobody has",
    takers: TAKERS,
    verdict: TOLERATED,
    asks: 3,
    lie: async () => ({ answer: () => NOT_HELD, ...fakeHeight() }),
  },
  {
    name: "nobody has the state of a listed signer's longer branch",
    isUsual: true,
    takers: TAKERS,
    verdict: TOLERATED,
    asks: 4,
    lie: nobodysState(error("NOT_HELD")),
  },
  {
    name: "a listed signer's longer branch has no end to its state",
    isUsual: true,
    takers: WHOLE,
    verdict: TOLERATED,
    asks: 12,
    lie: endless,
  },
];
