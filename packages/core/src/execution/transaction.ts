/** A transaction from its fee to its end, once it is known to be valid. */

import { EMPTY_BYTES, type Hex } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { createAddress } from "../chain/address.ts";
import type { AccessListEntry, Log } from "../chain/types.ts";
import { applyAuthorization, authorityOf } from "./authorizations.ts";
import { GAS_PER_BLOB } from "./blob-gas.ts";
import { type Gas, gasAmount, gasOf } from "./frame.ts";
import { GO_ON, haltName, OUT_OF_GAS, REVERTED } from "./halts.ts";
import { run } from "./interpreter.ts";
import type { Machine, MessageEnd } from "./machine.ts";
import { beginCall, beginCreation } from "./messages.ts";
import { floorGasOf, intrinsicGasOf } from "./transaction-gas.ts";
import type { BlockContext, CallMessage, ExecutableTransaction, ExecutionStatus, TransactionOutcome } from "./types.ts";
import { vmErrorOf } from "./vm-errors.ts";
import { hexToWord, normal, wordToAddress } from "./word.ts";

/**
 * Gas until whoever owns the thread may do something else: at most about a millisecond of work. The loop is left as often
 * when nobody waits: a loop that is entered again and again is compiled better than one that runs for minutes.
 */
const SLICE_GAS = 20_000;

export type Pause = () => Promise<void>;

/** How an execution ended, in the terms of outcomes. */
export interface ExecutionEnd {
  readonly status: ExecutionStatus;
  readonly output: Uint8Array;
  readonly halt?: string;
  readonly vmError?: string;
  readonly logs: readonly Log[];
}

export function halted(halt: string): ExecutionEnd {
  return { status: "halted", output: EMPTY_BYTES, halt, logs: [] };
}

function executionEnd(m: Machine, { outcome, output }: MessageEnd): ExecutionEnd {
  if (outcome === GO_ON) return { status: "success", output, logs: m.logs };
  if (outcome === REVERTED) return { status: "reverted", output, logs: [] };
  return { ...halted(haltName(outcome)), vmError: vmErrorOf(m, outcome) };
}

/** The price that a transaction pays for each unit of gas. */
function effectiveGasPrice(transaction: ExecutableTransaction, m: Machine, { baseFeePerGas }: BlockContext): bigint {
  const { maxFeePerGas, maxPriorityFeePerGas } = transaction;
  if (!m.rules.hasBaseFee) return maxFeePerGas;
  const room = maxFeePerGas - baseFeePerGas;
  return baseFeePerGas + (maxPriorityFeePerGas < room ? maxPriorityFeePerGas : room);
}

/** What the code of a message may touch as if it had been touched (EIP-2929, 2930, 3651). */
export function warmUp(
  m: Machine,
  message: { readonly from: Hex; readonly to?: Hex | undefined; readonly accessList?: readonly AccessListEntry[] },
): void {
  const { world, rules, block } = m;
  if (rules.warmAccess === 0) return;
  world.warmUnread(hexToWord(message.from));
  if (message.to !== undefined) world.warm(world.account(message.to));
  if (rules.warmsCoinbase) world.warmUnread(block.coinbase);
  for (const { address, storageKeys } of message.accessList ?? []) {
    const account = world.account(address);
    world.warm(account);
    for (const key of storageKeys) world.warmSlot(world.slot(account, hexToWord(key)));
  }
}

/** A message at depth 0. */
export interface TopMessage {
  readonly from: Hex;
  readonly to?: Hex | undefined;
  readonly value: bigint;
  readonly data: Uint8Array;
  readonly gas: Gas;
  /** The nonce by which a contract's address is made. */
  readonly nonce: bigint;
}

