/** What a peer is known to have, so that nothing is sent to it twice. Bounded: the least recently touched goes first. */

export interface KnownSet {
  readonly size: number;
  has(key: string): boolean;
  /** Notes `key` as known. Returns whether it was not known before. */
  add(key: string): boolean;
}

export function createKnownSet(sizeMax: number): KnownSet {
  const keys = new Set<string>();
  return {
    get size() {
      return keys.size;
    },
    has: (key) => keys.has(key),
    add(key) {
      const fresh = !keys.delete(key);
      keys.add(key);
      if (keys.size > sizeMax) {
        for (const oldest of keys) {
          keys.delete(oldest);
          break;
        }
      }
      return fresh;
    },
  };
}
