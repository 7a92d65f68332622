/** Reading at one moment, the only way to open a snapshot and be sure that it is closed. */

import type { Engine, Snapshot } from "./types.ts";

/**
 * What `read` gives of the head's state at one consistent moment. The snapshot is closed when `read` returns, so
 * nothing of it may be used later.
 */
export function withSnapshot<T>(engine: Pick<Engine, "snapshot">, read: (snapshot: Snapshot) => T): T {
  const snapshot = engine.snapshot();
  try {
    return read(snapshot);
  } finally {
    snapshot.done();
  }
}