/** Begins a message: a frame is current then, or the message has ended already. */
function beginTop(m: Machine, { from, to, value, data, gas, nonce }: TopMessage): void {
  const { world, rules } = m;
  const account = world.account(to ?? createAddress(from, nonce));
  if (rules.warmAccess > 0) world.warm(account);
  const message = {
    gas,
    caller: hexToWord(from),
    // Who pays nothing is not read: a replica may not hold who asks.
    payer: to !== undefined && value === 0n ? account : world.account(from),
    account,
    codeOf: account,
    value: normal(value),
    input: data,
    isStatic: false,
    outputOffset: 0,
    outputSize: 0,
  };
  if (to === undefined) {
    beginCreation(m, { kind: "CREATE", ...message });
    return;
  }
  const delegate = rules.hasDelegations ? world.code(account).delegate : undefined;
  if (delegate !== undefined) world.warm(world.accountAt(delegate));
  beginCall(m, { kind: "CALL", ...message });
}

/** Runs a message to its end, with pauses when there is somebody to pause for. */
export async function runMessage(m: Machine, message: TopMessage, pause: Pause | undefined): Promise<MessageEnd> {
  m.end = undefined;
  m.slice = SLICE_GAS;
  beginTop(m, message);
  while (!run(m)) {
    if (pause !== undefined) await pause();
    m.slice = SLICE_GAS;
  }
  const end = m.end as MessageEnd | undefined;
  assert(end !== undefined, "a message has no end");
  return end;
}

/** Applies authorizations in turn; they stay whatever becomes of the message (EIP-7702). */
export async function authorize(
  m: Machine,
  authorizations: ExecutableTransaction["authorizationList"],
  pause: Pause | undefined,
): Promise<number> {
  let refund = 0;
  for (const authorization of authorizations) {
    if (pause !== undefined) await pause();
    refund += applyAuthorization(m.world, authorization, m.block.chainId);
  }
  return refund;
}

/** Gas that is charged in the end: refunds deducted, never below the calldata floor (EIP-3529, EIP-7623). */
export function chargedGas(m: Machine, spent: bigint, refund: number, floor: number): bigint {
  const most = spent / m.rules.refundQuotient;
  const charged = spent - (BigInt(refund) < most ? BigInt(refund) : most);
  return charged < BigInt(floor) ? BigInt(floor) : charged;
}

/** Takes the fee for all the gas, and the blobs, and counts the nonce. */
function buyGas(m: Machine, transaction: ExecutableTransaction, price: bigint, context: BlockContext): void {
  const { sender, gasLimit, blobVersionedHashes = [], maxFeePerBlobGas = 0n } = transaction;
  const account = m.world.account(sender);
  const { blobBaseFee = 1n } = context;
  // Less is offered only by a message that is simulated.
  const blobPrice = maxFeePerBlobGas < blobBaseFee ? maxFeePerBlobGas : blobBaseFee;
  const blobFee = GAS_PER_BLOB * BigInt(blobVersionedHashes.length) * blobPrice;
  m.world.setBalance(account, account.balance - gasLimit * price - blobFee);
  m.world.setNonce(account, BigInt.asUintN(64, account.nonce + 1n));
}

/** Gives back what was not used, and pays the sealer; the base fee is burnt (EIP-1559). */
function settle(m: Machine, transaction: ExecutableTransaction, used: bigint, price: bigint, baseFee: bigint): void {
  const { world, rules } = m;
  const sender = world.account(transaction.sender);
  world.setBalance(sender, sender.balance + (transaction.gasLimit - used) * price);
  const coinbase = world.accountAt(m.block.coinbase);
  world.setBalance(coinbase, coinbase.balance + used * (rules.hasBaseFee ? price - baseFee : price));
}

function traceBegin(m: Machine, { sender, to, nonce, gasLimit, authorizationList }: ExecutableTransaction): void {
  const { world } = m;
  m.tracer?.begin?.(
    {
      from: sender,
      to: to ?? createAddress(sender, nonce),
      isCreation: to === undefined,
      coinbase: wordToAddress(m.block.coinbase),
      gasLimit,
      authorities: authorizationList.flatMap((authorization) => authorityOf(authorization) ?? []),
    },
    {
      account: (address) => world.peek(address),
      storage: (address, slot) => world.peekSlot(address, slot),
    },
  );
}

