/** What tells one node's database from every other. */

import { randomBytes } from "node:crypto";
import { bytesToUtf8, utf8ToBytes } from "@counterpart/core/base/bytes";
import type { Store } from "@counterpart/core/ports/store";

/** A name for this database, made with it. Peers keep how far they have read this node's changes under it. */
export function openInstanceId(store: Store): string {
  const key = utf8ToBytes("instance");
  const stored = store.get("meta", key);
  if (stored !== undefined) return bytesToUtf8(stored);
  const made = randomBytes(16).toString("hex");
  store.write([{ table: "meta", key, value: utf8ToBytes(made) }]);
  return made;
}
