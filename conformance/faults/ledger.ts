/**
 * What nodes have acknowledged, kept outside of them: whatever was answered with 200, 201 or 202 must be found again
 * after any crash and any merge.
 */

import assert from "node:assert/strict";
import { eventually, type Reply, type TestNode } from "../network/nodes.ts";

interface Deployment {
  readonly hash: string;
  readonly address: string;
  /** Its artifact's first name. */
  readonly name: string;
}

const STATUSES: readonly unknown[] = ["included", "pending", "conflicted"];
/** Requests at once when the ledger is checked. */
const PARALLEL = 16;
const SETTLING_MS = 60_000;

/** Names that artifacts get one after the other: the greater number is the later one. */
export const versionName = (version: number): string => `v${version}`;
const versionOf = (name: unknown): number => Number(String(name).slice(1));

async function inParallel<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await each(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

export class Ledger {
  readonly #transactions = new Set<string>();
  readonly #deployments: Deployment[] = [];
  /** Contract → version of the last artifact that was acknowledged. */
  readonly #artifacts = new Map<string, number>();
  /** Contracts for which one was sent, acknowledged or not. */
  readonly #described = new Set<string>();

  get counts() {
    return {
      transactions: this.#transactions.size,
      deployments: this.#deployments.length,
      artifacts: this.#artifacts.size,
    };
  }

  /** A ledger of its own that starts with everything in this one. */
  copy(): Ledger {
    const copy = new Ledger();
    for (const hash of this.#transactions) copy.#transactions.add(hash);
    copy.#deployments.push(...this.#deployments);
    for (const [address, version] of this.#artifacts) copy.#artifacts.set(address, version);
    for (const address of this.#described) copy.#described.add(address);
    return copy;
  }

  transaction({ status, body }: Reply): void {
    assert.ok(status === 200 || status === 201 || status === 202, JSON.stringify(body));
    this.#transactions.add((body.transaction_hash ?? body.hash) as string);
  }

  deployment(reply: Reply, name: string): void {
    this.transaction(reply);
    const { transaction_hash: hash, address } = reply.body;
    assert.ok(typeof address === "string", JSON.stringify(reply.body));
    this.#deployments.push({ hash: hash as string, address, name });
  }

  /** An artifact is about to be sent: it may take effect though its answer is lost. */
  describing(address: string): void {
    this.#described.add(address);
  }

  artifact({ status, body }: Reply, address: string, version: number): void {
    assert.equal(status, 200, JSON.stringify(body));
    this.#artifacts.set(address, Math.max(version, this.#artifacts.get(address) ?? 0));
  }

  /** Every transaction is in one of the three states on this node. Gives how many are in which. */
  async checkTransactions(node: TestNode): Promise<Readonly<Record<string, number>>> {
    const counts: Record<string, number> = { included: 0, pending: 0, conflicted: 0 };
    await inParallel([...this.#transactions], async (hash) => {
      const { status, body } = await node.get(`transactions/${hash}`);
      assert.equal(status, 200, `${hash} is lost: ${JSON.stringify(body)}`);
      assert.ok(STATUSES.includes(body.status), JSON.stringify(body));
      if (body.status === "conflicted") assert.notEqual(body.conflicted_by, hash);
      counts[body.status as string] = (counts[body.status as string] ?? 0) + 1;
    });
    return counts;
  }

  /** When nothing is pending any more on the node that acknowledged all this. Gives how many are in which state. */
  async checkSettled(node: TestNode): Promise<Readonly<Record<string, number>>> {
    let counts: Readonly<Record<string, number>> = {};
    await eventually(async () => {
      counts = await this.checkTransactions(node);
      assert.equal(counts.pending, 0);
    }, SETTLING_MS);
    return counts;
  }

  /** On any node: contracts whose deployment is included are there with their artifacts, none older than acknowledged. */
  async checkContracts(node: TestNode): Promise<void> {
    await inParallel(this.#deployments, ({ hash, address, name }) =>
      eventually(async () => {
        const { body } = await node.get(`transactions/${hash}`);
        if (body.status !== "included" || body.execution !== "success") return;
        const contract = await node.get(`contracts/${address}`);
        assert.equal(contract.status, 200, JSON.stringify(contract.body));
        if (!this.#described.has(address)) assert.equal(contract.body.name, name);
      }),
    );
    await inParallel([...this.#artifacts], async ([address, version]) =>
      eventually(async () => {
        const shown = (await node.get(`contracts/${address}`)).body.name;
        assert.ok(versionOf(shown) >= version, `${address} shows ${shown}, after v${version} was acknowledged`);
      }),
    );
  }
}
