/** One run of the fuzzer: a node of its own, requests one after the other, each answer judged, each effect accounted for. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Hex } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import type { OpenApiDocument } from "../../packages/node/src/api/documented.test-support.ts";
import { createDice, type Dice } from "../../sim/dice.ts";
import type { Compiled } from "../network/solidity.ts";
import type { ProcessNode } from "../processes/process-node.ts";
import { type ApiOperation, operationsOf } from "./document.ts";
import { judge, type Verdict } from "./judge.ts";
import { type FuzzRequest, requestFor } from "./requests.ts";
import { type State, settled, stateOf } from "./state.ts";
import type { Known, Source } from "./values.ts";
import { type Answer, exchange, toBytes } from "./wire.ts";
import { compileZoo } from "./zoo.ts";

export interface Failure {
  readonly number: number;
  readonly message: string;
}

export interface Result {
  readonly failures: readonly Failure[];
  /** Operation, what was wrong with the request, and outcome → how often. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Resident memory of the node in MiB: after a tenth of the cases, at the end, and the most. */
  readonly memory: { readonly early: number; readonly end: number; readonly peak: number };
}

export interface RunOptions {
  /** With the accounts of development (`--dev`), and nothing on its chain. */
  readonly node: ProcessNode;
  readonly seed: number;
  readonly first?: number;
  readonly cases: number;
}

/** Of Hardhat and Foundry: the default genesis funds its first ten accounts. */
const MNEMONIC = "test test test test test test test test test test test junk";
const ACCOUNTS = [0, 1, 2, 3].map((addressIndex) => mnemonicToAccount(MNEMONIC, { addressIndex }));
const FAILURES_MAX = 20;

/** How often an operation is asked for; once, unless it is here. */
const WEIGHTS: Readonly<Record<string, number>> = {
  ...{ executeContract: 6, callContract: 4, deployContract: 4, putArtifact: 3, submitTransaction: 4, jsonRpc: 8 },
  ...{ listContracts: 2, listBlocks: 2, connectPeer: 2, getHealth: 0.3, getReady: 0.3, createWallet: 0.3 },
};

function pickOperation(operations: readonly ApiOperation[], dice: Dice): ApiOperation {
  const weightOf = ({ id }: ApiOperation): number => WEIGHTS[id] ?? 1;
  let left = dice.fraction() * operations.reduce((sum, operation) => sum + weightOf(operation), 0);
  for (const operation of operations) {
    left -= weightOf(operation);
    if (left < 0) return operation;
  }
  return operations.at(-1) as ApiOperation;
}

async function deploy(node: ProcessNode, body: unknown): Promise<Readonly<Record<string, unknown>>> {
  const reply = await node.post("contracts", body);
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return reply.body;
}

/** What the requests can name: contracts of all kinds, accounts, blocks, addresses that no peer is at. */
async function prepare(
  node: ProcessNode,
  { abi, bytecode }: Compiled,
): Promise<Known & { readonly described: string }> {
  const from = ACCOUNTS[0]?.address;
  const zoo = await deploy(node, { contract_type: "custom", name: "Zoo", bytecode, abi, args: ["7"], from });
  const token = { contract_type: "token", name: "Token", symbol: "T", cap: "1000000", from };
  const [coin, described] = [await deploy(node, token), await deploy(node, token)];
  const { peer_id: peerId } = (await node.get("network")).body;
  const address = zoo.address as string;
  return {
    contracts: [address, address, address, coin.address as string],
    described: described.address as string,
    wallets: ACCOUNTS.map((account) => account.address),
    transactions: [zoo, coin].map((one) => one.transaction_hash as string),
    blocks: [zoo, coin].map((one) => one.block_hash as string),
    bytecode,
    abi,
    addresses: ["127.0.0.1:1", node.p2p, new URL(node.api).host, `/ip4/127.0.0.1/tcp/1/p2p/${peerId}`],
    peerId: peerId as string,
    since: (await node.get("contracts?limit=1")).body.since as string,
  };
}

interface Wallet {
  readonly address: string;
  readonly next_nonce: number;
}

interface Odd {
  readonly ahead?: number;
  readonly chainId?: number;
  readonly value?: bigint;
  readonly gas?: bigint;
  readonly gasPrice?: bigint;
}

/** What a signed transaction can have that is refused, or that waits. */
const ODDITIES: readonly Odd[] = [
  ...[{ ahead: 1 }, { ahead: -1 }, { ahead: 2_000 }, { chainId: 1 }, { value: 10n ** 30n }, { gasPrice: 1n }],
  ...[{ gas: 2n ** 40n }, { gas: 0n }, { gas: 21_000n }],
];

/** A signed transaction with the next nonce of its account, or one that has something odd. */
async function signed({ wallets }: State, known: Known, dice: Dice): Promise<string> {
  const account = dice.pick(ACCOUNTS);
  const wallet = (wallets as readonly Wallet[]).find(({ address }) => address === account.address);
  const { ahead = 0, ...odd } = dice.chance(0.6) ? {} : dice.pick(ODDITIES);
  return account.signTransaction({
    ...{ chainId: 31_337, value: 0n, gas: 100_000n, gasPrice: 0n, ...odd },
    nonce: Math.max(0, (wallet?.next_nonce ?? 0) + ahead),
    to: dice.pick(known.contracts) as Hex,
    data: dice.pick<Hex>(["0x", "0x60fe47b1", `0x60fe47b1${"0".repeat(63)}1`]),
  });
}

