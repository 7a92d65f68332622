import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { encodeRlp, rlpNumber } from "@counterpart/core/codec/rlp";
import type { LinkHandlers } from "@counterpart/core/ports/network";
import { encodeMessage } from "@counterpart/core/sync/messages";
import { word } from "./fake-chain.test-support.ts";
import { HANDSHAKE_TIMEOUT_MS, PEERS_MAX, STRANGERS_MAX, TARGETS_MAX } from "./limits.ts";
import { silence, startStranger, versionFor } from "./stranger.test-support.ts";
import { createWorld, sameAll, type TestNode, type World } from "./test-node.test-support.ts";

describe("connections", () => {
  let world: World;
  let a: TestNode;
  let b: TestNode;
  beforeEach(async () => {
    world = createWorld();
    [a, b] = [await world.start("a"), await world.start("b")];
  });
  afterEach(() => world.end());

  const connect = (from: TestNode, to: { readonly address: string }, waitMs = 10_000) =>
    world.clock.run(from.driver.connect(to.address, waitMs));
  const fails = async (from: TestNode, address: string, code: string): Promise<void> => {
    await assert.rejects(connect(from, { address }), (error) => isCodedError(error) && error.code === code);
  };
  const linked = (): boolean => world.hub.isLinked("a", "b");

  describe("are refused, with a reason on both sides,", () => {
    const cases: readonly (readonly [string, Parameters<World["start"]>[1], string])[] = [
      ["to another genesis", { chain: "other" }, "WRONG_CHAIN"],
      ["to other rules", { self: { forkRulesId: word("other rules") } }, "WRONG_CHAIN"],
      ["when the clocks are too far apart", { clockAheadMs: 61_000 }, "CLOCK_SKEW"],
      ["when the clocks are too far apart the other way", { clockAheadMs: -61_000 }, "CLOCK_SKEW"],
      ["to itself under another address", { self: { instanceId: "instance-a" } }, "SELF_CONNECTION"],
    ];
    for (const [what, options, code] of cases) {
      it(`${what}: ${code}`, async () => {
        const c = await world.start("c", options);
        c.engine.make();
        await fails(a, c.address, code);
        await fails(c, a.address, code);
        await world.clock.pass(10);
        assert.deepEqual(a.driver.peers(), []);
        assert.equal(a.engine.head().number, 0, "nothing was taken over");
        assert.deepEqual(a.book.addresses, []);
      });
    }

    it("to a copy of a node's data directory, which the log tells apart from itself, and no other peer", async () => {
      const told = () => a.log.filter(({ fields }) => fields.code === "SHARED_KEYS");
      const elsewhere = await world.start("elsewhere", { chain: "other", self: { signer: a.signer } });
      await fails(a, elsewhere.address, "WRONG_CHAIN");
      assert.deepEqual(told(), []);
      const copy = await world.start("copy", { self: { instanceId: "instance-a", signer: a.signer } });
      await fails(a, copy.address, "SELF_CONNECTION");
      await fails(a, copy.address, "SELF_CONNECTION");
      assert.deepEqual(
        told().map(({ level, fields }) => [level, fields.signer]),
        [["warn", a.signer]],
      );
      const other = await world.start("other", { self: { signer: a.signer } });
      assert.equal((await connect(other, a)).peerId, "a");
      assert.equal(told().length, 2, "its account alone was copied");
    });

    it("when no protocol version is shared", async () => {
      const stranger = await startStranger(world, "stranger");
      const call = a.driver.connect("stranger:5000", 10_000);
      call.catch(() => {});
      await world.clock.until(() => stranger.link !== undefined);
      stranger.link?.send(encodeRlp([rlpNumber(1), [rlpNumber(99)], [], []]));
      await assert.rejects(world.clock.run(call), (error) => isCodedError(error, "INCOMPATIBLE_VERSION"));
      await world.clock.pass(10);
      assert.deepEqual(stranger.received.at(-1), { type: "Goodbye", code: "INCOMPATIBLE_VERSION", retryAfterMs: 0 });
    });

    it("when nothing is said in time", async () => {
      await startStranger(world, "stranger");
      const before = world.clock.now();
      await fails(a, "stranger:5000", "CONNECTION_TIMEOUT");
      assert.ok(world.clock.now() - before < 6_000);
    });

    it("when anything comes before Version", async () => {
      const stranger = await startStranger(world, "stranger", () => ({ type: "NewTransaction", transactions: [] }));
      await fails(a, "stranger:5000", "BAD_MESSAGE");
      await world.clock.pass(10);
      assert.ok(stranger.closed);
    });

    it("when there are as many peers as there may be", async () => {
      for (let i = 0; i < PEERS_MAX; i++) {
        const name = `stranger-${i}`;
        await startStranger(world, name, () => versionFor(world, a, { instanceId: name }));
        await connect(a, { address: `${name}:5000` }, 0);
      }
      await fails(a, b.address, "TOO_MANY_PEERS");
      await fails(b, a.address, "TOO_MANY_PEERS");
      assert.deepEqual(b.book.addresses, []);
      assert.equal(a.driver.peers().filter(({ state }) => state !== "disconnected").length, PEERS_MAX);
    });
  });

  it("made here are refused as well while as many as may be have not shaken hands", async () => {
    const signal = new AbortController().signal;
    for (let i = 0; i < STRANGERS_MAX; i++) {
      const { network } = await startStranger(world, `silent-${i}`);
      await world.clock.run(network.dial(a.address, signal));
    }
    await fails(a, b.address, "TOO_MANY_PEERS");
    await world.clock.pass(10);
    assert.equal(linked(), false);
    // Those who stay silent are sent away.
    await world.clock.pass(HANDSHAKE_TIMEOUT_MS);
    await connect(a, b);
    assert.ok(linked());
  });

  it("that fail at first are not remembered", async () => {
    await fails(a, "nobody:5000", "CONNECTION_REFUSED");
    assert.deepEqual(a.book.addresses, []);
    assert.deepEqual(a.driver.peers(), []);
    await world.clock.pass(120_000);
    assert.equal(world.hub.traffic.length, 0);
  });

  it("that break are made again without being asked, and what was missed is fetched", async () => {
    await connect(b, a);
    world.hub.cut("a", "b");
    assert.equal(linked(), false);
    a.engine.make();
    b.engine.make();
    b.engine.make();
    await world.clock.until(() => sameAll(a, b), 5_000);
    assert.ok(linked());
  });

  it("are tried for ever, at growing intervals, while the other side is away", async () => {
    await connect(b, a);
    await world.stop(a);
    await world.clock.pass(3_600_000);
    const [gone] = b.driver.peers();
    assert.deepEqual([gone?.state, gone?.address, gone?.lastError], ["disconnected", "a:5000", "CONNECTION_REFUSED"]);
    const tries = b.log.filter(({ message }) => message === "a redial failed").length;
    assert.ok(tries > 3_600 / 30 - 2 && tries < 3_600 / 15 + 20, `${tries} tries in an hour`);
    a = await world.start("a", { restarted: a });
    await world.clock.until(linked, 31_000);
  });

  it("survive a restart of the side that made them", async () => {
    await connect(b, a);
    assert.deepEqual(b.book.addresses, ["a:5000"]);
    await world.stop(b);
    a.engine.make();
    b = await world.start("b", { restarted: b });
    await world.clock.until(() => sameAll(a, b), 5_000);
  });

  it("are remembered by one address for each peer, the one given last", async () => {
    await connect(b, a);
    await connect(b, { address: "other-name-of-a:5000" });
    assert.deepEqual(b.book.addresses, ["other-name-of-a:5000"]);
    assert.equal(b.driver.peers().length, 1);
  });

  it("to bootstrap addresses come about when the other side comes up, and are not saved", async () => {
    const c = await world.start("c", { bootstrap: ["late:5000"] });
    await world.clock.pass(10_000);
    const late = await world.start("late");
    late.engine.make();
    await world.clock.until(() => sameAll(c, late), 31_000);
    assert.deepEqual(c.book.addresses, []);
    await connect(c, late);
    assert.deepEqual(c.book.addresses, ["late:5000"], "unless an operator connects to them");
  });

  it("take the place of an address that is not saved when there is no room, and of a saved one never", async () => {
    const bootstrap = Array.from({ length: TARGETS_MAX - 1 }, (_, i) => `bootstrap-${i}:1`);
    b.book.addresses = ["saved:1"];
    await world.stop(b);
    b = await world.start("b", { restarted: b, bootstrap });
    const targets = (): string[] => b.driver.peers().map(({ address }) => address);
    assert.deepEqual(targets(), ["saved:1", ...bootstrap]);
    await connect(b, a);
    assert.deepEqual(targets().toSorted(), ["saved:1", ...bootstrap.slice(1), a.address].toSorted());
    assert.deepEqual(b.book.addresses, ["saved:1", a.address]);
  });

  it("are refused with a reason when as many addresses as may be are saved", async () => {
    const addresses = Array.from({ length: TARGETS_MAX }, (_, i) => `saved-${i}:1`);
    b.book.addresses = addresses;
    await world.stop(b);
    b = await world.start("b", { restarted: b, bootstrap: ["bootstrap:1"] });
    assert.ok(b.log.some(({ level, fields }) => level === "warn" && fields.address === "bootstrap:1"));
    await fails(b, a.address, "TOO_MANY_PEERS");
    assert.equal(linked(), false);
    assert.deepEqual(b.book.addresses, addresses);
    await world.clock.run(b.driver.disconnect({ address: "saved-7:1" }));
    assert.equal((await connect(b, a)).status, "synced");
    assert.deepEqual(b.book.addresses, [...addresses.filter((address) => address !== "saved-7:1"), a.address]);
  });

  it("that an operator ends are not made again by either side", async () => {
    for (const [dialler, other] of [
      [b, a],
      [a, b],
    ] as const) {
      for (const ender of [a, b]) {
        await connect(dialler, other);
        assert.equal(await world.clock.run(ender.driver.disconnect()), 1);
        await world.clock.pass(120_000);
        assert.equal(linked(), false);
        assert.deepEqual([a.book.addresses, b.book.addresses], [[], []]);
        assert.deepEqual([a.driver.peers(), b.driver.peers()], [[], []]);
      }
    }
  });

  it("that an operator ended are refused even when the goodbye was lost, until either side connects", async () => {
    await connect(b, a);
    world.hub.faults.loses = () => true;
    await world.clock.run(a.driver.disconnect({ peerId: "b" }));
    world.hub.faults.loses = () => false;
    await world.clock.pass(60_000);
    assert.equal(linked(), false);
    assert.deepEqual(b.book.addresses, [], "the refusal made the other side forget, too");
    assert.equal((await connect(b, a)).status, "synced");
    world.hub.cut("a", "b");
    await world.clock.until(linked, 5_000);
  });

  it("are asked for again when an operator joins a redial that is refused", async () => {
    await connect(b, a);
    world.hub.faults.loses = () => true;
    await world.clock.run(a.driver.disconnect({ peerId: "b" }));
    world.hub.faults.loses = () => false;
    await world.clock.until(() => b.driver.peers()[0]?.state === "connecting");
    assert.equal((await connect(b, a)).status, "synced");
    const versions = world.sent(b, a, "Version").map(({ explicit }) => explicit);
    assert.deepEqual(versions, [true, false, true]);
  });

  it("end by address or peer id, and only those", async () => {
    const c = await world.start("c");
    await connect(b, a);
    await connect(b, c);
    assert.equal(await world.clock.run(b.driver.disconnect({ address: "nobody:1" })), 0);
    assert.equal(await world.clock.run(b.driver.disconnect({ address: a.address })), 1);
    assert.deepEqual(b.book.addresses, ["c:5000"]);
    assert.equal(await world.clock.run(b.driver.disconnect({ peerId: "c" })), 1);
    assert.deepEqual(b.driver.peers(), []);
  });

  it("that are being waited for end the waiting with a reason when they are ended", async () => {
    b.engine.reinjecting = 1;
    const call = b.driver.connect(a.address, 30_000);
    call.catch(() => {});
    await world.clock.until(() => b.driver.peers()[0]?.state === "syncing");
    await world.clock.run(a.driver.disconnect());
    await assert.rejects(world.clock.run(call), (error) => isCodedError(error, "PEER_DISCONNECTED"));
  });

  it("that break while they are waited for are waited for again", async () => {
    for (let i = 0; i < 100; i++) a.engine.make();
    b.engine.beforeImport = () => new Promise((resolve) => void world.clock.setTimer(100, resolve));
    const call = b.driver.connect(a.address, 30_000);
    await world.clock.until(() => b.driver.peers()[0]?.state === "syncing");
    world.hub.cut("a", "b");
    assert.equal((await world.clock.run(call)).status, "synced");
    assert.ok(sameAll(a, b));
  });

  it("over which nothing is heard any more are given up and made anew", async () => {
    await connect(b, a);
    world.hub.faults.loses = (from) => from === "a";
    await world.clock.until(() => !linked(), 40_000);
    world.hub.faults.loses = () => false;
    await world.clock.until(() => b.driver.peers()[0]?.state === "synced", 60_000);
  });

  for (const code of ["STOPPING", "DISCONNECTED"] as const) {
    const outcome = code === "STOPPING" ? "are made again" : "are not made again";
    it(`${outcome} where ${code} arrives in one piece with the other side's handshake`, async () => {
      let near: LinkHandlers | undefined;
      const { create } = world.hub;
      world.hub.create = (name, address) => {
        const network = create(name, address);
        if (name !== "node") return network;
        return { ...network, start: (accept) => network.start((link) => (near = accept(link))) };
      };
      const node = await world.start("node", { bootstrap: ["stranger:5000"] });
      let dials = 0;
      await world.hub.create("stranger", "stranger:5000").start(() => {
        dials++;
        const greeting = versionFor(world, node);
        world.clock.setTimer(2, () => {
          near?.onFrame(encodeMessage(greeting));
          near?.onFrame(encodeMessage({ type: "Status", ...greeting.status }));
          near?.onFrame(encodeMessage({ type: "Goodbye", code, retryAfterMs: 0 }));
        });
        return { onFrame: () => {}, onRequest: silence, onClose: () => {} };
      });
      await world.clock.pass(10 * 60_000);
      if (code === "STOPPING") assert.ok(dials > 5, `${dials} dials`);
      else assert.equal(dials, 1);
    });
  }

  it("do not pile up when both sides dial", async () => {
    await world.clock.run(Promise.all([a.driver.connect(b.address, 10_000), b.driver.connect(a.address, 10_000)]));
    assert.equal(a.driver.peers().length, 1);
    assert.equal(b.driver.peers().length, 1);
    assert.deepEqual([a.book.addresses, b.book.addresses], [["b:5000"], ["a:5000"]]);
  });

  it("are told goodbye when a node stops, after which it does nothing more", async () => {
    await connect(b, a);
    await world.stop(b);
    assert.deepEqual(world.sent(b, a, "Goodbye"), [{ type: "Goodbye", code: "STOPPING", retryAfterMs: 0 }]);
    assert.equal(b.engine.listening, 0);
    const sent = world.hub.traffic.filter(({ from }) => from === "b").length;
    b.engine.make();
    await world.clock.pass(60_000);
    assert.equal(world.hub.traffic.filter(({ from }) => from === "b").length, sent);
    await assert.rejects(b.driver.connect(a.address, 0), (error) => isCodedError(error, "NOT_READY"));
  });

  it("make requests wait that overtake the handshake", async () => {
    const stranger = await startStranger(world, "stranger");
    const call = a.driver.connect("stranger:5000", 0);
    await world.clock.until(() => stranger.link !== undefined);
    const frame = encodeMessage({ type: "GetHeaders", from: { number: 0 }, count: 1, direction: "up" });
    let isAnswered = false;
    const asked = stranger.link?.request(frame, 4_000).finally(() => {
      isAnswered = true;
    });
    await world.clock.pass(10);
    assert.equal(isAnswered, false);
    const version = versionFor(world, a);
    stranger.say(version);
    stranger.say({ type: "Status", ...version.status });
    await world.clock.run(call);
    const answer = await world.clock.run(asked ?? Promise.reject(new Error("no link")));
    assert.ok(answer.length > 100);
  });
});
