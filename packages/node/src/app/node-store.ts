/** The database of a node that runs: who holds it, and what its operator is told when it takes nothing more. */

import { join } from "node:path";
import { CodedError } from "@counterpart/core/base/errors";
import type { Metrics } from "@counterpart/core/ports/metrics";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import { openBufferedStore } from "../store/buffered-store.ts";
import { type GuardedStore, guardStore } from "../store/damage-guard.ts";
import { openDataDir } from "../store/data-dir.ts";
import type { StartFlusher } from "../store/flusher.ts";
import { probeDatabase } from "../store/probe.ts";

const DAMAGE_ADVICE =
  "this node writes nothing more, neither blocks nor transactions: stop it, look with `counterpart db verify`, and " +
  "restore a backup, or move the database away and let the node fetch the chain from a peer";

const ENDED_ADVICE =
  "this node writes nothing more, neither blocks nor transactions, until it is started again; what was acknowledged is " +
  "in its log, and gets into the database then";

export interface NodeStoreOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Stops run in the opposite order of their registration. */
  readonly onStop: (stop: () => Promise<void> | void) => void;
  /** Of the thread of the database. */
  readonly start?: StartFlusher;
}

/** @throws CodedError `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE`, `STORE_VERSION`, `STORE_CORRUPT`, `STORE_WRITE_FAILED` */
export async function openNodeStore(options: NodeStoreOptions): Promise<GuardedStore> {
  const { clock, logger, metrics, onStop, start } = options;
  const dataDir = await openDataDir(options.dataDir);
  onStop(() => dataDir.release());
  const path = join(options.dataDir, "chain.mdb");
  await probeDatabase(path);
  const database = openBufferedStore(path, {
    clock,
    metrics,
    ...(start === undefined ? {} : { start }),
    onFailure: (reason) => logger.error("the database takes nothing; what is written is in its log", { reason }),
    onEnded: (reason) => store.noteDamage(new CodedError("STORE_WRITE_FAILED", `${reason}; ${ENDED_ADVICE}`)),
    onMigrated: (versions) => logger.info("the database was brought to the format of this version", versions),
  });
  const store = guardStore(database, ({ code, message }) =>
    logger.error(code === "STORE_WRITE_FAILED" ? message : `${message}; ${DAMAGE_ADVICE}`),
  );
  onStop(() => store.close());
  return store;
}
