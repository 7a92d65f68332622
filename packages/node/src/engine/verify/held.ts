/** What a store is to be held to: a node may know part of its chain by headers alone, and hold part of the state. */

import type { StoreReader } from "@counterpart/core/ports/store";
import { isAdopting, readAdopted } from "../adopted.ts";
import { type Role, storedRole } from "../holding.ts";

export interface Held {
  readonly role: Role;
  /** The state is being taken over: it is no head's, and accounts, storages and contracts may be missing in it. */
  readonly isAdopting: boolean;
  /** Blocks up to this one, but for the genesis, are known by their headers alone. */
  readonly adopted: number;
  /** Headers may go on after the head, or lead elsewhere: their state is being taken over or soon will be. */
  readonly leadsOn: boolean;
}

export function readHeld(rows: StoreReader): Held {
  const stored = storedRole(rows) ?? "full";
  const [adopting, adopted] = [isAdopting(rows), readAdopted(rows)];
  // Before the first state is taken over, the genesis is there, and all of it.
  const role = stored === "chosen" && adopted === 0 && !adopting ? "all" : stored;
  return { role, isAdopting: adopting, adopted, leadsOn: adopting || role !== "full" };
}
