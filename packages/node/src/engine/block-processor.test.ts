import assert from "node:assert/strict";
import { test } from "node:test";
import { bigIntToFixedBytes, bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { draftHeader } from "@counterpart/core/consensus/poa";
import { createMemoryStore } from "../store/memory-store.ts";
import { completeHeader, noneExecuted } from "./block-processor.ts";
import { openTestEngine } from "./engine.test-support.ts";
import { createOverlay } from "./overlay.ts";
import { applyChanges } from "./state.ts";

const ADDRESS: Hex = `0x${"11".repeat(20)}`;
const SLOTS = 1_000;

test("others are offered turns while the tries of a block with many changes are made", async () => {
  const store = createMemoryStore();
  const engine = openTestEngine({ store });
  const parent = engine.head();
  const slots = Array.from({ length: SLOTS }, (_, n) => [bytesToHex(bigIntToFixedBytes(BigInt(n), 32)), 7n] as const);
  const changes = { accounts: new Map(), storage: new Map([[ADDRESS, new Map<Hex, bigint>(slots)]]), codes: new Map() };
  const draft = draftHeader({ parent, coinbase: ADDRESS, timestamp: parent.timestamp, vanity: new Uint8Array(32) });
  let turns = 0;
  const pause = async (): Promise<void> => {
    turns++;
  };
  const run = { draft, parentRoot: parent.stateRoot, executed: noneExecuted(), changes };
  const { stateRoot } = await completeHeader({}, createOverlay(store), run, pause);
  assert.equal(stateRoot, applyChanges(createOverlay(store), parent.stateRoot, changes));
  assert.ok(turns >= 4 + 1 + 2, `${turns} turns`);
});
