/**
 * Every account and slot of the head by its own name. The store has the hashes of names alone, so the chain is executed
 * again from its genesis, in memory and without tries.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { assert, CodedError } from "@counterpart/core/base/errors";
import { type Genesis, genesisAlloc } from "@counterpart/core/chain/genesis";
import type { Block } from "@counterpart/core/chain/types";
import { blockContextOf } from "@counterpart/core/execution/block-context";
import { type IrregularState, joinChanges, overState } from "@counterpart/core/execution/irregular-state";
import { changedState } from "@counterpart/core/execution/state-overrides";
import type {
  AccountChange,
  BlockContext,
  Executor,
  StateChanges,
  StateReader,
} from "@counterpart/core/execution/types";
import type { EngineCore } from "./core.ts";
import { setUnder } from "./irregular.ts";
import type { Pause } from "./pacer.ts";

const NOBODY: StateReader = { account: () => undefined, storage: () => 0n, code: () => new Uint8Array(0) };

class WholeState implements IrregularState {
  readonly accounts = new Map<Hex, AccountChange>();
  readonly storage = new Map<Hex, Map<Hex, bigint>>();
  readonly codes = new Map<Hex, Uint8Array>();
  readonly reader = changedState(NOBODY, this);

  apply({ accounts, storage, codes }: IrregularState): void {
    for (const [codeHash, code] of codes) this.codes.set(codeHash, code);
    for (const [address, account] of accounts) {
      if (account !== null) this.accounts.set(address, account);
      else {
        this.accounts.delete(address);
        this.storage.delete(address);
      }
    }
    for (const [address, slots] of storage) if (accounts.get(address) !== null) this.#applySlots(address, slots);
  }

  #applySlots(address: Hex, slots: ReadonlyMap<Hex, bigint>): void {
    const stored = this.storage.get(address) ?? new Map<Hex, bigint>();
    for (const [slot, value] of slots) {
      if (value === 0n) stored.delete(slot);
      else stored.set(slot, value);
    }
    if (stored.size === 0) this.storage.delete(address);
    else this.storage.set(address, stored);
  }
}

async function changesOf(
  executor: Executor,
  context: BlockContext,
  { transactions }: Block,
  state: StateReader,
  pause: Pause,
): Promise<StateChanges> {
  const execution = await executor.begin(context, state);
  for (const transaction of transactions) {
    await pause();
    const outcome = await execution.run(transaction);
    assert(outcome.valid, `transaction ${transaction.hash} of a canonical block is valid`);
  }
  return execution.finish();
}

/** @throws CodedError `PRUNED` where a state was taken over, of which no block tells how it came about */
export async function readWholeState(core: EngineCore, genesis: Genesis, pause: Pause): Promise<IrregularState> {
  if (core.adopted > 0) throw new CodedError("PRUNED", `the blocks before ${core.adopted} were not executed here`);
  const set = core.irregular.setOn(core.head.hash);
  const rows = core.store.snapshot();
  try {
    const chain = core.readerOf(rows);
    const whole = new WholeState();
    whole.apply(genesisAlloc(genesis));
    for (let number = 1, last = chain.head().number; number <= last; number++) {
      await pause();
      const hash = chain.canonicalHash(number);
      const block = hash === undefined ? undefined : chain.block(hash);
      assert(hash !== undefined && block !== undefined, `block ${number} is held`);
      const under = setUnder(rows, hash);
      const context = blockContextOf(block.header, chain.canonicalHash);
      const state = overState(whole.reader, under);
      whole.apply(joinChanges(under, await changesOf(core.processor.executor, context, block, state, pause)));
    }
    whole.apply(set);
    return whole;
  } finally {
    rows.done();
  }
}
