import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { createLocks } from "./locks.ts";

/** A task that ends when told to. */
function task(log: string[], name: string) {
  const gate = Promise.withResolvers<string>();
  const run = async (): Promise<string> => {
    log.push(`${name} begins`);
    const result = await gate.promise;
    log.push(`${name} ends`);
    return result;
  };
  return { run, end: () => gate.resolve(name), fail: () => gate.reject(new Error(name)) };
}

describe("locks", () => {
  it("run the tasks of one key in order, those of others beside them", async () => {
    const log: string[] = [];
    const locks = createLocks(8);
    const [a, b, c] = [task(log, "a"), task(log, "b"), task(log, "c")];
    const results = [locks.run("1", a.run), locks.run("1", b.run), locks.run("2", c.run)];
    c.end();
    await results[2];
    a.end();
    b.end();
    assert.deepEqual(await Promise.all(results), ["a", "b", "c"]);
    assert.deepEqual(log, ["a begins", "c begins", "c ends", "a ends", "b begins", "b ends"]);
  });

  it("go on after a task that failed, whose caller alone hears of it", async () => {
    const locks = createLocks(8);
    const [a, b] = [task([], "a"), task([], "b")];
    const first = locks.run("1", a.run);
    const second = locks.run("1", b.run);
    a.fail();
    b.end();
    await assert.rejects(first, { message: "a" });
    assert.equal(await second, "b");
  });

  it("refuse a task when too many wait, and take one again when they are done", async () => {
    const locks = createLocks(2);
    const tasks = [task([], "a"), task([], "b")];
    const running = tasks.map(({ run }) => locks.run("1", run));
    await assert.rejects(locks.run("1", tasks[0]?.run ?? assert.fail), (error) => isCodedError(error, "RATE_LIMITED"));
    for (const { end } of tasks) end();
    await Promise.all(running);
    assert.equal(await locks.run("1", async () => "again"), "again");
  });
});
