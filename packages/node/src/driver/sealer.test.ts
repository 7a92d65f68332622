import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { CodedError } from "@counterpart/core/base/errors";
import { QUIET_MS } from "@counterpart/core/consensus/poa-sealing";
import type { Clock } from "@counterpart/core/ports/runtime";
import {
  accountOf,
  chainOf,
  openTestEngine,
  START_MS,
  silentLogger,
  TEST_GENESIS,
  transactionOf,
} from "../engine/engine.test-support.ts";
import type { Engine } from "../engine/types.ts";
import { createSystemClock } from "../telemetry/runtime.ts";
import { withheldS } from "./future-head.ts";
import { createSealerLoop, type SealerDeps, type SealerLoop } from "./sealer.ts";
import { createTestLogger, type LogEntry } from "./virtual-clock.test-support.ts";

/** A clock whose timers go off when the test says so; those of 0 ms by themselves. */
function createTestClock() {
  let now = START_MS;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  return {
    now: () => now,
    setTimer(delayMs: number, callback: () => void) {
      if (delayMs <= 0) {
        const immediate = setImmediate(callback);
        return () => clearImmediate(immediate);
      }
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    /** Milliseconds until the next timer. */
    next: () => (timers.size === 0 ? undefined : Math.min(...[...timers].map(({ at }) => at)) - now),
    advance(ms: number) {
      now += ms;
      for (const timer of [...timers]) if (timer.at <= now && timers.delete(timer)) timer.callback();
    },
  };
}

interface Setting {
  readonly engine: Engine;
  readonly clock: ReturnType<typeof createTestClock>;
  readonly sealer: SealerLoop;
  readonly log: readonly LogEntry[];
  heardAt: number | undefined;
  isDiverged: boolean;
  catchingUpMs: number | undefined;
  /** Resolves when the head next moves. */
  moved(): Promise<void>;
}

/** A node whose head was sealed by another: that one leads. */
async function followingNode(genesis = TEST_GENESIS): Promise<Setting> {
  const leader = openTestEngine({ sealer: 101, genesis });
  await leader.submit(transactionOf(8, 0), "local");
  await leader.seal();
  const clock = createTestClock();
  const engine = openTestEngine({ sealer: 102, clock, genesis });
  await engine.import(chainOf(leader));
  const log: LogEntry[] = [];
  const setting: Setting = {
    engine,
    clock,
    log,
    heardAt: undefined,
    isDiverged: false,
    catchingUpMs: undefined,
    moved: () =>
      new Promise((resolve) => {
        const off = engine.on("head", () => {
          off();
          resolve();
        });
      }),
    sealer: createSealerLoop({
      engine,
      self: accountOf(102),
      heardAt: (signer) => (signer === accountOf(101) ? setting.heardAt : undefined),
      isDiverged: () => setting.isDiverged,
      isAwaited: () => true,
      hasPeers: () => true,
      catchingUpMs: () => setting.catchingUpMs,
      clock,
      random: { fraction: () => 0.5, bytes: (size) => new Uint8Array(size) },
      logger: createTestLogger(log),
    }),
  };
  setting.sealer.start();
  return setting;
}

/** The sealer of a node without peers, whose engine seals as the test says. */
function sealerAlone(
  inner: Engine,
  clock: Clock,
  seal: Engine["seal"],
  { isAwaited, hasPeers }: Pick<SealerDeps, "isAwaited" | "hasPeers"> = {
    isAwaited: () => true,
    hasPeers: () => false,
  },
): SealerLoop {
  return createSealerLoop({
    hasPeers,
    isAwaited,
    engine: { ...inner, pool: inner.pool, seal },
    self: accountOf(101),
    heardAt: () => undefined,
    isDiverged: () => false,
    catchingUpMs: () => undefined,
    clock,
    random: { fraction: () => 0.5, bytes: (size) => new Uint8Array(size) },
    logger: silentLogger,
  });
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("the sealer", () => {
  it("seals what a peer sent while the clock was two months ahead, longer than a timer can be", async () => {
    const { engine, clock, sealer } = await followingNode();
    await sealer.stop();
    clock.advance(60 * 86_400_000);
    await engine.submit(transactionOf(1, 0), "peer");
    clock.advance(-60 * 86_400_000);
    const moved = new Promise((resolve) => engine.on("head", resolve));
    sealer.start();
    await moved;
    assert.equal(clock.next(), undefined);
    await sealer.stop();
  });

  it("seals nothing while the node has diverged, and goes on with the next event when that is over", async () => {
    const setting = await followingNode();
    const { engine, clock, sealer } = setting;
    setting.isDiverged = true;
    await engine.submit(transactionOf(1, 0), "local");
    await turn();
    clock.advance(60_000);
    for (let i = 0; i < 3; i++) await turn();
    assert.deepEqual([clock.next(), engine.head().number], [undefined, 1]);
    setting.isDiverged = false;
    const moved = setting.moved();
    await engine.submit(transactionOf(2, 0), "local");
    clock.advance(60_000);
    await moved;
    assert.equal(engine.block(2)?.transactions.length, 2);
    await sealer.stop();
  });

  it("tries again a second after a failure though the clock was set back meanwhile", async () => {
    let nowMs = START_MS;
    let failures = 1;
    const clock = { ...createSystemClock(), now: () => nowMs };
    const inner = openTestEngine({ sealer: 101, clock });
    const sealer = sealerAlone(inner, clock, async () => {
      if (failures-- > 0) throw new CodedError("STORE_WRITE_FAILED", "no room");
      return inner.seal();
    });
    sealer.start();
    await inner.submit(transactionOf(1, 0), "local");
    while (failures > 0) await new Promise((resolve) => setImmediate(resolve));
    const moved = new Promise((resolve) => inner.on("head", resolve));
    nowMs -= 3 * 3_600_000;
    await moved;
    await sealer.stop();
  });

  it("tries again after a full disk, and no more once the database proves to be damaged", async () => {
    const clock = createTestClock();
    const engine = openTestEngine({ sealer: 101, clock });
    const codes: readonly ErrorCode[] = ["STORE_WRITE_FAILED", "STORE_CORRUPT"];
    let tries = 0;
    const sealer = sealerAlone(engine, clock, async () => {
      throw new CodedError(codes[tries++] ?? assert.fail("it tried again"), "no");
    });
    sealer.start();
    await engine.submit(transactionOf(1, 0), "local");
    for (; tries < 1; ) await turn();
    await turn();
    clock.advance(1_000);
    for (; tries < 2; ) await turn();
    await turn();
    assert.equal(clock.next(), undefined);
    await engine.submit(transactionOf(1, 1), "local");
    await turn();
    assert.equal(tries, 2);
    await sealer.stop();
  });

  it("seals own transactions at once when nobody who leads is there, those that came together in one block", async () => {
    const { engine, sealer, moved } = await followingNode();
    const head = moved();
    for (const transaction of [transactionOf(1, 0), transactionOf(1, 1), transactionOf(2, 0)]) {
      void engine.submit(transaction, "local");
    }
    await head;
    assert.equal(engine.block(2)?.transactions.length, 3);
    await sealer.stop();
  });

  it("rests on while more comes for which nobody waits, until nothing has come or it has been long enough", async () => {
    const clock = createTestClock();
    const inner = openTestEngine({ sealer: 101, clock });
    let [isAwaited, hasPeers] = [false, false];
    const seal = (): ReturnType<Engine["seal"]> => {
      clock.advance(20);
      return inner.seal();
    };
    const sealer = sealerAlone(inner, clock, seal, { isAwaited: () => isAwaited, hasPeers: () => hasPeers });
    const after = async (
      ms: number,
      ...all: readonly (readonly [sender: number, nonce: number])[]
    ): Promise<number> => {
      clock.advance(ms);
      await Promise.all(all.map(([sender, nonce]) => inner.submit(transactionOf(sender, nonce), "local")));
      for (let i = 0; i < 20; i++) await turn();
      return inner.head().number;
    };
    sealer.start();
    assert.equal(await after(0, [1, 0], [2, 0], [3, 0], [4, 0]), 1);
    // Nothing comes after the least rest.
    assert.equal(await after(15, [1, 1], [2, 1], [3, 1], [4, 1]), 1);
    assert.deepEqual([await after(5), await after(QUIET_MS - 1), await after(1)], [1, 1, 2]);
    assert.equal(inner.block(2)?.transactions.length, 4);
    // Something always comes, until 80 ms have passed.
    assert.equal(await after(20, [1, 2]), 2);
    let nonce = 2;
    for (let ms = 20 + QUIET_MS; ms < 80; ms += QUIET_MS) assert.equal(await after(QUIET_MS, [2, nonce++]), 2);
    assert.equal(await after(QUIET_MS), 3);
    assert.equal(inner.block(3)?.transactions.length, nonce - 1);
    // Somebody begins to wait.
    assert.equal(await after(20, [1, 3]), 3);
    isAwaited = true;
    assert.equal(await after(QUIET_MS, [3, 2], [4, 2], [2, nonce]), 4);
    assert.equal(inner.block(4)?.transactions.length, 4);
    // Nobody waits here, but perhaps at a peer.
    [isAwaited, hasPeers] = [false, true];
    assert.equal(await after(19, [1, 4]), 4);
    assert.equal(await after(1, [3, 3]), 5);
    await sealer.stop();
    assert.equal(clock.next(), undefined);
  });

  it("rests after a block of several as long as it took, and then seals what came meanwhile in one", async () => {
    const clock = createTestClock();
    const inner = openTestEngine({ sealer: 101, clock });
    const sealer = sealerAlone(inner, clock, () => {
      clock.advance(20);
      return inner.seal();
    });
    sealer.start();
    const settled = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await turn();
    };
    const submit = async (...all: readonly (readonly [sender: number, nonce: number])[]): Promise<void> => {
      await Promise.all(all.map(([sender, nonce]) => inner.submit(transactionOf(sender, nonce), "local")));
      await settled();
    };
    await submit([1, 0], [2, 0], [3, 0], [4, 0]);
    assert.deepEqual([inner.head().number, clock.next()], [1, 20]);
    await submit([1, 1]);
    await submit([2, 1], [3, 1]);
    assert.deepEqual([inner.head().number, clock.next()], [1, 20]);
    clock.advance(20);
    await settled();
    assert.deepEqual([inner.block(2)?.transactions.length, clock.next()], [3, undefined]);
    await submit([1, 2]);
    assert.equal(inner.head().number, 3);
    // One that is stopped and started meanwhile rests no more.
    await submit([1, 3], [2, 2], [3, 2], [4, 1]);
    await sealer.stop();
    await submit([1, 4]);
    assert.deepEqual([inner.head().number, clock.next()], [4, undefined]);
    sealer.start();
    await settled();
    assert.equal(inner.head().number, 5);
    await sealer.stop();
  });

  it("gives a present leader 250 ms, and then seals itself", async () => {
    const setting = await followingNode();
    const { engine, clock, sealer, moved } = setting;
    setting.heardAt = clock.now();
    await engine.submit(transactionOf(1, 0), "local");
    await turn();
    assert.equal(engine.head().number, 1);
    assert.equal(clock.next(), 250);
    const head = moved();
    clock.advance(250);
    await head;
    assert.equal(engine.head().coinbase, accountOf(102));
    await sealer.stop();
  });

  it("leaves a peer's transaction to others for 2 to 4 s unless it leads", async () => {
    const { engine, clock, sealer, moved } = await followingNode();
    await engine.submit(transactionOf(1, 0), "peer");
    await turn();
    assert.equal(clock.next(), 3_000);
    const head = moved();
    clock.advance(3_000);
    await head;
    const next = moved();
    await engine.submit(transactionOf(1, 1), "peer");
    await next;
    assert.equal(engine.head().number, 3);
    await sealer.stop();
  });

  it("does not try again and again what the executor refuses", async () => {
    const { engine, clock, sealer, moved } = await followingNode();
    // Accepted while the sender could pay; then what it owns is spent by a transaction with a higher tip elsewhere.
    const all = 10n ** 20n;
    const head = moved();
    void engine.submit(transactionOf(1, 0, { value: all }), "local");
    await engine.submit(transactionOf(1, 1, { value: all }), "local");
    await head;
    await turn();
    assert.equal(engine.head().number, 2);
    assert.equal(engine.block(2)?.transactions.length, 1);
    assert.equal(clock.next(), undefined);
    await sealer.stop();
  });

  it("tries again a second after a failure to write, and stops when told to", async () => {
    const { engine, clock, sealer } = await followingNode();
    const seal = engine.seal;
    let attempts = 0;
    Object.assign(engine, {
      seal: () => {
        attempts++;
        return attempts === 1 ? Promise.reject(new Error("disk full")) : seal();
      },
    });
    const done = engine.submit(transactionOf(1, 0), "local");
    await done;
    await turn();
    await turn();
    assert.deepEqual([attempts, clock.next()], [1, 1_000]);
    await sealer.stop();
    assert.equal(clock.next(), undefined);
    clock.advance(5_000);
    await turn();
    assert.equal(attempts, 1);
  });

  it("rests when what waits cannot be sealed here, though it looks executable", async () => {
    const { engine, sealer } = await followingNode();
    let attempts = 0;
    Object.assign(engine, {
      seal: async () => {
        attempts++;
        return undefined;
      },
    });
    await engine.submit(transactionOf(1, 0), "local");
    for (let i = 0; i < 50; i++) await turn();
    assert.ok(attempts >= 1 && attempts <= 3, `${attempts} attempts`);
    await sealer.stop();
  });

  it("holds back while a better chain comes in, and looks again when it has waited", async () => {
    const setting = await followingNode();
    const { engine, clock, sealer, moved } = setting;
    setting.catchingUpMs = 500;
    await engine.submit(transactionOf(1, 0), "local");
    await turn();
    assert.deepEqual([engine.head().number, clock.next()], [1, 1_500]);
    setting.catchingUpMs = undefined;
    const head = moved();
    clock.advance(1_500);
    await head;
    assert.equal(engine.head().number, 2);
    await sealer.stop();
  });
});

describe("the sealer on a head that it dated an hour ahead", () => {
  const HOUR_MS = 3_600_000;

  /** A node whose clock was an hour ahead while it sealed its last block, and is right again. */
  async function aheadNode(setting: Setting): Promise<Setting> {
    const { engine, clock, moved } = setting;
    clock.advance(HOUR_MS);
    const head = moved();
    await engine.submit(transactionOf(1, 0), "local");
    await head;
    for (let i = 0; i < 3; i++) await turn();
    clock.advance(-HOUR_MS);
    await engine.submit(transactionOf(1, 1), "local");
    for (let i = 0; i < 3; i++) await turn();
    return setting;
  }
  const errors = ({ log }: Setting): LogEntry[] => log.filter(({ level }) => level === "error");

  it("seals nothing, as others refuse it, and says so once", async () => {
    const setting = await aheadNode(await followingNode());
    const { engine, clock, sealer } = setting;
    await engine.submit(transactionOf(2, 0), "local");
    for (let i = 0; i < 5; i++) {
      clock.advance(5_000);
      await turn();
    }
    const { number, hash } = engine.head();
    assert.deepEqual([number, engine.pool.pending, withheldS(engine, clock.now(), true)], [2, 2, 3_575]);
    assert.equal(errors(setting).length, 1);
    assert.deepEqual(errors(setting)[0]?.fields, { number, hash, seconds: 3_600, sealing: false });
    await sealer.stop();
    assert.equal(clock.next(), undefined);
  });

  it("goes on by itself when the clock comes within a minute of its date", async () => {
    const { engine, clock, sealer, moved } = await aheadNode(await followingNode());
    clock.advance(HOUR_MS - 65_000);
    await turn();
    assert.deepEqual([engine.head().number, clock.next()], [2, 5_000]);
    const head = moved();
    clock.advance(5_000);
    await head;
    assert.deepEqual([engine.head().number, withheldS(engine, clock.now(), true)], [3, undefined]);
    await sealer.stop();
  });

  it("leaves it for the longer chain of the others, and seals its transactions again there", async () => {
    const setting = await aheadNode(await followingNode());
    const { engine, clock, sealer } = setting;
    const others = openTestEngine({ sealer: 103, clock });
    await others.import([...chainOf(engine)].slice(0, 1));
    for (let nonce = 0; nonce < 2; nonce++) {
      await others.submit(transactionOf(3, nonce), "local");
      await others.seal();
    }
    await engine.import(chainOf(others));
    for (let i = 0; i < 100 && engine.pool.pending > 0; i++) {
      clock.advance(5_000);
      await turn();
    }
    assert.deepEqual([engine.head().number > 3, engine.pool.pending], [true, 0]);
    assert.ok(engine.isCanonical(others.head().hash));
    assert.equal((await others.import(chainOf(engine))).invalid.length, 0);
    assert.equal(others.head().hash, engine.head().hash);
    await sealer.stop();
  });

  it("goes on where it alone may seal, and says that others refuse it", async () => {
    const setting = await followingNode({ ...TEST_GENESIS, signers: [accountOf(102)] });
    await aheadNode(setting);
    const { engine, clock, sealer } = setting;
    for (let i = 0; i < 50 && engine.pool.pending > 0; i++) await turn();
    assert.deepEqual([engine.pool.pending, withheldS(engine, clock.now(), true)], [0, undefined]);
    assert.deepEqual(
      errors(setting).map(({ fields }) => fields?.sealing),
      [true],
    );
    await sealer.stop();
  });

  it("goes on where it has no peers", async () => {
    const clock = createTestClock();
    const engine = openTestEngine({ sealer: 101, clock });
    clock.advance(HOUR_MS);
    await engine.submit(transactionOf(1, 0), "local");
    await engine.seal();
    clock.advance(-HOUR_MS);
    const sealer = sealerAlone(engine, clock, engine.seal);
    sealer.start();
    const moved = new Promise((resolve) => engine.on("head", resolve));
    await engine.submit(transactionOf(1, 1), "local");
    await moved;
    assert.deepEqual([engine.head().number, withheldS(engine, clock.now(), false)], [2, undefined]);
    await sealer.stop();
  });

  it("goes on on a development chain whose time was moved on purpose", async () => {
    const clock = createTestClock();
    const engine = openTestEngine({ sealer: 101, clock, development: true });
    engine.development?.detach("evm_increaseTime");
    engine.development?.setOffset(3_600);
    const sealer = sealerAlone(engine, clock, engine.seal);
    sealer.start();
    for (let nonce = 0; nonce < 2; nonce++) {
      const moved = new Promise((resolve) => engine.on("head", resolve));
      await engine.submit(transactionOf(1, nonce), "local");
      await moved;
    }
    assert.deepEqual([engine.head().number, engine.head().timestamp - clock.now() / 1_000], [2, 3_600]);
    assert.equal(withheldS(engine, clock.now(), true), undefined);
    await sealer.stop();
  });
});
