/** Opcodes that send messages, and those that end them. */

import { concatBytes, EMPTY_BYTES, type Hex, hexToBytes } from "../../base/bytes.ts";
import { createAddress } from "../../chain/address.ts";
import { hashToAddress, keccak256 } from "../../crypto/crypto.ts";
import type { AccountState } from "../account-state.ts";
import { type Frame, type Gas, returnGas, takeGas } from "../frame.ts";
import { type Control, GO_ON, INITCODE_SIZE_EXCEEDED, OUT_OF_GAS, REVERTED, STATIC_STATE_CHANGE } from "../halts.ts";
import type { Machine } from "../machine.ts";
import { beginCall, beginCreation, CALL_DEPTH_MAX, endFrame, type Message, traceRefusal } from "../messages.ts";
import { big, bounded, type Word, wordToBytes } from "../word.ts";
import { accountAt, chargeAccount } from "./access.ts";
import { wordsOf } from "./memory.ts";

const VALUE_GAS = 9_000;
const NEW_ACCOUNT_GAS = 25_000;
const STIPEND = 2_300;
const HASH_WORD_GAS = 6;
const NONCE_MAX = 2n ** 64n - 1n;
/** Why a message is refused, in the words of tracers. */
const TOO_DEEP = "max call depth exceeded";
const TOO_POOR = "insufficient balance for transfer";
const NONCE_OVERFLOW = "nonce uint64 overflow";

type CallOpcode = "CALL" | "CALLCODE" | "DELEGATECALL" | "STATICCALL";

/** What a call costs before the gas that it passes on. */
function chargeCall(m: Machine, f: Frame, kind: CallOpcode, target: AccountState, value: Word): boolean {
  const { call, clearsEmpty } = m.rules;
  if (!f.charge(call) || !chargeAccount(m, f, target)) return false;
  if (value !== 0 && !f.charge(VALUE_GAS)) return false;
  const isNew = kind === "CALL" && (clearsEmpty ? value !== 0 && target.isEmpty : !target.exists);
  if (isNew && !f.charge(NEW_ACCOUNT_GAS)) return false;
  return chargeDelegation(m, f, target);
}

/** Access to the account whose code stands in for the target's (EIP-7702). */
function chargeDelegation(m: Machine, f: Frame, target: AccountState): boolean {
  const delegate = m.rules.hasDelegations ? m.world.code(target).delegate : undefined;
  return delegate === undefined || chargeAccount(m, f, m.world.accountAt(delegate));
}

/** Why the frame cannot send a message of this value; undefined when it can. */
function refusalOf(f: Frame, value: Word): string | undefined {
  if (f.depth >= CALL_DEPTH_MAX) return TOO_DEEP;
  return f.account.balance < big(value) ? TOO_POOR : undefined;
}

/** A message that cannot be sent: its gas comes back, and zero is on the stack. */
function refuse(m: Machine, f: Frame, why: string, gas: Gas, describe: () => Message): Control {
  if (m.tracer !== undefined) traceRefusal(m, f, describe(), why);
  returnGas(f, gas);
  f.returnData = EMPTY_BYTES;
  f.push(0);
  return GO_ON;
}

function send(m: Machine, f: Frame, kind: CallOpcode): Control {
  const wanted = f.pop();
  const target = accountAt(m, f.pop());
  const value = kind === "CALL" || kind === "CALLCODE" ? f.pop() : 0;
  const inputOffset = f.pop();
  const inputSize = f.pop();
  const outputOffset = f.pop();
  const outputSize = f.pop();
  if (kind === "CALL" && f.isStatic && value !== 0) return STATIC_STATE_CHANGE;
  if (!f.expand(inputOffset, inputSize) || !f.expand(outputOffset, outputSize)) return OUT_OF_GAS;
  if (!chargeCall(m, f, kind, target, value)) return OUT_OF_GAS;
  const gas = takeGas(f, wanted, m.rules.keepsSixtyFourth);
  if (gas === undefined) return OUT_OF_GAS;
  if (value !== 0) gas.gas += STIPEND;
  const isDelegated = kind === "DELEGATECALL";
  const message: Message = {
    kind,
    gas,
    caller: isDelegated ? f.caller : f.account.word,
    payer: f.account,
    account: kind === "CALL" || kind === "STATICCALL" ? target : f.account,
    codeOf: target,
    value: isDelegated ? f.value : value,
    input: f.peek(inputOffset, inputSize),
    isStatic: f.isStatic || kind === "STATICCALL",
    outputOffset: bounded(outputOffset),
    outputSize: bounded(outputSize),
  };
  const refusal = refusalOf(f, value);
  return refusal === undefined ? beginCall(m, message) : refuse(m, f, refusal, gas, () => message);
}

export const call = (m: Machine, f: Frame): Control => send(m, f, "CALL");
export const callCode = (m: Machine, f: Frame): Control => send(m, f, "CALLCODE");
export const delegateCall = (m: Machine, f: Frame): Control => send(m, f, "DELEGATECALL");
export const staticCall = (m: Machine, f: Frame): Control => send(m, f, "STATICCALL");

