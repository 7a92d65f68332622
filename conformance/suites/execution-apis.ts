/**
 * The chain of execution-apis, which comes to every fork: it is imported into a store, every block executed and held to
 * its header, must end with the head that the suite names, be exported as it came, and be whole by all checks of a store.
 * Then a node serves it, and must answer the recorded requests as recorded.
 */

import { createReadStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bytesToHex, concatBytes, equalBytes } from "@counterpart/core/base/bytes";
import { headerOfAnyBlock } from "@counterpart/core/chain/any-block";
import { rlpItems } from "@counterpart/core/codec/rlp-stream";
import { type ForeignGenesis, parseForeignGenesis } from "@counterpart/core/consensus/foreign-genesis";
import type { Store } from "@counterpart/core/ports/store";
import { CHECKS, runCheck } from "../../packages/node/src/contracts/verify-store.ts";
import { createChainImport } from "../../packages/node/src/engine/chain-import.ts";
import { createAnyChainReader } from "../../packages/node/src/engine/chain-reader.ts";
import { encodedBlocks, headNumber } from "../../packages/node/src/engine/stored-blocks.ts";
import { createMemoryStore } from "../../packages/node/src/store/memory-store.ts";
import { check, describeError, type Report, runCase, type Suite } from "../suite.ts";
import { objectOf, textOf } from "./json-fields.ts";
import { runRpcCases } from "./rpc-run.ts";

const BLOCK_BYTES_MAX = 16 * 1024 * 1024;

export const executionApis: Suite = {
  name: "execution-apis",
  async run(folder, report) {
    const genesis = parseForeignGenesis(readFileSync(join(folder, "genesis.json"), "utf8"));
    const store = createMemoryStore();
    await importBlocks(folder, genesis, store, report);
    await runCase(report, "import: head", () => checkHead(folder, store));
    await runCase(report, "import: export", () => checkExport(folder, store));
    for (const name of Object.keys(CHECKS)) {
      await runCase(report, `import: ${name}`, () => checkStore(name, genesis, store));
    }
    await runRpcCases(folder, report);
  },
};

/** A case for each block; after one that is refused there are no more. */
async function importBlocks(folder: string, genesis: ForeignGenesis, store: Store, report: Report): Promise<void> {
  const chain = createChainImport({ store, genesis, clock: { now: () => 0 }, blocksPerWrite: 10 });
  try {
    for await (const encoded of rlpItems(createReadStream(join(folder, "chain.rlp")), BLOCK_BYTES_MAX)) {
      const { number, hash } = headerOfAnyBlock(encoded);
      const added = await chain.add(encoded);
      check(added.header.hash === hash, `block ${number} is ${added.header.hash}`);
      report.pass(`import: block ${number}`);
    }
  } catch (error) {
    report.fail(`import: block ${chain.head().number + 1}`, describeError(error));
  }
  chain.flush();
}

function checkHead(folder: string, store: Store): void {
  check(existsSync(join(folder, "headfcu.json")), "headfcu.json is absent");
  const { params } = objectOf(JSON.parse(readFileSync(join(folder, "headfcu.json"), "utf8")), "headfcu.json");
  const state = objectOf(Array.isArray(params) ? params[0] : undefined, "its first parameter");
  const wanted = textOf(state.headBlockHash, "headBlockHash");
  const { hash } = createAnyChainReader(store).head();
  check(hash === wanted, `the head is ${hash}, not ${wanted}`);
}

function checkExport(folder: string, store: Store): void {
  const exported = concatBytes(...encodedBlocks(store, 1, headNumber(store)));
  check(equalBytes(exported, new Uint8Array(readFileSync(join(folder, "chain.rlp")))), "it is not the file that came");
}

function checkStore(name: string, { schedule }: ForeignGenesis, store: Store): void {
  const genesis = store.get("canonical", new Uint8Array(8));
  check(genesis !== undefined, "there is no genesis");
  const facts = { chainId: schedule.chainId, signers: [], schedule, genesisHash: bytesToHex(genesis) };
  const { faults } = runCheck(name, store, facts, () => {});
  check(faults.length === 0, faults.map(({ table, key, message }) => `${table} ${key}: ${message}`).join("; "));
}
