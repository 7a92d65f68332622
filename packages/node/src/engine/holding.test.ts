import assert from "node:assert/strict";
import { test } from "node:test";
import { bigIntToFixedBytes, bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import type { Store } from "@counterpart/core/ports/store";
import { createMemoryStore } from "../store/memory-store.ts";
import { openHolding } from "./holding.ts";
import { accountKey } from "./rows.ts";

const addressOf = (n: number): Hex => bytesToHex(bigIntToFixedBytes(BigInt(n), 20));

test("a contract that is added or dropped costs the same, however many others are held", () => {
  const inner = createMemoryStore();
  let written = 0;
  const store: Store = {
    ...inner,
    write(rows) {
      const all = [...rows];
      written += all.length;
      inner.write(all);
    },
  };
  const named = [1, 2, 3].map(addressOf);
  const holding = openHolding(store, named);
  const costOf = (change: () => void): number => {
    written = 0;
    change();
    return written;
  };
  const added = Array.from({ length: 50 }, (_, at) => addressOf(10 + at));
  const costs = added.map((address) => costOf(() => holding.add(address)));
  const [dropped, ...rest] = added as [Hex, ...Hex[]];
  costs.push(costOf(() => holding.drop(dropped, [])));
  assert.ok(Math.max(...costs) <= (costs[0] as number), costs.join());
  const kept = openHolding(store, []);
  assert.deepEqual(new Set(kept.chosen()), new Set([...named, ...rest]));
  for (const address of kept.chosen()) assert.ok(store.get("preimages", accountKey(address)), address);
});
