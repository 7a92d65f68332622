/** Makes a chain in this process, out of signed transactions: much faster than through the API, and block by block. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { parseGenesis } from "@counterpart/core/chain/genesis-json";
import { signTransaction } from "@counterpart/core/chain/transaction";
import { useCrypto } from "@counterpart/core/crypto/crypto";
import { createExecutor } from "@counterpart/core/execution/executor";
import { createNativeCrypto } from "../packages/node/src/crypto/native.ts";
import { createEngine } from "../packages/node/src/engine/engine.ts";
import type { Engine } from "../packages/node/src/engine/types.ts";
import { createKeyRing } from "../packages/node/src/keys/key-ring.ts";
import { openLmdbStore } from "../packages/node/src/store/lmdb-store.ts";
import { createLogger } from "../packages/node/src/telemetry/logger.ts";
import { createSystemClock } from "../packages/node/src/telemetry/runtime.ts";

const CHAIN_ID = 4_242;
const GENESIS_SECONDS = 1_767_225_600;
/** As much as a genesis may allow, so that few blocks can hold many contracts. */
const BLOCK_GAS = 1_000_000_000;
const TRANSACTION_GAS = 2n ** 24n;

export interface Message {
  /** Absent: a contract is created. */
  readonly to?: Hex;
  readonly data: Hex;
  /** Wei; none when absent. */
  readonly value?: bigint;
}

export interface Sealing {
  /** Sends, seals and is the only signer. */
  readonly account: Hex;
  readonly engine: Engine;
  /** Seals these messages a second after the head, in more than one block where they do not fit into one. */
  seal(messages: readonly Message[]): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param genesisPath is written where it is not there, with the data directory's own account as the signer
 * @param funds wei that this account has in such a genesis
 */
export async function openSealing(dataDir: string, genesisPath: string, funds = 0n): Promise<Sealing> {
  useCrypto(await createNativeCrypto());
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const keys = createKeyRing({ dir: join(dataDir, "keys") });
  if (!existsSync(genesisPath)) writeGenesis(genesisPath, keys.own, funds);
  const store = openLmdbStore(join(dataDir, "chain.mdb"));
  const sign = (digest: Uint8Array): Uint8Array => keys.sign(keys.own, digest);
  let nowMs = 0;
  const engine = createEngine({
    store,
    genesis: parseGenesis(readFileSync(genesisPath, "utf8")),
    executor: createExecutor({ chainId: CHAIN_ID }),
    sealer: { address: keys.own, sign },
    // It stands still while a block is made: what goes into a block does not depend on how fast the machine is.
    clock: { ...createSystemClock(), now: () => nowMs },
    logger: createLogger({ level: "error", format: "json" }),
  });
  return {
    account: keys.own,
    engine,
    async seal(messages) {
      nowMs = (engine.head().timestamp + 1) * 1_000;
      const submitted = messages.map((message) => submit(engine, keys.own, message, sign));
      while (engine.pool.pending > 0) await sealOne(engine);
      await Promise.all(submitted);
    },
    async stop() {
      await engine.stop();
      store.close();
    },
  };
}

function writeGenesis(path: string, signer: Hex, funds: bigint): void {
  const alloc = funds === 0n ? {} : { [signer]: { balance: String(funds) } };
  const chain = { chainId: CHAIN_ID, consensus: "poa", timestamp: GENESIS_SECONDS, gasLimit: BLOCK_GAS };
  writeFileSync(path, `${JSON.stringify({ ...chain, signers: [signer], alloc })}\n`);
}

async function submit(
  engine: Engine,
  sender: Hex,
  { to, data, value = 0n }: Message,
  sign: (digest: Uint8Array) => Uint8Array,
): Promise<void> {
  const unsigned = {
    type: 2 as const,
    chainId: BigInt(CHAIN_ID),
    nonce: engine.pool.nextNonce(sender),
    gasLimit: TRANSACTION_GAS,
    maxFeePerGas: 0n,
    maxPriorityFeePerGas: 0n,
    ...(to === undefined ? {} : { to }),
    value,
    data: hexToBytes(data),
  };
  await engine.submit(signTransaction(unsigned, sign), "local");
}

async function sealOne(engine: Engine): Promise<void> {
  const block = await engine.seal();
  if (block === undefined) throw new Error("a transaction of the data set does not fit into a block");
  const failed = engine.receipts(block.header.hash)?.findIndex(({ status }) => status !== 1);
  if (failed !== -1) throw new Error(`transaction ${failed} of block ${block.header.number} failed`);
}
