/** Pending transactions that can never be paid must not take the time of those that can. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { createExecutor } from "@counterpart/core/execution/executor";
import type { Executor } from "@counterpart/core/execution/types";
import { createMemoryStore } from "../store/memory-store.ts";
import { openTestEngine, TEST_GENESIS, transactionOf } from "./engine.test-support.ts";
import { pendingRow } from "./pool-rows.ts";
import { createSlowClock } from "./slow-clock.test-support.ts";

/** Accounts of these keys own nothing. */
const POOR = Array.from({ length: 20 }, (_, i) => i + 20);

it("is sealed past transactions with higher tips that cannot be paid, however long they would take", async () => {
  const store = createMemoryStore();
  const tip = { maxFeePerGas: 10n, maxPriorityFeePerGas: 10n };
  const poor = POOR.map((key) => transactionOf(key, 0, tip));
  store.write(poor.map((transaction) => pendingRow({ transaction, origin: "peer", arrivedAtMs: 1, isKept: false })));
  const inner = createExecutor({ chainId: TEST_GENESIS.chainId });
  let runs = 0;
  const executor: Executor = {
    ...inner,
    async begin(context, state) {
      const execution = await inner.begin(context, state);
      return {
        get gasUsed() {
          return execution.gasUsed;
        },
        run(transaction) {
          runs++;
          return execution.run(transaction);
        },
        finish: () => execution.finish(),
      };
    },
  };
  const engine = openTestEngine({ store, executor, clock: createSlowClock(400) });
  const payable = transactionOf(1, 0);
  await engine.submit(payable, "local");
  const block = await engine.seal();
  assert.deepEqual(
    block?.transactions.map(({ hash }) => hash),
    [payable.hash],
  );
  assert.equal(runs, 1);
});
