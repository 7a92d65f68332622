import assert from "node:assert/strict";
import { test } from "node:test";
import { createPacer, createPatientPacer, type Pause } from "./pacer.ts";
import { createSlowClock } from "./slow-clock.test-support.ts";

/** Works in slices until it has had so many, and notes each. */
async function work(pause: Pause, slices: number, note: () => void): Promise<void> {
  for (let at = 0; at < slices; at++) {
    note();
    await pause();
  }
}

test("however much callers ask for, one slice of it is between two turns of everybody else", async () => {
  // Every look at it takes longer than a slice.
  const clock = createSlowClock(20);
  const told: string[] = [];
  const callers = Array.from({ length: 50 }, (_, n) => `caller ${n}`);
  const all = callers.map((name) => work(createPatientPacer(clock), 4, () => told.push(name)));
  all.push(work(createPacer(clock), 20, () => told.push("node")));
  await Promise.all(all);
  // Each has its first slice at once.
  assert.deepEqual(told.slice(0, 51), [...callers, "node"]);
  const rest = told.slice(51);
  assert.deepEqual(
    rest.slice(0, 38).filter((_, at) => at % 2 === 1),
    Array.from({ length: 19 }, () => "node"),
  );
  // Those who began first share the thread until they are done: nobody else would be in time.
  const left = new Map(callers.map((name) => [name, 3]));
  for (const name of rest.filter((each) => each !== "node")) {
    const first = [...left.keys()].slice(0, 8);
    assert.ok(first.includes(name), `${name} came before ${first[0]} was done`);
    const slices = (left.get(name) ?? 0) - 1;
    if (slices === 0) left.delete(name);
    else left.set(name, slices);
  }
  assert.equal(left.size, 0);
});

test("those who share the thread have their slices in turn", async () => {
  const clock = createSlowClock(20);
  const told: string[] = [];
  const callers = ["one", "two", "three"];
  await Promise.all(callers.map((name) => work(createPatientPacer(clock), 4, () => told.push(name))));
  assert.deepEqual(told, [...callers, ...callers, ...callers, ...callers]);
});

test("work that ends does not keep others from theirs", async () => {
  const clock = createSlowClock(20);
  const failing = async (): Promise<void> => {
    await createPatientPacer(clock)();
    throw new Error("over");
  };
  const outcomes = await Promise.allSettled([failing(), work(createPatientPacer(clock), 3, () => {}), failing()]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["rejected", "fulfilled", "rejected"],
  );
  // When nobody waited any more.
  await work(createPatientPacer(clock), 3, () => {});
});
