/** Work on many items, some at a time. */

/** Runs `work` on every item, at most `lanes` at once; after a failure no more are begun, and it rejects with the first. */
export async function inLanes<T>(items: Iterable<T>, lanes: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]();
  let failed = false;
  const lane = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true && !failed; next = rest.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await allEnded(Array.from({ length: lanes }, lane));
}

/** Waits until all have ended, so that none goes on behind whoever waits; rejects with the first of those that failed. */
export async function allEnded(work: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(work);
  const rejected = outcomes.find(({ status }) => status === "rejected");
  if (rejected?.status === "rejected") throw rejected.reason;
}

/** Items in groups of `size`, the last one smaller. */
export function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
