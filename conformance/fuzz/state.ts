/** What of a node a request may change: the head, the pool, nonces and balances, contracts and artifacts, peers. */

import assert from "node:assert/strict";
import { type ProcessNode, until } from "../processes/process-node.ts";

export interface State {
  readonly head: unknown;
  readonly pending: string;
  readonly wallets: unknown;
  /** Moves with every change of a contract or an artifact. */
  readonly since: unknown;
  readonly peers: unknown;
  readonly bans: unknown;
}

async function pendingOf({ api }: ProcessNode): Promise<string> {
  const metrics = await (await fetch(`${api}/metrics`)).text();
  const pending = /^counterpart_pending_transactions (\d+)$/m.exec(metrics)?.[1];
  assert.ok(pending !== undefined, "the node does not say how many transactions are pending");
  return pending;
}

/** @param pending what is known of the pool; asked for where it is not */
export async function stateOf(node: ProcessNode, pending?: string): Promise<State> {
  const paths = ["ready", "wallets", "contracts?limit=1", "network/peers", "network/bans"];
  const [ready, wallets, contracts, peers, bans] = await Promise.all(paths.map((path) => node.get(path)));
  return {
    head: ready?.body.head,
    pending: pending ?? (await pendingOf(node)),
    wallets: wallets?.body.wallets,
    since: contracts?.body.since,
    peers: peers?.body.peers,
    bans: bans?.body.bans,
  };
}

/** Waits until no pending transaction can be sealed any more: what is left waits for another nonce, or for money. */
export async function settled(node: ProcessNode, pending: Set<string>): Promise<void> {
  await until(async () => {
    for (const hash of pending) {
      const { status, body } = await node.get(`transactions/${hash}`);
      assert.equal(status, 200, JSON.stringify(body));
      if (body.status === "pending" && body.reason === null) return false;
      if (body.status !== "pending") pending.delete(hash);
    }
    return true;
  }, "what was accepted is sealed, or waits for something");
}
