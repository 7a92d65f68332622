/**
 * Going back below the block whose state was taken over: what later blocks changed can be taken back from what this node
 * holds, that block cannot. So the state of the block where the better branch forks off comes from peers as well, and what
 * this node had executed above it returns to the pool as in any reorganisation.
 */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import type { SealedHeader, Transaction } from "@counterpart/core/chain/types";
import { compareHeads } from "@counterpart/core/consensus/poa";
import { contractsIn, readContract } from "./contract-index.ts";
import type { EngineCore } from "./core.ts";
import { historyRows } from "./history.ts";
import type { Overlay } from "./overlay.ts";
import { createPacer } from "./pacer.ts";
import { decodePrevious, encodeContract, numberKey } from "./rows.ts";
import { forgetRows } from "./side-blocks.ts";

/** Where the best branch that is held forks off, if that is below what this node can take back. */
export function forkBelowHistory({ admission, chain, head, adopted }: EngineCore): SealedHeader | undefined {
  const best = admission.tree.best();
  if (best === undefined || compareHeads(best, head) <= 0) return undefined;
  const [first] = admission.tree.path(best.hash);
  const fork = first === undefined ? undefined : chain.header(first.parentHash);
  return fork !== undefined && fork.number < adopted ? fork : undefined;
}

export interface Retreat {
  /** Highest first. */
  readonly reverted: readonly SealedHeader[];
  /** Transactions of the blocks that were held, in the order they had. */
  readonly returned: readonly Transaction[];
  /** To be called when the state is the target's: forgets what blocks that are gone said of contracts. */
  readonly redate: () => void;
}

/** Takes everything that blocks above `target` left out of the overlay, but for state, headers and their numbers. */
export async function retreatTo(core: EngineCore, overlay: Overlay, target: SealedHeader): Promise<Retreat> {
  const { chain, clock } = core;
  const pause = createPacer(clock);
  const reverted: SealedHeader[] = [];
  const returned: (readonly Transaction[])[] = [];
  const touched = new Set<Hex>();
  for (let header = core.head; header.number > target.number; ) {
    reverted.push(header);
    const transactions = chain.block(header.hash)?.transactions ?? [];
    returned.unshift(transactions);
    const changes = overlay.get("changes", numberKey(header.number));
    const previous = changes === undefined ? [] : decodePrevious(changes);
    for (const address of contractsIn(previous)) touched.add(address);
    for (const { table, key } of historyRows(header.number, previous)) overlay.put(table, key, null);
    for (const table of ["bodies", "receipts"] as const) overlay.put(table, hexToBytes(header.hash), null);
    for (const table of ["changes", "logItems"] as const) overlay.put(table, numberKey(header.number), null);
    for (const { hash } of transactions) overlay.put("transactions", hexToBytes(hash), null);
    const parent = chain.header(header.parentHash);
    assert(parent !== undefined, "the headers of the chain are held");
    header = parent;
    await pause();
  }
  const redate = (): void => {
    for (const address of touched) {
      const entry = readContract(overlay, address);
      if (entry?.updated === undefined || entry.updated.number <= target.number) continue;
      const { updated: _, updateSequence: __, ...kept } = entry;
      overlay.put("contracts", hexToBytes(address), encodeContract(kept));
    }
  };
  return { reverted, returned: returned.flat(), redate };
}

/** Side blocks that hang on headers which are no longer on the chain. */
export function forgetStranded({ admission: { tree }, chain, store }: EngineCore): void {
  const roots = [...tree.nodes()].filter(({ parentHash }) => !tree.has(parentHash) && !chain.isCanonical(parentHash));
  const stranded = roots.flatMap(({ hash }) => tree.removeBranch(hash));
  if (stranded.length > 0) store.write(forgetRows(stranded));
}
