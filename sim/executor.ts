/**
 * A small machine behind the engine's interface, for simulations that run many blocks: transfers, contracts whose code
 * is one byte of behaviour, a factory, reverts and exceptions. Same interface, same bookkeeping, no EVM.
 *
 *     code      01 counter   02 factory   anything else: a contract that does nothing
 *     call data add(uint256): adds to the caller's slot of a counter   make(): a factory creates a counter
 *               fill(uint256): so many slots of a counter get a value, or lose theirs when it has them all
 *               drop(uint256): that slot of a counter loses its value
 *               fail(): reverts   halt(): ends in an exception
 */

import {
  bigIntToFixedBytes,
  bytesToBigInt,
  bytesToHex,
  type Hex,
  hexToBytes,
  utf8ToBytes,
} from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import type { Log, Transaction } from "@counterpart/core/chain/types";
import { keccak256, keccak256Hex } from "@counterpart/core/crypto/crypto";
import type {
  AccountChange,
  BlockExecution,
  CallMessage,
  CallOutcome,
  ExecutionStatus,
  Executor,
  StateChanges,
  StateReader,
  TransactionInvalid,
  TransactionOutcome,
} from "@counterpart/core/execution/types";

export const COUNTER = new Uint8Array([0x01]);
export const FACTORY = new Uint8Array([0x02]);
const TRANSFER_GAS = 21_000;
const CALL_GAS = 50_000;

const selector = (signature: string): Hex => bytesToHex(keccak256(utf8ToBytes(signature)).subarray(0, 4));
export const SELECTORS = {
  add: selector("add(uint256)"),
  make: selector("make()"),
  fill: selector("fill(uint256)"),
  drop: selector("drop(uint256)"),
  fail: selector("fail()"),
  halt: selector("halt()"),
};

/** Accounts and slots as changed so far, over a state. */
class Ledger {
  readonly accounts = new Map<Hex, AccountChange>();
  readonly slots = new Map<Hex, Map<Hex, bigint>>();
  readonly codes = new Map<Hex, Uint8Array>();
  readonly #state: StateReader;

  constructor(state: StateReader) {
    this.#state = state;
  }

  account(address: Hex): AccountChange {
    const {
      nonce = 0n,
      balance = 0n,
      codeHash = EMPTY_CODE_HASH,
    } = this.accounts.get(address) ?? this.#state.account(address) ?? {};
    return { nonce, balance, codeHash };
  }

  change(address: Hex, fields: Partial<AccountChange>): void {
    this.accounts.set(address, { ...this.account(address), ...fields });
  }

  slot(address: Hex, slot: Hex): bigint {
    return this.slots.get(address)?.get(slot) ?? this.#state.storage(address, slot);
  }

  setSlot(address: Hex, slot: Hex, value: bigint): void {
    const mine = this.slots.get(address) ?? new Map<Hex, bigint>();
    this.slots.set(address, mine.set(slot, value));
  }

  code(address: Hex): Uint8Array {
    const { codeHash } = this.account(address);
    return this.codes.get(codeHash) ?? this.#state.code(codeHash);
  }

  create(address: Hex, code: Uint8Array): void {
    const codeHash = keccak256Hex(code);
    this.codes.set(codeHash, code);
    this.change(address, { nonce: 1n, codeHash });
  }

  take({ accounts, slots, codes }: Ledger): void {
    for (const [address, account] of accounts) this.accounts.set(address, account);
    for (const [address, mine] of slots) for (const [slot, value] of mine) this.setSlot(address, slot, value);
    for (const [hash, code] of codes) this.codes.set(hash, code);
  }

  /** Without what ended as it began. */
  changes(): StateChanges {
    const { accounts, slots, codes } = this;
    const state = this.#state;
    const differs = ([address, now]: readonly [Hex, AccountChange]): boolean => {
      const before = state.account(address);
      return before?.nonce !== now.nonce || before.balance !== now.balance || before.codeHash !== now.codeHash;
    };
    const storage = new Map<Hex, ReadonlyMap<Hex, bigint>>();
    for (const [address, mine] of slots) {
      const changed = [...mine].filter(([slot, value]) => state.storage(address, slot) !== value);
      if (changed.length > 0) storage.set(address, new Map(changed));
    }
    return { accounts: new Map([...accounts].filter(differs)), storage, codes };
  }

  /** A ledger on top of this one. */
  nested(): Ledger {
    return new Ledger({
      account: (address) => {
        const account = this.account(address);
        const storageRoot = this.#state.account(address)?.storageRoot ?? "0x";
        return { ...account, storageRoot };
      },
      storage: (address, slot) => this.slot(address, slot),
      code: (hash) => this.codes.get(hash) ?? this.#state.code(hash),
    });
  }
}

interface Effect {
  readonly status: ExecutionStatus;
  readonly output: Uint8Array;
  readonly logs: readonly Log[];
  readonly created: readonly Hex[];
}

const NOTHING = new Uint8Array(0);
const ended = (status: ExecutionStatus): Effect => ({ status, output: NOTHING, logs: [], created: [] });
const done = (effect: Partial<Effect> = {}): Effect => ({ ...ended("success"), ...effect });

const slotOf = (address: Hex): Hex => `0x${address.slice(2).padStart(64, "0")}`;

function add(ledger: Ledger, from: Hex, to: Hex, data: Uint8Array): Effect {
  const slot = slotOf(from);
  const before = ledger.slot(to, slot);
  ledger.setSlot(to, slot, before + bytesToBigInt(data.subarray(4)));
  const log: Log = { address: to, topics: [slot], data: data.slice(4) };
  return done({ output: bigIntToFixedBytes(before, 32), logs: [log] });
}

