/** Many contracts pass between honest nodes without one limit hit. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { allAgree, type TestNode } from "../network/nodes.ts";
import { assertNoComplaints, NodeProcesses } from "./node-process.ts";

/** Ten thousand take minutes: `COUNTERPART_TEST_CONTRACTS=10000` asks for them. */
const CONTRACTS = Number(process.env.COUNTERPART_TEST_CONTRACTS ?? 300);
/** Contracts with the same code. */
const SAME_CODE = 10;
const PARALLEL = 16;
const SYNC_MS = 600_000;

/** Creation code of a contract whose code is a number in 32 bytes: PUSH32 n PUSH0 MSTORE PUSH1 32 PUSH0 RETURN. */
const numbered = (number: number): string => `0x7f${number.toString(16).padStart(64, "0")}5f5260205ff3`;

async function deployAll(node: TestNode, count: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const bytecode = numbered(1 + Math.floor(index / SAME_CODE));
      const contract = { contract_type: "custom", name: `Contract ${index}`, symbol: "MANY", abi: [], bytecode };
      const { status, body } = await node.post("contracts", contract);
      assert.equal(status, 201, JSON.stringify(body));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

/** Counters of what gave way to a limit, or of faults: all of them stay at nothing between honest peers. */
const LIMITS =
  /^counterpart_(?:peer_faults|peer_bans|refused_links|dropped_announcements|forgotten_peer_records|busy_answers|net_dropped_frames|net_reset_requests|net_refused_connections)_total(?:\{[^}]*\})? (\S+)$/gm;

async function limitsHit(node: TestNode): Promise<readonly string[]> {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  assert.match(text, /^counterpart_peers 1$/m);
  return [...text.matchAll(LIMITS)].filter(([, value]) => value !== "0").map(([line]) => line);
}

test(`${CONTRACTS} contracts with ${CONTRACTS / SAME_CODE} codes arrive whole, and no limit is hit`, async (t) => {
  await using processes = new NodeProcesses();
  const [one, two] = await Promise.all([processes.start("one"), processes.start("two")]);
  await deployAll(one, CONTRACTS);
  const before = performance.now();
  const { status, body } = await two.post("network/connect", { address: one.p2p, wait_ms: 0 });
  assert.ok(status === 200 || status === 202, JSON.stringify(body));
  await allAgree([one, two], SYNC_MS);
  const peak = Math.round(two.memory().peak / 2 ** 20);
  t.diagnostic(`equal ${Math.round(performance.now() - before)} ms after connecting; peak of the joiner ${peak} MiB`);
  const shown = (await two.get("contracts?limit=200")).body.contracts as readonly { name: string }[];
  assert.equal(shown.length, Math.min(200, CONTRACTS));
  assert.ok(shown.every(({ name }) => /^Contract \d+$/.test(name)));
  for (const node of [one, two]) assert.deepEqual(await limitsHit(node), []);
  assertNoComplaints([one, two]);
});
