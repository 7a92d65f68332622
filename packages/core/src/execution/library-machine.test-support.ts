/** One EVM over one state, in the environment of one block. */

import { type Block, createBlock } from "@ethereumjs/block";
import { type Common, type CustomCrypto, createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { createEVM, type EVM, type EVMMockBlockchainInterface, type EVMResult } from "@ethereumjs/evm";
import { Address } from "@ethereumjs/util";
import { createVM, type VM } from "@ethereumjs/vm";
import { concatBytes, type Hex, hexToBytes, leftPad } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { ZERO_HASH } from "../chain/header.ts";
import { currentCrypto, keccak256 } from "../crypto/crypto.ts";
import type { Fork } from "./fork.ts";
import { createStateJournal, type StateJournal } from "./library-journal.test-support.ts";
import { createStateManager, type OpenState } from "./library-state-manager.test-support.ts";
import { verifyPointEvaluation } from "./precompiles/point-evaluation.ts";
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
    verifyProof(...parts) {
      const [commitment, z, y, proof] = parts.map(hexToBytes) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
      return verifyPointEvaluation(commitment, z, y, proof);
    },
    blobToKzgCommitment: noBlobs,
    computeBlobProof: noBlobs,
    verifyBlobProofBatch: noBlobs,
    computeCells: noBlobs,
    computeCellsAndProofs: noBlobs,
    recoverCellsAndProofs: noBlobs,
    verifyCellKzgProofBatch: noBlobs,
  },
};

const HARDFORKS: Readonly<Partial<Record<Fork, Hardfork>>> = {
  frontier: Hardfork.Chainstart,
  tangerine: Hardfork.TangerineWhistle,
  spurious: Hardfork.SpuriousDragon,
};

/** The library's description of the chain: one fork from genesis. */
export function createCommon(chainId: number, fork: Fork = "osaka"): Common {
  return createCustomCommon({ chainId }, Mainnet, { hardfork: HARDFORKS[fork] ?? fork, customCrypto: crypto });
}

function blockchainOf(open: Pick<BlockContext, "blockHash">): EVMMockBlockchainInterface {
  const chain: EVMMockBlockchainInterface = {
    async getBlock(number) {
      const hash = hexToBytes(open.blockHash(number) ?? ZERO_HASH);
      return { hash: () => hash };
    },
    putBlock: async () => undefined,
    shallowCopy: () => chain,
  };
  return chain;
}

function blockOf(context: BlockContext, common: Common): Block {
  const blobs = { excessBlobGas: 0, blobGasUsed: 0 };
  const header = {
    number: context.number,
    timestamp: context.timestamp,
    coinbase: context.coinbase,
    gasLimit: context.gasLimit,
    parentHash: context.parentHash,
    ...(common.gteHardfork(Hardfork.London) ? { baseFeePerGas: context.baseFeePerGas } : {}),
    ...(common.gteHardfork(Hardfork.Paris)
      ? { mixHash: context.prevRandao }
      : { difficulty: context.difficulty ?? 0n }),
    ...(common.gteHardfork(Hardfork.Cancun) ? { ...blobs, parentBeaconBlockRoot: context.parentBeaconBlockRoot } : {}),
  };
  return createBlock({ header }, { common, freeze: false, skipConsensusFormatValidation: true });
}

/** An EVM without a block or state. */
interface LibraryEngine {
  readonly common: Common;
  readonly evm: EVM;
  readonly vm: VM;
  readonly open: OpenState & { blockHash: BlockContext["blockHash"] };
}

/** Machines that are kept for the next block or call; more than run at once are dropped. */
const IDLE_MAX = 8;
const NO_STATE = createStateJournal({ account: () => undefined, storage: () => 0n, code: () => new Uint8Array(0) });

const FORMAT_BYTE = 0xef;

/**
 * The library looks for code that may not be deployed (EIP-3541) in what a creation gives also when it has failed, and
 * then takes all of its gas; a reverted one deploys nothing. So that byte is hidden from it there.
 */
function forgivingFailedCreations(evm: EVM): void {
  interface Inner {
    runInterpreter(...input: Parameters<EVM["runInterpreter"]>): ReturnType<EVM["runInterpreter"]>;
    _executeCreate(...input: readonly unknown[]): Promise<EVMResult>;
  }
  const inner = evm as unknown as Inner;
  const [run, create] = [inner.runInterpreter.bind(evm), inner._executeCreate.bind(evm)];
  const hidden = new WeakSet<Uint8Array>();
  inner.runInterpreter = async (message, options) => {
    const result = await run(message, options);
    const { exceptionError, returnValue } = result;
    if (message.isCreate && exceptionError !== undefined && returnValue[0] === FORMAT_BYTE) {
      returnValue[0] = 0;
      hidden.add(returnValue);
    }
    return result;
  };
  inner._executeCreate = async (...input) => {
    const result = await create(...input);
    const { returnValue } = result.execResult;
    if (hidden.delete(returnValue)) returnValue[0] = FORMAT_BYTE;
    return result;
  };
}

async function createLibraryEngine(shared: Common): Promise<LibraryEngine> {
  // A copy: the library's EVM listens to its chain description for as long as that lives.
  const common = shared.copy();
  const open: LibraryEngine["open"] = { journal: NO_STATE, blockHash: () => undefined };
  const stateManager = createStateManager(open);
  const options = { common, stateManager, blockchain: blockchainOf(open) };
  const evm = await createEVM(options);
  forgivingFailedCreations(evm);
  const vm = await createVM({ common, stateManager, evm });
  return { common, evm, vm, open };
}

export interface Machines {
  /** A machine for one block or call, as if new. */
  open(context: BlockContext, state: StateReader): Promise<Machine>;
  /** Gives a machine back when its block or call has ended as it should; it is used again. */
  close(machine: Machine): void;
}

/** Making the library's EVM takes 0.4 ms, about as long as a simple transaction: they are used again. */
export function createMachines(chainId: number, fork?: Fork): Machines {
  const shared = createCommon(chainId, fork);
  const idle: LibraryEngine[] = [];
  const owners = new WeakMap<Machine, LibraryEngine>();
  return {
    async open(context, state) {
      const engine = idle.pop() ?? (await createLibraryEngine(shared));
      const { common, evm, vm, open } = engine;
      open.journal = createStateJournal(state);
      open.blockHash = context.blockHash;
      const machine: Machine = { common, evm, vm, block: blockOf(context, common), journal: open.journal };
      owners.set(machine, engine);
      return machine;
    },
    close(machine) {
      const engine = owners.get(machine);
      if (engine === undefined || !owners.delete(machine)) return;
      const { evm, open } = engine;
      evm.journal.cleanJournal();
      evm.transientStorage.clear();
      open.journal = NO_STATE;
      open.blockHash = () => undefined;
      if (idle.length < IDLE_MAX) idle.push(engine);
    },
  };
}
