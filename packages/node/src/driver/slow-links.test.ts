/** What comes over links that are slower than what is asked for at once. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { addressOf } from "./fake-chain.test-support.ts";
import { makeRecord } from "./fake-contracts.test-support.ts";
import { createWorld, sameAll, type TestNode, type World } from "./test-node.test-support.ts";

const COUNT = 64;
const CONTENT_CHARACTERS = 16_000;

describe("artifacts over a slow link", () => {
  let world: World;
  let a: TestNode;
  let b: TestNode;

  beforeEach(async () => {
    world = createWorld();
    [a, b] = [await world.start("a"), await world.start("b")];
    const contracts = Array.from({ length: COUNT }, (_, n) => addressOf(`contract ${n}`));
    a.engine.make({ created: contracts });
    for (const [n, address] of contracts.entries()) {
      a.contracts.publishRecord(makeRecord(address, 1, String(n).padEnd(CONTENT_CHARACTERS, " ")));
    }
  });
  afterEach(() => world.end());

  it("come in smaller answers after one was lost, as they come by and by", async () => {
    world.hub.faults.answerBytesPerMs = 30;
    await world.clock.run(b.driver.connect(a.address, 0));
    await world.clock.until(() => sameAll(a, b), 120_000);
    const asked = world
      .sent(b, a, "GetContracts")
      .flatMap((query) => (query.kind === "since" ? query.inlineBytesMax : []));
    const [first = 0] = asked;
    assert.ok(
      asked.some((bytes) => bytes <= first / 4),
      `${asked}`,
    );
    assert.ok(world.hub.isLinked("a", "b"));
  });

  it("come in smaller answers where contents are asked for by their hashes", async () => {
    b.engine.make({ created: [addressOf("own")] });
    b.contracts.publishRecord(makeRecord(addressOf("own"), 1, "own"));
    a.engine.make();
    world.hub.faults.answerBytesPerMs = 30;
    await world.clock.run(b.driver.connect(a.address, 0));
    await world.clock.until(() => a.contracts.artifacts().count === b.contracts.artifacts().count, 240_000);
    const asked = world.sent(b, a, "GetBlobs").map(({ wanted }) => wanted.length);
    assert.ok(asked.length > 4 && asked.every((count) => count <= COUNT / 4), `${asked}`);
  });
});
