/** One EVM over one state, in the environment of one block. */

import { type Block, createBlock } from "@ethereumjs/block";
import { type Common, type CustomCrypto, createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { createEVM, type EVM, type EVMMockBlockchainInterface } from "@ethereumjs/evm";
import { Address } from "@ethereumjs/util";
import { createVM, type VM } from "@ethereumjs/vm";
import { concatBytes, type Hex, hexToBytes, leftPad } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { ZERO_HASH } from "../chain/header.ts";
import { currentCrypto, keccak256 } from "../crypto/crypto.ts";
import { verifyPointEvaluation } from "./point-evaluation.ts";
import { createStateJournal, type StateJournal } from "./state-journal.ts";
import { createStateManager } from "./state-manager.ts";
import type { BlockContext, StateReader } from "./types.ts";

export interface Machine {
  readonly common: Common;
  readonly evm: EVM;
  readonly vm: VM;
  /** The library's block, for the environment only: its header is not the chain's. */
  readonly block: Block;
  readonly journal: StateJournal;
}

export const libraryAddress = (address: Hex): Address => new Address(hexToBytes(address));

function noBlobs(): never {
  throw new CodedError("INVARIANT_BROKEN", "the EVM asked for blob cryptography that no rule of the chain needs");
}

/** The crypto port as the library wants it, so that native implementations are used where there are any. */
const crypto: CustomCrypto = {
  keccak256,
  ecrecover(digest, v, r, s) {
    const rs = concatBytes(leftPad(r, 32), leftPad(s, 32));
    return currentCrypto().recover(digest, rs, v === 28n || v === 1n ? 1 : 0);
  },
  kzg: {
    verifyProof: (commitment, z, y, proof) =>
      verifyPointEvaluation(commitment as Hex, z as Hex, y as Hex, proof as Hex),
    blobToKzgCommitment: noBlobs,
    computeBlobProof: noBlobs,
    verifyBlobProofBatch: noBlobs,
    computeCells: noBlobs,
    computeCellsAndProofs: noBlobs,
    recoverCellsAndProofs: noBlobs,
    verifyCellKzgProofBatch: noBlobs,
  },
};

/** The library's description of the chain: Osaka from genesis. */
export function createCommon(chainId: number): Common {
  return createCustomCommon({ chainId }, Mainnet, { hardfork: Hardfork.Osaka, customCrypto: crypto });
}

function blockchainOf(blockHash: BlockContext["blockHash"]): EVMMockBlockchainInterface {
  const chain: EVMMockBlockchainInterface = {
    async getBlock(number) {
      const hash = hexToBytes(blockHash(number) ?? ZERO_HASH);
      return { hash: () => hash };
    },
    putBlock: async () => undefined,
    shallowCopy: () => chain,
  };
  return chain;
}

function blockOf(context: BlockContext, common: Common): Block {
  const header = {
    number: context.number,
    timestamp: context.timestamp,
    coinbase: context.coinbase,
    gasLimit: context.gasLimit,
    baseFeePerGas: context.baseFeePerGas,
    mixHash: context.prevRandao,
    parentHash: context.parentHash,
    parentBeaconBlockRoot: context.parentBeaconBlockRoot,
    excessBlobGas: 0,
    blobGasUsed: 0,
  };
  return createBlock({ header }, { common, freeze: false, skipConsensusFormatValidation: true });
}

/** About 0.4 ms: cheap for each block and each call. Its memory goes with it. */
export async function createMachine(shared: Common, context: BlockContext, state: StateReader): Promise<Machine> {
  // A copy: the library's EVM listens to its chain description for as long as that lives.
  const common = shared.copy();
  const journal = createStateJournal(state);
  const stateManager = createStateManager(journal);
  const blockchain = blockchainOf(context.blockHash);
  const evm = await createEVM({ common, stateManager, blockchain });
  const vm = await createVM({ common, stateManager, evm });
  return { common, evm, vm, block: blockOf(context, common), journal };
}