/** Hashes of transactions that an answer tells of. */
async function transactionsIn(node: ProcessNode, { status, body }: Answer): Promise<readonly string[]> {
  const named = [...body.toString("utf8").matchAll(/"(?:transaction_hash|hash|result)":"(0x[0-9a-f]{64})"/g)];
  const hashes = named.map((match) => match[1] as string);
  if (status === 202) return hashes;
  const replies = await Promise.all(hashes.map((hash) => node.get(`transactions/${hash}`)));
  return hashes.filter((_, at) => replies[at]?.status === 200);
}

function memoryOf({ pid }: ProcessNode, field: "VmRSS" | "VmHWM"): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kilobytes) / 1_024);
}

/** What a read has done all the same shows after the next request that is none: asking each time would take hours. */
const isRead = ({ method }: FuzzRequest): boolean => method === "GET" || method === "HEAD";

const shown = (bytes: Buffer): string => JSON.stringify(bytes.subarray(0, 1_500).toString("latin1"));

class Fuzzer {
  readonly outcomes = new Map<string, number>();
  readonly #options: RunOptions;
  readonly #document: OpenApiDocument;
  readonly #operations: readonly ApiOperation[];
  readonly #known: Awaited<ReturnType<typeof prepare>>;
  readonly #pending = new Set<string>();
  readonly #port: number;
  #state: State;

  constructor(
    options: RunOptions,
    document: OpenApiDocument,
    known: Awaited<ReturnType<typeof prepare>>,
    state: State,
  ) {
    this.#options = options;
    this.#document = document;
    this.#operations = operationsOf(document);
    this.#known = known;
    this.#port = Number(new URL(options.node.api).port);
    this.#state = state;
  }

  async #source({ id }: ApiOperation, dice: Dice): Promise<Source> {
    const sends = id === "submitTransaction" || (id === "jsonRpc" && dice.chance(0.2));
    const transactions = sends ? [await signed(this.#state, this.#known, dice)] : ["0x02"];
    // The artifacts of those that are called stay as they are.
    const known = id === "putArtifact" ? { ...this.#known, contracts: [this.#known.described] } : this.#known;
    return { known, transactions };
  }

  /** One request. @throws what is wrong with its answer or its effect */
  async play(number: number): Promise<void> {
    const dice = createDice(this.#options.seed).fork(`case ${number}`);
    const operation = pickOperation(this.#operations, dice);
    const request = requestFor(operation, await this.#source(operation, dice), this.#port, dice);
    let answer: Answer | undefined;
    try {
      answer = await exchange(this.#port, toBytes(request));
      const verdict = judge({ document: this.#document, operation, request }, answer);
      const key = `${operation.id} ${request.fault}: ${verdict.outcome}`;
      this.outcomes.set(key, (this.outcomes.get(key) ?? 0) + 1);
      if (verdict.mayHaveActed || !isRead(request)) await this.#checkEffect(operation, answer, verdict);
    } catch (error) {
      throw new Error(this.#describe(operation, request, answer), { cause: error });
    }
  }

  async #checkEffect({ id }: ApiOperation, answer: Answer, { mayHaveActed }: Verdict): Promise<void> {
    const { node } = this.#options;
    if (mayHaveActed) {
      for (const hash of await transactionsIn(node, answer)) this.#pending.add(hash);
      await settled(node, this.#pending);
      this.#state = await stateOf(node);
      return;
    }
    const before = this.#state;
    // Transactions of accounts that the node does not hold show in the pool alone, which takes long to ask.
    const pending = id === "submitTransaction" || id === "jsonRpc" ? undefined : before.pending;
    this.#state = await stateOf(node, pending);
    assert.deepEqual(
      this.#state,
      before,
      "a request that was refused, or a read since the last one that was no read, has had an effect",
    );
  }

  #describe({ id }: ApiOperation, request: FuzzRequest, answer: Answer | undefined): string {
    const answered = answer === undefined ? "nothing" : `${answer.status} ${shown(answer.body)}`;
    return `${id}, fault in ${request.fault}: ${shown(toBytes(request))}\n  answered ${answered}`;
  }
}

const reasonOf = (error: unknown): string => {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${cause.message}\n  ${message}` : message;
};

/** Defects that the node has told its operator of. */
const complaintsOf = ({ log }: ProcessNode): readonly string[] =>
  log.filter(({ level }) => level === "error" || level === "fatal").map((line) => JSON.stringify(line));

export async function fuzz(options: RunOptions): Promise<Result> {
  const { node, cases, first = 0 } = options;
  // Holds this thread for long enough that the node would close idle connections.
  const compiled = compileZoo();
  const document = (await (await fetch(`${node.api}/docs/json`)).json()) as OpenApiDocument;
  const fuzzer = new Fuzzer(options, document, await prepare(node, compiled), await stateOf(node));
  const failures: Failure[] = [];
  let early = 0;
  for (let number = first; number < first + cases && failures.length < FAILURES_MAX; number++) {
    try {
      await fuzzer.play(number);
    } catch (error) {
      failures.push({ number, message: reasonOf(error) });
    }
    if (number - first === Math.floor(cases / 10)) early = memoryOf(node, "VmRSS");
  }
  failures.push(...complaintsOf(node).map((message) => ({ number: first + cases, message })));
  const memory = { early, end: memoryOf(node, "VmRSS"), peak: memoryOf(node, "VmHWM") };
  return { failures, outcomes: fuzzer.outcomes, memory };
}
