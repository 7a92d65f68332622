/**
 * Blocks near the head that this node knows by their headers alone, because it took over the state that they made:
 * fetched when somebody asks, each with the transactions that its header commits to.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { dropOldest } from "@counterpart/core/base/drop-oldest";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Block, SealedHeader } from "@counterpart/core/chain/types";
import type { EngineCore } from "./core.ts";
import { READ_MS_MAX } from "./remote-state.ts";

/** So far below the head they are fetched. */
export const FETCHED_BLOCKS_DEPTH = 128;
/** So many are kept, or being fetched and waited for together. */
const KEPT_MAX = 16;

export interface RemoteBodies {
  /** @throws CodedError `PRUNED` for a block further below the head, `NOT_HELD` when no peer gives it */
  fetch(header: SealedHeader): Promise<Block>;
}

function lacking(header: SealedHeader, reason: string): CodedError {
  const message = `of block ${header.number} this node knows the header alone, and ${reason}`;
  return new CodedError("NOT_HELD", message, { block: header.number });
}

async function fetchBody({ clock, remote }: EngineCore, header: SealedHeader): Promise<Block> {
  if (remote?.hasPeers() !== true) throw lacking(header, "no peer is connected that could give the rest");
  const over = Promise.withResolvers<undefined>();
  const cancel = clock.setTimer(READ_MS_MAX, () => over.resolve(undefined));
  const fetched = remote.block(header);
  try {
    const block = await Promise.race([fetched, over.promise]);
    if (block !== undefined) return block;
  } catch (error) {
    if (!isCodedError(error, "PRUNED")) throw error;
  } finally {
    cancel();
    // It may fail when nobody waits for it any more.
    fetched.catch(() => {});
  }
  throw lacking(header, "no peer has given the rest");
}

export function createRemoteBodies(core: EngineCore): RemoteBodies {
  const kept = new Map<Hex, Promise<Block>>();
  return {
    async fetch(header) {
      if (header.number + FETCHED_BLOCKS_DEPTH <= core.head.number) {
        throw new CodedError("PRUNED", `of block ${header.number} this node knows the header alone`, {
          block: header.number,
          executed_after: core.adopted,
        });
      }
      const block = kept.get(header.hash) ?? fetchBody(core, header);
      kept.set(header.hash, block);
      dropOldest(kept, KEPT_MAX);
      try {
        return await block;
      } catch (error) {
        if (kept.get(header.hash) === block) kept.delete(header.hash);
        throw error;
      }
    },
  };
}
