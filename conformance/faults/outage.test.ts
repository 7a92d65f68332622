/** Many nodes on one machine, which all lose their links at once and dial again at once. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { allAgree, deployToken, eventually, Nodes, type TestNode } from "../network/nodes.ts";
import { TcpProxy } from "./tcp-proxy.ts";

/** Twelve take minutes, most of them waiting for redials: `COUNTERPART_TEST_NODES=12` asks for them. */
const NODES = Number(process.env.COUNTERPART_TEST_NODES ?? 4);
const CONVERGED_MS = 90_000;

/** Who dials whom, by their places. */
type Links = readonly (readonly [number, number])[];

const places = Array.from({ length: NODES }, (_, place) => place);

const TOPOLOGIES: Readonly<Record<string, Links>> = {
  line: places.slice(1).map((place) => [place, place - 1] as const),
  star: places.slice(1).map((place) => [place, 0] as const),
  "full mesh": places.flatMap((from) => places.slice(0, from).map((to) => [from, to] as const)),
};

async function connectThrough(proxy: TcpProxy, from: TestNode): Promise<void> {
  const { status, body } = await from.post("network/connect", { address: proxy.address, wait_ms: 0 });
  assert.ok(status === 200 || status === 202, JSON.stringify(body));
}

async function peersOf(node: TestNode): Promise<readonly string[]> {
  const { peers } = (await node.get("network/peers")).body;
  return (peers as readonly { readonly state: string }[]).map(({ state }) => state);
}

const isLinked = (state: string): boolean => state === "syncing" || state === "synced";

/** Every node but those in the middle of a dial or handshake has the peers that its links give it. */
async function linked(nodes: readonly TestNode[], links: Links): Promise<void> {
  await Promise.all(
    nodes.map((node, place) =>
      eventually(async () => {
        const wanted = links.filter(([from, to]) => from === place || to === place).length;
        assert.equal((await peersOf(node)).filter(isLinked).length, wanted);
      }, CONVERGED_MS),
    ),
  );
}

for (const [name, links] of Object.entries(TOPOLOGIES)) {
  test(`${NODES} nodes in a ${name} all dial again after an outage and end with the same`, async () => {
    await using nodes = new Nodes();
    await using proxies = new AsyncDisposableStack();
    const all = await Promise.all(places.map((place) => nodes.start(`node-${place}`)));
    const ways = await Promise.all(all.map(async ({ p2p }) => proxies.use(await TcpProxy.listen(p2p))));
    for (const [from, to] of links) await connectThrough(ways[to] as TcpProxy, all[from] as TestNode);
    await linked(all, links);
    for (const way of ways) way.cut();
    await Promise.all(
      all.map((node) =>
        eventually(async () => assert.equal((await peersOf(node)).filter(isLinked).length, 0), CONVERGED_MS),
      ),
    );
    const addresses = await Promise.all(all.map((node, place) => deployToken(node, { name: `Apart${place}` })));
    for (const way of ways) way.mend();
    await linked(all, links);
    await eventually(async () => {
      const { contracts } = await allAgree(all);
      assert.deepEqual(Object.keys(contracts).sort(), [...addresses].sort());
    }, CONVERGED_MS);
  });
}
