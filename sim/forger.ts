/**
 * Makes what hostile peers lie with. It reads an honest node's disk as it is at the moment, so that what it forges is
 * right in everything but the lie.
 */

import { concatBytes, type Hex, utf8ToBytes } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import { signTransaction } from "@counterpart/core/chain/transaction";
import type { Block, Header, SealedHeader, Transaction } from "@counterpart/core/chain/types";
import { addSeal, draftHeader, VANITY_BYTES } from "@counterpart/core/consensus/poa";
import { signDigest } from "@counterpart/core/crypto/crypto";
import { blockContextOf } from "@counterpart/core/execution/block-context";
import { createExecutor } from "@counterpart/core/execution/executor";
import { artifactRecordHash, signArtifact } from "@counterpart/core/sync/artifact";
import { encodeContent } from "@counterpart/core/sync/artifact-content";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import {
  addOutcome,
  appendBlock,
  completeHeader,
  noneExecuted,
  unwindHead,
} from "../packages/node/src/engine/block-processor.ts";
import { createChainReader } from "../packages/node/src/engine/chain-reader.ts";
import { createOverlay, type Overlay } from "../packages/node/src/engine/overlay.ts";
import { createStateReader } from "../packages/node/src/engine/state.ts";
import type { ContractEntry } from "../packages/node/src/engine/types.ts";
import type { Dice } from "./dice.ts";
import { COUNTER, createSmallExecutor } from "./executor.ts";
import { type BlockForgery, type Forgeries, MARK } from "./forgeries.ts";
import { accountOf, keyOf, type Life, type SimNode, type World } from "./node.ts";

/** A chain from a canonical block of an honest node on, whose last block is forged. */
export interface Branch {
  readonly ancestor: SealedHeader;
  /** Lowest first. */
  readonly blocks: readonly Block[];
  readonly tip: SealedHeader;
  readonly forgery: BlockForgery;
}

export interface BranchPlan {
  /** How far below the node's head it begins. */
  readonly depth: number;
  /** Valid blocks before the forged one. */
  readonly valid: number;
  readonly forgery: BlockForgery;
}

export interface Forger {
  branch(node: SimNode, plan: BranchPlan): Promise<Branch>;
  /** A record of a contract on the node that is not its owner's; undefined where there is no contract. */
  record(life: Life): ArtifactRecord | undefined;
}

type Deps = Pick<World, "genesis" | "evm" | "timeline"> & {
  readonly name: string;
  readonly dice: Dice;
  readonly forgeries: Forgeries;
};

const DAY_MS = 86_400_000;
const VANITY = utf8ToBytes("hostile".padEnd(VANITY_BYTES, "\0"));

const hexOf = (dice: Dice, sizeBytes: number): Hex => `0x${Buffer.from(dice.bytes(sizeBytes)).toString("hex")}`;

