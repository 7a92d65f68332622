/** Messages between accounts: how a call or creation begins, how it ends, and what its maker is told. */

import { EMPTY_BYTES, type Hex } from "../base/bytes.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import type { AccountState } from "./account-state.ts";
import { Code, NO_CODE } from "./code.ts";
import { type Frame, type FrameKind, type Gas, gasAmount, gasOf, returnGas } from "./frame.ts";
import {
  CODE_SIZE_EXCEEDED,
  CODE_STORE_OUT_OF_GAS,
  type Control,
  CREATE_COLLISION,
  GO_ON,
  haltName,
  INVALID_CODE,
  INVALID_OPCODE,
  OUT_OF_GAS,
  PRECOMPILE_FAILED,
  REVERTED,
  STACK_OVERFLOW,
  STACK_UNDERFLOW,
  SWITCH,
  WAIT,
} from "./halts.ts";
import type { Fault, Machine } from "./machine.ts";
import type { Precompile } from "./precompiles/types.ts";
import type { CallKind } from "./tracer.ts";
import { vmErrorOf } from "./vm-errors.ts";
import { big, type Word, wordToAddress } from "./word.ts";
import type { World } from "./world.ts";

export const CALL_DEPTH_MAX = 1_024;
const CODE_BYTE_GAS = 200;
/** What a call weighs in a slice, whatever its code costs. */
const CALL_WEIGHT = 700;
/** What bytes that a tracer is shown weigh. */
const shownWeight = (bytes: Uint8Array): number => bytes.length >> 3;
const UNHASHED: Hex = "0x";
const NO_GAS: Gas = { gas: 0, reserve: 0 };

export interface Message {
  readonly kind: CallKind;
  readonly gas: Gas;
  /** What CALLER gives. */
  readonly caller: Word;
  /** Who pays the value. */
  readonly payer: AccountState;
  /** Whose storage and balance the code works on. */
  readonly account: AccountState;
  /** Whose code runs; for a creation, `input` is the code. */
  readonly codeOf: AccountState;
  /** What CALLVALUE gives. */
  readonly value: Word;
  readonly input: Uint8Array;
  readonly isStatic: boolean;
  readonly outputOffset: number;
  readonly outputSize: number;
}

/** Whether a message of this kind pays its value to the account; the others only show it. */
const isPaying = (kind: CallKind): boolean => kind === "CALL" || kind === "CREATE" || kind === "CREATE2";

function pay(world: World, { kind, payer, account, value }: Message): void {
  if (kind === "CALL" || kind === "STATICCALL") world.touch(account);
  if (value === 0 || !isPaying(kind)) return;
  world.setBalance(payer, payer.balance - big(value));
  world.setBalance(account, account.balance + big(value));
}

/** Tells the tracer of a message that begins below the frame that runs. */
function traceEnter(m: Machine, message: Message): void {
  m.slice -= shownWeight(message.input);
  m.tracer?.enter?.({
    kind: message.kind,
    depth: m.frame === undefined ? 0 : m.frame.depth + 1,
    // Whose code sends it, also where it runs as if somebody else had.
    from: message.kind === "DELEGATECALL" ? message.account.address : wordToAddress(message.caller),
    to:
      message.kind === "CALLCODE" || message.kind === "DELEGATECALL" ? message.codeOf.address : message.account.address,
    value: big(message.value),
    gas: gasAmount(message.gas),
    input: message.input,
  });
}

/** Tells the tracer of a message that the frame cannot send, with the gas that it would have had and gives back. */
export function traceRefusal(m: Machine, frame: Frame, message: Message, failure: string): void {
  traceEnter(m, message);
  const gasLeft = gasAmount(message.gas);
  m.tracer?.exit?.({ depth: frame.depth + 1, output: EMPTY_BYTES, gasLeft, failure, vmError: failure });
}

