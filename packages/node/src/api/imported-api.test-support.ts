/** The API over a chain that was imported. */

import type { Hex } from "@counterpart/core/base/bytes";
import { encodeAnyBlock } from "@counterpart/core/chain/any-block";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import { type Content, createForeignChain } from "@counterpart/core/consensus/foreign-chain.test-support";
import { parseForeignGenesis } from "@counterpart/core/consensus/foreign-genesis";
import { createChainImport } from "../engine/chain-import.ts";
import { silentLogger } from "../engine/engine.test-support.ts";
import { GENESIS } from "../engine/imported.test-support.ts";
import { createImportedEngine } from "../engine/imported-engine.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createSystemClock } from "../telemetry/runtime.ts";
import { createFakeBackend, openTestApi } from "./fake-backend.test-support.ts";

/** @param genesisText genesis file, unless it is the usual one of the tests */
export async function openImportedApi(encoded: readonly Uint8Array[], genesisText = GENESIS) {
  const genesis = parseForeignGenesis(genesisText);
  const clock = createSystemClock();
  const store = createMemoryStore();
  const chain = createChainImport({ store, genesis, clock });
  for (const block of encoded) await chain.add(block);
  chain.flush();
  const engine = createImportedEngine({ store, schedule: genesis.schedule, clock, logger: silentLogger });
  const fake = createFakeBackend();
  const api = await openTestApi({}, { ...fake, backend: { ...fake.backend, engine } });
  return { imported: engine, api };
}

/** Blocks with these contents; the second one names an ommer of the first one's height, which is given too. */
export async function sealedWithOmmer(
  first: Content,
  second: Content,
): Promise<{ readonly encoded: Uint8Array[]; readonly ommer: AnySealedHeader & { readonly hash: Hex } }> {
  const beside = createForeignChain(parseForeignGenesis(GENESIS));
  const { header: ommer } = await beside.seal({ seconds: 7 });
  const chain = createForeignChain(parseForeignGenesis(GENESIS));
  const blocks = [await chain.seal(first), await chain.seal({ ...second, ommers: [ommer] })];
  return { encoded: blocks.map(encodeAnyBlock), ommer };
}
