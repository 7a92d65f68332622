import assert from "node:assert/strict";
import { test } from "node:test";
import { CodedError } from "@counterpart/core/base/errors";
import type { ConnectResult, PeerView } from "../../driver/types.ts";
import { hash32, OWNER, OWNER_SHOWN, openTestApi } from "../fake-backend.test-support.ts";

const API = "/api/v1/network";
const PEER_ID = "12D3KooWRBy97UB99e3J6hiPesre1MZeuNQvfan4gBziswrRJsNK";

const SYNCED: ConnectResult = {
  status: "synced",
  peerId: "12D3KooWPeer",
  address: "127.0.0.1:5000",
  blocksSynced: 3,
  contractsSynced: 1,
  durationMs: 42,
};

const PEER: PeerView = {
  peerId: "12D3KooWPeer",
  address: "127.0.0.1:5000",
  direction: "outbound",
  state: "synced",
  client: "counterpart/0.1.0",
  signer: OWNER,
  head: { hash: hash32("1"), number: 9 },
  clockDifferenceMs: -12,
  connectedAt: 1_770_000_000_000,
  blocksSynced: 3,
  contractsSynced: 1,
  lastSync: { finishedAtMs: 1_770_000_001_000, durationMs: 40, blocks: 3, contracts: 1 },
};

test("connecting answers 200 when both sides agree", async () => {
  const api = await openTestApi();
  api.network.set({ connect: async () => SYNCED });
  const { status, json } = await api.send("POST", `${API}/connect`, { address: "127.0.0.1:5000" });
  assert.equal(status, 200);
  assert.deepEqual(json, {
    peer_id: "12D3KooWPeer",
    address: "127.0.0.1:5000",
    status: "synced",
    blocks_synced: 3,
    contracts_synced: 1,
    duration_ms: 42,
  });
  assert.deepEqual(api.network.calls.at(-1), ["connect", "127.0.0.1:5000", 30_000]);
});

test("connecting answers 202 with the progress after wait_ms", async () => {
  const api = await openTestApi();
  api.network.set({ connect: async () => ({ ...SYNCED, status: "syncing" }) });
  const { status, json } = await api.send("POST", `${API}/connect`, { address: "127.0.0.1:5000", wait_ms: 0 });
  assert.deepEqual([status, json.status, json.blocks_synced], [202, "syncing", 3]);
  assert.deepEqual(api.network.calls.at(-1), ["connect", "127.0.0.1:5000", 0]);
});

test("what keeps two nodes apart is told by code", async () => {
  const api = await openTestApi();
  const cases = [
    ["CONNECTION_REFUSED", 502],
    ["CONNECTION_TIMEOUT", 504],
    ["NOT_A_PEER", 502],
    ["WRONG_CHAIN", 409],
    ["CLOCK_SKEW", 409],
    ["SELF_CONNECTION", 400],
    ["PEER_BANNED", 403],
    ["INVALID_ADDRESS", 400],
  ] as const;
  for (const [code, expected] of cases) {
    api.network.set({ connect: () => Promise.reject(new CodedError(code, "no")) });
    const { status, json } = await api.send("POST", `${API}/connect`, { address: "127.0.0.1:1" });
    assert.deepEqual([status, json.code], [expected, code]);
  }
});

test("disconnecting names a peer, an address, or nobody for all", async () => {
  const api = await openTestApi();
  api.network.set({ disconnect: async () => 2 });
  for (const body of [{}, { peer_id: PEER_ID }, { address: "a:1" }]) {
    const { status, json } = await api.send("POST", `${API}/disconnect`, body);
    assert.deepEqual([status, json], [200, { disconnected: 2 }]);
  }
  assert.deepEqual(api.network.calls, [
    ["disconnect"],
    ["disconnect", { peerId: PEER_ID }],
    ["disconnect", { address: "a:1" }],
  ]);
  const both = await api.send("POST", `${API}/disconnect`, { peer_id: PEER_ID, address: "a:1" });
  assert.deepEqual([both.status, both.json.code], [400, "INVALID_REQUEST"]);
});

