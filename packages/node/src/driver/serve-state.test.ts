import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { bigIntToFixedBytes, bytesToHex, concatBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import type { Genesis, GenesisAccount } from "@counterpart/core/chain/genesis";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { keccak256, keccak256Hex } from "@counterpart/core/crypto/crypto";
import { CONTRACTS_MAX, FRAME_BYTES_BY_TYPE, SLOTS_MAX, STORAGES_MAX } from "@counterpart/core/sync/limits";
import type { Message, MessageOf, Request, RequestType } from "@counterpart/core/sync/message-types";
import type { StateMessage, WantedState } from "@counterpart/core/sync/message-types-state";
import { decodeMessage, encodeMessage } from "@counterpart/core/sync/messages";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/ordered";
import {
  verifyAccountRangeAnswer,
  verifyNodesAnswer,
  verifyStateAnswer,
  verifyStorageAnswer,
} from "@counterpart/core/verify/peer-answers";
import type { AccountRow, ProvenAccount } from "@counterpart/core/verify/state-proof";
import fc from "fast-check";
import {
  accountOf,
  createManualClock,
  openTestEngine,
  sealAll,
  TEST_GENESIS,
  transactionOf,
} from "../engine/engine.test-support.ts";
import type { Engine } from "../engine/types.ts";
import { type LmdbStore, openLmdbStore } from "../store/lmdb-store.ts";
import { createFakeEngine } from "./fake-chain.test-support.ts";
import { createFakeContracts } from "./fake-contracts.test-support.ts";
import { SERVE_CPU_MS_MAX } from "./limits.ts";
import { type ServeDeps, serve } from "./serve.ts";

const LOWEST: Uint8Array = new Uint8Array(32);
/** Writes calldata[32] into slot calldata[0]. */
const WRITER_CODE = hexToBytes("0x6020355f355500");
const WRITER: Hex = `0x${"77".repeat(20)}`;

const slot = (index: number): Hex => bytesToHex(bigIntToFixedBytes(BigInt(index), 32));
const address = (index: number): Hex => bytesToHex(bigIntToFixedBytes(BigInt(index) + 0x10000n, 20));
const hashed = (text: Hex): Uint8Array => keccak256(hexToBytes(text));
const after = (key: Uint8Array): Uint8Array => bigIntToFixedBytes(BigInt(bytesToHex(key)) + 1n, 32);

const account = (storage: ReadonlyMap<Hex, bigint>, code = WRITER_CODE): GenesisAccount => ({
  balance: 5n,
  nonce: 1n,
  code,
  storage,
});
const slots = (count: number, seed = 0): ReadonlyMap<Hex, bigint> =>
  new Map(
    Array.from({ length: count }, (_, i) => [slot(i), (BigInt(i + 1) << BigInt((i + seed) % 240)) + BigInt(seed)]),
  );

function genesisWith(accounts: Iterable<readonly [Hex, GenesisAccount]>): Genesis {
  return { ...TEST_GENESIS, alloc: new Map([...TEST_GENESIS.alloc, ...accounts]) };
}

/** A database on disk, for states that memory's would take long to read page by page. */
function openDatabase(t: TestContext): LmdbStore {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-serve-"));
  const store = openLmdbStore(join(folder, "chain.mdb"));
  t.after(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return store;
}

/** A server of this engine's state. Each look at the clock costs `tickMs`; ranges are asked for so many bytes at a time. */
function serverOf(engine: Engine, tickMs = 0, bytesMax?: number) {
  const size = bytesMax === undefined ? {} : { bytesMax };
  let now = 0;
  const clock = { now: () => (now += tickMs), setTimer: () => () => {} };
  const contracts = createFakeContracts(createFakeEngine("x"));
  const deps: ServeDeps = { engine, contracts, clock, instanceId: "here", isDiverged: () => false };
  /** The answer as it arrives: it fits its frame and its type's limits. */
  const send = (request: Request): Message => {
    const frame = encodeMessage(serve(deps, decodeMessage(encodeMessage(request)) as Request));
    const answer = decodeMessage(frame);
    assert.ok(frame.length <= FRAME_BYTES_BY_TYPE[answer.type]);
    return answer;
  };
  function ask<K extends "state" | "range">(request: Request & { readonly kind: K }) {
    const answer = send(request);
    assert.ok(answer.type === "Contracts" && answer.kind === request.kind, answer.type);
    return answer as Extract<MessageOf<"Contracts">, { kind: K }>;
  }
  function askFor<T extends RequestType, A extends "Storage" | "Nodes">(request: MessageOf<T> & Request, type: A) {
    const answer = send(request);
    assert.equal(answer.type, type);
    return answer as MessageOf<A>;
  }
  return {
    send,
    state: (blockHash: Hex, wanted: readonly WantedState[]): StateMessage =>
      ask<"state">({ type: "GetContracts", kind: "state", blockHash, wanted }),
    range: (blockHash: Hex, start: Uint8Array) =>
      ask<"range">({ type: "GetContracts", kind: "range", blockHash, start, ...size }),
    storage: (request: Omit<MessageOf<"GetStorage">, "type">) =>
      askFor<"GetStorage", "Storage">({ type: "GetStorage", ...request, ...size }, "Storage"),
    nodes: (request: Omit<MessageOf<"GetNodes">, "type">) =>
      askFor<"GetNodes", "Nodes">({ type: "GetNodes", ...request }, "Nodes"),
  };
}
type Server = ReturnType<typeof serverOf>;

/** Something that happens between two pages. */
type Between = () => Promise<void>;
const nothing: Between = async () => {};

async function fetchAccounts(server: Server, header: SealedHeader, between: Between) {
  const accounts: AccountRow[] = [];
  let pages = 0;
  for (let [start, more] = [LOWEST, true]; more; pages++) {
    const page = verifyAccountRangeAnswer(header, start, server.range(header.hash, start));
    assert.ok(page.accounts.length > 0 || !page.more, "progress");
    accounts.push(...page.accounts);
    more = page.more;
    const last = page.accounts.at(-1);
    if (last !== undefined) start = after(last.key);
    await between();
  }
  return { accounts, pages };
}

type StoredRows = Map<string, readonly (readonly [Hex, Hex])[]>;

/** All slots of accounts, by many at a time. */
async function fetchStorages(server: Server, header: SealedHeader, accounts: readonly AccountRow[], between: Between) {
  let wanted = accounts
    .filter(({ account: { storageRoot } }) => storageRoot !== EMPTY_TRIE_ROOT)
    .map(({ key, account: { storageRoot } }) => ({ account: bytesToHex(key), root: storageRoot }));
  const rows: StoredRows = new Map();
  let start = LOWEST;
  let pages = 0;
  while (wanted.length > 0) {
    const asked = wanted.slice(0, STORAGES_MAX);
    const proven = verifyStorageAnswer(asked, start, server.storage({ blockHash: header.hash, wanted: asked, start }));
    for (const one of proven) {
      const added = one.slots.map(({ key, value }) => [bytesToHex(key), bytesToHex(value)] as const);
      rows.set(one.account, [...(rows.get(one.account) ?? []), ...added]);
    }
    const last = proven.at(-1);
    const isCut = last?.more === true;
    const end = last?.slots.at(-1);
    assert.ok(!isCut || end !== undefined, "progress");
    start = isCut && end !== undefined ? after(end.key) : LOWEST;
    wanted = wanted.slice(proven.length - (isCut ? 1 : 0));
    pages++;
    await between();
  }
  return { rows, pages };
}

/** Accounts and slots by name; what an answer leaves out is asked for again. */
function fetchNamed(server: Server, header: SealedHeader, wanted: readonly WantedState[]): ProvenAccount[] {
  const seen: ProvenAccount[] = [];
  for (let left = wanted; left.length > 0; ) {
    const proven = verifyStateAnswer(header, left, server.state(header.hash, left));
    seen.push(...proven);
    const last = left[proven.length - 1];
    const rest = last?.slots.slice(proven.at(-1)?.slots.length) ?? [];
    left = left.slice(proven.length);
    if (last !== undefined && rest.length > 0) left = [{ ...last, slots: rest }, ...left];
  }
  return seen;
}

const firstSlots = (one: WantedState): WantedState => ({ ...one, slots: one.slots.slice(0, 9) });

/** What a joiner has in the end, fetched page by page. */
async function fetchAll(server: Server, header: SealedHeader, between = nothing) {
  const { accounts, pages } = await fetchAccounts(server, header, between);
  const storages = await fetchStorages(server, header, accounts, between);
  return {
    content: {
      accounts: accounts.map(({ key, value }) => [bytesToHex(key), bytesToHex(value)]),
      storages: [...storages.rows],
    },
    pages: [pages, storages.pages] as const,
  };
}

/** The same, as the engine itself has it. */
function contentOf(engine: Engine, blockHash: Hex) {
  const view = engine.stateAt(blockHash, "caller");
  const accounts = [...view.accounts(LOWEST)].map(({ key, value }) => [bytesToHex(key), bytesToHex(value)]);
  const storages = accounts
    .filter(([key = ""]) => view.account(hexToBytes(key))?.storageRoot !== EMPTY_TRIE_ROOT)
    .map(([key = ""]) => [key, [...view.slots(hexToBytes(key), LOWEST)]] as const)
    .filter(([, rows]) => rows.length > 0)
    .map(([key, rows]) => [key, rows.map((row) => [bytesToHex(row.key), bytesToHex(row.value)])]);
  return { accounts, storages };
}

const word = (value: number): Uint8Array => bigIntToFixedBytes(BigInt(value), 32);
const write = (from: number, nonce: number, at: number, value: number) =>
  transactionOf(from, nonce, { to: WRITER, value: 0n, data: concatBytes(word(at), word(value)) });

describe("serving state", () => {
  test("gives random states whole, byte by byte, over as many pages as it takes", async () => {
    const sizes = fc.uniqueArray(fc.tuple(fc.nat(500), fc.oneof(fc.nat(3), fc.nat(40))), {
      maxLength: 25,
      selector: ([index]) => index,
    });
    await fc.assert(
      fc.asyncProperty(sizes, fc.constantFrom(0, 7, 45, SERVE_CPU_MS_MAX + 1), async (list, tickMs) => {
        const accounts = list.map(([index, count]) => [address(index), account(slots(count, index))] as const);
        const engine = openTestEngine({ genesis: genesisWith(accounts) });
        const { content, pages } = await fetchAll(serverOf(engine, tickMs), engine.head());
        assert.deepEqual(content, contentOf(engine, engine.head().hash));
        // At the slowest each page has one account.
        if (tickMs > SERVE_CPU_MS_MAX) assert.equal(pages[0], content.accounts.length);
        if (tickMs === 0) assert.equal(pages[0], 1);
      }),
      { numRuns: 25, endOnFailure: true },
    );
  });

  test("gives as little at a time as it is asked for, one item at least, and loses nothing by it", async () => {
    const list = Array.from({ length: 30 }, (_, i) => [address(i), account(slots(i, i))] as const);
    const engine = openTestEngine({ genesis: genesisWith(list) });
    const whole = contentOf(engine, engine.head().hash);
    const slotCount = whole.storages.reduce((sum, [, rows = []]) => sum + rows.length, 0);
    const head = engine.head();
    const one = await fetchAll(serverOf(engine, 0, 1), head);
    assert.deepEqual(one.content, whole);
    assert.equal(one.pages[0], whole.accounts.length);
    assert.ok(one.pages[1] >= slotCount - list.length, `${one.pages[1]} pages`);
    const some = await fetchAll(serverOf(engine, 0, 1_000), head);
    assert.deepEqual(some.content, whole);
    assert.ok(some.pages[0] > 3 && some.pages[0] < one.pages[0] / 3, `${some.pages[0]} pages`);
    assert.ok(some.pages[1] > 3 && some.pages[1] < one.pages[1] / 3, `${some.pages[1]} pages`);
    const most = await fetchAll(serverOf(engine, 0, FRAME_BYTES_BY_TYPE.Contracts * 100), head);
    assert.deepEqual(most.pages, (await fetchAll(serverOf(engine), head)).pages);
  });

  test("fills frames, and no more", async (t) => {
    const big = account(slots(16_000));
    const many = Array.from({ length: 5_000 }, (_, i) => [address(i), account(new Map())] as const);
    const engine = openTestEngine({ store: openDatabase(t), genesis: genesisWith([...many, [WRITER, big]]) });
    const server = serverOf(engine);
    const { content, pages } = await fetchAll(server, engine.head());
    assert.deepEqual(content, contentOf(engine, engine.head().hash));
    assert.deepEqual(pages, [2, 3]);
    const frame = encodeMessage(server.range(engine.head().hash, LOWEST));
    assert.ok(frame.length > FRAME_BYTES_BY_TYPE.Contracts * 0.8, `${frame.length} bytes`);
  });

  test("gives the state of one block while the chain grows from page to page", async () => {
    const accounts = Array.from({ length: 20 }, (_, i) => [address(i), account(slots(i, i))] as const);
    const engine = openTestEngine({ genesis: genesisWith([...accounts, [WRITER, account(slots(60))]]) });
    await sealAll(engine, [write(1, 0, 1, 99), write(1, 1, 2, 0)]);
    const pivot = engine.head();
    const before = contentOf(engine, pivot.hash);
    let nonce = 2;
    const grow: Between = async () => {
      // Slots change, come and go; senders' accounts change with them.
      const at = nonce % 80;
      await sealAll(engine, [
        write(1, nonce, at, nonce % 3 === 0 ? 0 : nonce),
        transactionOf(2 + (nonce % 6), (nonce - 2 - ((nonce - 2) % 6)) / 6),
      ]);
      nonce++;
    };
    const { content, pages } = await fetchAll(serverOf(engine, 23), pivot, grow);
    assert.ok(pages[0] > 3 && pages[1] > 3, `${pages}`);
    assert.deepEqual(content, before);
    assert.notDeepEqual(contentOf(engine, engine.head().hash), before);
  });

  test("proves accounts and slots by name, absent ones too, however many are asked for", async () => {
    const accounts = Array.from({ length: 300 }, (_, i) => [address(i), account(slots(i % 7, i))] as const);
    const engine = openTestEngine({ genesis: genesisWith([...accounts, [WRITER, account(slots(3_000))]]) });
    const names = Array.from({ length: SLOTS_MAX - 10 }, (_, i) => slot(i * 4));
    const wanted: readonly WantedState[] = [
      { address: address(100_000), slots: [slot(1)] },
      { address: address(6), slots: [slot(0), slot(5), slot(6)] },
      { address: WRITER, slots: names },
      ...Array.from({ length: CONTRACTS_MAX - 3 }, (_, i) => ({ address: address(i), slots: [] })),
    ];
    for (const tickMs of [0, 20, SERVE_CPU_MS_MAX + 1]) {
      const server = serverOf(engine, tickMs);
      const asked = tickMs > SERVE_CPU_MS_MAX ? wanted.slice(0, 3).map(firstSlots) : wanted;
      const seen = fetchNamed(server, engine.head(), asked);
      const view = engine.stateAt(engine.head().hash, "caller");
      for (const query of asked) {
        const parts = seen.filter(({ address: name }) => name === query.address);
        const key = hashed(query.address);
        assert.deepEqual(parts[0]?.account, view.account(key));
        const values = parts.flatMap((part) => part.slots);
        assert.ok(values.length >= query.slots.length);
        const expected = query.slots.map((name) => view.slot(key, hashed(name)));
        // Account 6 is asked for twice, once without slots.
        assert.deepEqual(values, expected.length === 0 && values.length > 0 ? values : expected);
      }
    }
  });

  test("cuts nothing but the tail of storages, wherever the frame ends", (t) => {
    const small = Array.from({ length: 24 }, (_, i) => [address(i), account(new Map([[slot(1), 1n]]))] as const);
    const wide = new Map(Array.from({ length: 8_000 }, (_, i) => [slot(i), (1n << 255n) + BigInt(i)] as const));
    const accounts = [...small, [WRITER, account(wide)] as const];
    const engine = openTestEngine({ store: openDatabase(t), genesis: genesisWith(accounts) });
    const { hash } = engine.head();
    const view = engine.stateAt(hash, "caller");
    const server = serverOf(engine);
    for (let before = 0; before < small.length; before++) {
      const order = [
        ...small.slice(0, before).map(([name]) => name),
        WRITER,
        ...small.slice(before).map(([name]) => name),
      ];
      const storages = order.map((name) => {
        const key = hashed(name);
        return { account: bytesToHex(key), root: view.account(key)?.storageRoot ?? EMPTY_TRIE_ROOT };
      });
      const pages = verifyStorageAnswer(
        storages,
        LOWEST,
        server.storage({ blockHash: hash, wanted: storages, start: LOWEST }),
      );
      assert.deepEqual([pages.length, pages.at(-1)?.more], [before + 1, true]);
    }
  });

  test("sends a node once that several storages have in common", () => {
    const twins = [address(1), address(2)].map((name) => [name, account(slots(50))] as const);
    const engine = openTestEngine({ genesis: genesisWith(twins) });
    const wanted = twins.map(([name]) => ({ address: name, slots: [slot(1), slot(2)] }));
    const answer = serverOf(engine).state(engine.head().hash, wanted);
    assert.equal(new Set(answer.proof.map(keccak256Hex)).size, answer.proof.length);
    assert.equal(verifyStateAnswer(engine.head(), wanted, answer).length, 2);
  });

  test("gives nodes by their paths in either trie, nothing where there is none", () => {
    const engine = openTestEngine({ genesis: genesisWith([[WRITER, account(slots(200))]]) });
    const head = engine.head();
    const view = engine.stateAt(head.hash, "caller");
    const key = hashed(WRITER);
    const server = serverOf(engine);
    const paths = ["", "0", "1", "a", "0".repeat(64), "12345"];
    const ofAccounts = server.nodes({ blockHash: head.hash, paths }).nodes;
    assert.deepEqual(
      ofAccounts.map((node) => (node.length === 0 ? undefined : node)),
      paths.map((path) => view.accountNodes(path)),
    );
    const ofStorage = server.nodes({ blockHash: head.hash, account: bytesToHex(key), paths }).nodes;
    assert.deepEqual(
      ofStorage.map((node) => (node.length === 0 ? undefined : node)),
      paths.map((path) => view.storageNodes(key)(path)),
    );
    const roots = [head.stateRoot];
    assert.equal(verifyNodesAnswer(roots, server.nodes({ blockHash: head.hash, paths: [""] })).length, 1);
    const slow = serverOf(engine, SERVE_CPU_MS_MAX + 1);
    assert.equal(slow.nodes({ blockHash: head.hash, paths }).nodes.length, 1);
    const other = server.nodes({ blockHash: head.hash, account: keccak256Hex(LOWEST), paths }).nodes;
    assert.deepEqual(
      other.map((node) => node.length),
      paths.map(() => 0),
    );
  });

  test("names the reason when it has no such state", async (t) => {
    const clock = createManualClock();
    const engine = openTestEngine({
      store: openDatabase(t),
      clock,
      genesis: genesisWith([[WRITER, account(slots(3))]]),
    });
    const first = engine.head();
    const server = serverOf(engine);
    const requests = (blockHash: Hex): readonly Request[] => [
      { type: "GetContracts", kind: "state", blockHash, wanted: [{ address: WRITER, slots: [] }] },
      { type: "GetContracts", kind: "range", blockHash, start: LOWEST },
      { type: "GetStorage", blockHash, wanted: [], start: LOWEST },
      { type: "GetNodes", blockHash, paths: [""] },
    ];
    const refusal = (code: string) => ({ type: "Error", code, retryAfterMs: 0 });
    for (const request of requests(slot(1))) assert.deepEqual(server.send(request), refusal("NOT_HELD"));
    for (let nonce = 0; nonce < 257; nonce++) await sealAll(engine, [transactionOf(1, nonce)]);
    clock.advance(16 * 60 * 1_000);
    for (const request of requests(first.hash)) assert.deepEqual(server.send(request), refusal("PRUNED"));
  });

  test("gives storage under the root that is asked for only", async () => {
    const engine = openTestEngine({ genesis: genesisWith([[WRITER, account(slots(3))]]) });
    const [key, other] = [bytesToHex(hashed(WRITER)), bytesToHex(hashed(accountOf(3)))];
    const { hash } = engine.head();
    const root = engine.stateAt(hash, "caller").account(hexToBytes(key))?.storageRoot ?? EMPTY_TRIE_ROOT;
    const good = { account: key, root };
    const server = serverOf(engine);
    const ask = (wanted: MessageOf<"GetStorage">["wanted"]): Message =>
      server.send({ type: "GetStorage", blockHash: hash, wanted, start: LOWEST });
    const unknown = { type: "Error", code: "UNKNOWN_ROOT", retryAfterMs: 0 };
    assert.deepEqual(ask([{ account: key, root: slot(5) }]), unknown);
    assert.deepEqual(ask([{ account: other, root }]), unknown);
    assert.deepEqual(ask([{ account: slot(9), root: EMPTY_TRIE_ROOT }]), unknown, "no such account");
    const cut = ask([good, { account: other, root: EMPTY_TRIE_ROOT }, { account: key, root: slot(5) }, good]);
    assert.ok(cut.type === "Storage");
    assert.deepEqual(
      cut.pages.map((page) => page.slots.length),
      [3, 0],
      "everything before the unknown one",
    );
    await sealAll(engine, [write(1, 0, 1, 77)]);
    const later = server.send({ type: "GetStorage", blockHash: engine.head().hash, wanted: [good], start: LOWEST });
    assert.deepEqual(later, unknown, "the root of an earlier block");
  });
});
