/**
 * What hostile peers answer to requests for state: what an honest node would, changed in one thing. What no proof can
 * show is told as well: that nothing is held, that a contract is none, who made a factory's child.
 */

import { bytesToBigInt, EMPTY_BYTES, equalBytes, type Hex, utf8ToBytes } from "@counterpart/core/base/bytes";
import { decodeAccount, encodeAccount } from "@counterpart/core/chain/account";
import { encodeHeader } from "@counterpart/core/chain/header";
import { addSeal, draftHeader, VANITY_BYTES } from "@counterpart/core/consensus/poa";
import { signDigest } from "@counterpart/core/crypto/crypto";
import type { Message, MessageOf, Request } from "@counterpart/core/sync/message-types";
import type {
  AccountRangeMessage,
  ContractIndexMessage,
  KeyedRow,
  NodesMessage,
  StateMessage,
  StorageMessage,
} from "@counterpart/core/sync/message-types-state";
import { serve } from "../packages/node/src/driver/serve.ts";
import type { Dice } from "./dice.ts";
import { madeUpAddress, madeUpHash } from "./forger.ts";
import { type Forgeries, MARK } from "./forgeries.ts";
import { type Lie, type Occasion, told, type Verdict } from "./lie.ts";
import { accountOf, keyOf } from "./node.ts";

const MARK_BYTES = utf8ToBytes(MARK);

type StateKind = "state" | "range" | "index";

export type StateRequest =
  | MessageOf<"GetStorage" | "GetNodes">
  | Extract<MessageOf<"GetContracts">, { readonly kind: StateKind }>;

/** Requests for state with its proof, and for what goes with it. */
export function isAboutState(request: Request): request is StateRequest {
  if (request.type === "GetContracts") return request.kind !== "since" && request.kind !== "addresses";
  return request.type === "GetStorage" || request.type === "GetNodes";
}

/** What one may lie about who lies about one thing alone. */
export const SUBJECTS = ["headers", "range", "state", "index", "storage", "nodes"] as const;
export type Subject = (typeof SUBJECTS)[number];

function subjectOf(request: Request): Subject | undefined {
  if (request.type === "GetHeaders") return "headers";
  if (!isAboutState(request)) return undefined;
  if (request.type === "GetContracts") return request.kind;
  if (request.type === "GetStorage") return "storage";
  // What is only expected to be there is asked for from the root on, and nobody would ask on after a lie about that.
  return request.paths.length > 1 && request.paths[0] === "" ? undefined : "nodes";
}

export function evadeState(dice: Dice): Lie {
  const code = dice.pick(["PRUNED", "PRUNED", "NOT_HELD", "UNKNOWN_ROOT"] as const);
  return told(`state said to be ${code}`, { type: "Error", code, retryAfterMs: 0 });
}

/** A changed answer by its name, and what it must cost. */
type Change<T> = (honest: T) => readonly [name: string, changed: Message, verdict: Verdict | undefined];

function without<T>(items: readonly T[], at: number): T[] {
  return items.filter((_, index) => index !== at);
}

const withMark = (row: KeyedRow): KeyedRow => ({
  key: row.key,
  value: encodeAccount({ ...decodeAccount(row.value), balance: bytesToBigInt(MARK_BYTES) }),
});

const RANGE_LIES: readonly Change<AccountRangeMessage>[] = [
  (honest) => {
    const middle = honest.accounts.length >> 1;
    return ["range with a gap", { ...honest, accounts: without(honest.accounts, middle) }, "ban"];
  },
  (honest) => ["range with a hidden tail", { ...honest, accounts: honest.accounts.slice(0, -1) }, "ban"],
  (honest) => ["range with an unproven start", { ...honest, accounts: honest.accounts.slice(1) }, "ban"],
  (honest) => ["range without accounts", { ...honest, accounts: [] }, "ban"],
  (honest) => ["range without a proof", { ...honest, proof: [] }, "ban"],
  (honest) => ["range with a changed account", { ...honest, accounts: honest.accounts.map(withMark) }, "ban"],
  (honest) => {
    const block = { ...honest.block, number: honest.block.number + 1 };
    return ["range of another block", { ...honest, block }, "ban"];
  },
];

