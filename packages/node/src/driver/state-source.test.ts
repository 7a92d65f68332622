import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { FRAME_BYTES_BY_TYPE, NODES_MAX, OWN_LIMITS } from "@counterpart/core/sync/limits";
import type { Message, Request } from "@counterpart/core/sync/message-types";
import { encodeMessage } from "@counterpart/core/sync/messages";
import { word } from "./fake-chain.test-support.ts";
import {
  BEHIND_MS_MAX,
  STATE_RATE_MS,
  STATE_REQUESTS_MAX,
  STATE_WAITING_MAX,
  UNHELD_MAX,
  UNHELD_MS,
} from "./limits.ts";
import type { Session } from "./session.ts";
import {
  type Answer,
  block,
  CONTRACTS,
  codeHashes,
  codeOf,
  contract,
  createStateWorld,
  hashed,
  LOWEST,
  refuse,
  rootNode,
  type StateWorld,
  serveState,
  slot,
  storageOf,
  view,
} from "./state-source.test-support.ts";
import { statusOf } from "./stranger.test-support.ts";

const EMPTY: Message = { type: "Blobs", blobs: [undefined] };
/** A block that nobody has. */
const unknown = (name: string) => ({ ...block, hash: word(name) });
const pruned = (error: unknown): boolean => isCodedError(error, "PRUNED");
const notReady = (error: unknown): boolean => isCodedError(error, "NOT_READY");

