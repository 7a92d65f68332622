/** Deploying, executing and calling: from a caller's request to the decoded result. */

import { bytesToBigInt, concatBytes, EMPTY_BYTES, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert, CodedError, isCodedError } from "@counterpart/core/base/errors";
import { isDelegation } from "@counterpart/core/chain/account";
import { createAddress } from "@counterpart/core/chain/address";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import type { AnyTransaction, Log, Transaction } from "@counterpart/core/chain/types";
import { checksumAddress, parseAddress } from "@counterpart/core/crypto/crypto";
import type { ChainEngine, ContractEntry } from "../engine/types.ts";
import { withSnapshot } from "../engine/with-snapshot.ts";
import type { KeyRing } from "../keys/types.ts";
import { type AbiFunction, type ContractAbi, parseContractAbi } from "./abi.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import { type CompiledContract, type Libraries, readCompiled } from "./compiled.ts";
import type { CompileSolidity } from "./compiler.ts";
import type { ContentCache } from "./content-cache.ts";
import { decodeLog, decodeOutputs } from "./decode.ts";
import { type PreparedRequest, prepareDeployment } from "./deployments.ts";
import { findFunction } from "./function-lookup.ts";
import type { Entry, Idempotency, RequestKey } from "./idempotency.ts";
import { type Included, type InclusionWatch, transactionConflicted, transactionForgotten } from "./inclusion.ts";
import { encodeParams, invalidParameter, toAmount, withText } from "./params.ts";
import { completeProxy, findProxy, joinAbis } from "./proxies.ts";
import type { Publisher } from "./publisher.ts";
import { requireHeld, type Sender } from "./sender.ts";
import { gasCap, type Message, requireSuccess, simulate } from "./simulation.ts";
import type { CodeSource, DecodedLog, DeployRequest, FunctionCall, SendResult } from "./types.ts";
import { contractNotFound, contractOf, isLacking, usableAbi } from "./views.ts";

export interface TransactingDeps {
  readonly engine: ChainEngine;
  readonly keys: KeyRing;
  readonly store: ArtifactStore;
  readonly contents: ContentCache;
  readonly publisher: Publisher;
  readonly sender: Sender;
  readonly watch: InclusionWatch;
  readonly idempotency: Idempotency;
  readonly compile: CompileSolidity;
}

const WAIT_MS_DEFAULT = 30_000;
const WAIT_MS_MAX = 600_000;
const BALANCE_OF_SELECTOR: Hex = "0x70a08231";

/** @throws CodedError `CONTRACT_NOT_FOUND`, `NOT_HELD` */
export function requireContract(engine: Pick<ChainEngine, "snapshot" | "holding">, address: Hex): ContractEntry {
  return withSnapshot(engine, (snapshot) => contractOf(engine, snapshot, address));
}

/** The contract that a proxy delegates to; undefined for one that is none. @throws CodedError `NOT_HELD` */
async function implementationOf({ engine }: TransactingDeps, address: Hex): Promise<Hex | undefined> {
  const place = withSnapshot(engine, (snapshot) => findProxy(snapshot, address));
  return place === undefined ? undefined : (await completeProxy(engine, place))?.implementation;
}

/** The ABI of the contract that a proxy delegates to; undefined where it is none, or nothing of that one is known here. */
async function abiBehind(deps: TransactingDeps, address: Hex): Promise<ContractAbi | undefined> {
  const implementation = await implementationOf(deps, address);
  const record = implementation === undefined ? undefined : deps.store.visible(implementation)?.record;
  return record === undefined ? undefined : usableAbi(deps.contents, record);
}

/** @throws CodedError `ABI_MISSING`, `INVALID_ABI` */
async function requireAbi(deps: TransactingDeps, address: Hex): Promise<ContractAbi> {
  const record = deps.store.visible(address)?.record;
  const own = record === undefined ? undefined : deps.contents.abi(record);
  const abi = joinAbis(own, await abiBehind(deps, address));
  if (abi !== undefined) return abi;
  throw new CodedError("ABI_MISSING", "the contract has no ABI here: its owner can publish one", { address });
}

/** What a contract's logs are read by. */
async function logAbi(deps: TransactingDeps, address: Hex): Promise<ContractAbi | undefined> {
  const record = deps.store.visible(address)?.record;
  const own = record === undefined ? undefined : usableAbi(deps.contents, record);
  return joinAbis(own, await abiBehind(deps, address));
}

/** Logs with what the ABIs that are held here say of them. */
export async function decodeLogs(deps: TransactingDeps, logs: readonly Log[]): Promise<readonly DecodedLog[]> {
  const abis = new Map<Hex, ContractAbi | undefined>();
  for (const address of new Set(logs.map((log) => log.address))) abis.set(address, await logAbi(deps, address));
  return logs.map((log) => ({ log, ...decodeLog(log, abis.get(log.address)) }));
}

