/** Clients: they send to nodes that are up, often with the same accounts on different nodes, and note what they are told. */

import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { createAddress } from "@counterpart/core/chain/address";
import { signTransaction } from "@counterpart/core/chain/transaction";
import type { Transaction } from "@counterpart/core/chain/types";
import { keccak256Hex, signDigest } from "@counterpart/core/crypto/crypto";
import type { Dice } from "./dice.ts";
import { Crashed } from "./disk.ts";
import { COUNTER, callData, FACTORY, SELECTORS } from "./executor.ts";
import type { Ledger } from "./ledger.ts";
import { accountOf, keyOf, type Life, type SimNode } from "./node.ts";

export type Coverage = Record<string, number>;

/** Accounts that clients share between nodes, so that nodes apart spend the same nonces. */
export const CLIENTS = ["alice", "bob", "carol"] as const;

export interface Contracts {
  readonly counters: Hex[];
  readonly factories: Hex[];
}

export interface WorkloadDeps {
  readonly nodes: readonly SimNode[];
  readonly dice: Dice;
  readonly ledger: Ledger;
  readonly coverage: Coverage;
  readonly evm: boolean;
  /** Whether storages grow large, and empty. */
  readonly fills: boolean;
  /** Whether two storages change all the time: a small one slot by slot, a large one as a whole, there and back. */
  readonly isRestless: boolean;
  /** Called with what no client should see. */
  readonly onFailure: (error: unknown) => void;
}

/** Slots of the large storage that is there or not: more than a portion holds, more than one walk brings. */
const LARGE = 24n;

const COUNTER_ABI = [
  {
    type: "function",
    name: "add",
    stateMutability: "nonpayable",
    inputs: [{ name: "n", type: "uint256" }],
    outputs: [{ name: "", type: "uint256" }],
  },
];

/** Initcode for the EVM: a contract that counts its calls in slot 0; the small machine takes its code as it is. */
const EVM_COUNTER: Hex = "0x675f546001015f55005f5260086018f3";

export interface Workload {
  /** One client does one thing. */
  step(): void;
  /** Waits until every client has its answer or none will come. */
  readonly waiting: number;
}

const signed = (
  from: string,
  nonce: bigint,
  fields: { to?: Hex; value?: bigint; data?: Uint8Array; tip?: bigint },
): Transaction =>
  signTransaction(
    {
      ...{ type: 2 as const, chainId: 31_337n, nonce, gasLimit: 200_000n, value: fields.value ?? 0n },
      maxFeePerGas: fields.tip ?? 0n,
      maxPriorityFeePerGas: fields.tip ?? 0n,
      data: fields.data ?? new Uint8Array(0),
      ...(fields.to === undefined ? {} : { to: fields.to }),
    },
    (digest) => signDigest(digest, keyOf(from)),
  );

type ChangeStorage = (node: SimNode, life: Life, what: string, to: Hex | undefined, data: Uint8Array) => void;

/** What clients do to storages besides calls. */
function createStorageKinds(dice: Dice, known: Contracts, change: ChangeStorage) {
  return {
    fill(node: SimNode, life: Life): void {
      if (known.counters.length === 0) return;
      const data = callData(SELECTORS.fill, BigInt(dice.pick([2, 6, 15])));
      change(node, life, "storage filled", dice.pick(known.counters), data);
    },
    changeSmall(node: SimNode, life: Life): void {
      const data = dice.chance(0.5) ? callData(SELECTORS.fill, 3n) : callData(SELECTORS.drop, BigInt(dice.below(3)));
      change(node, life, "small storage changed", known.counters[0], data);
    },
    turnLarge(node: SimNode, life: Life): void {
      change(node, life, "large storage turned", known.counters[1], callData(SELECTORS.fill, LARGE));
    },
  };
}

