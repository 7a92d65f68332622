import assert from "node:assert/strict";
import { test } from "node:test";
import { CodedError } from "@counterpart/core/base/errors";
import fc from "fast-check";
import { openTestEngine } from "../engine/engine.test-support.ts";
import { readHistoryStart } from "../engine/history.ts";
import { forgottenRows } from "../engine/history-keeper.ts";
import type { Engine } from "../engine/types.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createFakeContracts } from "./fake-contracts.test-support.ts";
import { createLocalSource } from "./local-source.test-support.ts";
import { assertSameState, clock, follow, type History, longHistory } from "./state-join.test-support.ts";

/** A node that holds the states of one block before its head, and starts again on what it has stored. */
function openServer({ store, engine: first }: History) {
  let current = first;
  /** Whichever engine there is now. */
  const engine = new Proxy({} as Engine, { get: (_, name) => Reflect.get(current, name) });
  const prune = (): void => {
    const head = current.head().number;
    for (let start = readHistoryStart(store); start < head; start = readHistoryStart(store)) {
      store.write(forgottenRows(store, start, head));
    }
  };
  return {
    engine,
    async restart(isPruned: boolean) {
      await current.stop();
      if (isPruned) prune();
      current = openTestEngine({ store, historyBlocks: 1 });
    },
  };
}

test("who holds the states of no earlier blocks gives the state of a block while the chain grows, over restarts of both", async () => {
  const history = await longHistory(66);
  for (let at = 0; at < 90; at += 10) {
    await history.seal(...Array.from({ length: 10 }, (_, i) => history.set(2, at + i, at + i + 1)));
  }
  const server = openServer(history);
  Object.assign(history, { engine: server.engine });
  const event = fc.constantFrom("joiner", "server", "prune", "grow", "create");
  const step = fc.record({ at: fc.nat(12), event, value: fc.nat(40) });
  const refusals: string[] = [];
  const happen = async (what: string, value: number): Promise<void> => {
    if (what === "joiner") throw new CodedError("NOT_READY", "the node is stopping");
    if (what === "server" || what === "prune") await server.restart(what === "prune");
    if (what === "grow") await history.seal(history.set(value, value, value * 3));
    if (what === "create") await history.seal(history.create(value), history.set(4, value, 1));
  };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 10 }), fc.constantFrom("all", "snap"), async (steps, role) => {
      const store = createMemoryStore();
      const options = { store, ...(role === "all" ? { replica: "all" as const } : {}) };
      for (const { at, event, value } of [...steps, { at: Number.POSITIVE_INFINITY, event: "end", value: 0 }]) {
        let left = at;
        const source = createLocalSource(
          {
            engine: server.engine,
            contracts: createFakeContracts(server.engine),
            clock,
            instanceId: "there",
            isDiverged: () => false,
          },
          async () => {
            if (left-- === 0) await happen(event, value);
          },
        );
        const engine = openTestEngine(options);
        if (engine.isReplica || engine.head().number === 0 || engine.adoption.isUnderway) {
          refusals.push(...(await follow(engine, source)));
        } else {
          const missing = server.engine.head().number - engine.head().number;
          const blocks = Array.from({ length: missing }, (_, i) => server.engine.block(engine.head().number + 1 + i));
          await engine.import(blocks.flatMap((block) => block ?? []));
        }
      }
      assertSameState({ engine: openTestEngine(options), store }, { engine: server.engine, store: history.store });
    }),
    { numRuns: 8, endOnFailure: true },
  );
  assert.deepEqual(refusals, []);
});