const withSelector = (selector: Hex, args: Uint8Array): Uint8Array => concatBytes(hexToBytes(selector), args);

/** @throws CodedError `INVALID_PARAMETER` for value sent to a function that takes none */
function valueFor(fn: AbiFunction, call: FunctionCall): bigint {
  const value = toAmount(call.value, "value");
  if (value === 0n || fn.payable) return value;
  throw invalidParameter("value", "uint256", `${fn.signature} takes no value`);
}

/** @throws CodedError those of `requireAbi` and of `findFunction` */
async function requireFunction(deps: TransactingDeps, address: Hex, call: FunctionCall) {
  try {
    const abi = await requireAbi(deps, address);
    return { abi, fn: findFunction(abi, call.function, call.params) };
  } catch (error) {
    if (!isCodedError(error, "UNKNOWN_FUNCTION") && !isCodedError(error, "ABI_MISSING")) throw error;
    const implementation = await implementationOf(deps, address);
    if (implementation === undefined || !isLacking(deps.engine, implementation)) throw error;
    const behind = `this replica does not hold ${checksumAddress(implementation)}, whose code it runs, nor that one's ABI`;
    throw new CodedError(error.code, `${error.message}; ${behind}`, error.details);
  }
}

/** A function of a contract with its encoded call. */
interface Prepared {
  readonly entry: ContractEntry;
  readonly abi: ContractAbi;
  readonly fn: AbiFunction;
  readonly data: Uint8Array;
  readonly value: bigint;
}

async function prepareCall(deps: TransactingDeps, address: Hex, call: FunctionCall): Promise<Prepared> {
  const entry = requireContract(deps.engine, address);
  const { abi, fn } = await requireFunction(deps, address, call);
  const data = withSelector(fn.selector, encodeParams(fn.inputs, call.params));
  return { entry, abi, fn, data, value: valueFor(fn, call) };
}

async function requireFunds(engine: ChainEngine, { from, value }: Pick<Message, "from" | "value">): Promise<void> {
  if (value === 0n) return;
  const balance = (await engine.read(({ account }) => account(from)?.balance)) ?? 0n;
  if (balance >= value) return;
  throw new CodedError("INSUFFICIENT_FUNDS", `${from} has ${balance} wei, less than the value ${value}`, {
    balance: balance.toString(),
    cost: value.toString(),
  });
}

interface Sent {
  readonly hash: Hex;
  /** Decoded answer of the simulation. */
  readonly result: unknown;
  /** Of a deployment. */
  readonly address?: Hex;
}

/** What a caller's transaction became durable as. */
interface Accepted {
  readonly transaction: AnyTransaction;
  /** Return data of the simulation. */
  readonly output: Uint8Array;
}

/**
 * Sends once for a key: a request that was taken before gives what it became.
 * @param send is given the rows to write with its transaction
 * @throws CodedError `REPLICA`, `READ_ONLY`; those of `Idempotency.enter`
 */
async function sendOnce(
  { engine, idempotency }: TransactingDeps,
  key: RequestKey | undefined,
  send: (rowsFor: Entry["rows"]) => Promise<Accepted>,
): Promise<Accepted> {
  // Before anything is asked of the request: whoever signs it, it is not sent from here.
  const refusal = engine.refusal();
  if (refusal !== undefined) throw refusal;
  if (key === undefined) return send(() => []);
  const entered = await idempotency.enter(key);
  if (entered.known !== undefined) {
    const { transactionHash, output } = entered.known;
    const status = engine.transaction(transactionHash);
    assert(status !== undefined, `transaction ${transactionHash} of an idempotency key is not known`);
    return { transaction: status.transaction, output };
  }
  let sent = false;
  try {
    const accepted = await send(entered.rows);
    sent = true;
    return accepted;
  } finally {
    entered.leave(sent);
  }
}

/** @throws CodedError `TRANSACTION_CONFLICTED`, `TRANSACTION_NOT_FOUND` */
async function awaitResult(
  deps: TransactingDeps,
  sent: Sent,
  waitMs = WAIT_MS_DEFAULT,
  gone?: AbortSignal,
): Promise<SendResult> {
  const status = await deps.watch.wait(sent.hash, Math.min(waitMs, WAIT_MS_MAX), gone);
  const common = { transactionHash: sent.hash, ...(sent.address !== undefined && { address: sent.address }) };
  if (status === undefined) throw transactionForgotten(sent.hash);
  if (status.status === "included") return { ...common, ...(await includedResult(deps, status, sent.result)) };
  if (status.status === "conflicted") throw transactionConflicted(sent.hash, status.by);
  return { included: false, ...common, ...(status.reason !== undefined && { reason: status.reason }) };
}