export function createWorkload({ nodes, dice, ledger, coverage, evm, onFailure, ...deps }: WorkloadDeps): Workload {
  const known: Contracts = { counters: [], factories: [] };
  /** What each idempotency key was said to stand for. */
  const byKey = new Map<string, Hex>();
  let waiting = 0;
  const count = (what: string): void => {
    coverage[what] = (coverage[what] ?? 0) + 1;
  };

  /** What a client hears of a request; a node that dies answers nothing. */
  const follow = (node: SimNode, life: Life, what: string, request: Promise<Hex | undefined>): void => {
    waiting++;
    request
      .then((hash) => {
        if (node.life !== life || hash === undefined) return;
        const transaction = life.engine.transaction(hash)?.transaction;
        count(what);
        if (transaction === undefined) throw new Error(`${hash} was acknowledged and is not known`);
        ledger.note({ hash, node: node.name, sender: transaction.sender, nonce: transaction.nonce });
      })
      .catch((error: unknown) => {
        if (error instanceof Crashed || node.life !== life) return;
        if (isCodedError(error)) count(`refused ${error.code}`);
        else onFailure(error);
      })
      .finally(() => {
        waiting--;
      });
  };
  const submit = (node: SimNode, life: Life, what: string, transaction: Transaction): void =>
    follow(
      node,
      life,
      what,
      life.contracts.submit(transaction).then(({ hash }) => hash),
    );

  const transfer = (node: SimNode, life: Life): void => {
    const from = dice.pick(CLIENTS);
    const nonce = life.engine.pool.nextNonce(accountOf(from)) + (dice.chance(0.1) ? 1n : 0n);
    submit(node, life, "transfer", signed(from, nonce, { to: accountOf("nobody"), value: BigInt(dice.below(1_000)) }));
  };
  const replace = (node: SimNode, life: Life): void => {
    const pending = life.engine.pool
      .transactions()
      .filter(({ sender }) => CLIENTS.some((name) => accountOf(name) === sender));
    if (pending.length === 0) return;
    const { sender, nonce, maxPriorityFeePerGas } = dice.pick(pending);
    const from = CLIENTS.find((name) => accountOf(name) === sender) ?? "alice";
    submit(node, life, "replacement", signed(from, nonce, { to: sender, tip: maxPriorityFeePerGas + 10n }));
  };
  const callCounter = (node: SimNode, life: Life): void => {
    if (known.counters.length === 0) return;
    const from = dice.pick(CLIENTS);
    const data = dice.chance(0.1)
      ? callData(dice.pick([SELECTORS.fail, SELECTORS.halt]))
      : callData(SELECTORS.add, BigInt(1 + dice.below(9)));
    submit(
      node,
      life,
      "call",
      signed(from, life.engine.pool.nextNonce(accountOf(from)), { to: dice.pick(known.counters), data }),
    );
  };
  const changeStorage: ChangeStorage = (node, life, what, to, data) => {
    if (to === undefined) return;
    const from = dice.pick(CLIENTS);
    submit(node, life, what, signed(from, life.engine.pool.nextNonce(accountOf(from)), { to, data }));
  };
  const storages = createStorageKinds(dice, known, changeStorage);
  const makeChild = (node: SimNode, life: Life): void => {
    if (known.factories.length === 0) return;
    const from = dice.pick(CLIENTS);
    const nonce = life.engine.pool.nextNonce(accountOf(from));
    submit(
      node,
      life,
      "factory",
      signed(from, nonce, { to: dice.pick(known.factories), data: callData(SELECTORS.make) }),
    );
  };
  const deploy = (node: SimNode, life: Life): void => {
    const isFactory = !evm && dice.chance(0.2);
    const bytecode = evm ? EVM_COUNTER : bytesToHex(isFactory ? FACTORY : COUNTER);
    const address = createAddress(node.account, life.engine.pool.nextNonce(node.account));
    (isFactory ? known.factories : known.counters).push(address);
    const name = `C${dice.below(1_000)}`;
    const request = { contractType: "custom" as const, bytecode, abi: COUNTER_ABI, name, waitMs: 0 };
    follow(
      node,
      life,
      "deployment",
      life.contracts.deploy(request).then(({ transactionHash }) => transactionHash),
    );
  };
  const execute = (node: SimNode, life: Life): void => {
    const own = life.engine.contracts(undefined, 1_000).filter(({ owner }) => owner === node.account);
    if (own.length === 0 || evm) return;
    const { address } = dice.pick(own);
    const key = { key: `k${dice.below(5)}`, fingerprint: keccak256Hex(new Uint8Array(1)) };
    const call = { function: "add", params: ["1"] };
    const repeats = dice.chance(0.7);
    const once = ({ transactionHash }: { readonly transactionHash: Hex }): Hex => {
      const name = `${node.name}/${key.key}`;
      const before = (repeats ? byKey.get(name) : undefined) ?? transactionHash;
      if (repeats) byKey.set(name, before);
      if (before !== transactionHash)
        throw new Error(`the key ${name} stood for ${before}, now for ${transactionHash}`);
      return transactionHash;
    };
    const request = life.contracts.execute(address, call, 0, repeats ? key : undefined);
    follow(node, life, "execution", request.then(once));
  };
  const publish = (node: SimNode, life: Life): void => {
    const own = life.engine.contracts(undefined, 1_000).filter(({ owner }) => owner === node.account);
    if (own.length === 0) return;
    const { address } = dice.pick(own);
    for (let times = 1 + dice.below(3); times > 0; times--) {
      const content = { contractType: "custom", name: `P${dice.below(1_000)}` };
      follow(
        node,
        life,
        "artifact",
        life.contracts.publish(address, content).then(() => undefined),
      );
      count("artifact");
    }
  };

  const kinds = [transfer, transfer, transfer, replace, callCounter, callCounter, makeChild, deploy, execute, publish];
  /** Clients do not wait for a node that takes a state over, and seldom find one that is about to. */
  const isOpen = ({ role, life }: SimNode): boolean => {
    if (life === undefined || life.engine.adoption.isUnderway) return false;
    return role !== "joins" || life.engine.head().number > 0 || dice.chance(0.05);
  };
  if (deps.fills && !evm) kinds.push(storages.fill, storages.fill, makeChild, deploy);
  if (deps.isRestless && !evm)
    kinds.push(storages.changeSmall, storages.changeSmall, storages.turnLarge, storages.turnLarge);
  return {
    step() {
      const up = nodes.filter(isOpen);
      if (up.length === 0) return;
      const node = dice.pick(up);
      if (node.life !== undefined) dice.pick(kinds)(node, node.life);
    },
    get waiting() {
      return waiting;
    },
  };
}
