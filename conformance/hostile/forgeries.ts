/** What an attacker makes up: well formed, signed with a key of its own, and wrong. */

import assert from "node:assert/strict";
import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import { decodeBlock, encodeBlock } from "@counterpart/core/chain/block";
import { encodeHeader } from "@counterpart/core/chain/header";
import type { Block } from "@counterpart/core/chain/types";
import { addSeal } from "@counterpart/core/consensus/poa";
import { keccak256Hex, privateKeyToAddress, signDigest } from "@counterpart/core/crypto/crypto";
import { signArtifact } from "@counterpart/core/sync/artifact";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import type { ArtifactEnvelope } from "@counterpart/core/sync/message-types";
import { type Answer, framed, type HostilePeer, NOT_HELD } from "./hostile-peer.ts";

const KEY = new Uint8Array(32).fill(0x66);
export const FORGER: Hex = privateKeyToAddress(KEY);
/** A contract that the forger could have created, and has not. */
export const FORGED_CONTRACT: Hex = createAddress(FORGER, 0n);
export const FORGED_CODE_HASH: Hex = keccak256Hex(new Uint8Array(32).fill(0x67));
const BLOCKS_A_REQUEST = 64;

const sign = (digest: Uint8Array): Uint8Array => signDigest(digest, KEY);

/** A record that is right in itself, but for who signed it. */
export function forgeRecord(
  peer: HostilePeer,
  of: Pick<ArtifactEnvelope, "address" | "codeHash" | "creationNonce">,
  updatedAt: number,
  name = "Forged",
): ArtifactRecord {
  const { address, codeHash, creationNonce } = of;
  const draft = { address, codeHash, ...(creationNonce === undefined ? {} : { creationNonce }), updatedAt };
  return signArtifact({ ...draft, content: { name } }, peer.version, sign);
}

/** What the node holds of a contract's artifact. */
export async function envelopeOf(peer: HostilePeer, address: Hex): Promise<ArtifactEnvelope> {
  const reply = await peer.ask({ type: "GetContracts", kind: "addresses", addresses: [address] });
  assert.ok(reply?.type === "Contracts" && reply.kind === "accounts", reply?.type);
  return reply.accounts[0]?.artifact ?? assert.fail(`the node has no artifact of ${address}`);
}

/** Every block of the node that the peer has met, the genesis first. */
export async function copyChain(peer: HostilePeer): Promise<readonly Block[]> {
  const page = await peer.ask({ type: "GetHeaders", from: { number: 0 }, count: 256, direction: "up" });
  assert.ok(page?.type === "Headers", page?.type);
  const hashes = page.headers.map(keccak256Hex);
  const blocks: Block[] = [];
  while (blocks.length < hashes.length) {
    const wanted = hashes.slice(blocks.length, blocks.length + BLOCKS_A_REQUEST);
    const reply = await peer.ask({ type: "GetBlocks", hashes: wanted });
    assert.ok(reply?.type === "Blocks" && reply.blocks.length > 0, reply?.type);
    for (const block of reply.blocks) blocks.push(decodeBlock(block.slice(), peer.version.chainId));
  }
  return blocks;
}

/** The same chain, whose last block has another state root and a valid seal over it. */
export function withWrongLastRoot(chain: readonly Block[]): readonly Block[] {
  const { header, transactions } = chain.at(-1) ?? assert.fail("an empty chain");
  const forged = { ...header, coinbase: FORGER, stateRoot: bytesToHex(new Uint8Array(32).fill(0x66)) };
  return [...chain.slice(0, -1), { header: addSeal(forged, sign), transactions }];
}

/** The same chain, whose last block is sealed by another than its coinbase. */
export function withForgedSeal(chain: readonly Block[]): readonly Block[] {
  const { header, transactions } = chain.at(-1) ?? assert.fail("an empty chain");
  return [...chain.slice(0, -1), { header: addSeal(header, sign), transactions }];
}

export const tipOf = (chain: readonly Block[]): { readonly hash: Hex; readonly number: number } => {
  const { hash, number } = chain.at(-1)?.header ?? assert.fail("an empty chain");
  return { hash, number };
};

/** Answers as an honest peer with this chain does. */
export function servesChain(chain: readonly Block[]): Answer {
  const byHash = new Map(chain.map((block) => [block.header.hash, block]));
  return (request) => {
    if (request.type === "GetHeaders" && "hashes" in request.from) {
      const first = request.from.hashes.find((hash) => byHash.has(hash));
      if (first === undefined) return NOT_HELD;
      const at = byHash.get(first)?.header.number ?? 0;
      const headers = chain.slice(at, at + request.count).map(({ header }) => encodeHeader(header));
      return framed({ type: "Headers", headers });
    }
    if (request.type !== "GetBlocks") return NOT_HELD;
    const blocks = request.hashes.map((hash) => byHash.get(hash));
    return framed({ type: "Blocks", blocks: blocks.map((block) => (block ? encodeBlock(block) : new Uint8Array())) });
  };
}