const STORAGE_LIES: readonly Change<StorageMessage>[] = [
  ({ pages, ...honest }) => {
    const changed = pages.map(({ slots, proof }) => ({
      proof,
      slots: slots.map(({ key }) => ({ key, value: MARK_BYTES })),
    }));
    return ["storage with wrong values", { ...honest, pages: changed }, "ban"];
  },
  ({ pages, ...honest }) => {
    const changed = pages.map(({ slots, proof }) => ({ proof, slots: slots.slice(1) }));
    return ["storage with a slot left out", { ...honest, pages: changed }, "ban"];
  },
  ({ pages, ...honest }) => {
    const changed = pages.map(({ slots, proof }) => ({ proof, slots: slots.slice(0, -1) }));
    return ["storage with a hidden tail", { ...honest, pages: changed }, "ban"];
  },
  (honest) => ["no storage", { ...honest, pages: [] }, "cut"],
];

/** RLP of a string of 32 bytes begins so. */
const HASH_PREFIX = 0xa0;
const HASH_BYTES = 32;

/** A node with another hash as the last one in it, so that it is still one; without a hash, another last byte. */
function withOtherHash(node: Uint8Array): Uint8Array {
  const end = node.lastIndexOf(HASH_PREFIX) + HASH_BYTES;
  const at = end >= HASH_BYTES && end < node.length ? end : node.length - 1;
  return node.map((byte, index) => (index === at ? byte ^ 1 : byte));
}

const NODE_LIES: readonly Change<NodesMessage>[] = [
  ({ nodes, ...honest }) => ["withheld node", { ...honest, nodes: nodes.map(() => EMPTY_BYTES) }, "ban"],
  ({ nodes, ...honest }) => {
    return ["changed node", { ...honest, nodes: nodes.map(withOtherHash) }, "ban"];
  },
  (honest) => ["no nodes", { ...honest, nodes: [] }, "cut"],
];

const STATE_LIES: readonly Change<StateMessage>[] = [
  ({ accounts, ...honest }) => {
    const changed = accounts.map(({ account, ...answered }) =>
      account === undefined ? answered : { ...answered, account: { ...account, balance: bytesToBigInt(MARK_BYTES) } },
    );
    const isChanged = accounts.some(({ account }) => account !== undefined);
    return ["changed account", { ...honest, accounts: changed }, isChanged ? "ban" : undefined];
  },
  ({ accounts, ...honest }) => {
    const changed = accounts.map(({ account: _, ...answered }) => answered);
    const isChanged = accounts.some(({ account }) => account !== undefined);
    return ["account said to be absent", { ...honest, accounts: changed }, isChanged ? "ban" : undefined];
  },
  ({ accounts, ...honest }) => {
    const changed = accounts.map((answered) => ({ ...answered, slots: answered.slots.map((value) => value + 1n) }));
    const isChanged = accounts.some(({ slots }) => slots.length > 0);
    return ["changed slot", { ...honest, accounts: changed }, isChanged ? "ban" : undefined];
  },
  (honest) => ["state without a node of its proof", { ...honest, proof: honest.proof.slice(1) }, "ban"],
  (honest) => ["state without accounts", { ...honest, accounts: [] }, "cut"],
];

const indexLies = (name: string, dice: Dice): readonly Change<ContractIndexMessage>[] => {
  const someone = (): Hex => madeUpAddress(name, dice);
  return [
    ({ entries, ...honest }) => ["hidden contract", { ...honest, entries: entries.map(() => undefined) }, undefined],
    ({ entries, ...honest }) => {
      const changed = entries.map((entry) => entry && { ...entry, address: someone() });
      const isChanged = entries.some((entry) => entry !== undefined);
      return ["contract under another address", { ...honest, entries: changed }, isChanged ? "ban" : undefined];
    },
    ({ entries, ...honest }) => {
      const changed = entries.map((entry) => entry?.owner && { ...entry, owner: someone() });
      const isShown = entries.some((entry) => entry?.owner !== undefined && entry.creationNonce !== undefined);
      return [
        "contract with a made-up owner",
        { ...honest, entries: changed.map((entry) => entry || undefined) },
        isShown ? "ban" : undefined,
      ];
    },
    ({ entries, ...honest }) => {
      const changed = entries.map((entry) => entry && { address: entry.address, owner: someone() });
      return ["contract said to be a factory's child", { ...honest, entries: changed }, undefined];
    },
    (honest) => ["no contracts", { ...honest, entries: [] }, "cut"],
  ];
};

