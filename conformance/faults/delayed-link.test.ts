/** Nodes that are written to at the same time, with a slow or broken way between them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { allAgree, eventually, type TestNode } from "../network/nodes.ts";
import { createRandom } from "../network/random.ts";
import { Ledger } from "./ledger.ts";
import { assertNoComplaints, type NodeProcess, NodeProcesses } from "./node-process.ts";
import { TcpProxy, type Way } from "./tcp-proxy.ts";
import { createTransfers, createWorkload, Load, type Operation } from "./workload.ts";

const WRITES = 25;
const OPERATIONS: readonly Operation[] = ["mint", "transfer", "publish", "mint"];

interface Writer {
  readonly node: NodeProcess;
  readonly ledger: Ledger;
  readonly load: Load;
}

function write(node: NodeProcess, index: number): Writer {
  const ledger = new Ledger();
  const random = createRandom(index);
  const workload = createWorkload({ node, ledger, transfers: createTransfers(index, index), random });
  return { node, ledger, load: new Load(workload, OPERATIONS, 3, random) };
}

/** Everything acknowledged is included on both, as nothing here shares an account. */
async function assertNothingLost(writers: readonly Writer[]): Promise<void> {
  const nodes = writers.map(({ node }) => node);
  await allAgree(nodes);
  for (const { ledger } of writers) {
    const { transactions } = ledger.counts;
    // What a losing branch had is pending for a moment after the merge.
    for (const node of nodes) {
      await eventually(async () => {
        const counts = await ledger.checkTransactions(node);
        assert.deepEqual(counts, { included: transactions, pending: 0, conflicted: 0 });
      });
      await ledger.checkContracts(node);
    }
  }
  await allAgree(nodes);
}

async function connectThrough(proxy: TcpProxy, from: TestNode): Promise<void> {
  const { status, body } = await from.post("network/connect", { address: proxy.address });
  assert.equal(status, 200, JSON.stringify(body));
}

const POLL_MS = 20;

/** Counts how often a block that was the head of a node is found replaced at its height. */
class HeadWatch implements AsyncDisposable {
  reorganisations = 0;
  #stopped = false;
  readonly #watching: Promise<unknown>;

  constructor(nodes: readonly TestNode[]) {
    this.#watching = Promise.all(nodes.map((node) => this.#watch(node)));
  }

  async #watch(node: TestNode): Promise<void> {
    let last = (await node.get("blocks/latest")).body;
    while (!this.#stopped) {
      if ((await node.get(`blocks/${last.number}`)).body.hash !== last.hash) this.reorganisations++;
      last = (await node.get("blocks/latest")).body;
      await delay(POLL_MS);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#watching;
  }

  /** Before the nodes go, whatever has failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

const WAYS: Readonly<Record<string, readonly Way[]>> = {
  "50 ms away from each other each way": [{ delayMs: 50 }],
  "whose link stalls, loses one direction and comes back slow": [
    { stalled: true },
    { halfOpen: true },
    { delayMs: 20, bytesPerSecond: 200_000 },
  ],
};

for (const [name, ways] of Object.entries(WAYS)) {
  test(`two nodes ${name}, written to on both, lose nothing and agree`, async (t) => {
    await using processes = new NodeProcesses();
    const [one, two] = await Promise.all([processes.start("one"), processes.start("two")]);
    await using proxy = await TcpProxy.listen(one.p2p, { delayMs: 5 });
    await connectThrough(proxy, two);
    await using watch = new HeadWatch([one, two]);
    const writers = [write(one, 1), write(two, 2)];
    for (const way of ways) {
      proxy.become(way);
      await Promise.all(writers.map(({ load }) => load.more(WRITES)));
    }
    await Promise.all(writers.map(({ load }) => load.stop()));
    await assertNothingLost(writers);
    assertNoComplaints([one, two]);
    await watch.stop();
    t.diagnostic(`${watch.reorganisations} reorganisations of ${WRITES * ways.length * 2} writes`);
  });
}
