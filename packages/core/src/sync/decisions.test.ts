import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Hex } from "../base/bytes.ts";
import { agree, artifactStep, betterHead, checkVersion, isBehind } from "./decisions.ts";
import { OWN_LIMITS } from "./limits.ts";
import type { Status, VersionMessage } from "./message-types.ts";
import { status as anyStatus } from "./messages.test-support.ts";

const word = (digit: string): Hex => `0x${digit.repeat(64)}`;

const STATUS: Status = {
  sequence: 4,
  head: { hash: word("a"), number: 9 },
  certifiedHead: { hash: word("0"), number: 0 },
  artifacts: { count: 2, digest: word("d"), sequence: 5 },
  applied: 4,
  reinjecting: 0,
  clockMs: 1_000_000,
};

const VERSION: VersionMessage = {
  type: "Version",
  protocolVersions: [1],
  chainId: 31_337,
  genesisHash: word("1"),
  forkRulesId: word("2"),
  consensus: "poa",
  instanceId: "mine",
  earliestBlock: 0,
  role: "full",
  limits: OWN_LIMITS,
  codecs: [],
  client: "counterpart",
  explicit: false,
  status: STATUS,
};
const PEER: VersionMessage = { ...VERSION, instanceId: "theirs" };

describe("fork choice between peers", () => {
  it("prefers the longer chain, then the lower hash", () => {
    const mine = { number: 5, hash: word("5") };
    const table: readonly (readonly [number, string, boolean])[] = [
      [6, "9", true],
      [4, "1", false],
      [5, "4", true],
      [5, "6", false],
      [5, "5", false],
    ];
    for (const [number, digit, behind] of table) {
      const theirs = { number, hash: word(digit) };
      assert.equal(isBehind(mine, theirs), behind, `${number} ${digit}`);
      assert.equal(betterHead(mine, theirs), behind ? theirs : mine);
    }
  });

  it("puts exactly one of two nodes with different heads behind", () => {
    fc.assert(
      fc.property(anyStatus, anyStatus, (a, b) => {
        const behind = Number(isBehind(a.head, b.head)) + Number(isBehind(b.head, a.head));
        assert.equal(behind, a.head.hash === b.head.hash && a.head.number === b.head.number ? 0 : 1);
      }),
    );
  });
});

describe("agree", () => {
  it("holds when both have the same and both have said so", () => {
    assert.equal(agree(STATUS, STATUS), true);
    assert.equal(agree(STATUS, { ...STATUS, sequence: 3, artifacts: { ...STATUS.artifacts, sequence: 70 } }), true);
  });

  it("fails when anything differs, waits to be applied, or waits to be re-injected", () => {
    const others: readonly Partial<Status>[] = [
      { head: { hash: word("b"), number: 9 } },
      { artifacts: { ...STATUS.artifacts, digest: word("e") } },
      { artifacts: { ...STATUS.artifacts, count: 3 } },
      { reinjecting: 1 },
      { applied: 3 },
      { sequence: 5 },
    ];
    for (const other of others) {
      assert.equal(agree(STATUS, { ...STATUS, ...other }), false, JSON.stringify(other));
      assert.equal(agree({ ...STATUS, ...other }, STATUS), false, JSON.stringify(other));
    }
  });
});

describe("agree with a replica", () => {
  it("needs the same head, whatever contracts are described there", () => {
    const replica = { ...STATUS, artifacts: { ...STATUS.artifacts, digest: word("e"), count: 1 } };
    assert.equal(agree(STATUS, replica, false), true);
    assert.equal(agree(STATUS, { ...replica, head: { hash: word("b"), number: 9 } }, false), false);
  });
});

describe("checkVersion", () => {
  const codeOf = (theirs: Partial<VersionMessage>): string => {
    const there = { ...PEER, ...theirs };
    const verdict = checkVersion(VERSION, there);
    const mirrored = checkVersion(there, VERSION);
    assert.equal(verdict.ok ? "ok" : verdict.code, mirrored.ok ? "ok" : mirrored.code, "the sides disagree");
    return verdict.ok ? "ok" : verdict.code;
  };
  const clock = (differenceMs: number): Partial<VersionMessage> => ({
    status: { ...STATUS, clockMs: STATUS.clockMs + differenceMs },
  });

  it("comes to the same verdict on both sides", () => {
    const table: readonly (readonly [Partial<VersionMessage>, string])[] = [
      [{}, "ok"],
      [{ client: "other", role: "replica", protocolVersions: [7, 1] }, "ok"],
      [{ protocolVersions: [2] }, "INCOMPATIBLE_VERSION"],
      [{ protocolVersions: [2], chainId: 1 }, "INCOMPATIBLE_VERSION"],
      [{ instanceId: "mine" }, "SELF_CONNECTION"],
      [{ chainId: 1 }, "WRONG_CHAIN"],
      [{ genesisHash: word("9") }, "WRONG_CHAIN"],
      [{ forkRulesId: word("9") }, "WRONG_CHAIN"],
      [{ consensus: "qbft" }, "WRONG_CHAIN"],
      [{ chainId: 1, ...clock(90_000) }, "WRONG_CHAIN"],
      [clock(60_000), "ok"],
      [clock(60_001), "CLOCK_SKEW"],
      [clock(-60_001), "CLOCK_SKEW"],
    ];
    for (const [theirs, code] of table) assert.equal(codeOf(theirs), code, JSON.stringify(theirs));
  });
});

describe("artifactStep", () => {
  const theirs: Status = { ...STATUS, artifacts: { count: 3, digest: word("e"), sequence: 8 } };
  type Change = {
    theirs?: Partial<Status>;
    checkpoint?: number;
    partial?: boolean;
    compared?: boolean;
    apartForLong?: boolean;
  };
  const step = (change: Change): string =>
    artifactStep({
      mine: STATUS,
      theirs: { ...theirs, ...change.theirs },
      checkpoint: change.checkpoint ?? 8,
      partial: change.partial ?? false,
      compared: change.compared ?? false,
      apartForLong: change.apartForLong ?? false,
    });

  it("compares artifacts only at the same head", () => {
    assert.equal(step({ theirs: { head: { hash: word("b"), number: 9 } } }), "wait");
    assert.equal(step({ theirs: { artifacts: { ...STATUS.artifacts, sequence: 99 } } }), "done");
  });

  it("fetches what is new at different heads only when they have differed for long", () => {
    const head = { hash: word("b"), number: 9 };
    assert.equal(step({ theirs: { head }, checkpoint: 7 }), "wait");
    assert.equal(step({ theirs: { head }, checkpoint: 7, apartForLong: true }), "since");
    assert.equal(step({ theirs: { head }, apartForLong: true }), "wait", "comparing all of it needs equal heads");
    assert.equal(
      step({ theirs: { head, artifacts: { ...STATUS.artifacts, sequence: 99 } }, apartForLong: true }),
      "wait",
    );
  });

  it("compares nothing from the start where only some contracts are held", () => {
    assert.equal(step({ partial: true }), "done");
    assert.equal(step({ partial: true, checkpoint: 7 }), "since");
  });

  it("fetches what is new, then leaves it to the peer, then compares all of it once", () => {
    assert.equal(step({ checkpoint: 7 }), "since");
    assert.equal(step({ theirs: { applied: 3 } }), "done");
    assert.equal(step({}), "all");
    assert.equal(step({ compared: true }), "done");
  });
});
