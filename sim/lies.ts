/** What hostile peers say unasked and what they answer: each lie by its name, with what it must cost whoever told it. */

import { utf8ToBytes } from "@counterpart/core/base/bytes";
import { encodeBlock } from "@counterpart/core/chain/block";
import { encodeHeader } from "@counterpart/core/chain/header";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { encodeRlp, rlpNumber } from "@counterpart/core/codec/rlp";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { FRAME_BYTES_BY_TYPE, FRAME_BYTES_MAX } from "@counterpart/core/sync/limits";
import {
  type ArtifactEnvelope,
  MESSAGE_NUMBERS,
  type Message,
  type MessageOf,
  type Request,
  type RequestType,
} from "@counterpart/core/sync/message-types";
import type { Dice } from "./dice.ts";
import { type Forger, madeUpAddress, madeUpHash } from "./forger.ts";
import { type Forgeries, MARK } from "./forgeries.ts";
import { type Lie, type Occasion, told } from "./lie.ts";
import { createStateLies, evadeState, isAboutState } from "./state-lies.ts";

export interface Lies {
  unasked(occasion: Occasion): Lie;
  answer(occasion: Occasion, request: Request): Lie;
}

/** How far a branch must be ahead of a node so that the node is sure to execute all of it. */
const SURE_LEAD = 3;

const silence = (): Lie => ({ name: "silence" });
const empty = (type: RequestType): Message => {
  if (type === "GetHeaders") return { type: "Headers", headers: [] };
  if (type === "GetBlocks") return { type: "Blocks", blocks: [] };
  if (type === "GetBlobs") return { type: "Blobs", blobs: [] };
  if (type === "GetStorage") return { type: "Storage", pages: [] };
  if (type === "GetNodes") return { type: "Nodes", nodes: [] };
  return { type: "Contracts", kind: "accounts", block: { hash: `0x${"00".repeat(32)}`, number: 0 }, accounts: [] };
};
const withoutContent = ({ content: _, ...envelope }: ArtifactEnvelope): ArtifactEnvelope => envelope;

