/** Private networks of whole nodes: what an operator does, sees and mends. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { networkKeyText } from "../../packages/node/src/net/network-key.ts";
import { freePort } from "../../packages/node/src/net/testing/free-port.ts";
import { connect, deployToken, eventually, Nodes, type TestNode } from "./nodes.ts";

const keyText = (fill: number): string => networkKeyText(new Uint8Array(32).fill(fill));

const peerIdOf = async (node: TestNode): Promise<string> => {
  const { body } = await node.get("network");
  return String(body.peer_id);
};

const metricsOf = async (node: TestNode): Promise<string> => (await fetch(`${node.url}/metrics`)).text();

async function assertBlameless(node: TestNode): Promise<void> {
  assert.deepEqual((await node.get("network/bans")).body, { bans: [] });
}

test("nodes with the key agree; one without and one with another are told why, are not banned, and get in once they hold it", async () => {
  await using nodes = new Nodes();
  const networkKey = await nodes.writeFile("swarm.key", keyText(1));
  const [one, two] = [await nodes.start("one", { networkKey }), await nodes.start("two", { networkKey })];
  const address = await deployToken(one);
  await connect(two, one);
  assert.equal((await two.get(`contracts/${address}`)).status, 200);

  const wrongKey = await nodes.writeFile("other.key", keyText(2));
  for (const [name, settings] of [
    ["open", {}],
    ["other", { networkKey: wrongKey }],
  ] as const) {
    const stranger = await nodes.start(name, settings);
    const { status, body } = await stranger.post("network/connect", { address: one.p2p });
    assert.deepEqual([status, body.code], [502, "NETWORK_KEY_MISMATCH"], name);
    const outbound = await one.post("network/connect", { address: stranger.p2p });
    assert.equal(outbound.body.code, "NETWORK_KEY_MISMATCH", name);
    assert.equal((await stranger.get(`contracts/${address}`)).status, 404);
    await nodes.stop(stranger);
    const back = await nodes.start(name, { networkKey });
    assert.equal((await connect(back, one)).contracts_synced, 1);
    await nodes.stop(back);
  }
  await assertBlameless(one);
  assert.match(await metricsOf(one), /counterpart_net_refused_connections_total\{reason="key"\} [1-9]/);
});

test("a node that redials one with another key is in step soon after that one has got the right key", async () => {
  await using nodes = new Nodes();
  const networkKey = await nodes.writeFile("swarm.key", keyText(1));
  const wrongKey = await nodes.writeFile("other.key", keyText(2));
  const p2pPort = await freePort();
  const wrong = await nodes.start("two", { networkKey: wrongKey, p2pPort });
  const one = await nodes.start("one", { networkKey, peer: [wrong.p2p] });
  const address = await deployToken(one);
  await eventually(async () => {
    const { peers } = (await one.get("network/peers")).body as { peers: { last_error: string | null }[] };
    assert.equal(peers[0]?.last_error, "NETWORK_KEY_MISMATCH");
  });
  await nodes.stop(wrong);
  const right = await nodes.start("two", { networkKey, p2pPort });
  await eventually(async () => assert.equal((await right.get(`contracts/${address}`)).status, 200), 60_000);
  await assertBlameless(one);
});

test("strangers to the list are told so whichever side dials, and a listed peer comes back after a restart", async () => {
  await using nodes = new Nodes();
  const p2pPort = await freePort();
  const friend = await nodes.start("friend", { p2pPort });
  const stranger = await nodes.start("stranger");
  const allowPeersFile = await nodes.writeFile("peers", `${await peerIdOf(friend)}  # the friend\n`);
  const node = await nodes.start("node", { allowPeersFile });
  const address = await deployToken(node);
  for (const [from, to] of [
    [stranger, node],
    [node, stranger],
  ] as const) {
    const { status, body } = await from.post("network/connect", { address: to.p2p });
    assert.deepEqual([status, body.code], [403, "PEER_NOT_ALLOWED"]);
  }
  await connect(node, friend);
  await nodes.stop(friend);
  const meanwhile = await deployToken(node);
  const back = await nodes.start("friend", { p2pPort });
  assert.equal((await back.get(`contracts/${address}`)).status, 200);
  await eventually(async () => assert.equal((await back.get(`contracts/${meanwhile}`)).status, 200), 60_000);
  await assertBlameless(node);
  await assertBlameless(stranger);
  assert.equal((await stranger.get(`contracts/${address}`)).status, 404);
});

test("a list that leaves out a peer to be dialled is refused at the start", async () => {
  await using nodes = new Nodes();
  const friend = await nodes.start("friend");
  const peerId = await peerIdOf(friend);
  const other = "12D3KooWRBhwfeP2Y4TCx1SM6s9rUoHhR5STiGwxBhgFRcw3UERE";
  const port = friend.p2p.split(":")[1];
  const peer = [`/ip4/127.0.0.1/tcp/${port}/p2p/${peerId}`];
  await assert.rejects(nodes.start("node", { allowPeers: [other], peer }), { code: "INVALID_CONFIG" });
  await nodes.start("node", { allowPeers: [other, peerId], peer });
});