async function includedResult(deps: TransactingDeps, included: Included, result: unknown) {
  const { receipt, blockHash, blockNumber, confirmations } = included;
  const isSuccess = receipt.status === 1;
  return {
    included: true,
    blockHash,
    blockNumber,
    status: isSuccess ? "success" : "reverted",
    result: isSuccess ? result : null,
    logs: await decodeLogs(deps, receipt.logs),
    confirmations,
  } as const;
}

/**
 * Deploys. The artifact is durable before this resolves with an inclusion; when the inclusion comes later, so does the
 * artifact.
 * @throws CodedError `FROM_NOT_HELD`, `INSUFFICIENT_FUNDS`, `EXECUTION_REVERTED`, `EXECUTION_HALTED`, those of
 * `prepareDeployment`, of `compiledOf` and of the pool; `TRANSACTION_CONFLICTED` when another transaction takes the nonce meanwhile,
 * `TRANSACTION_NOT_FOUND` when a development node forgets it; those of `Idempotency.enter`
 */
export async function deploy(
  deps: TransactingDeps,
  request: DeployRequest,
  key?: RequestKey,
  gone?: AbortSignal,
): Promise<SendResult> {
  const { transaction } = await sendOnce(deps, key, (rowsFor) => sendDeployment(deps, request, rowsFor));
  const { hash, sender, nonce } = transaction;
  return awaitResult(deps, { hash, result: null, address: createAddress(sender, nonce) }, request.waitMs, gone);
}

/** @throws CodedError those of `readCompiled` and of `CompileSolidity` */
export async function compiledOf(
  { compile }: Pick<TransactingDeps, "compile">,
  code: CodeSource,
): Promise<CompiledContract> {
  return code.kind === "artifact" ? readCompiled(code.artifact, code.libraries) : await compile(code);
}

/** What is linked with an address that has no code fails only when it is called. @throws CodedError `INVALID_BYTECODE` */
function requireLibraries({ engine }: Pick<TransactingDeps, "engine">, libraries: Libraries = {}): void {
  for (const [name, given] of Object.entries(libraries)) {
    const address = parseAddress(given);
    if (withSnapshot(engine, ({ contract }) => contract(address)) !== undefined) continue;
    const message = `${name} is to be linked with ${checksumAddress(address)}, where there is no contract`;
    throw new CodedError("INVALID_BYTECODE", message, { field: "libraries", libraries: [name] });
  }
}

/** What is deployed is called as its contract is, unless it is given a name. */
async function withCode(deps: TransactingDeps, request: DeployRequest): Promise<PreparedRequest> {
  if (!("code" in request)) return request;
  const { code, ...rest } = request;
  requireLibraries(deps, code.libraries);
  const { name, bytecode, abi } = await compiledOf(deps, code);
  const { args = [] } = rest;
  // The ABI of a source was not there to be looked at.
  const known = code.kind === "source" ? withText(parseContractAbi(abi).constructorInputs, args) : args;
  return { ...(name !== undefined && { name }), ...rest, args: known, bytecode, abi };
}

async function sendDeployment(
  deps: TransactingDeps,
  request: DeployRequest,
  rowsFor: Entry["rows"],
): Promise<Accepted> {
  const { engine, keys, publisher, sender } = deps;
  const from = requireHeld(keys, request.from ?? keys.own);
  const { data, value, abi, content } = prepareDeployment(await withCode(deps, request), from);
  const message: Message = { from, data, value };
  await requireFunds(engine, message);
  const { outcome, gasLimit } = await simulate(engine, message, abi);
  if (outcome.output.length === 0) throw new CodedError("INVALID_BYTECODE", "the bytecode creates no code");
  const transaction = await sender.send(message, gasLimit, {
    before({ hash, nonce }) {
      const address = createAddress(from, nonce);
      const draft = publisher.draft({ transactionHash: hash, address, owner: from, content });
      return [...draft, ...rowsFor(hash, EMPTY_BYTES)];
    },
    undo: ({ hash }) => publisher.discard(hash),
  });
  return { transaction, output: EMPTY_BYTES };
}

/**
 * Executes a function that changes state.
 * @throws CodedError `CONTRACT_NOT_FOUND`, `ABI_MISSING`, `VIEW_FUNCTION`, `FROM_NOT_HELD`, `INSUFFICIENT_FUNDS`,
 * `EXECUTION_REVERTED`, `EXECUTION_HALTED`, those of `findFunction`, `encodeParams` and of the pool;
 * `TRANSACTION_CONFLICTED` when another transaction takes the nonce meanwhile, `TRANSACTION_NOT_FOUND` when a development
 * node forgets it; those of `Idempotency.enter`
 */
