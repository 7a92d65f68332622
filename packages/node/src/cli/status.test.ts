import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { createApiClient } from "./client/api-client.ts";
import { type NodeStatus, renderStatus, status } from "./status.ts";

const HASH = `0x${"12".repeat(32)}`;
const SYNCING: NodeStatus = {
  sync: {
    ...{ state: "syncing", head: { hash: HASH, number: 40 }, head_age_ms: 7_260_000, lag_blocks: 60, stage: "blocks" },
    progress: { from_block: 0, to_block: 100, blocks_per_second: 12.5, remaining_ms: 4_800 },
    ...{ state_progress: null, divergence: null, unnamed_contracts: 0 },
  },
  peers: [
    {
      ...{ address: "127.0.0.1:5000", state: "syncing", head: { hash: HASH, number: 100 }, last_error: null },
      last_sync: { duration_ms: 1_234, blocks: 40, contracts: 3 },
    },
    { address: "10.0.0.9:5000", state: "disconnected", head: null, last_error: "CONNECTION_REFUSED", last_sync: null },
  ],
};
const ALONE: NodeStatus = {
  sync: { ...SYNCING.sync, state: "alone", head_age_ms: 900, lag_blocks: 0, stage: null, progress: null },
  peers: [],
};

const joining = (filled: number | null, wasted: number): NodeStatus => {
  const left = filled === null ? [null, null] : [9_437_184, 42_000];
  const [remaining_bytes, remaining_ms] = left as [number | null, number | null];
  const come = { to_block: 90, filled, pages: 12, bytes: 3_355_443, wasted_bytes: wasted };
  const state_progress = { ...come, remaining_bytes, remaining_ms };
  return { ...ALONE, sync: { ...ALONE.sync, stage: "state", state_progress } };
};

test("state that is being taken over is shown with its part, bytes, waste, and what is left", () => {
  assert.match(
    renderStatus(joining(0.256, 2_048)),
    /fetching {2}state of block 90, 25 %: 12 pages, 3\.2 MiB \(and 2 KiB of no use\), 9\.0 MiB and 42 s left/,
  );
  assert.match(renderStatus(joining(null, 0)), /fetching {2}state of block 90: 12 pages, 3\.2 MiB\n/);
});

const diverged = (sealedHere: boolean, evidence: string | null): NodeStatus => {
  const divergence = { block: { hash: HASH, number: 41 }, sealed_here: sealedHere, evidence };
  return { ...ALONE, sync: { ...ALONE.sync, divergence } };
};

async function serving(answer: RequestListener, work: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const node =
  (current: () => NodeStatus): RequestListener =>
  ({ url }, response) => {
    const { sync, peers } = current();
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(url === "/api/v1/network/sync" ? sync : { peers }));
  };

/** Collects what is printed; ends a watch after so many looks. */
function collect(looks = 1) {
  const printed: string[] = [];
  const enough = new Error("enough");
  const wait = async (): Promise<void> => {
    if (printed.length >= looks) throw enough;
  };
  return { printed, enough, output: { print: (text: string) => void printed.push(text), wait, isTerminal: false } };
}

test("where a node stands is a few lines, the peers below", () => {
  assert.equal(
    renderStatus(SYNCING),
    [
      "state     syncing, 60 blocks behind",
      `head      block 40, 2 h old  ${HASH}`,
      "fetching  blocks up to 100, 12.5 a second, 4.8 s left",
      "peers     2",
      "  127.0.0.1:5000  syncing  block 100  last sync 1.2 s: 40 blocks, 3 contracts",
      "  10.0.0.9:5000  disconnected  CONNECTION_REFUSED",
      "",
    ].join("\n"),
  );
  assert.match(
    renderStatus(diverged(false, "divergence/41.json")),
    /^DIVERGED {2}execution here contradicts block 41, which most peers hold; evidence: divergence\/41\.json\nstate /,
  );
  assert.match(
    renderStatus(diverged(true, null)),
    /^DIVERGED {2}most peers refuse block 41, which this node has sealed\nstate /,
  );
  assert.match(
    renderStatus({ ...ALONE, sync: { ...ALONE.sync, unnamed_contracts: 240 } }),
    /\nunnamed {3}240 contracts, of which no peer has said yet where they come from\npeers /,
  );
  assert.equal(renderStatus(ALONE), `state     alone\nhead      block 40, 0.9 s old  ${HASH}\npeers     0\n`);
});

