/** Keeps what is remembered within its bounds. */

interface Ordered<K> {
  readonly size: number;
  keys(): Iterable<K>;
  delete(key: K): boolean;
}

/** Drops what was put first into a map or set, as long as it holds more than `max`. Returns how many it dropped. */
export function dropOldest<K>(kept: Ordered<K>, max: number): number {
  const before = kept.size;
  for (const oldest of kept.keys()) {
    if (kept.size <= max) break;
    kept.delete(oldest);
  }
  return before - kept.size;
}
