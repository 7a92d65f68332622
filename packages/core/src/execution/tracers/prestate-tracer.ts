/**
 * The accounts that a transaction looked at, as they were before it, and with `diffMode` what it changed of them:
 * go-ethereum's `prestateTracer`. Source: go-ethereum's documentation, "Built-in tracers".
 */

import { bytesToHex, type Hex } from "../../base/bytes.ts";
import { EMPTY_CODE_HASH } from "../../chain/header.ts";
import type { Step, TracedAccount, TracedState, Tracer } from "../tracer.ts";
import { addressWord, type Word, wordOf, wordToAddress, wordToHex } from "../word.ts";
import type { Spend } from "./budget.ts";

const ACCOUNT_CHARACTERS = 200;
const SLOT_CHARACTERS = 140;
const DELEGATION_BYTES = 23;
const DELEGATION_PREFIX_BYTES = 3;

const OP = {
  BALANCE: 0x31,
  EXTCODESIZE: 0x3b,
  EXTCODECOPY: 0x3c,
  EXTCODEHASH: 0x3f,
  SLOAD: 0x54,
  SSTORE: 0x55,
  CALL: 0xf1,
  CALLCODE: 0xf2,
  DELEGATECALL: 0xf4,
  STATICCALL: 0xfa,
  SELFDESTRUCT: 0xff,
} as const;

/** Opcodes that look at the account on top of the stack. */
const LOOKING: ReadonlySet<number> = new Set([
  OP.BALANCE,
  OP.EXTCODESIZE,
  OP.EXTCODECOPY,
  OP.EXTCODEHASH,
  OP.SELFDESTRUCT,
]);
const CALLING: ReadonlySet<number> = new Set([OP.CALL, OP.CALLCODE, OP.DELEGATECALL, OP.STATICCALL]);

export interface PrestateTracerOptions {
  /** Shows what changed, before and after, instead of all that was looked at. */
  readonly diffMode: boolean;
  readonly disableCode: boolean;
  readonly disableStorage: boolean;
  /** Shows accounts too that did not exist before. */
  readonly includeEmpty: boolean;
  readonly spend: Spend;
}

/** An account as it is shown: what is zero or empty is left out, but for the balance. */
export interface ShownAccount {
  readonly balance?: Hex;
  readonly nonce?: number;
  readonly code?: Hex;
  readonly codeHash?: Hex;
  readonly storage?: Readonly<Record<Hex, Hex>>;
}

export type Prestate = Readonly<Record<Hex, ShownAccount>>;

export interface PrestateTracer {
  readonly tracer: Tracer;
  result(): Prestate | { readonly pre: Prestate; readonly post: Prestate };
}

interface Seen {
  /** Undefined: there was none. */
  readonly account: TracedAccount | undefined;
  readonly storage: Map<Hex, bigint>;
}

const NOTHING: TracedAccount = { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH, code: new Uint8Array(0) };
const quantity = (value: bigint): Hex => `0x${value.toString(16)}`;
const word = (value: bigint): Hex => `0x${value.toString(16).padStart(64, "0")}`;

const isEmpty = ({ nonce, balance, codeHash }: TracedAccount): boolean =>
  nonce === 0n && balance === 0n && codeHash === EMPTY_CODE_HASH;

function storageOf(slots: Iterable<readonly [Hex, bigint]>): Pick<ShownAccount, "storage"> {
  const shown = [...slots].map(([slot, value]) => [slot, word(value)] as const);
  return shown.length === 0 ? {} : { storage: Object.fromEntries(shown) };
}

/** Whose code stands in for a delegated account's (EIP-7702). */
function delegateOf(code: Uint8Array): Hex | undefined {
  if (code.length !== DELEGATION_BYTES || code[0] !== 0xef || code[1] !== 0x01 || code[2] !== 0x00) return undefined;
  return wordToAddress(wordOf(code.subarray(DELEGATION_PREFIX_BYTES)));
}

/** What is known of the accounts of one transaction. */
class Looks {
  readonly seen = new Map<Hex, Seen>();
  readonly #state: TracedState;
  readonly #options: PrestateTracerOptions;
  #pending: (() => void) | undefined;

  constructor(state: TracedState, options: PrestateTracerOptions) {
    this.#state = state;
    this.#options = options;
  }

  account(address: Hex): void {
    if (!this.seen.has(address)) this.#add(address, this.#state.account(address));
  }