test("a node is asked once, or again and again, as text or as lines of JSON", async () => {
  let current = SYNCING;
  await serving(
    node(() => current),
    async (url) => {
      const once = collect();
      await status({ client: createApiClient({ url }) }, once.output);
      assert.deepEqual(once.printed, [renderStatus(SYNCING)]);
      const watched = collect(2);
      const print = (text: string): void => {
        watched.printed.push(text);
        current = ALONE;
      };
      await assert.rejects(
        status({ client: createApiClient({ url }), watch: true, json: true }, { ...watched.output, print }),
        watched.enough,
      );
      assert.deepEqual(
        watched.printed.map((text) => JSON.parse(text)),
        [SYNCING, ALONE],
      );
      const terminal = collect();
      await assert.rejects(
        status({ client: createApiClient({ url }), watch: true }, { ...terminal.output, isTerminal: true }),
        terminal.enough,
      );
      assert.ok(terminal.printed[0]?.startsWith("\x1b[H"));
    },
  );
});

test("what peers and nodes say cannot draw on the terminal", async () => {
  const peer = { address: "\x1b[2J", state: "\x1b[1m", head: null, last_error: "\x1b[31mno\n", last_sync: null };
  assert.match(
    renderStatus({ ...ALONE, peers: [peer] }),
    / {2}\\u\{1b\}\[2J {2}\\u\{1b\}\[1m {2}\\u\{1b\}\[31mno\\u\{a\}\n$/,
  );
  let looks = 0;
  const answer: RequestListener = (request, response) => {
    if (looks === 0) return node(() => ALONE)(request, response);
    response
      .writeHead(503, { "content-type": "application/json" })
      .end('{"code": "NOT_READY", "detail": "\\u001b[2J"}');
  };
  await serving(answer, async (url) => {
    const { printed, enough, output } = collect(2);
    const print = (text: string): void => {
      printed.push(text);
      looks++;
    };
    await assert.rejects(status({ client: createApiClient({ url }), watch: true }, { ...output, print }), enough);
    assert.equal(printed[1], "\\u{1b}[2J\n");
  });
});

test("a watch goes on while the node is away", async () => {
  let looks = 0;
  const answer: RequestListener = (request, response) => {
    // The second look finds the node gone.
    if (looks === 1) request.socket.destroy();
    else node(() => ALONE)(request, response);
  };
  await serving(answer, async (url) => {
    const { printed, enough, output } = collect(3);
    const print = (text: string): void => {
      printed.push(text);
      looks++;
    };
    await assert.rejects(status({ client: createApiClient({ url }), watch: true }, { ...output, print }), enough);
    assert.deepEqual([printed[0], printed[2]], [renderStatus(ALONE), renderStatus(ALONE)]);
    assert.match(printed[1] ?? "", /^the connection to http\S+ broke: /);
  });
});

test("nothing there, and something else there, are told apart", async () => {
  const { output } = collect();
  await serving(
    (_, response) => void response.writeHead(404).end("no"),
    async (url) => {
      await assert.rejects(status({ client: createApiClient({ url }) }, output), (error) =>
        isCodedError(error, "CONNECTION_FAILED"),
      );
    },
  );
  await assert.rejects(status({ client: createApiClient({ url: "http://127.0.0.1:1" }) }, output), (error) =>
    isCodedError(error, "CONNECTION_REFUSED"),
  );
});