/** EIP-1014. */
function saltedAddress(creator: Hex, salt: Word, initcode: Uint8Array): Hex {
  const parts = concatBytes(new Uint8Array([0xff]), hexToBytes(creator), wordToBytes(salt), keccak256(initcode));
  return hashToAddress(keccak256(parts));
}

/** Nonce by which an address is made. A transaction counts its sender's before code runs, a message may have left it. */
const creationNonceOf = (m: Machine, { word, nonce }: AccountState): bigint =>
  m.leavesSender && word === m.origin ? nonce + 1n : nonce;

function make(m: Machine, f: Frame, kind: "CREATE" | "CREATE2"): Control {
  const { rules, world } = m;
  if (f.isStatic) return STATIC_STATE_CHANGE;
  const value = f.pop();
  const offset = f.pop();
  const size = f.pop();
  const salt = kind === "CREATE2" ? f.pop() : undefined;
  if (bounded(size) > rules.initcodeSizeMax) return INITCODE_SIZE_EXCEEDED;
  const wordGas = rules.initcodeWord + (salt === undefined ? 0 : HASH_WORD_GAS);
  if (!f.charge(wordGas * wordsOf(size)) || !f.expand(offset, size)) return OUT_OF_GAS;
  const { account } = f;
  const initcode = f.peek(offset, size);
  const gas = takeGas(f, f.gasWord, rules.keepsSixtyFourth);
  if (gas === undefined) return OUT_OF_GAS;
  const nonce = creationNonceOf(m, account);
  const messageTo = (): Message => {
    const address =
      salt === undefined ? createAddress(account.address, nonce) : saltedAddress(account.address, salt, initcode);
    const created = world.account(address);
    return {
      kind,
      gas,
      caller: account.word,
      payer: account,
      account: created,
      codeOf: created,
      value,
      input: initcode,
      isStatic: false,
      outputOffset: 0,
      outputSize: 0,
    };
  };
  const refusal = refusalOf(f, value) ?? (nonce >= NONCE_MAX ? NONCE_OVERFLOW : undefined);
  if (refusal !== undefined) return refuse(m, f, refusal, gas, messageTo);
  world.setNonce(account, account.nonce + 1n);
  const message = messageTo();
  if (rules.warmAccess > 0) world.warm(message.account);
  return beginCreation(m, message);
}

export const create = (m: Machine, f: Frame): Control => make(m, f, "CREATE");
export const create2 = (m: Machine, f: Frame): Control => make(m, f, "CREATE2");

export const stop = (m: Machine, f: Frame): Control => endFrame(m, f, GO_ON, EMPTY_BYTES);

const ending =
  (outcome: Control) =>
  (m: Machine, f: Frame): Control => {
    const offset = f.pop();
    const size = f.pop();
    return f.expand(offset, size) ? endFrame(m, f, outcome, f.read(offset, size)) : OUT_OF_GAS;
  };

export const giveBack = ending(GO_ON);
export const revert = ending(REVERTED);

function chargeDestruction(m: Machine, f: Frame, heir: AccountState): boolean {
  const { selfdestruct, selfdestructNewAccount, clearsEmpty, coldAccount } = m.rules;
  if (!f.charge(selfdestruct)) return false;
  if (coldAccount > 0 && !m.world.warm(heir) && !f.charge(coldAccount)) return false;
  const isNew = clearsEmpty ? f.account.balance !== 0n && heir.isEmpty : !heir.exists;
  return !isNew || f.charge(selfdestructNewAccount);
}

/** SELFDESTRUCT: the balance goes to the heir; the account goes too, since Cancun only if it is new (EIP-6780). */
export function destroy(m: Machine, f: Frame): Control {
  const { world, rules, tracer } = m;
  const { account } = f;
  if (f.isStatic) return STATIC_STATE_CHANGE;
  const heir = accountAt(m, f.pop());
  if (!chargeDestruction(m, f, heir)) return OUT_OF_GAS;
  const amount = account.balance;
  const isRemoved = !rules.destroysOnlyCreated || account.isCreated;
  tracer?.enter?.({
    kind: "SELFDESTRUCT",
    depth: f.depth + 1,
    from: account.address,
    to: heir.address,
    value: amount,
    gas: 0n,
    input: EMPTY_BYTES,
  });
  tracer?.exit?.({ depth: f.depth + 1, output: EMPTY_BYTES, gasLeft: 0n });
  world.touch(heir);
  if (heir !== account) {
    world.setBalance(heir, heir.balance + amount);
    world.setBalance(account, 0n);
  } else if (isRemoved) {
    world.setBalance(account, 0n);
  }
  if (isRemoved && !world.destroy(account)) m.refund += rules.selfdestructRefund;
  return endFrame(m, f, GO_ON, EMPTY_BYTES);
}
