/** What an attacker makes up: well formed, signed with a key of its own, and wrong. */

import assert from "node:assert/strict";
import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import { decodeBlock, encodeBlock } from "@counterpart/core/chain/block";
import { encodeHeader } from "@counterpart/core/chain/header";
import { signTransaction } from "@counterpart/core/chain/transaction";
import type { Block, Header, SealedHeader } from "@counterpart/core/chain/types";
import { addSeal, draftHeader } from "@counterpart/core/consensus/poa";
import { keccak256Hex, privateKeyToAddress, signDigest } from "@counterpart/core/crypto/crypto";
import { signArtifact } from "@counterpart/core/sync/artifact";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import type { ArtifactEnvelope, Request } from "@counterpart/core/sync/message-types";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import { framed, type HostilePeer, NOT_HELD } from "./hostile-peer.ts";

const KEY = new Uint8Array(32).fill(0x66);
export const FORGER: Hex = privateKeyToAddress(KEY);
/** A contract that the forger could have created, and has not. */
export const FORGED_CONTRACT: Hex = createAddress(FORGER, 0n);
export const FORGED_CODE_HASH: Hex = keccak256Hex(new Uint8Array(32).fill(0x67));
/** Of nothing at all. */
export const FAKE_HASH: Hex = `0x${"f6".repeat(32)}`;
const BLOCKS_A_REQUEST = 64;
const VANITY = new Uint8Array(32);

const sign = (digest: Uint8Array): Uint8Array => signDigest(digest, KEY);

/** A record that is right in itself, but for who signed it. */
export function forgeRecord(
  peer: HostilePeer,
  of: Pick<ArtifactEnvelope, "address" | "codeHash" | "creationNonce">,
  updatedAt: number,
): ArtifactRecord {
  const { address, codeHash, creationNonce } = of;
  const draft = { address, codeHash, ...(creationNonce === undefined ? {} : { creationNonce }), updatedAt };
  return signArtifact({ ...draft, content: { name: "Forged" } }, peer.version, sign);
}

/** A transaction that is right in itself, of an account that can pay nothing. */
export function forgeTransaction({ version }: HostilePeer, nonce: number): Uint8Array {
  const gas = { gasLimit: 21_000n, maxFeePerGas: 0n, maxPriorityFeePerGas: 0n };
  const nothing = { data: new Uint8Array(), accessList: [], authorizationList: [] };
  const transfer = { to: FORGER, value: 1n, nonce: BigInt(nonce), chainId: BigInt(version.chainId) };
  return signTransaction({ type: 2, ...gas, ...transfer, ...nothing }, sign).raw;
}

/** What the node holds of a contract's artifact. */
export async function envelopeOf(peer: HostilePeer, address: Hex): Promise<ArtifactEnvelope> {
  const reply = await peer.ask({ type: "GetContracts", kind: "addresses", addresses: [address] });
  assert.ok(reply?.type === "Contracts" && reply.kind === "accounts", reply?.type);
  return reply.accounts[0]?.artifact ?? assert.fail(`the node has no artifact of ${address}`);
}

/** The blocks of the node that the peer has met, from that number on, at most 256. */
export async function copyChain(peer: HostilePeer, number: number): Promise<readonly Block[]> {
  const page = await peer.ask({ type: "GetHeaders", from: { number }, count: 256, direction: "up" });
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

/** What is wrong with a block. */
export type Forge = Partial<Pick<Header, "stateRoot" | "coinbase" | "timestamp">>;
export const WRONG_ROOT: Forge = { stateRoot: bytesToHex(new Uint8Array(32).fill(0x66)) };
/** It names another sealer than the one who sealed it. */
export const WRONG_SEALER: Forge = { coinbase: bytesToHex(new Uint8Array(20).fill(0x68)) };

/** An empty block whose seal is right; no roots of it are, as nobody has executed it. */
export function forgeBlock(parent: SealedHeader, forge: Forge = {}): Block {
  const { timestamp } = parent;
  const draft = draftHeader({ parent, coinbase: FORGER, timestamp, vanity: VANITY });
  const empty = { transactionsRoot: EMPTY_TRIE_ROOT, receiptsRoot: EMPTY_TRIE_ROOT, stateRoot: parent.stateRoot };
  return { header: addSeal({ ...draft, ...empty, ...forge }, sign), transactions: [] };
}

/** The chain with blocks on its end, of which the first is wrong in the way given. */
export function forgeOnto(chain: readonly Block[], blocks: number, forge: Forge): readonly Block[] {
  const forged = [...chain];
  for (let i = 0; i < blocks; i++) forged.push(forgeBlock(tipOf(forged), i === 0 ? forge : {}));
  return forged;
}

/** The chain whose last block has been changed and sealed again. */
export function forgeLast(chain: readonly Block[], forge: Forge): readonly Block[] {
  const { header, transactions } = chain.at(-1) ?? assert.fail("an empty chain");
  return [...chain.slice(0, -1), { header: addSeal({ ...header, coinbase: FORGER, ...forge }, sign), transactions }];
}

export const tipOf = (chain: readonly Block[]): SealedHeader => chain.at(-1)?.header ?? assert.fail("an empty chain");

/** Answers as an honest peer with these blocks at the end of its chain does. */
export function servesChain(chain: readonly Block[]): (request: Request) => Uint8Array {
  const places = new Map(chain.map(({ header }, place) => [header.hash, place]));
  const block = (hash: Hex): Uint8Array => {
    const held = chain[places.get(hash) ?? chain.length];
    return held === undefined ? new Uint8Array() : encodeBlock(held);
  };
  return (request) => {
    if (request.type === "GetBlocks") return framed({ type: "Blocks", blocks: request.hashes.map(block) });
    if (request.type !== "GetHeaders" || !("hashes" in request.from)) return NOT_HELD;
    const place = request.from.hashes.map((hash) => places.get(hash)).find((found) => found !== undefined);
    if (place === undefined) return NOT_HELD;
    const headers = chain.slice(place, place + request.count).map(({ header }) => encodeHeader(header));
    return framed({ type: "Headers", headers });
  };
}
