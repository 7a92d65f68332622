/** Lists that come in pages. */

/** One page, and where the next one begins; undefined after the last one. */
export interface Page<T, C> {
  readonly items: readonly T[];
  readonly next: C | undefined;
}

export interface Collected<T, C> {
  readonly items: readonly T[];
  /** Where to go on when there is more than was asked for; undefined at the end of the list. */
  readonly next: C | undefined;
}

/**
 * Follows a list until there are `limit` items, or no more.
 * @param read a page of at most so many items
 * @param pageMax the most that one page holds
 */
export async function collectPages<T, C>(
  read: (cursor: C | undefined, count: number) => Promise<Page<T, C>>,
  limit: number,
  pageMax: number,
  start?: C,
): Promise<Collected<T, C>> {
  const items: T[] = [];
  let cursor = start;
  do {
    const page = await read(cursor, Math.min(pageMax, limit - items.length));
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined && items.length < limit);
  return { items, next: cursor };
}