  #add(address: Hex, account: TracedAccount | undefined): Seen {
    const known = this.seen.get(address);
    if (known !== undefined) return known;
    const seen: Seen = { account, storage: new Map() };
    const codeCharacters = this.#options.disableCode ? 0 : 2 * (account?.code.length ?? 0);
    this.#options.spend(ACCOUNT_CHARACTERS + codeCharacters);
    this.seen.set(address, seen);
    return seen;
  }

  #addSlot(address: Hex, slot: Hex, value: bigint): void {
    const { storage } = this.#add(address, this.#state.account(address));
    if (storage.has(slot)) return;
    this.#options.spend(SLOT_CHARACTERS);
    storage.set(slot, value);
  }

  /** Whose code a message to an account runs: its own, or that of the account it delegates to. */
  called(address: Hex): void {
    this.account(address);
    const delegate = delegateOf(this.#state.account(address)?.code ?? NOTHING.code);
    if (delegate !== undefined) this.account(delegate);
  }

  /** Notes what the opcode looks at as it is before it, to be added when it is known not to have failed. */
  step({ opcode, frame }: Step): void {
    this.settle();
    const { stack, sp, account } = frame;
    const addressBelow = (below: number): Hex => wordToAddress(addressWord(stack[sp - 1 - below] as Word));
    if ((opcode === OP.SLOAD || opcode === OP.SSTORE) && sp >= 1) {
      if (this.#options.disableStorage) return;
      const slot = wordToHex(stack[sp - 1] as Word);
      const value = this.#state.storage(account.address, slot);
      this.#pending = () => this.#addSlot(account.address, slot, value);
    } else if (LOOKING.has(opcode) && sp >= 1) {
      const address = addressBelow(0);
      const before = this.#state.account(address);
      this.#pending = () => void this.#add(address, before);
    } else if (CALLING.has(opcode) && sp >= 5) {
      const address = addressBelow(1);
      this.#pending = () => this.called(address);
    }
  }

  /** The last opcode did not fail. */
  settle(): void {
    const add = this.#pending;
    this.#pending = undefined;
    add?.();
  }

  /** The last opcode failed. */
  drop(): void {
    this.#pending = undefined;
  }

  #shown(account: TracedAccount): ShownAccount {
    const { nonce, balance, code, codeHash } = account;
    const hasCode = !this.#options.disableCode && code.length > 0;
    return {
      balance: quantity(balance),
      ...(nonce === 0n ? {} : { nonce: Number(nonce) }),
      ...(hasCode ? { code: bytesToHex(code), codeHash } : {}),
    };
  }

  before(): Prestate {
    const shown: Record<Hex, ShownAccount> = {};
    for (const [address, { account, storage }] of this.seen) {
      if ((account === undefined || isEmpty(account)) && !this.#options.includeEmpty) continue;
      shown[address] = { ...this.#shown(account ?? NOTHING), ...storageOf(storage) };
    }
    return shown;
  }

  /** What of an account is another after the transaction; undefined: nothing. */
  #changed(before: TracedAccount, after: TracedAccount, slots: readonly Hex[], address: Hex): ShownAccount | undefined {
    const { disableCode } = this.#options;
    const isOtherCode = !disableCode && after.codeHash !== before.codeHash;
    const isSame = after.balance === before.balance && after.nonce === before.nonce && !isOtherCode;
    if (isSame && slots.length === 0) return undefined;
    const values = slots.map((slot) => [slot, this.#state.storage(address, slot)] as const);
    return {
      ...(after.balance === before.balance ? {} : { balance: quantity(after.balance) }),
      ...(after.nonce === before.nonce ? {} : { nonce: Number(after.nonce) }),
      ...(isOtherCode ? { code: bytesToHex(after.code), codeHash: after.codeHash } : {}),
      ...storageOf(values.filter(([, value]) => value !== 0n)),
    };
  }

  difference(): { readonly pre: Prestate; readonly post: Prestate } {
    const pre: Record<Hex, ShownAccount> = {};
    const post: Record<Hex, ShownAccount> = {};
    for (const [address, { account, storage }] of this.seen) {
      const before = account ?? NOTHING;
      const after = this.#state.account(address);
      const slots = [...storage.keys()].filter((slot) => this.#state.storage(address, slot) !== storage.get(slot));
      const isGone = after === undefined && account !== undefined && !isEmpty(account);
      const changed = isGone ? undefined : this.#changed(before, after ?? NOTHING, slots, address);
      if (changed === undefined && !isGone) continue;
      const values = [...storage].filter(([slot, value]) => value !== 0n && (isGone || slots.includes(slot)));
      const wasThere = account !== undefined && !isEmpty(account);
      if (wasThere || this.#options.includeEmpty) pre[address] = { ...this.#shown(before), ...storageOf(values) };
      if (changed !== undefined) post[address] = changed;
    }
    return { pre, post };
  }
}

export function createPrestateTracer(options: PrestateTracerOptions): PrestateTracer {
  let looks: Looks | undefined;
  let difference: ReturnType<Looks["difference"]> = { pre: {}, post: {} };
  const tracer: Tracer = {
    begin({ from, to, coinbase, authorities }, state) {
      looks = new Looks(state, options);
      looks.account(from);
      looks.called(to);
      looks.account(coinbase);
      for (const authority of authorities) looks.account(authority);
    },
    step(step) {
      looks?.step(step);
    },
    enter({ kind, to, depth }) {
      looks?.settle();
      // An authorization of the transaction itself may have delegated its recipient.
      if (depth === 0 && kind === "CALL") looks?.called(to);
      if (kind === "CREATE" || kind === "CREATE2") looks?.account(to);
    },
    exit({ failure }) {
      if (failure === undefined || failure === "revert") looks?.settle();
      else looks?.drop();
    },
    end() {
      if (options.diffMode && looks !== undefined) difference = looks.difference();
    },
  };
  return { tracer, result: () => (options.diffMode ? difference : (looks?.before() ?? {})) };
}