function fill(ledger: Ledger, to: Hex, data: Uint8Array): Effect {
  const slots = Array.from({ length: Number(bytesToBigInt(data.subarray(4))) }, (_, at) => word(BigInt(at)));
  const isFull = slots.every((slot) => ledger.slot(to, slot) !== 0n);
  for (const [at, slot] of slots.entries()) ledger.setSlot(to, slot, isFull ? 0n : BigInt(at + 1));
  return done({ logs: [{ address: to, topics: [], data: NOTHING }] });
}

function drop(ledger: Ledger, to: Hex, data: Uint8Array): Effect {
  ledger.setSlot(to, word(bytesToBigInt(data.subarray(4))), 0n);
  return done({ logs: [{ address: to, topics: [], data: NOTHING }] });
}

function make(ledger: Ledger, factory: Hex): Effect {
  const { nonce } = ledger.account(factory);
  const child = createAddress(factory, nonce);
  ledger.change(factory, { nonce: nonce + 1n });
  ledger.create(child, COUNTER);
  return done({ output: bigIntToFixedBytes(BigInt(child), 32), created: [child] });
}

function callContract(ledger: Ledger, from: Hex, to: Hex, data: Uint8Array): Effect {
  const called = bytesToHex(data.subarray(0, 4));
  if (called === SELECTORS.fail) return ended("reverted");
  if (called === SELECTORS.halt) return ended("halted");
  const behaviour = ledger.code(to)[0];
  if (behaviour === COUNTER[0] && called === SELECTORS.add) return add(ledger, from, to, data);
  if (behaviour === COUNTER[0] && called === SELECTORS.fill) return fill(ledger, to, data);
  if (behaviour === COUNTER[0] && called === SELECTORS.drop) return drop(ledger, to, data);
  if (behaviour === FACTORY[0] && called === SELECTORS.make) return make(ledger, to);
  return done();
}

interface Message {
  readonly from: Hex;
  readonly to?: Hex | undefined;
  readonly value: bigint;
  readonly data: Uint8Array;
}

/** What a message does on a ledger; the creator's nonce is the one it had before. */
function apply(ledger: Ledger, { from, to, value, data }: Message, nonce: bigint): Effect {
  const target = to ?? createAddress(from, nonce);
  ledger.change(from, { balance: ledger.account(from).balance - value });
  ledger.change(target, { balance: ledger.account(target).balance + value });
  if (to !== undefined) return callContract(ledger, from, to, data);
  if (ledger.account(target).codeHash !== EMPTY_CODE_HASH) return ended("halted");
  ledger.create(target, data.slice());
  return done({ output: data.slice(), created: [target] });
}

function invalid(reason: TransactionInvalid["reason"]): TransactionInvalid {
  return { valid: false, reason, message: reason };
}

function check(ledger: Ledger, { sender, nonce, value }: Transaction): TransactionInvalid | undefined {
  const account = ledger.account(sender);
  if (nonce < account.nonce) return invalid("NONCE_TOO_LOW");
  if (nonce > account.nonce) return invalid("NONCE_TOO_HIGH");
  return account.balance < value ? invalid("INSUFFICIENT_FUNDS") : undefined;
}

function gasOf(
  effect: Effect,
  { to, gasLimit }: Pick<Transaction, "gasLimit"> & { readonly to?: Hex | undefined },
): number {
  if (effect.status === "halted") return Number(gasLimit);
  return to === undefined || effect.logs.length + effect.created.length > 0 ? CALL_GAS : TRANSFER_GAS;
}

function createExecution(state: StateReader): BlockExecution {
  const ledger = new Ledger(state);
  let gasUsed = 0;
  return {
    get gasUsed() {
      return gasUsed;
    },
    async run(transaction): Promise<TransactionOutcome | TransactionInvalid> {
      const fault = check(ledger, transaction);
      if (fault !== undefined) return fault;
      const { sender, nonce, to } = transaction;
      ledger.change(sender, { nonce: nonce + 1n });
      const tried = ledger.nested();
      const effect = apply(tried, { ...transaction, from: sender }, nonce);
      if (effect.status === "success") ledger.take(tried);
      const used = gasOf(effect, transaction);
      gasUsed += used;
      const created =
        to === undefined && effect.status === "success" ? { contractAddress: createAddress(sender, nonce) } : {};
      return { valid: true, ...effect, gasUsed: used, effectiveGasPrice: 0n, ...created };
    },
    finish: () => ledger.changes(),
  };
}

async function call(message: CallMessage, state: StateReader): Promise<CallOutcome> {
  const ledger = new Ledger(state);
  const { nonce } = ledger.account(message.from);
  const effect = apply(ledger, message, nonce);
  const gasUsed = gasOf(effect, { to: message.to, gasLimit: BigInt(message.gasLimit) });
  const { status, output, logs } = effect;
  return { status, output, logs, gasUsed };
}

export function createSmallExecutor(): Executor {
  return {
    begin: async (_context, state) => createExecution(state),
    call: (_context, message, state) => call(message, state),
  };
}

export const word = (value: bigint): Hex => bytesToHex(bigIntToFixedBytes(value, 32));
export const callData = (selected: Hex, ...words: readonly bigint[]): Uint8Array =>
  hexToBytes(`${selected}${words.map((value) => word(value).slice(2)).join("")}`);
