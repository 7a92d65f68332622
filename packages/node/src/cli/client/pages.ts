/** Lists that come in pages. */

import { CodedError } from "@counterpart/core/base/errors";

/** Pages may hold nothing where a filter lets little through, but not for ever. */
const EMPTY_PAGES_MAX = 10_000;

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
 * @throws CodedError `CONNECTION_FAILED` where the list does not end; those of `read`
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
  let emptyPages = 0;
  do {
    const page = await read(cursor, Math.min(pageMax, limit - items.length));
    items.push(...page.items);
    cursor = page.next;
    emptyPages = page.items.length === 0 ? emptyPages + 1 : 0;
    if (emptyPages > EMPTY_PAGES_MAX) throw new CodedError("CONNECTION_FAILED", "what answers gives pages without end");
  } while (cursor !== undefined && items.length < limit);
  return { items, next: cursor };
}