/** So often who lies about one part of the state alone tells the truth about it, so that nodes go on asking. */
const TRUTHS = 0.5;
const VANITY = new Uint8Array(VANITY_BYTES);

/** The honest page, and a block after it that somebody has sealed who may not. */
function withOutsider(honest: MessageOf<"Headers">, { node, life }: Occasion, name: string, forgeries: Forgeries): Lie {
  const parent = life.engine.head();
  const draft = draftHeader({ parent, coinbase: accountOf(name), timestamp: parent.timestamp, vanity: VANITY });
  const { transactionsRoot, receiptsRoot, stateRoot } = parent;
  const header = addSeal({ ...draft, transactionsRoot, receiptsRoot, stateRoot }, (digest) =>
    signDigest(digest, keyOf(name)),
  );
  forgeries.blocks.set(header.hash, "seal");
  const isCertain = (): boolean => {
    const { engine } = node.life ?? life;
    return (engine.isReplica || engine.adoption.isUnderway) && engine.header(parent.number)?.hash === parent.hash;
  };
  const page: Message = { ...honest, headers: [...honest.headers, encodeHeader(header)] };
  return { ...told("header under an outsider's seal", page, "ban"), isCertain };
}

/** Answers of one who lies about one part of the state alone: as an honest node in all the rest. */
export function createStateLiar(name: string, subject: Subject, dice: Dice, forgeries: Forgeries) {
  const lieAbout = createStateLies(name, dice);
  return (occasion: Occasion, request: Request): Lie => {
    const { life, instanceId } = occasion;
    const { engine, contracts, clock } = life;
    const isLie = subjectOf(request) === subject && !dice.chance(TRUTHS);
    if (isLie && isAboutState(request)) return lieAbout(occasion, request);
    const honest = serve({ engine, contracts, clock, instanceId, isDiverged: () => false }, request);
    const isToHead =
      honest.type === "Headers" && equalBytes(honest.headers.at(-1) ?? EMPTY_BYTES, encodeHeader(engine.head()));
    if (isLie && isToHead) return withOutsider(honest, occasion, name, forgeries);
    return told("the truth for once", honest);
  };
}

export function createStateLies(name: string, dice: Dice): (occasion: Occasion, request: StateRequest) => Lie {
  const index = indexLies(name, dice);
  const lieWith = <T>(honest: T, changes: readonly Change<T>[]): Lie => {
    const [what, changed, verdict] = dice.pick(changes)(honest);
    return told(what, changed, verdict);
  };
  const crossed = (): Lie => {
    const block = { hash: madeUpHash(dice), number: 1 };
    return told("contracts of another kind", { type: "Contracts", kind: "accounts", block, accounts: [] }, "cut");
  };
  return ({ life, instanceId }, request) => {
    const { engine, contracts, clock } = life;
    const honest = serve({ engine, contracts, clock, instanceId, isDiverged: () => false }, request);
    if (dice.chance(0.15)) return evadeState(dice);
    if (honest.type === "Storage") return lieWith(honest, STORAGE_LIES);
    if (honest.type === "Nodes") return lieWith(honest, NODE_LIES);
    if (honest.type !== "Contracts") return told("state not held", honest);
    if (dice.chance(0.1)) return crossed();
    if (honest.kind === "range") return lieWith(honest, RANGE_LIES);
    if (honest.kind === "state") return lieWith(honest, STATE_LIES);
    if (honest.kind === "index") return lieWith(honest, index);
    return told("state not held", honest);
  };
}