export function createLies(name: string, dice: Dice, forger: Forger, forgeries: Forgeries): Lies {
  const stateLies = createStateLies(name, dice);
  const garbage = (): Lie => ({ name: "garbage", frame: dice.bytes(1 + dice.below(200)), verdict: "cut" });
  /** Above what its type allows, or above any frame. */
  const oversize = (): Lie => {
    const sizeBytes = dice.chance(0.8) ? FRAME_BYTES_BY_TYPE.Status : FRAME_BYTES_MAX;
    const frame = encodeRlp([rlpNumber(MESSAGE_NUMBERS.Status), new Uint8Array(sizeBytes)]);
    return { name: "oversize", frame, verdict: "cut" };
  };

  const announcedRecord = ({ life }: Occasion): Lie => {
    const artifact = forger.record(life);
    if (artifact === undefined) return madeUpContract({ life });
    return nobodyPassesOn(told("forged artifact", { type: "UpdateContract", kind: "artifact", artifact }));
  };
  const madeUpContract = ({ life }: Pick<Occasion, "life">): Lie => {
    const [address, owner] = [madeUpAddress(name, dice), madeUpAddress(name, dice)];
    forgeries.addresses.add(address);
    const blockHash = dice.chance(0.7) ? life.engine.head().hash : madeUpHash(dice);
    return nobodyPassesOn(
      told("forged contract", { type: "NewContract", blockHash, address, owner, codeHash: madeUpHash(dice) }),
    );
  };
  const wrongState = ({ life }: Occasion): Lie => {
    const contracts = [{ address: madeUpAddress(name, dice), storageRoot: madeUpHash(dice) }];
    const { hash: blockHash } = life.engine.head();
    return nobodyPassesOn(
      told("forged storage root", { type: "UpdateContract", kind: "state", blockHash, contracts, truncated: false }),
    );
  };
  const nobodyPassesOn = (lie: Lie): Lie => {
    if (lie.frame !== undefined) forgeries.frames.add(keccak256Hex(lie.frame));
    return lie;
  };
  const unsolicited = ({ life }: Occasion): Lie => {
    const record = forger.record(life);
    const page: Message = {
      ...{ type: "Contracts" as const, kind: "since" as const, instanceId: name, upTo: 1, last: 1 },
      entries: record === undefined ? [] : [record],
    };
    const types = ["GetHeaders", "GetBlocks", "GetBlobs"] as const;
    return told("unsolicited response", dice.chance(0.5) ? page : empty(dice.pick(types)), "cut");
  };
  const unasked = [madeUpContract, announcedRecord, announcedRecord, wrongState, unsolicited, garbage, oversize];

  const headersOf = ({ life, branch }: Occasion, request: MessageOf<"GetHeaders">): readonly SealedHeader[] => {
    const { engine } = life;
    if (!("hashes" in request.from)) return [];
    const chain = branch === undefined ? [] : [branch.ancestor, ...branch.blocks.map(({ header }) => header)];
    const { hashes } = request.from;
    const at = chain.findIndex(({ hash }) => hash === hashes.find((one) => chain.some(({ hash: own }) => own === one)));
    if (at >= 0) return chain.slice(at);
    const start = hashes.find((hash) => engine.isCanonical(hash));
    const first = start === undefined ? undefined : engine.header(start);
    return first === undefined ? [] : [first];
  };
  const headers = (occasion: Occasion, request: MessageOf<"GetHeaders">): Lie => {
    const page = headersOf(occasion, request);
    if (page.length === 0) return told("nothing held", { type: "Error", code: "NOT_HELD", retryAfterMs: 0 });
    return told("headers of a forged branch", { type: "Headers", headers: page.map(encodeHeader) });
  };
  const brokenChain = (occasion: Occasion, request: MessageOf<"GetHeaders">): Lie => {
    const page = headersOf(occasion, request);
    const [first] = page;
    if (first === undefined) return silence();
    return told("headers that are no chain", { type: "Headers", headers: [first, first].map(encodeHeader) }, "cut");
  };
  const blocks = ({ branch, life }: Occasion, { hashes }: MessageOf<"GetBlocks">): Lie => {
    const wanted = hashes.map((hash) => branch?.blocks.find(({ header }) => header.hash === hash));
    if (branch === undefined || wanted[0] === undefined) return told("no blocks", empty("GetBlocks"));
    const found = wanted.flatMap((block) => (block === undefined ? [] : [block]));
    const lie = told("blocks of a forged branch", { type: "Blocks", blocks: found.map(encodeBlock) });
    if (found.at(-1)?.header.hash !== branch.tip.hash) return lie;
    const isCertain = (): boolean =>
      branch.forgery === "seal" || branch.tip.number > life.engine.head().number + SURE_LEAD;
    return { ...lie, name: `forged ${branch.forgery} behind valid blocks`, verdict: "ban", isCertain };
  };
  const anotherBlock = ({ life, asked }: Occasion): Lie => {
    const block = life.engine.block(0) ?? life.engine.block(life.engine.head().hash);
    const answer: Message = { type: "Blocks", blocks: block === undefined ? [] : [encodeBlock(block)] };
    // What was fetched ahead may be thrown away unread.
    return { ...told("another block than asked for", answer, "cut"), isCertain: () => asked === 1 };
  };
  const page = (
    occasion: Occasion,
    entries: readonly ArtifactEnvelope[],
    { upTo, last }: { readonly upTo: number; readonly last: number },
  ): Message => ({ type: "Contracts", kind: "since", instanceId: occasion.instanceId, upTo, last, entries });
  const forgedPage = (occasion: Occasion): Lie => {
    const record = forger.record(occasion.life);
    const entries = record === undefined ? [] : [dice.chance(0.5) ? record : withoutContent(record)];
    return told("page with a forged artifact", page(occasion, entries, { upTo: 2 ** 50, last: 2 ** 50 }));
  };
  const noProgress = (occasion: Occasion): Lie =>
    told("page without progress", page(occasion, [], { upTo: 0, last: 2 ** 50 }), "cut");
  const foreignPage = (occasion: Occasion): Lie =>
    told("page of another database", page({ ...occasion, instanceId: "elsewhere" }, [], { upTo: 1, last: 1 }), "cut");
  const swappedContent = (_: Occasion, { wanted }: MessageOf<"GetBlobs">): Lie => {
    const blobs = wanted.map(() => utf8ToBytes(`${MARK} ${dice.below(1_000)}`));
    return told("swapped content", { type: "Blobs", blobs }, "ban");
  };

  const crossed = ({ type }: Request): Lie => {
    const types = ["GetHeaders", "GetBlocks", "GetBlobs", "GetContracts", "GetStorage", "GetNodes"] as const;
    const others = types.filter((one) => one !== type);
    return told("crossed response", empty(dice.pick(others)), "cut");
  };
  const misfit = ({ asked }: Occasion, request: Request): Lie => {
    const lie = dice.pick([() => crossed(request), garbage, oversize])();
    // Of blocks, what was fetched ahead may be thrown away unread.
    const isCertain = (): boolean => request.type !== "GetBlocks" || asked === 1;
    return { ...lie, name: `${lie.name} to a request`, isCertain };
  };
  const evasion = (occasion: Occasion, request: Request): Lie => {
    const { type } = request;
    if (dice.chance(0.4)) return silence();
    if (dice.chance(0.4)) return told("busy for ever", { type: "Error", code: "BUSY", retryAfterMs: 100 });
    if (type === "GetBlocks" || type === "GetBlobs") return told("nothing held", empty(type));
    if (isAboutState(request)) return evadeState(dice);
    if (type === "GetContracts") return told("nothing held", page(occasion, [], { upTo: 2 ** 50, last: 2 ** 50 }));
    return told("nothing held", { type: "Error", code: "NOT_HELD", retryAfterMs: 0 });
  };
  const fitting = (occasion: Occasion, request: Request): Lie => {
    if (isAboutState(request)) return stateLies(occasion, request);
    switch (request.type) {
      case "GetHeaders":
        return dice.chance(0.85) ? headers(occasion, request) : brokenChain(occasion, request);
      case "GetBlocks":
        if (dice.chance(0.1)) return { name: "left between headers and blocks", leave: true };
        return dice.chance(0.85) ? blocks(occasion, request) : anotherBlock(occasion);
      case "GetContracts":
        return dice.pick([forgedPage, forgedPage, noProgress, foreignPage])(occasion);
      case "GetBlobs":
        return swappedContent(occasion, request);
      default:
        return silence();
    }
  };
  return {
    unasked: (occasion) => dice.pick(unasked)(occasion),
    answer(occasion, request) {
      if (dice.chance(0.1)) return misfit(occasion, request);
      return dice.chance(0.15) ? evasion(occasion, request) : fitting(occasion, request);
    },
  };
}
