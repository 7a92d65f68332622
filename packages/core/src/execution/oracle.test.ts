/**
 * The executor against the library's own state manager: random blocks of transfers, creations and calls must give the
 * same gas, statuses and state root, whether our journal or the library's Merkle trie holds the state.
 */

import assert from "node:assert/strict";
import { it } from "node:test";
import { createBlock } from "@ethereumjs/block";
import { createEVM } from "@ethereumjs/evm";
import { MerkleStateManager } from "@ethereumjs/statemanager";
import { createAccount } from "@ethereumjs/util";
import { createVM, runTx, type VM } from "@ethereumjs/vm";
import fc from "fast-check";
import { bigIntToBytes, bytesToHex, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { createAddress } from "../chain/address.ts";
import { BEACON_ROOTS_ADDRESS, HISTORY_ADDRESS } from "../chain/system-contracts.ts";
import type { Transaction } from "../chain/types.ts";
import { executor } from "./blocks.test-support.ts";
import {
  ALICE,
  assemble,
  BOB,
  blockContext,
  CHAIN_ID,
  COINBASE,
  DESTROY,
  FACTORY,
  FACTORY2,
  FORWARD,
  fundedState,
  initcode,
  STORE,
  slotOf,
  type TransactionParts,
  transaction,
  words,
} from "./fixtures.test-support.ts";
import { createCommon, libraryAddress } from "./library-machine.test-support.ts";
import { toLibraryTransaction } from "./library-transaction.test-support.ts";
import type { MemoryState } from "./memory-state.test-support.ts";
import type { BlockContext } from "./types.ts";

const FRESH: readonly Hex[] = [`0x${"a1".repeat(20)}`, `0x${"a2".repeat(20)}`, COINBASE];
/** Alice deploys these first, with her nonces 0 to 5. */
const RUNTIMES = [STORE, FORWARD, FACTORY, FACTORY2, DESTROY, assemble("PUSH1 0x01 PUSH0 SSTORE INVALID")];
const DEPLOYED = RUNTIMES.map((_, nonce) => createAddress(ALICE.address, BigInt(nonce)));
const [store, forward, factory, factory2, destroy] = DEPLOYED as [Hex, Hex, Hex, Hex, Hex];

type Action = Omit<TransactionParts, "from" | "nonce"> & { readonly bob: boolean; readonly skew: bigint };

const small = fc.constantFrom(0n, 1n, 2n, 3n);
const value = fc.constantFrom(0n, 0n, 1n, 1_000n, 1_000n * 10n ** 18n);
const destroyInConstructor = assemble("PUSH1 0x01 PUSH0 SSTORE CALLER SELFDESTRUCT");
const childCode = fc.constantFrom(initcode(STORE), initcode(DESTROY), destroyInConstructor, assemble("INVALID"));
const storeCall = fc.tuple(small, small, fc.constantFrom(0n, 0n, 0n, 9n)).map((parts) => words(...parts));

const target = fc.oneof(
  fc.constantFrom(...FRESH, ALICE.address, BOB.address, ...DEPLOYED).map((to) => ({ to, data: new Uint8Array(0) })),
  storeCall.map((data) => ({ to: store, data })),
  storeCall.map((data) => ({ to: forward, data: concatBytes(words(store), data) })),
  fc.constantFrom(destroy, ...FRESH, factory).map((to) => ({ to: forward, data: words(to) })),
  childCode.map((data) => ({ to: forward, data: concatBytes(words(factory2), data) })),
  childCode.map((data) => ({ to: factory, data })),
  childCode.map((data) => ({ to: factory2, data })),
  childCode.map((data) => ({ data })),
);

const actions: fc.Arbitrary<Action> = fc
  .record({
    target,
    value,
    bob: fc.boolean(),
    skew: fc.constantFrom(0n, 0n, 0n, 0n, 0n, 0n, 1n, -1n),
    gasLimit: fc.constantFrom(100_000n, 300_000n, 300_000n, 2_000_000n),
    tip: fc.constantFrom(0n, 7n),
    listed: fc.boolean(),
  })
  .map(({ target: parts, tip, listed, ...rest }) => ({
    ...rest,
    ...parts,
    maxFeePerGas: tip,
    maxPriorityFeePerGas: tip,
    accessList: listed ? [{ address: store, storageKeys: [slotOf(1n)] }] : [],
  }));

/** Receives every transaction as the executor does, on the library's own state. */
interface Oracle {
  begin(context: BlockContext): Promise<void>;
  /** [success, gas used], or undefined when the transaction is invalid. */
  run(transaction: Transaction): Promise<readonly [boolean, number] | undefined>;
  root(): Promise<Hex>;
}

async function seed(manager: MerkleStateManager, state: MemoryState): Promise<void> {
  for (const address of state.addresses()) {
    const { nonce = 0n, balance = 0n, codeHash } = state.account(address) ?? {};
    await manager.putAccount(libraryAddress(address), createAccount({ nonce, balance }));
    if (codeHash !== undefined) await manager.putCode(libraryAddress(address), state.code(codeHash));
  }
}

async function createOracle(state: MemoryState): Promise<Oracle> {
  const common = createCommon(CHAIN_ID);
  const manager = new MerkleStateManager({ common });
  await seed(manager, state);
  const evm = await createEVM({ common, stateManager: manager });
  const vm: VM = await createVM({ common, stateManager: manager, evm });
  let context = blockContext();
  let used = 0;
  const put = (address: Hex, slot: bigint, content: Uint8Array): Promise<void> =>
    manager.putStorage(libraryAddress(address), words(slot), content);
  return {
    async begin(next) {
      context = next;
      used = 0;
      const time = BigInt(next.timestamp);
      await put(HISTORY_ADDRESS, BigInt(next.number - 1) % 8_191n, hexToBytes(next.parentHash));
      await put(BEACON_ROOTS_ADDRESS, time % 8_191n, bigIntToBytes(time));
    },
    async run(each) {
      if (BigInt(used) + each.gasLimit > BigInt(context.gasLimit)) return undefined;
      const { number, timestamp, coinbase, gasLimit, prevRandao } = context;
      const header = { number, timestamp, coinbase, gasLimit, mixHash: prevRandao, baseFeePerGas: 0n };
      try {
        const result = await runTx(vm, {
          tx: toLibraryTransaction(each, common),
          block: createBlock({ header }, { common, skipConsensusFormatValidation: true }),
        });
        used += Number(result.totalGasSpent);
        return [result.execResult.exceptionError === undefined, Number(result.totalGasSpent)];
      } catch {
        return undefined;
      }
    },
    root: async () => bytesToHex(await manager.getStateRoot()),
  };
}

async function runBlock(state: MemoryState, oracle: Oracle, context: BlockContext, list: readonly Action[]) {
  const execution = await executor.begin(context, state);
  await oracle.begin(context);
  const nonces = new Map([ALICE, BOB].map(({ address }) => [address, state.account(address)?.nonce ?? 0n]));
  let valid = 0;
  for (const { bob, skew, ...parts } of list) {
    const from = bob ? BOB : ALICE;
    const next = nonces.get(from.address) ?? 0n;
    const nonce = next + skew < 0n ? 0n : next + skew;
    const each = transaction({ from, nonce, ...parts });
    const ours = await execution.run(each);
    const theirs = await oracle.run(each);
    assert.deepEqual(ours.valid ? [ours.status === "success", ours.gasUsed] : undefined, theirs);
    if (!ours.valid) continue;
    nonces.set(from.address, next + 1n);
    valid++;
  }
  state.apply(execution.finish());
  assert.equal(state.root(), await oracle.root());
  return valid;
}

it("random blocks change the state as they do on the library's own state manager", async () => {
  const deployments = RUNTIMES.map((runtime) => ({ bob: false, skew: 0n, data: initcode(runtime) }));
  let valid = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(actions, { maxLength: 8 }), { minLength: 1, maxLength: 3 }), async (blocks) => {
      const state = fundedState(ALICE, BOB);
      const oracle = await createOracle(state);
      let number = 1;
      for (const list of [deployments, ...blocks]) {
        const context = blockContext({ number, timestamp: 1_800_000_000 + number, gasLimit: 6_000_000 + 6_100_000 });
        valid += await runBlock(state, oracle, context, list);
        number++;
      }
    }),
    { numRuns: 25 },
  );
  assert.ok(valid > 25 * RUNTIMES.length, "no random transaction was valid");
});