export async function execute(
  deps: TransactingDeps,
  address: Hex,
  call: FunctionCall,
  waitMs?: number,
  key?: RequestKey,
  gone?: AbortSignal,
): Promise<SendResult> {
  const { transaction, output } = await sendOnce(deps, key, (rowsFor) => sendExecution(deps, address, call, rowsFor));
  // A function that answers something else than its ABI says (as old tokens do) was executed all the same.
  const result = await decodeResult(deps, address, call, output);
  return awaitResult(deps, { hash: transaction.hash, result }, waitMs, gone);
}

/** Null also where the contract's ABI has changed since. */
async function decodeResult(
  deps: TransactingDeps,
  address: Hex,
  call: FunctionCall,
  output: Uint8Array,
): Promise<unknown> {
  try {
    const { outputs } = findFunction(await requireAbi(deps, address), call.function, call.params);
    return decodeOutputs(outputs, output)?.value ?? null;
  } catch (error) {
    if (isCodedError(error)) return null;
    throw error;
  }
}

async function sendExecution(
  deps: TransactingDeps,
  address: Hex,
  call: FunctionCall,
  rowsFor: Entry["rows"],
): Promise<Accepted> {
  const { engine, keys, sender } = deps;
  const { entry, abi, fn, data, value } = await prepareCall(deps, address, call);
  if (fn.view) {
    const use = `/api/v1/contracts/${address}/call`;
    throw new CodedError("VIEW_FUNCTION", `${fn.signature} changes no state: use ${use}`, {
      function: fn.signature,
      use,
    });
  }
  const message: Message = { from: requireHeld(keys, call.from ?? entry.owner), to: address, data, value };
  await requireFunds(engine, message);
  const { outcome, gasLimit } = await simulate(engine, message, abi);
  const { output } = outcome;
  const transaction = await sender.send(message, gasLimit, {
    before: ({ hash }) => rowsFor(hash, output),
    undo() {},
  });
  return { transaction, output };
}

/**
 * Hands a signed transaction to the pool; resolves when it is durable.
 * @returns the transaction that the key stands for
 * @throws CodedError of the pool
 */
export async function submitSigned(
  deps: TransactingDeps,
  signed: Transaction,
  key?: RequestKey,
): Promise<AnyTransaction> {
  const { transaction } = await sendOnce(deps, key, async (rowsFor) => {
    await deps.engine.submit(signed, "local", rowsFor(signed.hash, EMPTY_BYTES));
    return { transaction: signed, output: EMPTY_BYTES };
  });
  return transaction;
}

/**
 * Calls a function at the head and throws its changes away; the sender is the contract's owner unless given.
 * @throws CodedError as `execute`, without those of sending; `INVALID_ABI` when the answer does not fit the ABI
 */
export async function callFunction(deps: TransactingDeps, address: Hex, call: FunctionCall): Promise<unknown> {
  const { engine, keys } = deps;
  const { entry, abi, fn, data, value } = await prepareCall(deps, address, call);
  const from = call.from ?? entry.owner ?? keys.own;
  await requireFunds(engine, { from, value });
  const outcome = await engine.call({ from, to: address, data, value, gasLimit: gasCap(engine) });
  const decoded = decodeOutputs(fn.outputs, requireSuccess(outcome, abi).output);
  if (decoded !== undefined) return decoded.value;
  throw new CodedError("INVALID_ABI", `the contract's answer does not fit the outputs of ${fn.signature}`);
}

/** Of one that it does not hold a replica fetches what tells, as all that a call reads. @throws CodedError `NOT_HELD` */
const isContract = (engine: ChainEngine, address: Hex): Promise<boolean> =>
  engine.read(({ contract, account, code }) => {
    if (contract(address) !== undefined) return true;
    if (!isLacking(engine, address)) return false;
    const codeHash = account(address)?.codeHash ?? EMPTY_CODE_HASH;
    return codeHash !== EMPTY_CODE_HASH && !isDelegation(code(codeHash));
  });

/** @throws CodedError `CONTRACT_NOT_FOUND`, `BALANCE_UNAVAILABLE`, `NOT_HELD` */
export async function balanceOf({ engine }: TransactingDeps, address: Hex, wallet: Hex): Promise<bigint> {
  if (!(await isContract(engine, address))) throw contractNotFound(address);
  const data = withSelector(BALANCE_OF_SELECTOR, encodeParams([{ name: "account", type: "address" }], [wallet]));
  const outcome = await engine.call({ from: wallet, to: address, data, value: 0n, gasLimit: gasCap(engine) });
  if (outcome.status === "success" && outcome.output.length === 32) return bytesToBigInt(outcome.output);
  throw new CodedError("BALANCE_UNAVAILABLE", `${address} does not answer balanceOf(address)`, { address });
}