test("bans are listed, and lifted by peer", async () => {
  const api = await openTestApi();
  const ban = { peerId: PEER_ID, reason: "INVALID_BLOCK", sinceMs: 1_000, untilMs: 3_601_000, times: 1 } as const;
  const banned = [ban];
  api.network.set({
    bans: () => banned,
    liftBan: (peerId) => peerId === ban.peerId && banned.splice(0).length > 0,
  });
  const { json } = await api.get(`${API}/bans`);
  assert.deepEqual(json, {
    bans: [
      {
        peer_id: PEER_ID,
        reason: "INVALID_BLOCK",
        banned_at: 1_000,
        banned_until: 3_601_000,
        times: 1,
      },
    ],
  });
  for (const lifted of [true, false]) {
    const answer = await api.send("DELETE", `${API}/bans/${PEER_ID}`, undefined);
    assert.deepEqual([answer.status, answer.json], [200, { lifted }]);
  }
  assert.deepEqual((await api.get(`${API}/bans`)).json, { bans: [] });
});

test("what has no form of a peer is refused by its field, and a peer that nobody knows is none to disconnect", async () => {
  const api = await openTestApi();
  api.network.set({ disconnect: async () => 0, liftBan: () => false });
  for (const [body, field] of [
    [{ peer_id: "x" }, "peer_id"],
    [{ peer_id: `${PEER_ID}0` }, "peer_id"],
    [{ address: "zz" }, "address"],
    [{ address: "" }, "address"],
  ] as const) {
    const { status, json } = await api.send("POST", `${API}/disconnect`, body);
    assert.deepEqual([status, json.code, json.field], [400, "INVALID_REQUEST", field]);
    assert.match(String(json.detail), /must look like (12D3KooW\w+|127\.0\.0\.1:5000)$/);
  }
  const { status, json } = await api.send("DELETE", `${API}/bans/abc`, undefined);
  assert.deepEqual([status, json.code, json.field], [400, "INVALID_REQUEST", "peer_id"]);
  assert.deepEqual(api.network.calls, []);
  for (const body of [{ peer_id: PEER_ID }, { address: "[::1]:5000" }, { address: "/ip4/10.0.0.1/tcp/5000" }]) {
    assert.deepEqual((await api.send("POST", `${API}/disconnect`, body)).json, { disconnected: 0 });
  }
});

test("peers are shown with null for what is not known", async () => {
  const api = await openTestApi();
  const stranger: PeerView = {
    address: "10.0.0.1:5000",
    direction: "outbound",
    state: "connecting",
    lastError: "CONNECTION_REFUSED",
    blocksSynced: 0,
    contractsSynced: 0,
  };
  api.network.set({ peers: () => [PEER, stranger] });
  const { json } = await api.get(`${API}/peers`);
  assert.deepEqual(json.peers, [
    {
      peer_id: "12D3KooWPeer",
      address: "127.0.0.1:5000",
      direction: "outbound",
      state: "synced",
      client: "counterpart/0.1.0",
      signer: OWNER_SHOWN,
      head: { hash: hash32("1"), number: 9 },
      clock_difference_ms: -12,
      connected_at: 1_770_000_000_000,
      last_error: null,
      blocks_synced: 3,
      contracts_synced: 1,
      last_sync: { finished_at: 1_770_000_001_000, duration_ms: 40, blocks: 3, contracts: 1 },
    },
    {
      peer_id: null,
      address: "10.0.0.1:5000",
      direction: "outbound",
      state: "connecting",
      client: null,
      signer: null,
      head: null,
      clock_difference_ms: null,
      connected_at: null,
      last_error: "CONNECTION_REFUSED",
      blocks_synced: 0,
      contracts_synced: 0,
      last_sync: null,
    },
  ]);
});