/** What is different where a message runs like a transaction that nobody has signed. */
export interface TransactionMode {
  /** Paid for each unit of gas, whatever the transaction offers. Nobody is paid where it is zero. */
  readonly gasPrice: bigint;
  /** The sender pays nothing and is not looked at, so that it need not be held; its nonce stays. */
  readonly leavesSender: boolean;
}

/** Runs a valid transaction in its block. */
export async function runTransaction(
  m: Machine,
  transaction: ExecutableTransaction,
  context: BlockContext,
  pause: Pause | undefined,
  mode?: TransactionMode,
): Promise<TransactionOutcome> {
  const { sender, to, gasLimit, value, data, nonce, accessList, authorizationList } = transaction;
  const price = mode?.gasPrice ?? effectiveGasPrice(transaction, m, context);
  m.origin = hexToWord(sender);
  m.gasPrice = normal(price);
  m.blobHashes = transaction.blobVersionedHashes ?? [];
  if (m.tracer !== undefined) traceBegin(m, transaction);
  m.leavesSender = mode?.leavesSender === true;
  if (!m.leavesSender) buyGas(m, transaction, price, context);
  warmUp(m, { from: sender, to, accessList });
  m.refund = await authorize(m, authorizationList, pause);
  const gas = gasOf(gasLimit - BigInt(intrinsicGasOf(m.rules, transaction)));
  const end = await runMessage(m, { from: sender, to, value, data, gas, nonce }, pause);
  const spent = gasLimit - gasAmount(end);
  const floor = floorGasOf(m.rules, transaction);
  const used = chargedGas(m, spent, m.refund, floor);
  if (mode === undefined || price > 0n) settle(m, transaction, used, price, context.baseFeePerGas);
  const creates = to === undefined && end.outcome === GO_ON;
  const created = m.world.created().map(({ address }) => address);
  m.world.endTransaction(m.rules.clearsEmpty);
  const outcome: TransactionOutcome = {
    valid: true,
    ...executionEnd(m, end),
    gasUsed: Number(used),
    ...(mode === undefined ? {} : { gasSpent: Math.max(Number(spent), floor) }),
    ...(creates ? { contractAddress: createAddress(sender, nonce) } : {}),
    created,
    effectiveGasPrice: price,
  };
  m.reset();
  m.tracer?.end?.(outcome);
  return outcome;
}

/** Runs a message outside of any transaction; its changes stay in the machine's world. */
export async function runCall(m: Machine, message: CallMessage, pause: Pause | undefined) {
  const { from, to, data, value, gasLimit, gasPrice = 0n, authorizationList = [] } = message;
  const { world, rules } = m;
  const [intrinsic, floor] = [intrinsicGasOf(rules, message), floorGasOf(rules, message)];
  if (gasLimit < Math.max(intrinsic, floor)) return { ...halted(haltName(OUT_OF_GAS)), gasUsed: gasLimit };
  const usesSender = to === undefined || value > 0n || authorizationList.length > 0;
  const sender = usesSender ? world.account(from) : undefined;
  if (sender !== undefined && value > sender.balance)
    return { ...halted("insufficient balance"), gasUsed: Math.max(intrinsic, floor) };
  m.origin = hexToWord(from);
  m.leavesSender = sender === undefined;
  m.gasPrice = normal(gasPrice);
  warmUp(m, message);
  const nonce = sender?.nonce ?? 0n;
  // As in a transaction; code cannot see it otherwise.
  if (sender !== undefined) world.setNonce(sender, nonce + 1n);
  m.refund = await authorize(m, authorizationList, pause);
  const gas = gasOf(BigInt(gasLimit - intrinsic));
  const end = await runMessage(m, { from, to, value, data, gas, nonce }, pause);
  const creates = to === undefined && end.outcome === GO_ON;
  return {
    ...executionEnd(m, end),
    gasUsed: Number(chargedGas(m, BigInt(gasLimit) - gasAmount(end), m.refund, floor)),
    ...(creates ? { contractAddress: createAddress(from, nonce) } : {}),
  };
}
