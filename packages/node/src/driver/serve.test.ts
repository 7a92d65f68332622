import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { hexToBytes } from "@counterpart/core/base/bytes";
import { decodeBlock } from "@counterpart/core/chain/block";
import { decodeHeader } from "@counterpart/core/chain/header";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { FRAME_BYTES_BY_TYPE } from "@counterpart/core/sync/limits";
import type { MessageOf, Request, RequestType, ResponseTo } from "@counterpart/core/sync/message-types";
import { encodeMessage } from "@counterpart/core/sync/messages";
import { addressOf, createFakeEngine, type FakeEngine, makeBlock, OWNER, word } from "./fake-chain.test-support.ts";
import { createFakeContracts, type FakeContracts, makeRecord } from "./fake-contracts.test-support.ts";
import { SERVE_CPU_MS_MAX } from "./limits.ts";
import { type ServeDeps, serve } from "./serve.ts";

describe("serve", () => {
  let engine: FakeEngine;
  let contracts: FakeContracts;
  let now: number;
  /** What each look at the clock costs. */
  let tickMs: number;
  let deps: ServeDeps;

  beforeEach(() => {
    engine = createFakeEngine("server");
    contracts = createFakeContracts(engine);
    [now, tickMs] = [0, 0];
    const clock = { now: () => (now += tickMs), setTimer: () => () => {} };
    deps = { engine, contracts, clock, instanceId: "here", isDiverged: () => false };
  });

  /** The answer, which is checked to fit its frame. */
  function ask<T extends RequestType>(request: MessageOf<T> & Request & { readonly type: T }): ResponseTo<T> {
    const answer = serve(deps, request);
    assert.ok(encodeMessage(answer).length <= FRAME_BYTES_BY_TYPE[answer.type]);
    assert.notEqual(answer.type, "Error");
    return answer as ResponseTo<T>;
  }
  const headers = (request: Omit<MessageOf<"GetHeaders">, "type">): number[] =>
    ask<"GetHeaders">({ type: "GetHeaders", ...request }).headers.map((bytes) => decodeHeader(bytes).number);

  describe("GetHeaders", () => {
    beforeEach(() => {
      for (let i = 0; i < 20; i++) engine.make();
    });

    it("goes up and down from a number, as far as the chain goes", () => {
      assert.deepEqual(headers({ from: { number: 3 }, count: 3, direction: "up" }), [3, 4, 5]);
      assert.deepEqual(headers({ from: { number: 19 }, count: 9, direction: "up" }), [19, 20]);
      assert.deepEqual(headers({ from: { number: 1 }, count: 9, direction: "down" }), [1, 0]);
    });

    it("starts at the first canonical hash of a locator", async () => {
      const fork = makeBlock(engine.head(), "other");
      const lost = makeBlock(engine.header(18) ?? engine.head(), "other");
      await engine.import([lost]);
      const hashes = [fork.header.hash, lost.header.hash, engine.header(7)?.hash, engine.header(2)?.hash];
      const known = hashes.filter((hash) => hash !== undefined);
      assert.deepEqual(headers({ from: { hashes: known }, count: 2, direction: "up" }), [7, 8]);
    });

    it("does not start at a head that the chain of headers has left", async () => {
      const left = makeBlock(engine.header(18) ?? engine.head(), "left");
      await engine.import([left]);
      const { hash } = left.header;
      deps = { ...deps, engine: { ...engine, isCanonical: (block) => block === hash || engine.isCanonical(block) } };
      const hashes = [hash, engine.header(7)?.hash ?? hash];
      assert.deepEqual(headers({ from: { hashes }, count: 2, direction: "up" }), [7, 8]);
    });

    it("says so when nothing of it is held", () => {
      const refused = { type: "Error", code: "NOT_HELD", retryAfterMs: 0 };
      for (const from of [{ number: 21 }, { hashes: [word("nothing")] }]) {
        assert.deepEqual(serve(deps, { type: "GetHeaders", from, count: 1, direction: "up" }), refused);
      }
    });
  });

  describe("GetBlocks", () => {
    it("answers by position, absent ones empty, side branches too", async () => {
      const lost = makeBlock(engine.head(), "lost");
      await engine.import([lost]);
      engine.make();
      const kept = engine.make();
      const hashes = [kept.header.hash, word("nothing"), lost.header.hash];
      const { blocks } = ask<"GetBlocks">({ type: "GetBlocks", hashes });
      assert.deepEqual(
        blocks.map((bytes) => (bytes.length === 0 ? undefined : decodeBlock(bytes, engine.chainId).header.hash)),
        [kept.header.hash, undefined, lost.header.hash],
      );
    });

    it("stops when its time is over, but not before the first item", () => {
      const hashes = Array.from({ length: 10 }, () => engine.make().header.hash);
      tickMs = SERVE_CPU_MS_MAX + 1;
      assert.equal(ask<"GetBlocks">({ type: "GetBlocks", hashes }).blocks.length, 1);
      tickMs = SERVE_CPU_MS_MAX / 7;
      const { length } = ask<"GetBlocks">({ type: "GetBlocks", hashes }).blocks;
      assert.ok(length > 1 && length < 10, `${length} blocks`);
    });
  });

  describe("GetContracts since", () => {
    const since = (sequence: number, inlineBytesMax = 400_000, instanceId = "here") => {
      const answer = ask<"GetContracts">({ type: "GetContracts", kind: "since", instanceId, sequence, inlineBytesMax });
      assert.ok(answer.kind === "since");
      return answer;
    };
    const publish = (count: number, contentBytes: number): void => {
      const addresses = Array.from({ length: count }, (_, i) => addressOf(`contract ${i}`));
      engine.make({ created: addresses });
      for (const address of addresses) contracts.publishRecord(makeRecord(address, 1, "x".repeat(contentBytes)));
    };

    it("gives everything exactly once over as many pages as it takes", () => {
      publish(700, 3_000);
      const seen: string[] = [];
      for (let at = 0, more = true; more; ) {
        const page = since(at);
        assert.ok(page.upTo > at, "progress");
        seen.push(...page.entries.map(({ address }) => address));
        at = page.upTo;
        more = page.upTo < page.last;
      }
      assert.equal(seen.length, 700);
      assert.equal(new Set(seen).size, 700);
      assert.deepEqual(since(700).entries, []);
    });

    it("loads little more content than the answer has room for", () => {
      publish(256, 100_000);
      let loaded = 0;
      const counting = {
        ...contracts,
        artifactsSince: (after: number, limit: number) => {
          const changes = contracts.artifactsSince(after, limit);
          loaded += changes.length;
          return changes;
        },
      };
      [now, tickMs] = [0, SERVE_CPU_MS_MAX / 7];
      deps = { ...deps, contracts: counting };
      const { entries } = since(0);
      assert.ok(entries.length >= 3 && entries.length < 16, `${entries.length} entries`);
      assert.ok(loaded <= entries.length + 8, `${loaded} records loaded for ${entries.length}`);
    });

    it("puts content inline only as far as asked", () => {
      publish(5, 1_000);
      const inline = (max: number): number =>
        since(0, max).entries.filter(({ content }) => content !== undefined).length;
      assert.deepEqual([0, 999, 1_000, 2_500, 10_000].map(inline), [0, 0, 1, 2, 5]);
    });

    it("starts over for who means another database", () => {
      publish(3, 10);
      assert.equal(since(2, 0, "elsewhere").entries.length, 3);
      assert.equal(since(2, 0).entries.length, 1);
    });

    it("comes to an end when what is left is not visible", () => {
      const lost = makeBlock(engine.head(), "lost", { created: [addressOf("gone")] });
      const winner = makeBlock(engine.head(), "winner");
      const next = makeBlock(winner.header, "winner");
      return engine.import([lost]).then(async () => {
        contracts.publishRecord(makeRecord(addressOf("gone"), 1, "x"));
        await engine.import([winner, next]);
        const page = since(0);
        assert.deepEqual([page.entries.length, page.upTo, page.last], [0, 1, 1]);
      });
    });
  });

  it("gives accounts by address at the head, with artifacts while they fit", () => {
    const addresses = Array.from({ length: 6 }, (_, i) => addressOf(`contract ${i}`));
    const block = engine.make({ created: addresses });
    for (const address of addresses) contracts.publishRecord(makeRecord(address, 1, "x".repeat(200_000)));
    const asked = [addressOf("nowhere"), ...addresses];
    const answer = ask<"GetContracts">({ type: "GetContracts", kind: "addresses", addresses: asked });
    assert.ok(answer.kind === "accounts");
    assert.deepEqual(answer.block, { hash: block.header.hash, number: 1 });
    assert.deepEqual(
      answer.accounts.map(({ address }) => address),
      asked,
    );
    assert.deepEqual(answer.accounts[0], { address: asked[0] });
    const snapshot = engine.snapshot();
    assert.deepEqual(answer.accounts[1]?.account, snapshot.account(asked[1] ?? addressOf("")));
    assert.deepEqual(
      answer.accounts.map(({ artifact }) => artifact?.content?.length),
      [undefined, 200_000, 200_000, undefined, undefined, undefined, undefined],
    );
    assert.equal(answer.accounts[6]?.artifact?.updatedAt, 1);
  });

  it("says where contracts come from whose addresses have the hashes asked for", () => {
    const addresses = Array.from({ length: 3 }, (_, i) => addressOf(`contract ${i}`));
    engine.make({ created: addresses });
    const accounts = [...addresses, addressOf("nowhere")].map((address) => keccak256Hex(hexToBytes(address)));
    const answer = ask<"GetContracts">({ type: "GetContracts", kind: "index", accounts });
    assert.ok(answer.kind === "index");
    const told = addresses.map((address) => ({ address, owner: OWNER, creationNonce: 1n }));
    assert.deepEqual(answer.entries, [...told, undefined]);
    tickMs = SERVE_CPU_MS_MAX + 1;
    const slow = ask<"GetContracts">({ type: "GetContracts", kind: "index", accounts });
    assert.deepEqual(slow.kind === "index" && slow.entries, told.slice(0, 1));
  });

  it("gives artifact content and code by hash, what it does not hold as absent", () => {
    const address = addressOf("contract");
    engine.make({ created: [address] });
    const record = makeRecord(address, 1, "content");
    contracts.publishRecord(record);
    const codeHash = word(`code of ${address}`);
    const wanted = [record.contentHash, word("other"), codeHash].map((hash) => ({ hash, address }));
    const { blobs } = ask<"GetBlobs">({
      type: "GetBlobs",
      wanted: [
        ...wanted,
        { hash: codeHash, address: addressOf("x") },
        { hash: codeHash },
        { hash: record.contentHash },
      ],
    });
    assert.deepEqual(
      blobs.map((blob) => blob !== undefined),
      [true, false, true, false, true, false],
    );
    assert.equal(keccak256Hex(blobs[0] ?? new Uint8Array(0)), record.contentHash);
    assert.deepEqual(blobs[2], engine.snapshot().code(codeHash));
  });

  it("cuts blobs at the frame", () => {
    const addresses = Array.from({ length: 6 }, (_, i) => addressOf(`contract ${i}`));
    engine.make({ created: addresses });
    const wanted = addresses.map((address, i) => {
      const record = makeRecord(address, 1, `${i}`.repeat(250_000));
      contracts.publishRecord(record);
      return { hash: record.contentHash, address };
    });
    assert.equal(ask<"GetBlobs">({ type: "GetBlobs", wanted }).blobs.length, 4);
  });
});
