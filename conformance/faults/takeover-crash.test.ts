/** `kill -9` while a state is being taken over, again and again: the files are whole each time, and it goes on to the end. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { PORTION_PAGES_MAX, SEGMENTS_MAX } from "../../packages/node/src/driver/limits.ts";
import { Cleanup } from "../../packages/node/src/net/testing/real-network.ts";
import { openLmdbStore } from "../../packages/node/src/store/lmdb-store.ts";
import { type Answer, createHostilePeer, type HostilePeer } from "../hostile/hostile-peer.ts";
import { makeTakenChain, type TakenChain } from "../hostile/taken-chain.ts";
import { assertEqual, flagsOf, hear, TAKERS } from "../hostile/takeover.ts";
import { honestReply, toAnswer } from "../hostile/takeover-lies.ts";
import { createRandom } from "../network/random.ts";
import { counterpart } from "../processes/process-node.ts";
import { type NodeProcess, NodeProcesses } from "./node-process.ts";

const KILLS = 2;
const WITHIN_MS = 700;
/** Of a serving peer's clock for each account of an answer, which is more than it has: a page is one account. */
const ITEM_MS = 60;
/** Of some 250, after which a node is killed that does not write each of them alone. */
const PAGES = 200;
/** Pages that each segment gathers before they are written, and the one with which it ends, which has nothing of it. */
const UNWRITTEN_MAX = SEGMENTS_MAX * (PORTION_PAGES_MAX + 1);

/** Accounts that are in the database of a node that is gone, by keccak(address). */
function writtenBy({ dataDir }: NodeProcess): ReadonlySet<Hex> {
  const store = openLmdbStore(join(dataDir, "chain.mdb"));
  try {
    return new Set(store.range("accounts", { limit: 10_000 }).map(({ key }) => bytesToHex(key)));
  } finally {
    store.close();
  }
}

describe("a node that is killed while it takes a state over", () => {
  const processes = new NodeProcesses();
  let chain: TakenChain;
  let honest: NodeProcess;
  before(async () => {
    chain = await makeTakenChain(processes.folder);
    chain.copyTo(processes, "honest");
    honest = await processes.start("honest", { genesis: chain.genesisPath });
  });
  after(() => processes[Symbol.asyncDispose]());

  const verifyWhole = async (dataDir: string): Promise<void> => {
    const { code, text } = await counterpart("db", "verify", "--data-dir", dataDir, "--genesis", chain.genesisPath);
    assert.equal(code, 0, text);
  };

  for (const [seed, taker] of TAKERS.entries()) {
    test(`goes on from whole files, as does a restored copy of them: ${taker}`, async () => {
      const random = createRandom(seed + 1);
      const flags = { ...flagsOf(chain, taker), peer: honest.p2p };
      for (let kills = 0; kills < KILLS; kills++) {
        const killed = await processes.start(taker, flags);
        await delay(random(WITHIN_MS));
        await killed.kill();
        await verifyWhole(killed.dataDir);
      }
      const [from, backup, copy] = [taker, `${taker}-backup`, `${taker}-copy`].map((name) => processes.dataDirOf(name));
      const steps = [
        ["backup", "--data-dir", from, "--to", backup, "--no-keys"],
        ["restore", "--from", backup, "--data-dir", copy, "--genesis", chain.genesisPath],
      ] as const;
      for (const step of steps) {
        const { code, text } = await counterpart("db", ...(step as readonly string[]));
        assert.equal(code, 0, text);
      }
      for (const name of [taker, `${taker}-copy`]) {
        const node = await processes.start(name, flags);
        await assertEqual(node, honest, chain, taker);
        await node.kill();
        await verifyWhole(join(processes.folder, name));
      }
    });
  }

  test("does not ask again for pages that it has written", async () => {
    const cleanup = new Cleanup();
    let [nowMs, itemMs] = [0, 0];
    const answer = toAnswer(
      honestReply(chain.engine, () => {
        nowMs += itemMs;
        return nowMs;
      }),
    );
    const starts: Hex[] = [];
    const firstFrom = (start: Hex): Hex => {
      const [row] = chain.engine.stateAt(chain.engine.head().hash, "caller").accounts(hexToBytes(start));
      return row === undefined ? "0x" : bytesToHex(row.key);
    };
    const meet = async (victim: NodeProcess): Promise<HostilePeer> => {
      const peer = await createHostilePeer(cleanup, victim.p2p);
      const noting: Answer = (request) => {
        const isRange = request.type === "GetContracts" && request.kind === "range";
        if (isRange) starts.push(bytesToHex(request.start));
        itemMs = isRange ? ITEM_MS : 0;
        return answer(request);
      };
      await hear(peer, { answer: noting }, chain);
      return peer;
    };
    const flags = flagsOf(chain, "joining");
    try {
      const killed = await processes.start("counted", flags);
      const peer = await meet(killed);
      await peer.until(() => starts.length >= PAGES, `${PAGES} pages`);
      await killed.kill();
      await verifyWhole(killed.dataDir);
      const [asked, written] = [starts.length, writtenBy(killed)];
      assert.ok(asked - written.size <= UNWRITTEN_MAX, `${written.size} accounts of ${asked} pages were written`);
      const node = await processes.start("counted", flags);
      await meet(node);
      await assertEqual(node, honest, chain, "joining");
      const again = starts.slice(asked).filter((start) => written.has(firstFrom(start)));
      assert.ok(again.length <= SEGMENTS_MAX, `${again.length} of ${written.size} accounts were asked for again`);
      assert.equal(starts.filter((start) => BigInt(start) === 0n).length, 1, "it began anew");
      await node.kill();
      await verifyWhole(node.dataDir);
    } finally {
      await cleanup.run();
    }
  });
});
