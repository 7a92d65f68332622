/** Transfers on the executors alone, in this process: without a pool, tries, a disk or signatures to check. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { EMPTY_CODE_HASH, ZERO_ADDRESS, ZERO_HASH } from "@counterpart/core/chain/header";
import { decodeTransaction } from "@counterpart/core/chain/transaction";
import type { Account } from "@counterpart/core/chain/types";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { createExecutor } from "@counterpart/core/execution/executor";
import type { BlockContext, Executor, StateReader } from "@counterpart/core/execution/types";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/types";
import { createLibraryExecutor } from "../packages/core/src/execution/library-executor.test-support.ts";
import type { RichAccount } from "./hardhat.ts";
import type { Figures } from "./scenarios.ts";
import { BLOCK_GAS, CHAIN_ID, type TransferPlan } from "./transfers-plan.ts";

/** The library takes too long for more; both get faster with the first ones. */
const TRANSFERS = { "execution alone/s": 20_000, "@ethereumjs/vm alone/s": 3_000 };
const WARM_UP = 1_000;

const CONTEXT: BlockContext = {
  ...{ number: 1, timestamp: 1_767_225_601, coinbase: ZERO_ADDRESS, gasLimit: BLOCK_GAS, baseFeePerGas: 0n },
  ...{ prevRandao: ZERO_HASH, parentHash: ZERO_HASH, parentBeaconBlockRoot: ZERO_HASH, blockHash: () => undefined },
};

/** The state of a genesis, of which nothing more is to be known than execution asks. */
function stateOf(alloc: Readonly<Record<string, RichAccount>>): StateReader {
  const codes = new Map<Hex, Uint8Array>([[EMPTY_CODE_HASH, new Uint8Array(0)]]);
  const accounts = new Map<string, Account>();
  for (const [address, { balance, code }] of Object.entries(alloc)) {
    const bytes = code === undefined ? new Uint8Array(0) : hexToBytes(code);
    const codeHash = keccak256Hex(bytes);
    codes.set(codeHash, bytes);
    accounts.set(address, { nonce: 0n, balance: BigInt(balance), codeHash, storageRoot: EMPTY_TRIE_ROOT });
  }
  const storage = new Map(Object.entries(alloc).map(([address, account]) => [address, account.storage ?? {}]));
  return {
    account: (address) => accounts.get(address),
    storage: (address, slot) => BigInt(storage.get(address)?.[slot] ?? 0),
    code: (hash) => codes.get(hash) as Uint8Array,
  };
}

async function executedPerSecond(executor: Executor, plan: TransferPlan, count: number): Promise<number> {
  // In the order of the lanes, of which each has all transactions of its senders.
  const raws = plan.lanes.flat().slice(0, WARM_UP + count);
  const transactions = raws.map((raw) => decodeTransaction(hexToBytes(raw), CHAIN_ID));
  const execution = await executor.begin(CONTEXT, stateOf(plan.alloc));
  let start = performance.now();
  for (const [at, transaction] of transactions.entries()) {
    if (at === WARM_UP) start = performance.now();
    const outcome = await execution.run(transaction);
    if (!outcome.valid || outcome.status !== "success") throw new Error(`a transfer failed: ${transaction.hash}`);
  }
  const seconds = (performance.now() - start) / 1_000;
  const changed = execution.finish().accounts.size;
  if (changed === 0) throw new Error("the transfers changed nothing");
  return count / seconds;
}

export async function executionAlone(plan: TransferPlan): Promise<Figures> {
  const ours = await executedPerSecond(createExecutor({ chainId: CHAIN_ID }), plan, TRANSFERS["execution alone/s"]);
  const library = createLibraryExecutor({ chainId: CHAIN_ID });
  const theirs = await executedPerSecond(library, plan, TRANSFERS["@ethereumjs/vm alone/s"]);
  return { "execution alone/s": ours, "@ethereumjs/vm alone/s": theirs, "ratio to @ethereumjs/vm": ours / theirs };
}