test("the network says who this node is and how many peers agree with it", async () => {
  const api = await openTestApi();
  api.network.set({ peers: () => [PEER, { ...PEER, state: "syncing" }] });
  const { json } = await api.get(API);
  assert.deepEqual(json, {
    peer_id: "12D3KooWTest",
    addresses: ["/ip4/127.0.0.1/tcp/5000/p2p/12D3KooWTest"],
    chain_id: 31337,
    genesis_hash: api.engine.genesisHash,
    head: { hash: api.engine.genesisHash, number: 0 },
    peers_known: 2,
    peers_synced: 1,
  });
});

test("where the node stands is told with null for what is not under way", async () => {
  const api = await openTestApi();
  const head = { hash: hash32("1"), number: 9 };
  api.network.set({ sync: () => ({ state: "alone", head, headAgeMs: 5, lagBlocks: 0, unnamedContracts: 0 }) });
  const { status, json } = await api.get(`${API}/sync`);
  assert.equal(status, 200);
  const idle = { target: null, stage: null, state_progress: null, progress: null, divergence: null };
  assert.deepEqual(json, { state: "alone", head, head_age_ms: 5, lag_blocks: 0, unnamed_contracts: 0, ...idle });
  api.network.set({
    sync: () => ({
      ...{ state: "syncing", head, headAgeMs: 5, lagBlocks: 91, unnamedContracts: 2, stage: "blocks" },
      target: { hash: hash32("2"), number: 100, peerId: "12D3KooWPeer" },
      progress: { fromBlock: 1, toBlock: 100, blocksPerSecond: 12.345, remainingMs: 7_400.4 },
    }),
    divergence: () => ({ block: head, sealedHere: true, sinceMs: 17 }),
  });
  assert.deepEqual((await api.get(`${API}/sync`)).json, {
    ...{ state: "syncing", head, head_age_ms: 5, lag_blocks: 91, unnamed_contracts: 2, stage: "blocks" },
    target: { hash: hash32("2"), number: 100, peer_id: "12D3KooWPeer" },
    state_progress: null,
    progress: { from_block: 1, to_block: 100, blocks_per_second: 12.3, remaining_ms: 7_400 },
    divergence: { block: head, sealed_here: true, since: 17, evidence: null },
  });
});

test("state that is being taken over is told with what it takes and what is left of it", async () => {
  const api = await openTestApi();
  const head = { hash: hash32("1"), number: 0 };
  const now = api.backend.now();
  const progress = { toBlock: 90, sinceMs: now - 6_000, pages: 12, bytes: 3_000, wastedBytes: 7 };
  const show = async (filled?: number, filledBefore = 0) => {
    const stateProgress = { ...progress, filledBefore, ...(filled === undefined ? {} : { filled }) };
    api.network.set({
      sync: () => ({ ...{ state: "syncing", head, headAgeMs: 5, lagBlocks: 90, unnamedContracts: 0 }, stateProgress }),
    });
    return ((await api.get(`${API}/sync`)).json as { state_progress: unknown }).state_progress;
  };
  const shown = { to_block: 90, pages: 12, bytes: 3_000, wasted_bytes: 7 };
  assert.deepEqual(await show(0.75), { ...shown, filled: 0.75, remaining_bytes: 1_000, remaining_ms: 2_000 });
  assert.deepEqual(await show(), { ...shown, filled: null, remaining_bytes: null, remaining_ms: null });
  assert.deepEqual(await show(0.75, 0.5), { ...shown, filled: 0.75, remaining_bytes: 3_000, remaining_ms: 6_000 });
  assert.deepEqual(await show(0.75, 0.75), { ...shown, filled: 0.75, remaining_bytes: null, remaining_ms: null });
  assert.deepEqual(await show(0), { ...shown, filled: 0, remaining_bytes: null, remaining_ms: null });
});