export function createForger({ genesis, evm, timeline, name, dice, forgeries }: Deps): Forger {
  const { chainId } = genesis;
  const account = accountOf(name);
  const sign = (digest: Uint8Array): Uint8Array => signDigest(digest, keyOf(name));

  /** A deployment by the forger, who pays no fees and so needs no funds. */
  const deployment = (nonce: bigint, data: Uint8Array): Transaction =>
    signTransaction(
      {
        ...{ type: 2 as const, chainId: BigInt(chainId), nonce, gasLimit: 200_000n, value: 0n },
        ...{ maxFeePerGas: 0n, maxPriorityFeePerGas: 0n, data },
      },
      sign,
    );
  /** One valid block on the overlay's head, the header not sealed yet. */
  const execute = async (overlay: Overlay, transactions: readonly Transaction[]) => {
    const chain = createChainReader(overlay, chainId);
    const parent = chain.head();
    const timestamp = Math.max(Math.floor(timeline.now / 1_000), parent.timestamp);
    const draft = draftHeader({ parent, coinbase: account, timestamp, vanity: VANITY });
    overlay.record();
    const executor = evm ? createExecutor({ chainId }) : createSmallExecutor();
    const execution = await executor.begin(blockContextOf(draft, chain.canonicalHash), createStateReader(overlay));
    const executed = noneExecuted();
    for (const transaction of transactions) {
      const outcome = await execution.run(transaction);
      if (outcome.valid) addOutcome(executed, transaction, outcome);
    }
    const changes = execution.finish();
    const run = { draft, parentRoot: parent.stateRoot, executed, changes };
    return { executed, changes, header: await completeHeader({}, overlay, run, async () => {}) };
  };
  const nonceOn = (overlay: Overlay): bigint => createStateReader(overlay).account(account)?.nonce ?? 0n;
  const mine = (overlay: Overlay): readonly Transaction[] => {
    if (dice.chance(0.5)) return [];
    return [deployment(nonceOn(overlay), COUNTER)];
  };
  const append = async (overlay: Overlay): Promise<Block> => {
    const { executed, changes, header } = await execute(overlay, mine(overlay));
    const block = { header: addSeal(header, sign), transactions: executed.transactions };
    appendBlock(overlay, block, executed, changes);
    return block;
  };
  const falsify = (header: Header, node: SimNode): SealedHeader => {
    const lies: readonly (() => SealedHeader)[] = [
      // The honest node's name under the forger's seal, a seal that is none, a field that may be no other.
      () => addSeal({ ...header, coinbase: node.account }, sign),
      () => addSeal(header, () => new Uint8Array(65)),
      () => addSeal({ ...header, gasLimit: header.gasLimit + 1 }, sign),
    ];
    return dice.pick(lies)();
  };
  const last = async (overlay: Overlay, node: SimNode, forgery: BlockForgery): Promise<Block> => {
    // Like no other, so that wherever it is found it comes from this block.
    const transaction = deployment(nonceOn(overlay), concatBytes(COUNTER, dice.bytes(16)));
    const { executed, header } = await execute(overlay, [transaction]);
    const field = dice.pick(["stateRoot", "stateRoot", "receiptsRoot"] as const);
    const wrong = { ...header, [field]: hexOf(dice, 32) };
    const sealed = forgery === "root" ? addSeal(wrong, sign) : falsify(header, node);
    forgeries.blocks.set(sealed.hash, forgery);
    forgeries.transactions.add(transaction.hash);
    return { header: sealed, transactions: executed.transactions };
  };

  const speak = (life: Life, entry: ContractEntry): ArtifactRecord => {
    const { address, codeHash, creationNonce } = entry;
    const held = life.contracts.artifact(address);
    const content = { name: `${MARK} ${dice.below(1_000_000)}` };
    const aheadMs = dice.pick([1, DAY_MS, 100_000 * DAY_MS]);
    const updatedAt = Math.max(timeline.now, held?.updatedAt ?? 0) + aheadMs;
    const draft = { address, codeHash, updatedAt, content, ...(creationNonce === undefined ? {} : { creationNonce }) };
    const own = signArtifact(draft, { chainId, genesisHash: life.engine.genesisHash }, sign);
    // Signed by another than the owner, or with the owner's signature under something else.
    if (held === undefined || dice.chance(0.5)) return own;
    const { signature } = held;
    return dice.chance(0.5) ? { ...held, updatedAt } : { ...own, content: encodeContent(content), signature };
  };
  return {
    async branch(node, { depth, valid, forgery }) {
      const overlay = createOverlay(node.disk.open(() => true).snapshot());
      const chain = createChainReader(overlay, chainId);
      for (let down = 0; down < depth && chain.head().number > 0; down++) unwindHead(overlay, chainId);
      const ancestor = chain.head();
      const blocks: Block[] = [];
      while (blocks.length < valid) blocks.push(await append(overlay));
      const forged = await last(overlay, node, forgery);
      return { ancestor, blocks: [...blocks, forged], tip: forged.header, forgery };
    },
    record(life) {
      const entries = life.engine.contracts(undefined, 1_000).filter(({ owner }) => owner !== account);
      if (entries.length === 0) return undefined;
      const record = speak(life, dice.pick(entries));
      forgeries.records.add(artifactRecordHash(record));
      return record;
    },
  };
}

/** Where a contract of the forger's would be, if he had ever made it. */
export const madeUpAddress = (name: string, dice: Dice): Hex =>
  createAddress(accountOf(name), BigInt(1_000_000 + dice.below(1_000_000)));

export const madeUpHash = (dice: Dice): Hex => hexOf(dice, 32);