describe("state from peers", () => {
  let its: StateWorld;
  const names = (): readonly string[] => its.asked.map(({ name }) => name);
  const askedOf = (name: string): readonly Request[] =>
    its.asked.filter((asked) => asked.name === name).map(({ request }) => request);
  const accounts = () => its.source.accounts(block, LOWEST);

  /** An honest peer whose answers wait for `let go`. */
  const meetHeld = async (name: string) => {
    const held: (() => void)[] = [];
    const letGo = (): void => {
      for (const go of held.splice(0)) go();
    };
    const stranger = await its.meet(
      name,
      (request) => new Promise((resolve) => held.push(() => resolve(serveState(request)))),
    );
    return { stranger, held, letGo };
  };
  /** An honest peer that takes so long. */
  const meetSlow = (name: string, delayMs: number) =>
    its.meet(
      name,
      (request) => new Promise((resolve) => void its.world.clock.setTimer(delayMs, () => resolve(serveState(request)))),
    );

  beforeEach(async () => {
    its = await createStateWorld();
  });
  afterEach(() => its.end());

  it("of every kind is what the peer's engine has", async () => {
    await its.meet("peer");
    const range = await its.run(accounts());
    const expected = [...view().accounts(LOWEST)].map(({ key, value }) => [bytesToHex(key), bytesToHex(value)]);
    assert.deepEqual(
      range.accounts.map(({ key, value }) => [bytesToHex(key), bytesToHex(value)]),
      expected,
    );
    assert.equal(range.more, false);

    const wanted = [storageOf(3), storageOf(40)];
    const storages = await its.run(its.source.storages(block, wanted, LOWEST));
    assert.deepEqual(
      storages.map(({ account, slots, more }) => [account, slots.length, more]),
      [
        [wanted[0]?.account, 4, false],
        [wanted[1]?.account, 41, false],
      ],
    );
    const [root] = await its.run(its.source.nodes(block, undefined, [rootNode()]));
    assert.deepEqual(root?.bytes, view().accountNodes(""));
    const storage = storageOf(40);
    const [inner] = await its.run(its.source.nodes(block, storage.account, [{ path: "", hash: storage.root }]));
    assert.deepEqual(inner?.bytes, view().storageNodes(hexToBytes(storage.account))(""));

    const named = await its.run(its.source.state(block, [{ address: contract(5), slots: [slot(2), slot(99)] }]));
    assert.deepEqual(named[0]?.slots, [3n, 0n]);
    const codes = await its.run(its.source.codes(codeHashes(2)));
    assert.deepEqual([...codes.values()], [codeOf(0), codeOf(1)]);
    const origins = await its.run(its.source.origins([hashed(contract(7)), word("nothing")]));
    assert.deepEqual([...origins], [[hashed(contract(7)), { address: contract(7) }]]);

    const { "counterpart_state_answer_bytes_total useful": useful = 0, ...requests } = its.counts();
    assert.ok(useful > 0);
    const kinds = { accounts: 1, storages: 1, nodes: 2, state: 1, codes: 1, origins: 1 };
    const counted = Object.entries(kinds).map(([kind, n]) => [`counterpart_state_requests_total ${kind} useful`, n]);
    assert.deepEqual(requests, Object.fromEntries(counted));
  });

  it("is nothing, and nobody is asked, when nothing is wanted", async () => {
    assert.deepEqual(await its.source.storages(block, [], LOWEST), []);
    assert.deepEqual(await its.source.nodes(block, undefined, []), []);
    assert.deepEqual(await its.source.state(block, []), []);
    assert.equal((await its.source.codes([])).size, 0);
    assert.equal((await its.source.origins([])).size, 0);
    assert.deepEqual(its.asked, []);
  });

  it("is asked of several peers at once, of each no more than two requests at a time", async () => {
    const peers = [await meetHeld("a"), await meetHeld("b"), await meetHeld("c")];
    const all = Promise.all(Array.from({ length: 10 }, accounts));
    all.catch(() => {});
    await its.world.clock.until(() => names().length === 3 * STATE_REQUESTS_MAX);
    assert.deepEqual([...names()].sort(), ["a", "a", "b", "b", "c", "c"]);
    await its.world.clock.pass(1_000);
    assert.equal(names().length, 6, "the others wait");
    peers[1]?.letGo();
    await its.world.clock.until(() => names().length === 8);
    assert.deepEqual(names().slice(6), ["b", "b"]);
    let isDone = false;
    void all.finally(() => {
      isDone = true;
    });
    await its.world.clock.until(() => {
      for (const { letGo } of peers) letGo();
      return isDone;
    });
    assert.equal((await all).length, 10);
    assert.deepEqual(its.faults(), []);
  });

  it("is asked of whoever delivers fastest; a slow peer is tried again now and then", async () => {
    await meetSlow("slow", 900);
    await meetSlow("fast", 10);
    for (let i = 0; i < 20; i++) await its.run(accounts());
    assert.equal(askedOf("slow").length, 1);
    assert.equal(askedOf("fast").length, 19);
    await its.world.clock.pass(STATE_RATE_MS);
    for (let i = 0; i < 4; i++) await its.run(accounts());
    assert.equal(askedOf("slow").length, 2);
  });

  it("is asked of a slow peer too while the fast one has no free place", async () => {
    await meetSlow("slow", 900);
    await meetSlow("fast", 10);
    for (let i = 0; i < 3; i++) await its.run(accounts());
    await its.run(Promise.all([accounts(), accounts(), accounts()]));
    assert.equal(askedOf("slow").length, 2);
  });

  it("comes from another peer when one is silent, which is then asked for half as much", async () => {
    await its.meet("silent", () => new Promise(() => {}));
    await its.meet("other");
    const codes = await its.run(its.source.codes(codeHashes()));
    assert.equal(codes.size, CONTRACTS);
    assert.deepEqual([...new Set(names())], ["silent", "other"]);
    assert.deepEqual(its.faults(), [["silent", "TIMEOUT"]]);
    assert.equal(its.counts()["counterpart_state_requests_total codes timeout"], 1);

    await its.world.clock.run(its.node.driver.disconnect({ peerId: "other" }));
    const again = assert.rejects(its.source.codes(codeHashes()), notReady);
    await its.world.clock.until(() => its.counts()["counterpart_state_requests_total codes timeout"] === 3, 30_000);
    const sizes = askedOf("silent").map((request) => (request.type === "GetBlobs" ? request.wanted.length : 0));
    assert.deepEqual([...new Set(sizes)], [64, 32, 16]);
    await its.world.stop(its.node);
    await again;
  });

  it("is asked of a peer that was silent only while no other has a free place", async () => {
    await its.meet("silent", () => new Promise(() => {}));
    await its.meet("other");
    await its.run(accounts());
    const before = askedOf("silent").length;
    await its.world.clock.pass(60_000);
    for (let i = 0; i < 5; i++) await its.run(accounts());
    assert.equal(askedOf("silent").length, before);
    await its.run(Promise.all([accounts(), accounts(), accounts()]));
    assert.ok(askedOf("silent").length > before);
  });

  it("is asked for in full again after answers", async () => {
    const isSilent = (): boolean => (its.counts()["counterpart_state_requests_total codes timeout"] ?? 0) < 2;
    await its.meet("peer", (request) => (isSilent() ? new Promise(() => {}) : serveState(request)));
    const sizes = async (): Promise<number> => (await its.run(its.source.codes(codeHashes()), 60_000)).size;
    assert.deepEqual([await sizes(), await sizes(), await sizes()], [16, 32, 64]);
  });

  it("is asked for as much at once as comes in time, and not for more while that takes most of the time", async () => {
    const bytesPerMs = 12;
    await its.meet("slow", (request) => {
      const answer = serveState(request);
      const delayMs = encodeMessage(answer).length / bytesPerMs;
      return new Promise((resolve) => void its.world.clock.setTimer(delayMs, () => resolve(answer)));
    });
    const storages = Array.from({ length: CONTRACTS }, (_, index) => storageOf(index));
    for (let i = 0; i < 3; i++) await its.run(its.source.storages(block, storages, LOWEST), 60_000);
    const sizes = askedOf("slow").map((request) =>
      request.type === "GetStorage" ? [request.wanted.length, request.bytesMax] : [],
    );
    const half = [32, FRAME_BYTES_BY_TYPE.Storage / 2];
    // The first one is sent again where it seems to be lost.
    assert.deepEqual(sizes, [[64, undefined], [64, undefined], half, half, half]);
    assert.equal(its.counts()["counterpart_state_requests_total storages timeout"], 1);
  });

  it("is asked for in smaller parts of a peer whose link breaks before each answer, over new links too", async () => {
    let breaks = 3;
    await its.meet("peer", (request) => {
      if (breaks-- <= 0) return serveState(request);
      its.world.hub.cut("node", "peer");
      return new Promise(() => {});
    });
    const page = await its.run(accounts(), 60_000);
    assert.equal(page.more, false);
    const whole = FRAME_BYTES_BY_TYPE.Contracts;
    const bytesAsked = () => askedOf("peer").map((request) => ("bytesMax" in request ? request.bytesMax : undefined));
    assert.deepEqual(bytesAsked(), [undefined, whole / 2, whole / 4, whole / 8]);
    for (let i = 0; i < 3; i++) await its.run(accounts());
    assert.deepEqual(bytesAsked().slice(4), [whole / 4, whole / 2, undefined]);
  });

  it("is asked for no more at once than the peer says that it serves", async () => {
    const limits = { ...OWN_LIMITS, blobs: 5, nodes: 3, storages: 2, contracts: 4, slots: 6 };
    await its.meet("peer", serveState, { limits });
    assert.equal((await its.run(its.source.codes(codeHashes()))).size, 5);
    const nodes = Array.from({ length: 4 }, rootNode);
    assert.equal((await its.run(its.source.nodes(block, undefined, nodes))).length, 3);
    const storages = [1, 2, 3].map(storageOf);
    assert.equal((await its.run(its.source.storages(block, storages, LOWEST))).length, 2);
    const named = (counts: readonly number[]) =>
      counts.map((count, i) => ({ address: contract(i), slots: Array.from({ length: count }, (_, at) => slot(at)) }));
    const slotsGiven = async (...counts: readonly number[]): Promise<readonly number[]> =>
      (await its.run(its.source.state(block, named(counts)))).map(({ slots }) => slots.length);
    assert.deepEqual(await slotsGiven(9, 1), [6]);
    assert.deepEqual(await slotsGiven(2, 2, 9, 1), [2, 2, 2]);
    assert.deepEqual(await slotsGiven(3, 3, 1, 0), [3, 3]);
    assert.deepEqual(await slotsGiven(0, 0, 1, 0, 1), [0, 0, 1, 0]);
    const accountsAsked = Array.from({ length: 10 }, (_, i) => hashed(contract(i)));
    assert.equal((await its.run(its.source.origins(accountsAsked))).size, 10);
    assert.deepEqual(
      its.asked.flatMap(({ request }) => ("accounts" in request ? [request.accounts.length] : [])),
      [4, 4, 2],
    );
  });

  it("comes from another peer when one leaves in the middle", async () => {
    const leaving = await meetHeld("leaving");
    await its.meet("other");
    const asked = accounts();
    await its.world.clock.until(() => leaving.held.length === 1);
    its.world.hub.cut("node", "leaving");
    leaving.letGo();
    assert.equal((await its.run(asked)).more, false);
    assert.deepEqual(names(), ["leaving", "other"]);
    assert.equal(its.counts()["counterpart_state_requests_total accounts lost"], 1);
  });

  it("waits for a peer that holds all state, and a replica is none", async () => {
    const waiting = accounts();
    await its.world.clock.pass(60_000);
    await its.meet("replica", serveState, { role: "replica" });
    await its.world.clock.pass(1_000);
    assert.deepEqual(its.asked, []);
    await its.meet("peer");
    assert.equal((await its.run(waiting)).more, false);
    assert.deepEqual(names(), ["peer"]);
  });

  it("is not given any more when the node stops, and nobody waits for it in vain", async () => {
    const waiting = [accounts(), its.source.codes(codeHashes()), its.source.origins([hashed(contract(0))])];
    const ended = Promise.all(waiting.map((promise) => assert.rejects(promise, notReady)));
    await its.world.stop(its.node);
    await ended;
    await assert.rejects(accounts(), notReady);
  });

  it("is not given any more when the node stops while a peer is asked", async () => {
    const { held } = await meetHeld("peer");
    const waiting = assert.rejects(accounts(), notReady);
    await its.world.clock.until(() => held.length === 1);
    await its.world.stop(its.node);
    await its.run(waiting, 10);
  });

  it("is refused to more callers than may wait", async () => {
    const waiting = Array.from({ length: STATE_WAITING_MAX }, accounts);
    const ended = Promise.all(waiting.map((promise) => assert.rejects(promise, notReady)));
    await assert.rejects(accounts(), (error) => isCodedError(error, "RATE_LIMITED"));
    await its.world.stop(its.node);
    await ended;
  });

  describe("that a peer does not hold", () => {
    for (const code of ["PRUNED", "NOT_HELD"] as const) {
      it(`is not asked of it again after ${code}, which is no fault`, async () => {
        await its.meet("without", refuse(code));
        await its.meet("other");
        for (let i = 0; i < 5; i++) await its.run(accounts());
        assert.deepEqual(names(), ["without", ...Array.from({ length: 5 }, () => "other")]);
        assert.deepEqual(its.faults(), []);
        assert.equal(its.counts()["counterpart_state_requests_total accounts unheld"], 1);
      });

      it(`ends in PRUNED when all have answered ${code}`, async () => {
        await its.meet("a", refuse(code));
        await its.meet("b", refuse(code));
        await assert.rejects(its.run(accounts()), pruned);
        await assert.rejects(its.run(accounts()), pruned);
        assert.deepEqual(names(), ["a", "b"]);
        await its.meet("c");
        assert.equal((await its.run(accounts())).more, false);
        assert.deepEqual(names(), ["a", "b", "c"]);
      });
    }

    it("is asked for again of a peer on whose chain the block was not, after a while", async () => {
      let code: "NOT_HELD" | undefined = "NOT_HELD";
      await its.meet("peer", (request) => (code === undefined ? serveState(request) : refuse(code)(request)));
      await assert.rejects(its.run(accounts()), pruned);
      code = undefined;
      await its.world.clock.pass(UNHELD_MS - 100);
      await assert.rejects(its.run(accounts()), pruned);
      await its.world.clock.pass(100);
      assert.equal((await its.run(accounts())).more, false);
    });

    it("under a root that it does not know says nothing of the block's other state", async () => {
      await its.meet("peer");
      const stale = [{ ...storageOf(3), root: word("stale") }];
      await assert.rejects(its.run(its.source.storages(block, stale, LOWEST)), pruned);
      assert.equal((await its.run(accounts())).more, false);
      assert.deepEqual(its.faults(), []);
    });

    it("under a proven root, though it holds the block's state, is not asked for there first again and again", async () => {
      const denying: Answer = (request) =>
        (request.type === "GetStorage" ? refuse("UNKNOWN_ROOT") : serveState)(request);
      await its.meet("denying", denying);
      await its.meet("other");
      for (let i = 0; i < 5; i++) await its.run(its.source.storages(block, [storageOf(i)], LOWEST));
      assert.deepEqual(names(), ["denying", ...Array.from({ length: 5 }, () => "other")]);
      assert.deepEqual(its.faults(), []);
    });

    it("takes no place for ever, and no memory", async () => {
      await its.meet("peer");
      for (let i = 0; i <= UNHELD_MAX; i++) {
        await assert.rejects(its.run(its.source.accounts(unknown(`${i}`), LOWEST)), pruned);
      }
      assert.equal(its.asked.length, UNHELD_MAX + 1);
      await assert.rejects(its.run(its.source.accounts(unknown("1"), LOWEST)), pruned);
      assert.equal(its.asked.length, UNHELD_MAX + 1, "still known");
      await assert.rejects(its.run(its.source.accounts(unknown("0"), LOWEST)), pruned);
      assert.equal(its.asked.length, UNHELD_MAX + 2, "forgotten");
      assert.equal((await its.run(accounts())).more, false);
    });

    it("because its chain is shorter is waited for, but not for ever", async () => {
      const later = { ...block, number: 1 };
      const ahead = () => ({ ...statusOf(its.world, its.node), head: { hash: word("later"), number: 1 } });
      const answer: Answer = (request) => {
        if (request.type === "GetHeaders") return { type: "Error", code: "NOT_HELD", retryAfterMs: 0 };
        const served = serveState(request);
        return served.type === "Contracts" && served.kind === "range"
          ? { ...served, block: { ...served.block, number: 1 } }
          : served;
      };
      const peer = await its.meet("peer", answer);
      const asked = () => askedOf("peer").filter(({ type }) => type === "GetContracts");
      const startMs = its.world.clock.now();
      await assert.rejects(its.run(its.source.accounts(later, LOWEST)), pruned);
      assert.equal(its.world.clock.now() - startMs, BEHIND_MS_MAX);
      assert.deepEqual(asked(), []);
      const waiting = its.source.accounts(later, LOWEST);
      await its.world.clock.pass(1_000);
      peer.say({ type: "Status", ...ahead() });
      assert.equal((await its.run(waiting, 100)).more, false);
      assert.equal(asked().length, 1);
    });
  });

  describe("that nobody gives", () => {
    it("is asked of everybody several times, ever more rarely, and then refused", async () => {
      await its.meet("a", () => EMPTY);
      await its.meet("b", () => EMPTY);
      await assert.rejects(its.run(its.source.codes(codeHashes(1)), 60_000), { code: "PRUNED" });
      assert.equal(its.asked.length, 8);
      assert.equal(its.counts()["counterpart_state_requests_total codes empty"], 8);
    });

    it("is had where somebody gives it after all", async () => {
      let gives = false;
      const answer: Answer = (request) => (gives ? serveState(request) : EMPTY);
      await its.meet("a", answer);
      const waiting = its.source.codes(codeHashes(1));
      await its.world.clock.until(() => its.asked.length === 3);
      gives = true;
      assert.equal((await its.run(waiting, 30_000)).size, 1);
    });

    it("does not keep others from being given", async () => {
      await its.meet("peer", (request) => (request.type === "GetBlobs" ? EMPTY : serveState(request)));
      const waiting = assert.rejects(its.source.codes(codeHashes(1)), { code: "PRUNED" });
      for (let i = 0; i < 10; i++) await its.run(accounts(), 30_000);
      await waiting;
    });

    it("because every peer is busy is asked for after a while", async () => {
      let isBusy = true;
      await its.meet("peer", (request) => (isBusy ? refuse("BUSY")(request) : serveState(request)));
      const waiting = accounts();
      await its.world.clock.until(() => (its.counts()["counterpart_state_requests_total accounts busy"] ?? 0) === 2);
      isBusy = false;
      assert.equal((await its.run(waiting)).more, false);
      assert.deepEqual(its.faults(), []);
    });
  });

  describe("codes", () => {
    it("that are being asked for already are not asked for again", async () => {
      const { held, letGo } = await meetHeld("peer");
      const [first, second, both] = [codeHashes(4).slice(0, 2), codeHashes(4).slice(2), codeHashes(4)];
      const asked = [first, first, first.slice(1), both, second].map((hashes) => its.source.codes(hashes));
      await its.world.clock.until(() => held.length === 2);
      letGo();
      const given = await its.run(Promise.all(asked));
      assert.deepEqual(
        given.map((codes) => [...codes.keys()]),
        [first, first, first.slice(1), second, second],
      );
      const wanted = its.asked.map(({ request }) => request.type === "GetBlobs" && request.wanted.length);
      assert.deepEqual(wanted, [2, 2]);
    });

    it("that another request was to bring and did not are asked for then", async () => {
      await its.meet("short", (request) => {
        const served = serveState(request);
        return served.type === "Blobs" ? { ...served, blobs: served.blobs.slice(0, 1) } : served;
      });
      const [one, two] = codeHashes(2) as [Hex, Hex];
      const given = await its.run(Promise.all([its.source.codes([one, two]), its.source.codes([two])]));
      assert.deepEqual(
        given.map((codes) => [...codes.keys()]),
        [[one], [two]],
      );
      assert.equal(its.asked.length, 2);
    });

    it("that cannot be had now are asked for again by whoever wants them next", async () => {
      const waiting = [its.source.codes(codeHashes(1)), its.source.codes(codeHashes(1))];
      await its.meet("peer");
      for (const codes of await its.run(Promise.all(waiting))) assert.equal(codes.size, 1);
      assert.equal((await its.run(its.source.codes(codeHashes(1)))).size, 1);
      assert.equal(its.asked.length, 2);
    });
  });

  it("as a block is asked of those that have it, and who has not is at no fault for state", async () => {
    await its.meet("joined", (request) =>
      request.type === "GetBlocks" ? { type: "Blocks", blocks: [new Uint8Array(0)] } : serveState(request),
    );
    const absent = its.source.block(block);
    await assert.rejects(its.run(absent), pruned);
    assert.equal((await its.run(accounts())).accounts.length > 0, true);
    await its.meet("peer");
    const { header, transactions } = await its.run(its.source.block(block));
    assert.deepEqual([header.hash, transactions], [block.hash, []]);
    assert.deepEqual(its.faults(), []);
  });

  describe("origins", () => {
    const accountsOf = (...indexes: number[]): Hex[] => indexes.map((index) => hashed(contract(index)));
    /** Knows only contracts with numbers that pass. */
    const knowing =
      (knows: (index: number) => boolean): Answer =>
      (request) => {
        const served = serveState(request);
        if (served.type !== "Contracts" || served.kind !== "index") return served;
        const known = new Set(
          Array.from({ length: CONTRACTS }, (_, i) => i)
            .filter(knows)
            .map(contract),
        );
        return {
          ...served,
          entries: served.entries.map((entry) => (entry && known.has(entry.address) ? entry : undefined)),
        };
      };

    it("are put together from what several peers know, and missing where nobody does", async () => {
      await its.meet(
        "even",
        knowing((index) => index % 2 === 0 && index < 20),
      );
      await its.meet(
        "odd",
        knowing((index) => index % 2 === 1 && index < 20),
      );
      const origins = await its.run(its.source.origins(accountsOf(1, 2, 3, 30)));
      assert.deepEqual([...origins.values()].map(({ address }) => address).sort(), [1, 2, 3].map(contract));
      assert.deepEqual(names(), ["even", "odd"]);
      const left = askedOf("odd").map((request) => "accounts" in request && request.accounts.length);
      assert.deepEqual(left, [4], "what nothing proves is asked of another peer as well");
      assert.deepEqual(its.faults(), []);
    });

    it("are read to the end from answers that are cut", async () => {
      await its.meet("short", (request) => {
        const served = serveState(request);
        return served.type === "Contracts" && served.kind === "index"
          ? { ...served, entries: served.entries.slice(0, 3) }
          : served;
      });
      const origins = await its.run(its.source.origins(accountsOf(...Array.from({ length: 10 }, (_, i) => i))));
      assert.equal(origins.size, 10);
      assert.equal(its.asked.length, 4);
    });

    it("are not waited for from a silent peer when another has answered", async () => {
      await its.meet("silent", () => new Promise(() => {}));
      await its.meet(
        "other",
        knowing(() => false),
      );
      const startMs = its.world.clock.now();
      assert.equal((await its.run(its.source.origins(accountsOf(1)))).size, 0);
      assert.deepEqual([...new Set(names())], ["silent", "other"]);
      assert.ok(its.world.clock.now() - startMs < 6_000);
    });

    it("are not waited for for ever from the only peer, which is always too busy to tell", async () => {
      await its.meet("busy", (request) =>
        request.type === "GetContracts" && request.kind === "index"
          ? { type: "Error", code: "BUSY", retryAfterMs: 1 }
          : serveState(request),
      );
      const answered = new Set<Session>();
      assert.equal((await its.run(its.source.origins(accountsOf(1), answered))).size, 0);
      assert.equal(answered.size, 0);
      assert.equal((await its.run(accounts())).accounts.length > 0, true);
    });
  });

  it("by nodes is asked for in as many requests as it takes", async () => {
    await its.meet("peer");
    const wanted = Array.from({ length: NODES_MAX + 1 }, rootNode);
    assert.equal((await its.run(its.source.nodes(block, undefined, wanted))).length, NODES_MAX);
  });
});
