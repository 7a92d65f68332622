/** Clients of one node, who write down in a ledger what they are told, until the node is killed under them. */

import assert from "node:assert/strict";
import { toHex } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import type { Reply, TestNode } from "../network/nodes.ts";
import type { RandomBelow } from "../network/random.ts";
import { type Ledger, versionName } from "./ledger.ts";

const CHAIN_ID = 31_337;
/** Of Hardhat and Foundry: the default genesis funds its first ten accounts. */
const MNEMONIC = "test test test test test test test test test test test junk";
const LARGE_BYTES = 100_000;

/** A reorganisation has taken the contract, or its artifact, away for the moment: the request did nothing. */
const isAwayNow = ({ body }: Reply): boolean => body.code === "CONTRACT_NOT_FOUND" || body.code === "ABI_MISSING";

type Call = () => Promise<void>;

/** Sends transfers of a development account, nonce by nonce. */
export interface Transfers {
  /** @param dataBytes of data that goes with it */
  send(node: TestNode, dataBytes?: number): Promise<Reply>;
  /** After an answer was lost: goes on where the node is. */
  resume(node: TestNode): Promise<void>;
}

/** @param mark is in every transfer, so that equal nonces of two clients are different transactions */
export function createTransfers(index: number, mark: number): Transfers {
  const account = mnemonicToAccount(MNEMONIC, { addressIndex: index });
  let nonce = 0;
  return {
    async send(node, dataBytes = 0) {
      const raw = await account.signTransaction({
        chainId: CHAIN_ID,
        nonce: nonce++,
        to: account.address,
        value: BigInt(mark),
        gas: BigInt(21_000 + 40 * dataBytes),
        gasPrice: 0n,
        data: `0x${"ab".repeat(dataBytes)}`,
      });
      return node.post("transactions", { raw });
    },
    async resume(node) {
      nonce = (await node.get(`wallets/${account.address}`)).body.next_nonce as number;
    },
  };
}

export async function putArtifact(
  node: TestNode,
  address: string,
  name: string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<Reply> {
  const response = await fetch(`${node.url}/api/v1/contracts/${address}/artifact`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name, ...fields }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

export interface WorkloadOptions {
  readonly node: TestNode;
  readonly ledger: Ledger;
  readonly transfers: Transfers;
  readonly random: RandomBelow;
}

/** What clients do, each by its name; all are acknowledged only when they are durable. */
export function createWorkload({ node, ledger, transfers, random }: WorkloadOptions) {
  /** Contracts whose functions are called, and others whose artifacts are replaced, which takes their ABI away. */
  const called: string[] = [];
  const described: string[] = [];
  let versions = 0;
  const deployInto = async (addresses: string[]): Promise<void> => {
    const token = { contract_type: "token", name: "Load", symbol: "LOAD", decimals: 18 };
    const reply = await node.post("contracts", token);
    ledger.deployment(reply, token.name);
    addresses.push(reply.body.address as string);
  };
  return {
    deploy: () => deployInto(random(4) === 0 ? described : called),
    async transfer(): Promise<void> {
      ledger.transaction(await transfers.send(node));
    },
    async largeTransfer(): Promise<void> {
      ledger.transaction(await transfers.send(node, LARGE_BYTES));
    },
    async mint(): Promise<void> {
      const to = toHex(random(1_000) + 1, { size: 20 });
      if (called.length === 0) await deployInto(called);
      const call = { function: "mint", params: { to, amount: 1 } };
      const reply = await node.post(`contracts/${called[random(called.length)]}/execute`, call);
      if (!isAwayNow(reply)) ledger.transaction(reply);
    },
    async publish(): Promise<void> {
      if (described.length === 0) await deployInto(described);
      // Taken out meanwhile: of two at once on one contract, which is the later one is the node's choice.
      const address = described.splice(random(described.length), 1)[0];
      if (address === undefined) return;
      const version = ++versions;
      ledger.describing(address);
      const reply = await putArtifact(node, address, versionName(version));
      if (!isAwayNow(reply)) ledger.artifact(reply, address, version);
      described.push(address);
    },
  };
}

export type Workload = ReturnType<typeof createWorkload>;
export type Operation = keyof Workload;

/** Does operations chosen by the seed, `parallel` at a time, until `kill` ends the node, or `stop` the work. */
export class Load {
  #ended = false;
  #onMore = new Set<() => void>();
  readonly #workers: readonly Promise<void>[];
  acknowledged = 0;

  constructor(workload: Workload, operations: readonly Operation[], parallel: number, random: RandomBelow) {
    const next: () => Call = () => workload[operations[random(operations.length)] as Operation];
    this.#workers = Array.from({ length: parallel }, () => this.#work(next));
  }

  async #work(next: () => Call): Promise<void> {
    while (!this.#ended) {
      try {
        await next()();
        this.acknowledged++;
        this.#wake();
      } catch (error) {
        // A request whose answer the kill took away was not acknowledged; anything else is a failure.
        if (!this.#ended || error instanceof assert.AssertionError) throw error;
      }
    }
  }

  #wake(): void {
    for (const look of this.#onMore) look();
  }

  /** Resolves when so many more operations were acknowledged; rejects when one fails. */
  async more(operations: number): Promise<void> {
    const wanted = this.acknowledged + operations;
    const reached = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.acknowledged >= wanted) reached.resolve();
    };
    this.#onMore.add(look);
    await Promise.race([reached.promise, ...this.#workers]);
    this.#onMore.delete(look);
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#workers);
  }

  /** From now on lost answers are nobody's fault: `kill` ends the node. */
  async kill(kill: () => Promise<void>): Promise<void> {
    this.#ended = true;
    await kill();
    await this.#settled();
  }

  async stop(): Promise<void> {
    this.#ended = true;
    await this.#settled();
  }
}
