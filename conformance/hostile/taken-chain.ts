/** A chain whose sealers are listed, made once: what nodes take over in scenes, and what peers lie about. */

import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bigIntToFixedBytes, concatBytes, type Hex } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import { DEV_GENESIS } from "@counterpart/core/chain/genesis";
import { parseGenesis } from "@counterpart/core/chain/genesis-json";
import type { Block } from "@counterpart/core/chain/types";
import { useCrypto } from "@counterpart/core/crypto/crypto";
import { createNativeCrypto } from "../../packages/node/src/crypto/native.ts";
import {
  accountOf,
  chainOf,
  creationOf,
  keyOf,
  openTestEngine,
  sealAll,
  transactionOf,
  writerCode,
} from "../../packages/node/src/engine/engine.test-support.ts";
import type { Engine } from "../../packages/node/src/engine/types.ts";
import { toAccount } from "../../packages/node/src/keys/account.ts";
import { writeKeyFile } from "../../packages/node/src/keys/key-file.ts";
import { openLmdbStore } from "../../packages/node/src/store/lmdb-store.ts";
import type { NodeProcesses } from "../faults/node-process.ts";
import { FORGER } from "./forgeries.ts";

/** Of the honest sealer, as the engine of tests has it. */
const SEALER_KEY = 100;
const AUTHOR = 1;
const CONTRACTS = 240;
const A_BLOCK = 20;
const BIG_SLOTS = 600;
/** So long that a node takes the state over instead of executing. */
const BLOCKS_MIN = 72;

export interface TakenChain {
  readonly genesisPath: string;
  /** With all blocks, in memory. */
  readonly engine: Engine;
  readonly blocks: readonly Block[];
  readonly contracts: readonly Hex[];
  /** Another engine with the first of the blocks. */
  fork(blocks?: number): Promise<Engine>;
  /** Puts the data directory of the sealer where the node of that name has its own. */
  copyTo(processes: NodeProcesses, name: string): void;
}

const word = (value: number): Uint8Array => bigIntToFixedBytes(BigInt(value), 32);

function genesisText(): string {
  const alloc = Object.fromEntries(
    Array.from({ length: 8 }, (_, n) => [accountOf(n + 1), { balance: `${10n ** 20n}` }]),
  );
  const signers = [accountOf(SEALER_KEY), FORGER];
  const { chainId, timestamp, gasLimit } = DEV_GENESIS;
  return JSON.stringify({ chainId, consensus: "poa", signers, timestamp, gasLimit: Number(gasLimit), alloc });
}

/** Contracts with a few slots each, and one with many. */
async function fill(engine: Engine): Promise<readonly Hex[]> {
  let nonce = 0;
  const contracts: Hex[] = [];
  const write = (to: Hex, slot: number) =>
    transactionOf(AUTHOR, nonce++, { to, value: 0n, data: concatBytes(word(slot), word(slot + 1)) });
  while (contracts.length < CONTRACTS) {
    const creations = Array.from({ length: A_BLOCK }, (_, at) => {
      contracts.push(createAddress(accountOf(AUTHOR), BigInt(nonce)));
      return creationOf(AUTHOR, nonce++, writerCode(1 + (at % 7)));
    });
    await sealAll(engine, creations);
  }
  const big = contracts[0] as Hex;
  for (let slot = 0; slot < BIG_SLOTS; slot += A_BLOCK) {
    await sealAll(
      engine,
      Array.from({ length: A_BLOCK }, (_, at) => write(big, slot + at)),
    );
  }
  while (engine.head().number < BLOCKS_MIN) {
    const to = contracts[1 + (engine.head().number % (CONTRACTS - 1))] as Hex;
    await sealAll(engine, [write(to, 1), write(to, 2)]);
  }
  return contracts;
}

export async function makeTakenChain(folder: string): Promise<TakenChain> {
  useCrypto(await createNativeCrypto());
  const text = genesisText();
  const genesis = parseGenesis(text);
  const genesisPath = join(folder, "genesis.json");
  writeFileSync(genesisPath, text);
  const engine = openTestEngine({ genesis });
  const contracts = await fill(engine);
  const blocks = chainOf(engine);
  const dataDir = join(folder, "sealer");
  mkdirSync(join(dataDir, "keys"), { recursive: true, mode: 0o700 });
  writeKeyFile(join(dataDir, "keys", "node.json"), toAccount(keyOf(SEALER_KEY)));
  const store = openLmdbStore(join(dataDir, "chain.mdb"));
  const sealer = openTestEngine({ genesis, store });
  await sealer.import(blocks);
  await sealer.stop();
  await store.close();
  return {
    ...{ genesisPath, engine, blocks, contracts },
    async fork(count = blocks.length) {
      const other = openTestEngine({ genesis });
      await other.import(blocks.slice(0, count));
      return other;
    },
    copyTo: (processes, name) => cpSync(dataDir, processes.dataDirOf(name), { recursive: true }),
  };
}
