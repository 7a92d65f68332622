/** What every implementation of the Network port does. Run on each of them by network-port.test.ts. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { isCodedError } from "@counterpart/core/base/errors";
import type { Network } from "@counterpart/core/ports/network";
import { Cleanup } from "../../packages/node/src/net/testing/real-network.ts";
import { type RecordedLink, Recorder, type RecorderOptions } from "../../packages/node/src/net/testing/recorder.ts";

export interface NetworkHarness {
  readonly name: string;
  /** A network that is not started, with room for `peersMax` links and a frame cap of 1 MiB. */
  create(peersMax: number): Promise<Network>;
  /** An address where nothing listens. */
  readonly closedAddress: string;
}

interface Node {
  readonly network: Network;
  readonly recorder: Recorder;
  readonly address: string;
}

const MIB = 1024 * 1024;
const never = () => new AbortController().signal;
const hasCode = (code: ErrorCode) => (error: unknown) => isCodedError(error, code);

function filled(size: number, value: number): Uint8Array {
  return new Uint8Array(size).fill(value);
}

export function testNetworkPort(harness: NetworkHarness): void {
  const cleanup = new Cleanup();
  after(() => cleanup.run());

  const start = async (options: RecorderOptions = {}, peersMax = 50): Promise<Node> => {
    const network = await harness.create(peersMax);
    const recorder = new Recorder(options);
    await network.start(recorder.accept);
    cleanup.add(() => network.stop());
    return { network, recorder, address: network.addresses()[0] ?? "" };
  };

  const linked = async (options: RecorderOptions = {}): Promise<[Node, RecordedLink, Node, RecordedLink]> => {
    const [dialler, listener] = [await start(options), await start(options)];
    await dialler.network.dial(listener.address, never());
    return [dialler, await dialler.recorder.link(), listener, await listener.recorder.link()];
  };

  const it = (name: string, run: () => Promise<void>) => test(`${harness.name}: ${name}`, run);

  it("has addresses that name its peer once it is started, and dials only then", async () => {
    const network = await harness.create(50);
    const other = await start();
    assert.deepEqual(network.addresses(), []);
    await assert.rejects(network.dial(other.address, never()), hasCode("NOT_READY"));
    await network.start(new Recorder().accept);
    assert.ok(network.addresses().every((address) => address.endsWith(`/p2p/${network.peerId}`)));
    await network.dial(other.address, never());
    await network.stop();
    await assert.rejects(network.dial(other.address, never()), hasCode("NOT_READY"));
  });

  it("opens one link with both ends named, before the dial resolves", async () => {
    const [dialler, listener] = [await start(), await start()];
    const link = await dialler.network.dial(listener.address, never());
    assert.equal(dialler.recorder.links[0]?.link, link);
    const there = (await listener.recorder.link()).link;
    assert.deepEqual([link.peerId, link.direction], [listener.network.peerId, "outbound"]);
    assert.deepEqual([there.peerId, there.direction], [dialler.network.peerId, "inbound"]);
    assert.ok(link.address !== "" && there.address !== "");
  });

  it("carries frames of every size in order, both ways", async () => {
    const [dialler, near, listener, far] = await linked();
    const frames = [0, 1, 64 * 1024, MIB, 3].map((size, i) => filled(size, i + 1));
    for (const frame of frames) {
      assert.equal(near.link.send(frame), true);
      assert.equal(far.link.send(frame), true);
    }
    await listener.recorder.until(() => far.frames.length === frames.length);
    await dialler.recorder.until(() => near.frames.length === frames.length);
    assert.deepEqual(far.frames, frames);
    assert.deepEqual(near.frames, frames);
  });

  it("refuses to send a frame over the cap and keeps the link", async () => {
    const [, near, listener, far] = await linked();
    assert.throws(() => near.link.send(filled(MIB + 1, 1)), hasCode("BAD_MESSAGE"));
    await assert.rejects(near.link.request(filled(MIB + 1, 1), 5_000), hasCode("BAD_MESSAGE"));
    assert.equal(near.link.send(filled(1, 7)), true);
    await listener.recorder.until(() => far.frames.length === 1);
    assert.deepEqual(far.frames, [filled(1, 7)]);
  });

  it("answers requests of both ends, many at once, each with its own answer", async () => {
    const [, near, , far] = await linked({ onRequest: async (frame) => Uint8Array.of(...frame, 99) });
    const ask = (link: RecordedLink, i: number) => link.link.request(Uint8Array.of(i), 20_000);
    const answers = await Promise.all(
      [near, far].flatMap((link) => Array.from({ length: 20 }, (_, i) => ask(link, i))),
    );
    assert.deepEqual(
      answers,
      [0, 1].flatMap(() => Array.from({ length: 20 }, (_, i) => Uint8Array.of(i, 99))),
    );
  });

  it("carries requests and answers up to the cap", async () => {
    const [, near] = await linked();
    for (const size of [0, 64 * 1024, MIB]) {
      assert.deepEqual(await near.link.request(filled(size, 5), 20_000), filled(size, 5));
    }
  });

  it("reports a request that the peer rejects, and an answer over the cap, and keeps the link", async () => {
    let answer: () => Promise<Uint8Array> = () => Promise.reject(new Error("no"));
    const [, near] = await linked({ onRequest: () => answer() });
    await assert.rejects(near.link.request(filled(1, 1), 5_000), hasCode("PEER_ERROR"));
    answer = () => {
      throw new Error("not even a promise");
    };
    await assert.rejects(near.link.request(filled(1, 1), 5_000), hasCode("PEER_ERROR"));
    answer = async () => filled(MIB + 1, 1);
    await assert.rejects(near.link.request(filled(1, 1), 5_000), hasCode("PEER_ERROR"));
    answer = async () => filled(1, 2);
    assert.deepEqual(await near.link.request(filled(1, 1), 5_000), filled(1, 2));
  });

  it("gives up requests at their time limit and gives their slots back", async () => {
    let silent = true;
    const [, near] = await linked({ onRequest: (frame) => (silent ? new Promise(() => {}) : Promise.resolve(frame)) });
    const lost = Array.from({ length: 6 }, () => near.link.request(filled(1, 1), 50));
    for (const request of lost) await assert.rejects(request, hasCode("REQUEST_TIMEOUT"));
    silent = false;
    assert.deepEqual(await near.link.request(filled(1, 2), 20_000), filled(1, 2));
  });

  it("says when an answer begins, once, and only then", async () => {
    const answer = Promise.withResolvers<Uint8Array>();
    const [, near, listener] = await linked({ onRequest: () => answer.promise });
    let begun = 0;
    const watch = { signal: never(), onBegin: () => void begun++ };
    const request = near.link.request(filled(1, 1), 20_000, watch);
    await listener.recorder.until(() => listener.recorder.requests.length === 1);
    assert.equal(begun, 0);
    answer.resolve(filled(MIB, 2));
    assert.deepEqual(await request, filled(MIB, 2));
    assert.equal(begun, 1);
  });

  it("ends a request that nobody waits for any more, and gives its slot back", async () => {
    let silent = true;
    const [, near, listener] = await linked({
      onRequest: (frame) => (silent ? new Promise(() => {}) : Promise.resolve(frame)),
    });
    const over = new AbortController();
    const watch = { signal: over.signal, onBegin: () => assert.fail("nothing was answered") };
    const given = Array.from({ length: 6 }, () => near.link.request(filled(1, 1), 60_000, watch));
    await listener.recorder.until(() => listener.recorder.requests.length > 0);
    over.abort();
    for (const request of given) await assert.rejects(request, hasCode("REQUEST_TIMEOUT"));
    silent = false;
    assert.deepEqual(await near.link.request(filled(1, 2), 20_000), filled(1, 2));
  });

  it("sends what is queued before it closes, and tells both ends once", async () => {
    const [dialler, near, listener, far] = await linked();
    const frames = [1, 2, 3].map((i) => filled(MIB, i));
    for (const frame of frames) assert.equal(near.link.send(frame), true);
    await Promise.all([near.link.close(), near.link.close()]);
    assert.deepEqual(near.closes, [undefined]);
    await listener.recorder.until(() => far.closes.length > 0);
    assert.deepEqual(far.frames, frames);
    assert.deepEqual(far.closes, ["PEER_DISCONNECTED"]);
    for (const { link } of [near, far]) {
      assert.equal(link.send(filled(1, 1)), false);
      await assert.rejects(link.request(filled(1, 1), 5_000), hasCode("PEER_DISCONNECTED"));
      await link.close();
    }
    assert.equal(dialler.recorder.links.length, 1);
    assert.deepEqual([near.closes.length, far.closes.length], [1, 1]);
  });

  it("rejects requests that are under way when either end closes", async () => {
    for (const closer of ["near", "far"] as const) {
      const [, near, listener, far] = await linked({ onRequest: () => new Promise(() => {}) });
      const request = near.link.request(filled(1, 1), 60_000);
      const rejected = assert.rejects(request, hasCode("PEER_DISCONNECTED"));
      await listener.recorder.until(() => listener.recorder.requests.length === 1);
      await { near, far }[closer].link.close();
      await rejected;
    }
  });

  it("resolves a dial of a linked peer with the link that is there", async () => {
    const [dialler, near, listener, far] = await linked();
    assert.equal(await dialler.network.dial(listener.address, never()), near.link);
    assert.equal(await listener.network.dial(dialler.address, never()), far.link);
    assert.deepEqual([dialler.recorder.links.length, listener.recorder.links.length], [1, 1]);
  });

  it("resolves parallel dials of one peer with one link", async () => {
    const [dialler, listener] = [await start(), await start()];
    const links = await Promise.all([1, 2, 3, 4].map(() => dialler.network.dial(listener.address, never())));
    assert.equal(new Set(links).size, 1);
    assert.equal(dialler.recorder.links.length, 1);
  });

  it("links again after a close", async () => {
    const [dialler, near, listener, far] = await linked();
    await near.link.close();
    await listener.recorder.until(() => far.closes.length === 1);
    const link = await dialler.network.dial(listener.address, never());
    assert.notEqual(link, near.link);
    assert.deepEqual(await link.request(filled(1, 4), 20_000), filled(1, 4));
  });

  it("makes a new link for a dial that comes while the old one closes", async () => {
    const [dialler, near, listener] = await linked();
    near.link.send(filled(MIB, 1));
    const closing = near.link.close();
    const link = await dialler.network.dial(listener.address, never());
    assert.notEqual(link, near.link);
    assert.deepEqual(await link.request(filled(1, 4), 20_000), filled(1, 4));
    await closing;
    assert.equal(dialler.recorder.open.length, 1);
  });

  it("ends crossed dials in the same single link on both sides", async () => {
    const [a, b] = [await start(), await start()];
    const [fromA, fromB] = await Promise.all([a.network.dial(b.address, never()), b.network.dial(a.address, never())]);
    assert.deepEqual([a.recorder.open.length, b.recorder.open.length], [1, 1]);
    assert.equal(a.recorder.open[0]?.link, fromA);
    assert.equal(b.recorder.open[0]?.link, fromB);
    assert.notEqual(fromA.direction, fromB.direction);
    assert.deepEqual(await fromA.request(filled(1, 1), 20_000), filled(1, 1));
    assert.deepEqual(await fromB.request(filled(1, 2), 20_000), filled(1, 2));
  });

  it("says what is wrong with an address", async () => {
    const { network, address } = await start();
    for (const wrong of ["", "nowhere", "a b:1", "http://127.0.0.1:1/", "127.0.0.1:notaport"]) {
      await assert.rejects(network.dial(wrong, never()), hasCode("INVALID_ADDRESS"), wrong);
    }
    await assert.rejects(network.dial(address, never()), hasCode("SELF_CONNECTION"));
    await assert.rejects(network.dial(address.split("/p2p/")[0] as string, never()), hasCode("SELF_CONNECTION"));
    await assert.rejects(network.dial(harness.closedAddress, never()), hasCode("CONNECTION_REFUSED"));
  });

  it("does not take another peer for the one that was asked for", async () => {
    const [dialler, listener, third] = [await start(), await start(), await start()];
    const address = `${listener.address.split("/p2p/")[0]}/p2p/${third.network.peerId}`;
    await assert.rejects(dialler.network.dial(address, never()), hasCode("CONNECTION_FAILED"));
    assert.equal(dialler.recorder.links.length, 0);
  });

  it("gives up a dial whose signal is aborted", async () => {
    const [dialler, listener] = [await start(), await start()];
    await assert.rejects(dialler.network.dial(listener.address, AbortSignal.abort()), hasCode("CONNECTION_TIMEOUT"));
    assert.equal(dialler.recorder.links.length, 0);
  });

  it("keeps to the peer limit, its own and the other side's", async () => {
    const [small, first, second] = [await start({}, 1), await start(), await start()];
    await small.network.dial(first.address, never());
    await assert.rejects(small.network.dial(second.address, never()), hasCode("TOO_MANY_PEERS"));
    await assert.rejects(second.network.dial(small.address, never()), hasCode("TOO_MANY_PEERS"));
    assert.deepEqual([small.recorder.links.length, second.recorder.links.length], [1, 0]);
    // a peer that is linked is no new peer
    await small.network.dial(first.address, never());
  });

  it("ends a link whose frame handler throws, and no other", async () => {
    const failing = await start({
      onFrame: () => {
        throw new Error("a defect");
      },
    });
    const [first, second] = [await start(), await start()];
    const link = await first.network.dial(failing.address, never());
    await second.network.dial(failing.address, never());
    link.send(filled(1, 1));
    const [near, far] = [await first.recorder.link(), await failing.recorder.link()];
    await first.recorder.until(() => near.closes.length > 0);
    assert.deepEqual([near.closes, far.closes], [["PEER_DISCONNECTED"], ["INTERNAL_ERROR"]]);
    assert.equal(failing.recorder.open.length, 1);
  });

  it("drops a link that is not taken", async () => {
    const network = await harness.create(50);
    await network.start(() => {
      throw new Error("a defect");
    });
    cleanup.add(() => network.stop());
    const dialler = await start();
    await dialler.network.dial(network.addresses()[0] ?? "", never()).catch(() => {});
    await dialler.recorder.until(() => dialler.recorder.open.length === 0);
  });

  it("closes its links when it stops, and may be stopped twice", async () => {
    const [dialler, near, listener, far] = await linked();
    near.link.send(filled(3, 3));
    await Promise.all([dialler.network.stop(), dialler.network.stop()]);
    assert.deepEqual(near.closes, [undefined]);
    await listener.recorder.until(() => far.closes.length > 0);
    assert.deepEqual(far.frames, [filled(3, 3)]);
    assert.deepEqual(far.closes, ["PEER_DISCONNECTED"]);
    assert.deepEqual(dialler.network.addresses(), []);
  });
}
