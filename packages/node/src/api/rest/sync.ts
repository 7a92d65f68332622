/** Where the node stands among its peers, as callers see it. */

import Type, { type Static } from "typebox";
import type { DivergenceView, StateProgress, SyncView } from "../../driver/types.ts";
import { HashSchema, nullable, refTo } from "./schemas.ts";
import { HeadSchema } from "./status.ts";

export const DivergenceSchema = Type.Object(
  {
    block: HeadSchema,
    sealed_here: Type.Boolean({ description: "this node has sealed the block, and most peers refuse it" }),
    since: Type.Integer({ description: "milliseconds since 1970" }),
    evidence: nullable(Type.String({ description: "the file within the data directory, if it could be written" })),
  },
  {
    $id: "Divergence",
    description:
      "the block that most peers hold and that this node's execution contradicts, or that it has sealed and they refuse: " +
      "it serves no state",
  },
);

export const SyncSchema = Type.Object({
  state: Type.Enum(["alone", "syncing", "synced"], {
    description: "synced: this node agrees with every peer that is connected",
  }),
  head: HeadSchema,
  head_age_ms: Type.Integer({ description: "since the head was sealed, by this node's clock" }),
  lag_blocks: Type.Integer({ description: "blocks that the best peer claims to have ahead" }),
  unnamed_contracts: Type.Integer({
    description:
      "contracts of the state that was taken over of which no peer has said yet where they come from: they are shown " +
      "when asked for by address, and their creator is not known. Each peer is asked",
  }),
  target: nullable(
    Type.Object(
      { hash: HashSchema, number: Type.Integer(), peer_id: Type.String() },
      { description: "the best head that a peer claims to have, while it is better than this node's" },
    ),
  ),
  stage: nullable(Type.Enum(["blocks", "contracts", "headers", "state"], { description: "what is being fetched" })),
  state_progress: nullable(
    Type.Object(
      {
        to_block: Type.Integer({ description: "whose state it is" }),
        pages: Type.Integer({ description: "answers that were proven and taken" }),
        bytes: Type.Integer({ description: "their bytes on the wire" }),
        wasted_bytes: Type.Integer({ description: "bytes of answers that were of no use" }),
        filled: nullable(Type.Number({ description: "part of an empty state that is there, from 0 to 1" })),
        remaining_bytes: nullable(Type.Integer({ description: "if the rest is like what has come" })),
        remaining_ms: nullable(Type.Integer({ description: "at the rate so far" })),
      },
      { description: "state that is being taken over" },
    ),
  ),
  progress: nullable(
    Type.Object({
      from_block: Type.Integer(),
      to_block: Type.Integer(),
      blocks_per_second: Type.Number(),
      remaining_ms: nullable(Type.Integer({ description: "at the rate so far" })),
    }),
  ),
  divergence: nullable(refTo(DivergenceSchema)),
});

const divergenceToJson = (view: DivergenceView): Static<typeof DivergenceSchema> => ({
  block: view.block,
  sealed_here: view.sealedHere,
  since: view.sinceMs,
  evidence: view.evidence ?? null,
});

function stateProgressToJson(
  progress: StateProgress,
  nowMs: number,
): NonNullable<Static<typeof SyncSchema>["state_progress"]> {
  const { toBlock, sinceMs, pages, bytes, wastedBytes, filled, filledBefore } = progress;
  // What is left takes as long, and as many bytes, as what has come since, in proportion.
  const factor = filled === undefined || filled <= filledBefore ? undefined : (1 - filled) / (filled - filledBefore);
  return {
    to_block: toBlock,
    pages,
    bytes,
    wasted_bytes: wastedBytes,
    filled: filled ?? null,
    remaining_bytes: factor === undefined ? null : Math.round(bytes * factor),
    remaining_ms: factor === undefined ? null : Math.round(Math.max(0, nowMs - sinceMs) * factor),
  };
}

export function syncToJson(
  { state, head, headAgeMs, lagBlocks, unnamedContracts, target, stage, stateProgress, progress }: SyncView,
  divergence: DivergenceView | undefined,
  nowMs: number,
): Static<typeof SyncSchema> {
  return {
    state,
    head,
    head_age_ms: headAgeMs,
    lag_blocks: lagBlocks,
    unnamed_contracts: unnamedContracts,
    target: target === undefined ? null : { hash: target.hash, number: target.number, peer_id: target.peerId },
    stage: stage ?? null,
    state_progress: stateProgress === undefined ? null : stateProgressToJson(stateProgress, nowMs),
    progress:
      progress === undefined
        ? null
        : {
            from_block: progress.fromBlock,
            to_block: progress.toBlock,
            blocks_per_second: Math.round(progress.blocksPerSecond * 10) / 10,
            remaining_ms: progress.remainingMs === undefined ? null : Math.round(progress.remainingMs),
          },
    divergence: divergence === undefined ? null : divergenceToJson(divergence),
  };
}
