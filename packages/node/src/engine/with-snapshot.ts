/** Reading at one moment, the only way to open a snapshot and be sure that it is closed. */

import type { Engine, Snapshot } from "./types.ts";

/** What `read` gives of what is open, which is closed when it returns. */
export function readAndClose<S extends { done(): void }, T>(open: S, read: (open: S) => T): T {
  try {
    return read(open);
  } finally {
    open.done();
  }
}

/**
 * What `read` gives of the head's state at one consistent moment. The snapshot is closed when `read` returns, so
 * nothing of it may be used later.
 */
export function withSnapshot<T>(engine: Pick<Engine, "snapshot">, read: (snapshot: Snapshot) => T): T {
  return readAndClose(engine.snapshot(), read);
}
