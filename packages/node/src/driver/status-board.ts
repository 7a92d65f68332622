/** What this node has, numbered: the number rises when any of it changes. */

import type { ArtifactsSummary } from "@counterpart/core/sync/artifact-types";
import type { BlockRef, Status } from "@counterpart/core/sync/message-types";
import type { DriverDeps } from "./ports.ts";

export interface StatusBoard {
  /** @param applied for the peer that it is meant for */
  read(applied: number): Status;
}

interface Content {
  readonly head: BlockRef;
  readonly artifacts: ArtifactsSummary;
  readonly reinjecting: number;
}

const same = (a: Content, b: Content): boolean =>
  a.head.hash === b.head.hash &&
  a.artifacts.digest === b.artifacts.digest &&
  a.artifacts.count === b.artifacts.count &&
  a.artifacts.sequence === b.artifacts.sequence &&
  a.reinjecting === b.reinjecting;

export function createStatusBoard({
  engine,
  contracts,
  clock,
  self,
}: Pick<DriverDeps, "engine" | "contracts" | "clock" | "self">): StatusBoard {
  let sequence = 0;
  let last: Content | undefined;
  return {
    read(applied) {
      const { hash, number } = engine.head();
      const content = {
        head: { hash, number },
        artifacts: contracts.artifacts(),
        reinjecting: engine.pool.reinjecting,
      };
      if (last === undefined || !same(last, content)) sequence++;
      last = content;
      const certifiedHead = self.certifies ? content.head : { hash: engine.genesisHash, number: 0 };
      return { sequence, ...content, certifiedHead, applied, clockMs: clock.now() };
    },
  };
}
