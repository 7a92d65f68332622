/** Many requests that send from one account at the same time, through a node that is killed under them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../fuzz/state.ts";
import type { Reply } from "../network/nodes.ts";
import { type ProcessNode, ProcessNodes } from "./process-node.ts";

const TOKEN = { contract_type: "token", name: "Token", symbol: "T" };
const REQUESTS = 60;
/** Acknowledgements before each kill: the rest is anywhere on its way. */
const KILLED_AFTER = [5, 20];

interface Request {
  readonly key: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const walletOf = (number: number): string => `0x${(number + 1).toString(16).padStart(40, "0")}`;

/** Every third one deploys; the others mint for a wallet of their own. Some wait for their block, some do not. */
function requestsFor(token: string, first: number): readonly Request[] {
  return Array.from({ length: REQUESTS }, (_, at) => {
    const number = first + at;
    const wait = number % 2 === 0 ? { wait_ms: 0 } : {};
    const key = `request ${number}`;
    if (number % 3 === 0) return { key, path: "contracts", body: { ...TOKEN, name: `T${number}`, ...wait } };
    const params = { to: walletOf(number), amount: number + 1 };
    return { key, path: `contracts/${token}/execute`, body: { function: "mint", params, ...wait } };
  });
}

/** What has been acknowledged, by key. */
class Acknowledged {
  readonly #hashes = new Map<string, string>();
  readonly #waiting: { readonly count: number; readonly reached: () => void }[] = [];

  get hashes(): ReadonlyMap<string, string> {
    return this.#hashes;
  }

  note({ key }: Request, { status, body }: Reply): void {
    assert.ok([200, 201, 202].includes(status), JSON.stringify(body));
    const hash = body.transaction_hash as string;
    assert.equal(this.#hashes.get(key) ?? hash, hash, `${key} became another transaction`);
    this.#hashes.set(key, hash);
    for (const { count, reached } of this.#waiting) if (this.#hashes.size >= count) reached();
  }

  reaches(count: number): Promise<void> {
    return new Promise((reached) => this.#waiting.push({ count, reached }));
  }
}

const send = async (node: ProcessNode, request: Request, acknowledged: Acknowledged): Promise<void> =>
  acknowledged.note(request, await node.post(request.path, request.body, { "idempotency-key": request.key }));

/** Sends all at the same time and kills the node when so many more are acknowledged; gives how many were not. */
async function sendUntilKilled(
  node: ProcessNode,
  requests: readonly Request[],
  acknowledged: Acknowledged,
  after: number,
): Promise<number> {
  const reached = acknowledged.reaches(acknowledged.hashes.size + after);
  const answers = requests.map((request) => send(node, request, acknowledged));
  const outcomes = Promise.allSettled(answers);
  await Promise.race([reached, outcomes]);
  await node.kill();
  const lost = (await outcomes).flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
  for (const reason of lost) assert.ok(!(reason instanceof assert.AssertionError), reason);
  return lost.length;
}

/** Nonces of the account's transactions, all of which are in blocks, and did what they were sent for. */
async function noncesOf(node: ProcessNode, hashes: Iterable<string>): Promise<readonly number[]> {
  const nonces: number[] = [];
  for (const hash of hashes) {
    const { body } = await node.get(`transactions/${hash}`);
    assert.deepEqual([body.status, body.execution], ["included", "success"], JSON.stringify(body));
    nonces.push(body.nonce as number);
  }
  return nonces.toSorted((a, b) => a - b);
}

test("no nonce is used twice or left out, and each request acts once, through kills and repetitions", async () => {
  await using nodes = new ProcessNodes();
  let node = await nodes.start("one");
  const { body: deployed } = await node.post("contracts", TOKEN);
  const token = deployed.address as string;
  const acknowledged = new Acknowledged();
  const requests: Request[] = [];
  for (const after of KILLED_AFTER) {
    // New ones, and those before once more, whether or not they were acknowledged.
    requests.push(...requestsFor(token, requests.length));
    const fresh = requests.filter(({ key }) => !acknowledged.hashes.has(key));
    assert.ok((await sendUntilKilled(node, fresh, acknowledged, after)) > 0, "the kill came too late to matter");
    node = await nodes.start("one");
  }
  await Promise.all(requests.map((request) => send(node, request, acknowledged)));
  await settled(node, new Set(acknowledged.hashes.values()));

  const hashes = new Set([deployed.transaction_hash as string, ...acknowledged.hashes.values()]);
  assert.equal(hashes.size, 1 + requests.length);
  const expected = Array.from({ length: hashes.size }, (_, nonce) => nonce);
  assert.deepEqual(await noncesOf(node, hashes), expected);
  const { body: wallet } = await node.get(`wallets/${node.account}`);
  assert.deepEqual([wallet.nonce, wallet.next_nonce], [hashes.size, hashes.size]);
  for (let number = 0; number < requests.length; number++) {
    if (number % 3 === 0) continue;
    const { body } = await node.get(`contracts/${token}/balance/${walletOf(number)}`);
    assert.equal(body.balance, String(number + 1));
  }
});
