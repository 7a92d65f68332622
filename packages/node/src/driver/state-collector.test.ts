import assert from "node:assert/strict";
import { it } from "node:test";
import { bytesToHex } from "@counterpart/core/base/bytes";
import type { StatePortion } from "../engine/adoption.ts";
import { addressOf } from "./fake-chain.test-support.ts";
import { createStateCollector } from "./state-collector.ts";

it("hands where a contract comes from on with its account, however many portions end before", async () => {
  const [first, second] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const origins = new Map([first, second].map((key) => [bytesToHex(key), { address: addressOf(bytesToHex(key)) }]));
  const portions: StatePortion[] = [];
  const into = createStateCollector(1, async (portion) => void portions.push(portion));
  into.addOrigins(origins);
  await into.addSlots(first, [{ key: second, value: second }]);
  await into.addAccounts([{ key: first, value: first }]);
  await into.addAccounts([{ key: second, value: second }]);
  assert.deepEqual(
    portions.map((portion) => [...portion.origins.keys()]),
    [[], [bytesToHex(first)], [bytesToHex(second)]],
  );
});
