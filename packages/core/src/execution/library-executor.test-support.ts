/**
 * The executor on the EthereumJS EVM, against which the other one is tested. A block's transactions run on one EVM over one journal; whatever makes a
 * transaction invalid is found before the EVM sees it, and everything after that is a result.
 */

import { EthereumJSError } from "@ethereumjs/util";
import { type RunTxResult, runTx } from "@ethereumjs/vm";
import { bytesToHex, type Hex, hexToBytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { isDelegation } from "../chain/account.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import { calldataFloorGas, intrinsicGas, minimumGasLimit } from "../chain/intrinsic-gas.ts";
import { BEACON_ROOTS_ADDRESS, HISTORY_ADDRESS, SYSTEM_ADDRESS } from "../chain/system-contracts.ts";
import type { Transaction } from "../chain/types.ts";
import { type Fork, isAtLeast } from "./fork.ts";
import { applyAuthorizations } from "./library-delegations.test-support.ts";
import { createMachines, libraryAddress, type Machine } from "./library-machine.test-support.ts";
import { endOf, halted, takeCreated } from "./library-result.test-support.ts";
import { toLibraryTransaction } from "./library-transaction.test-support.ts";
import type {
  BlockContext,
  BlockExecution,
  CallMessage,
  CallOutcome,
  Executor,
  InvalidReason,
  TransactionInvalid,
  TransactionOutcome,
} from "./types.ts";

const SYSTEM_CALL_GAS = 30_000_000n;
/** EIP-3529: at most a fifth of the gas is refunded. */
const REFUND_QUOTIENT = 5n;

/** One call of a block's beginning (EIP-4788, EIP-2935). Without the contract nothing is touched. */
async function systemCall({ evm, block, journal }: Machine, to: Hex, data: Hex): Promise<void> {
  if (journal.code(to).length === 0) return;
  await evm.runCall({
    block,
    caller: libraryAddress(SYSTEM_ADDRESS),
    to: libraryAddress(to),
    data: hexToBytes(data),
    gasLimit: SYSTEM_CALL_GAS,
    skipNonceIncrement: true,
  });
  await evm.journal.cleanup();
  journal.endTransaction();
  journal.takeCoded();
}

const invalid = (reason: InvalidReason, message: string): TransactionInvalid => ({ valid: false, reason, message });

/** Why a transaction may not be in the block here; undefined when it may. */
function faultOf(
  transaction: Transaction,
  { journal }: Machine,
  context: BlockContext,
  gasUsed: number,
): TransactionInvalid | undefined {
  const { sender, nonce, gasLimit, maxFeePerGas, value } = transaction;
  const account = journal.account(sender) ?? { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };
  if (nonce < account.nonce) return invalid("NONCE_TOO_LOW", `nonce ${nonce}, the sender's next is ${account.nonce}`);
  if (nonce > account.nonce) return invalid("NONCE_TOO_HIGH", `nonce ${nonce}, the sender's next is ${account.nonce}`);
  if (account.codeHash !== EMPTY_CODE_HASH && !isDelegation(journal.code(sender))) {
    return invalid("OTHER", "the sender is a contract (EIP-3607)");
  }
  if (maxFeePerGas < context.baseFeePerGas) {
    return invalid("OTHER", `maxFeePerGas ${maxFeePerGas} is below the base fee ${context.baseFeePerGas}`);
  }
  const cost = gasLimit * maxFeePerGas + value;
  if (account.balance < cost) return invalid("INSUFFICIENT_FUNDS", `costs ${cost}, the sender has ${account.balance}`);
  const left = Number(context.gasLimit) - gasUsed;
  if (gasLimit > BigInt(left))
    return invalid("GAS_LIMIT_EXCEEDED", `gas limit ${gasLimit}, the block has ${left} left`);
  return undefined;
}

function effectiveGasPrice({ maxFeePerGas, maxPriorityFeePerGas }: Transaction, baseFee: bigint): bigint {
  const room = maxFeePerGas - baseFee;
  return baseFee + (maxPriorityFeePerGas < room ? maxPriorityFeePerGas : room);
}

function outcomeOf(
  transaction: Transaction,
  result: RunTxResult,
  machine: Machine,
  baseFee: bigint,
): TransactionOutcome {
  const end = endOf(result.execResult);
  const { createdAddress } = result;
  const creates = transaction.to === undefined && end.status === "success" && createdAddress !== undefined;
  return {
    valid: true,
    ...end,
    gasUsed: Number(result.totalGasSpent),
    ...(creates ? { contractAddress: bytesToHex(createdAddress.bytes) } : {}),
    created: takeCreated(machine.journal),
    effectiveGasPrice: effectiveGasPrice(transaction, baseFee),
  };
}

/**
 * Runs a transaction without a fault. Whatever breaks it off leaves the state as it was: a refusal by the library makes
 * the transaction invalid, the same on every node; anything else (the store, memory) is no judgement on it and is thrown.
 */
async function execute(transaction: Transaction, machine: Machine): Promise<RunTxResult | TransactionInvalid> {
  const { common, vm, evm, block, journal } = machine;
  const mark = journal.mark();
  try {
    const tx = toLibraryTransaction(transaction, common);
    return await runTx(vm, { tx, block, skipHardForkValidation: true });
  } catch (error) {
    journal.restore(mark);
    evm.journal.cleanJournal();
    evm.transientStorage.clear();
    if (!(error instanceof EthereumJSError)) throw error;
    return invalid("OTHER", error.message);
  }
}

function createBlockExecution(machine: Machine, context: BlockContext, close: () => void): BlockExecution {
  let gasUsed = 0;
  let state: "idle" | "running" | "finished" = "idle";

  async function runOne(transaction: Transaction): Promise<TransactionOutcome | TransactionInvalid> {
    const fault = faultOf(transaction, machine, context, gasUsed);
    if (fault !== undefined) return fault;
    const result = await execute(transaction, machine);
    if ("valid" in result) return result;
    const outcome = outcomeOf(transaction, result, machine, context.baseFeePerGas);
    gasUsed += outcome.gasUsed;
    return outcome;
  }

  return {
    get gasUsed() {
      return gasUsed;
    },
    async run(transaction) {
      assert(state === "idle", `a transaction cannot run: the block is ${state}`);
      state = "running";
      try {
        return await runOne(transaction);
      } finally {
        state = "idle";
      }
    },
    finish() {
      assert(state === "idle", `a block cannot be finished: it is ${state}`);
      state = "finished";
      close();
      return machine.journal.changes();
    },
  };
}

/** Warms what a transaction with this message would warm (EIP-2929, 2930, 3651). */
function warm({ evm }: Machine, { from, to, accessList = [] }: CallMessage, coinbase: Hex): void {
  const { journal } = evm;
  for (const address of evm.precompiles.keys()) journal.addAlwaysWarmAddress(address);
  for (const address of [from, coinbase, ...(to === undefined ? [] : [to])]) journal.addAlwaysWarmAddress(address);
  for (const { address, storageKeys } of accessList) {
    journal.addAlwaysWarmAddress(address);
    for (const slot of storageKeys) journal.addAlwaysWarmSlot(address, slot);
  }
}

/** Gas charged for a message: refunds deducted, never below the calldata floor (EIP-3529, EIP-7623). */
function chargedGas(message: CallMessage, executionGas: bigint, refund: bigint): number {
  const spent = BigInt(intrinsicGas(message)) + executionGas;
  const most = spent / REFUND_QUOTIENT;
  return Math.max(Number(spent - (refund < most ? refund : most)), calldataFloorGas(message));
}

/** Applies a message's authorizations; the sender's nonce rises first, as it does in a transaction. */
function delegate({ evm, journal, common }: Machine, { from, authorizationList = [] }: CallMessage): bigint {
  if (authorizationList.length === 0) return 0n;
  const sender = journal.account(from);
  if (sender !== undefined) journal.setAccount(from, { ...sender, nonce: sender.nonce + 1n });
  const { refund, authorities } = applyAuthorizations(journal, authorizationList, Number(common.chainId()));
  for (const authority of authorities) evm.journal.addAlwaysWarmAddress(authority);
  return refund;
}

async function callOn(machine: Machine, context: BlockContext, message: CallMessage): Promise<CallOutcome> {
  const { evm, block, journal } = machine;
  const { from, to, data, value, gasLimit, gasPrice = 0n } = message;
  if (gasLimit < minimumGasLimit(message)) return { ...halted("out of gas"), gasUsed: gasLimit };
  // Checked here because the library throws for it in a creation.
  if (value > (journal.account(from)?.balance ?? 0n)) {
    return { ...halted("insufficient balance"), gasUsed: minimumGasLimit(message) };
  }
  warm(machine, message, context.coinbase);
  const delegationRefund = delegate(machine, message);
  const result = await evm.runCall({
    block,
    gasPrice,
    caller: libraryAddress(from),
    ...(to === undefined ? {} : { to: libraryAddress(to) }),
    value,
    data,
    gasLimit: BigInt(gasLimit - intrinsicGas(message)),
  });
  const { execResult, createdAddress } = result;
  const end = endOf(execResult);
  const creates = to === undefined && end.status === "success" && createdAddress !== undefined;
  return {
    ...end,
    gasUsed: chargedGas(message, execResult.executionGasUsed, delegationRefund + (execResult.gasRefund ?? 0n)),
    ...(creates ? { contractAddress: bytesToHex(createdAddress.bytes) } : {}),
  };
}

export interface LibraryExecutorOptions {
  /** What CHAINID gives and what transactions and authorizations are signed for. */
  readonly chainId: number;
  readonly fork?: Fork;
}

export function createLibraryExecutor({ chainId, fork = "osaka" }: LibraryExecutorOptions): Executor {
  const machines = createMachines(chainId, fork);
  return {
    async begin(context, state) {
      const machine = await machines.open(context, state);
      if (isAtLeast(fork, "cancun")) await systemCall(machine, BEACON_ROOTS_ADDRESS, context.parentBeaconBlockRoot);
      if (isAtLeast(fork, "prague")) await systemCall(machine, HISTORY_ADDRESS, context.parentHash);
      return createBlockExecution(machine, context, () => machines.close(machine));
    },
    async call(context, message, state) {
      const machine = await machines.open(context, state);
      const outcome = await callOn(machine, context, message);
      machines.close(machine);
      return outcome;
    },
  };
}
