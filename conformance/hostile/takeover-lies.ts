/** Lies that a peer tells who is asked for state: each an answer of an honest peer, changed. */

import type { Hex } from "@counterpart/core/base/bytes";
import { encodeAccount } from "@counterpart/core/chain/account";
import { EMPTY_CODE_HASH, encodeHeader } from "@counterpart/core/chain/header";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { encodeRlp } from "@counterpart/core/codec/rlp";
import { addSeal } from "@counterpart/core/consensus/poa";
import { keccak256, keccak256Hex, privateKeyToAddress, signDigest } from "@counterpart/core/crypto/crypto";
import type { Message, Request } from "@counterpart/core/sync/message-types";
import type { KeyedRow } from "@counterpart/core/sync/message-types-state";
import { BranchNode, nodeToRlp, type TrieNode } from "@counterpart/core/trie/node";
import { proveRange } from "@counterpart/core/trie/range-proof";
import { EMPTY_TRIE_ROOT, type TrieNodeReader } from "@counterpart/core/trie/types";
import { createFakeContracts } from "../../packages/node/src/driver/fake-contracts.test-support.ts";
import { serve } from "../../packages/node/src/driver/serve.ts";
import type { Engine } from "../../packages/node/src/engine/types.ts";
import { forgeBlock } from "./forgeries.ts";
import { framed } from "./hostile-peer.ts";

/** The answer of a peer that has what the engine has; undefined: it says nothing. */
export type Reply = (request: Request) => Message | undefined;

const OUTSIDER = new Uint8Array(32).fill(0x68);

/** @param now ms: time that an answer may take passes by it */
export function honestReply(engine: Engine, now: () => number = Date.now): Reply {
  const contracts = createFakeContracts(engine);
  const clock = { now, setTimer: () => () => {} };
  return (request) =>
    serve({ engine, contracts, clock, instanceId: "liar", isDiverged: () => false }, request) as Message;
}

/** Changes the answers to what `asks` picks, and gives the others as they are. */
export const changing =
  (honest: Reply, change: (message: Message, request: Request) => Message | undefined): Reply =>
  (request) => {
    const message = honest(request);
    return message === undefined ? undefined : change(message, request);
  };

export const isAboutState = ({ type }: Request): boolean =>
  ["GetContracts", "GetStorage", "GetNodes", "GetBlobs"].includes(type);

/** Answers to requests for state; headers come from the honest peer's chain. */
export const answeringState =
  (honest: Reply, answer: (request: Request) => Message | undefined): Reply =>
  (request) =>
    isAboutState(request) ? answer(request) : honest(request);

/** The proofs of accounts, by name and of ranges, changed. */
export const proofsOf = (honest: Reply, change: (proof: readonly Uint8Array[]) => readonly Uint8Array[]): Reply =>
  changing(honest, (message) =>
    message.type === "Contracts" && "proof" in message ? { ...message, proof: change(message.proof) } : message,
  );

type Rows = readonly KeyedRow[];

/** Accounts of ranges, and slots of storages, taken away from the answers that have more than one. */
export const withoutRows = (honest: Reply, cut: (rows: Rows) => Rows): Reply =>
  changing(honest, (message) => {
    if (message.type === "Contracts" && message.kind === "range") {
      return { ...message, accounts: cut(message.accounts) };
    }
    if (message.type !== "Storage") return message;
    return { ...message, pages: message.pages.map((page) => ({ ...page, slots: cut(page.slots) })) };
  });

/** Of the engine's chain, with the genesis, from which a node that has nothing asks on. */
export const headersOf = (engine: Engine): readonly SealedHeader[] =>
  Array.from({ length: engine.head().number + 1 }, (_, number) => engine.header(number) as SealedHeader);

export const codesOf = (honest: Reply, code: (given: Uint8Array | undefined) => Uint8Array | undefined): Reply =>
  changing(honest, (message, request) =>
    message.type === "Blobs" && request.type === "GetBlobs" ? { ...message, blobs: message.blobs.map(code) } : message,
  );

/** An engine's headers, the last of them as if somebody else had sealed it, who is not listed. */
export function sealedByOutsider(headers: readonly SealedHeader[]): readonly SealedHeader[] {
  const last = headers.at(-1) as SealedHeader;
  const coinbase = privateKeyToAddress(OUTSIDER);
  return [...headers.slice(0, -1), addSeal({ ...last, coinbase }, (digest) => signDigest(digest, OUTSIDER))];
}

/** Gives these headers, and the rest as the honest peer does. */
export function withHeaders(honest: Reply, headers: readonly SealedHeader[]): Reply {
  const places = new Map(headers.map(({ hash }, place) => [hash, place]));
  return (request) => {
    if (request.type !== "GetHeaders" || !("hashes" in request.from)) return honest(request);
    const place = request.from.hashes.map((hash) => places.get(hash)).find((found) => found !== undefined);
    if (place === undefined) return { type: "Error", code: "NOT_HELD", retryAfterMs: 0 };
    return { type: "Headers", headers: headers.slice(place, place + request.count).map(encodeHeader) };
  };
}

/** A listed signer's blocks on top of a chain; the state of the last is what it likes. */
export function signedBranch(
  headers: readonly SealedHeader[],
  blocks: number,
  stateRoot: Hex,
): readonly SealedHeader[] {
  const branch = [...headers];
  for (let more = 0; more < blocks; more++) {
    branch.push(forgeBlock(branch.at(-1) as SealedHeader, { stateRoot }).header);
  }
  return branch;
}

export interface EndlessState {
  readonly root: Hex;
  reply(honest: Reply, block: SealedHeader): Reply;
}

const encodeNode = (node: TrieNode): Uint8Array => encodeRlp(nodeToRlp(node, (child) => child as Uint8Array));

const KEY_NIBBLES = 64;

/** A trie in which every key there can be has the same account: one node for each nibble of a key, used everywhere. */
export function endlessState(): EndlessState {
  const value = encodeAccount({ nonce: 1n, balance: 1n, storageRoot: EMPTY_TRIE_ROOT, codeHash: EMPTY_CODE_HASH });
  const nodes: Uint8Array[] = [encodeNode({ kind: "leaf", path: "", value })];
  for (let depth = KEY_NIBBLES - 1; depth >= 0; depth--) {
    const child = keccak256(nodes[0] as Uint8Array);
    nodes.unshift(encodeNode(new BranchNode(Array.from({ length: 16 }, () => child))));
  }
  const root = keccak256Hex(nodes[0] as Uint8Array);
  const read: TrieNodeReader = (path) => nodes[path.length];
  const reply = (honest: Reply, { hash, number }: SealedHeader): Reply =>
    answeringState(honest, (request) => {
      if (request.type === "GetNodes")
        return { type: "Nodes", nodes: request.paths.map((path) => read(path) as Uint8Array) };
      if (request.type !== "GetContracts" || request.kind !== "range") return honest(request);
      // One at a time: no proof may have a node twice.
      const accounts = [{ key: request.start, value }];
      const proof = proveRange(read, root, request.start, request.start);
      return { type: "Contracts", kind: "range", block: { hash, number }, accounts, proof };
    });
  return { root, reply };
}

export const toAnswer =
  (reply: Reply) =>
  (request: Request): Uint8Array | undefined => {
    const message = reply(request);
    return message === undefined ? undefined : framed(message);
  };