/** Begins a call that is allowed: there is depth for it, and the value. */
export function beginCall(m: Machine, message: Message): Control {
  m.slice -= CALL_WEIGHT;
  if (m.tracer !== undefined) traceEnter(m, message);
  const { world } = m;
  const mark = world.mark();
  const { word } = message.codeOf;
  pay(world, message);
  const precompile = typeof word === "number" || m.hasMovedPrecompiles ? m.precompiles.get(word) : undefined;
  if (precompile !== undefined) return beginPrecompile(m, message, precompile, mark);
  const code = delegateCode(m, message.codeOf);
  if (code.bytes.length === 0) return deliver(m, m.frame, message, GO_ON, EMPTY_BYTES, message.gas);
  enter(m, message, "call", code, message.input, mark);
  return SWITCH;
}

/** The code that runs for an account: another's where it delegates (EIP-7702), which then is nothing for a precompile. */
function delegateCode({ world, rules, precompiles }: Machine, account: AccountState): Code {
  const code = world.code(account);
  const target = rules.hasDelegations ? code.delegate : undefined;
  if (target === undefined) return code;
  return precompiles.has(target) ? NO_CODE : world.code(world.accountAt(target));
}

function enter(m: Machine, message: Message, kind: FrameKind, code: Code, input: Uint8Array, mark: number): void {
  const frame = m.open(message.account);
  frame.kind = kind;
  frame.code = code;
  frame.input = input;
  frame.gas = message.gas.gas;
  frame.reserve = message.gas.reserve;
  frame.caller = message.caller;
  frame.value = message.value;
  frame.isStatic = message.isStatic;
  frame.outputOffset = message.outputOffset;
  frame.outputSize = message.outputSize;
  frame.worldMark = mark;
  frame.logMark = m.logs.length;
  frame.refundMark = m.refund;
  m.frame = frame;
}

function beginPrecompile(m: Machine, message: Message, precompile: Precompile, mark: number): Control {
  const { input } = message;
  const gas = { ...message.gas };
  const price = precompile.gas(input);
  if (!pays(gas, price)) return endPrecompile(m, message, OUT_OF_GAS, EMPTY_BYTES, NO_GAS, mark);
  m.slice -= price;
  const end = (output: Uint8Array | undefined): Control =>
    output === undefined
      ? endPrecompile(m, message, PRECOMPILE_FAILED, EMPTY_BYTES, NO_GAS, mark)
      : endPrecompile(m, message, GO_ON, output, gas, mark);
  if (!m.isPausing || precompile.steps === undefined) return end(precompile.run(input));
  m.waiting = { work: precompile.steps(input), finish: end };
  return WAIT;
}

function pays(gas: Gas, price: number): boolean {
  if (price === Number.POSITIVE_INFINITY) return false;
  const left = gasAmount(gas) - BigInt(price);
  if (left < 0n) return false;
  if (gas.reserve === 0) gas.gas -= price;
  else Object.assign(gas, gasOf(left));
  return true;
}

function endPrecompile(
  m: Machine,
  message: Message,
  outcome: Control,
  output: Uint8Array,
  gas: Gas,
  mark: number,
): Control {
  if (outcome !== GO_ON) m.world.revert(mark);
  // The output may be a view of the input, which is the caller's memory.
  return deliver(m, m.frame, message, outcome, output.slice(), gas);
}

/** Begins a creation at the address of `account`, whose maker's nonce was counted. */
export function beginCreation(m: Machine, message: Message): Control {
  m.slice -= CALL_WEIGHT;
  if (m.tracer !== undefined) traceEnter(m, message);
  const { world, rules } = m;
  const { account } = message;
  if (account.nonce !== 0n || account.codeHash !== EMPTY_CODE_HASH || account.hasStorage) {
    return deliver(m, m.frame, message, CREATE_COLLISION, EMPTY_BYTES, NO_GAS);
  }
  const mark = world.mark();
  world.create(account);
  if (rules.createdNonce !== 0n) world.setNonce(account, rules.createdNonce);
  pay(world, message);
  enter(m, message, "create", new Code(UNHASHED, message.input), EMPTY_BYTES, mark);
  return SWITCH;
}

/** Where a frame stands that halts: at the opcode that cannot run, or behind the one that failed. */
function faultIn({ code, pc, sp, gas }: Frame, control: Control): Fault {
  const isBefore = control === INVALID_OPCODE || control === STACK_UNDERFLOW || control === STACK_OVERFLOW;
  return { control, opcode: code.padded[isBefore ? pc : pc - 1] ?? 0, height: sp, gas };
}

/** Ends the frame that runs. Its maker, if any, is current then. */
export function endFrame(m: Machine, frame: Frame, outcome: Control, output: Uint8Array): Control {
  const final = outcome === GO_ON && frame.kind === "create" ? depositCode(m, frame, output) : outcome;
  if (final !== GO_ON) {
    m.world.revert(frame.worldMark);
    m.logs.length = frame.logMark;
    m.refund = frame.refundMark;
  }
  const isHalt = final !== GO_ON && final !== REVERTED;
  if (isHalt) m.fault = faultIn(frame, final);
  return deliver(m, frame.parent, frame, final, isHalt ? EMPTY_BYTES : output, isHalt ? NO_GAS : frame);
}

/** Stores what a creation returned as its code. */
function depositCode(m: Machine, frame: Frame, output: Uint8Array): Control {
  const { rules, world } = m;
  if (output.length > rules.codeSizeMax) return CODE_SIZE_EXCEEDED;
  if (rules.refusesEf && output[0] === 0xef) return INVALID_CODE;
  const price = CODE_BYTE_GAS * output.length;
  if (frame.gas < price && frame.reserve === 0) return rules.failsWithoutDeposit ? CODE_STORE_OUT_OF_GAS : GO_ON;
  frame.charge(price);
  if (output.length > 0) world.setCode(frame.account, new Code(keccak256Hex(output), output));
  return GO_ON;
}

/** What is known of a message or its frame when it has ended. */
type Ended = Pick<Frame, "account" | "outputOffset" | "outputSize"> & { readonly kind: CallKind | FrameKind };

/** Tells whoever sent a message how it ended. */
function deliver(
  m: Machine,
  parent: Frame | undefined,
  ended: Ended,
  outcome: Control,
  output: Uint8Array,
  { gas, reserve }: Gas,
): Control {
  if (m.tracer !== undefined) traceExit(m, parent, outcome, output, { gas, reserve });
  m.frame = parent;
  if (parent === undefined) {
    m.end = { outcome, output, gas, reserve };
    return SWITCH;
  }
  returnGas(parent, { gas, reserve });
  const isCreation = ended.kind === "create" || ended.kind === "CREATE" || ended.kind === "CREATE2";
  if (isCreation) {
    parent.push(outcome === GO_ON ? ended.account.word : 0);
    parent.returnData = outcome === REVERTED ? output : EMPTY_BYTES;
    return SWITCH;
  }
  parent.push(outcome === GO_ON ? 1 : 0);
  parent.returnData = output;
  const size = Math.min(ended.outputSize, output.length);
  if (size > 0) parent.memory.set(size === output.length ? output : output.subarray(0, size), ended.outputOffset);
  return SWITCH;
}

function traceExit(m: Machine, parent: Frame | undefined, outcome: Control, output: Uint8Array, gas: Gas): void {
  m.slice -= shownWeight(output);
  const failure = outcome === GO_ON ? undefined : outcome === REVERTED ? "revert" : haltName(outcome);
  m.tracer?.exit?.({
    depth: parent === undefined ? 0 : parent.depth + 1,
    output,
    gasLeft: gasAmount(gas),
    ...(failure === undefined ? {} : { failure }),
    ...(failure === undefined || outcome === REVERTED ? {} : { vmError: vmErrorOf(m, outcome) }),
  });
}
