/** How long requests take while something else goes on. */

const INTERVAL_MS = 25;
const OPEN_MAX = 100;

export interface Probe {
  /** Milliseconds that each of them took, those under way included. */
  end(): Promise<readonly number[]>;
}

/** Sends a GET every 25 ms, whether the ones before were answered or not. */
export function probe(url: string): Probe {
  const delays: number[] = [];
  const open = new Set<Promise<void>>();
  const get = async (): Promise<void> => {
    const start = performance.now();
    const response = await fetch(url);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    delays.push(performance.now() - start);
  };
  let failure: unknown;
  const timer = setInterval(() => {
    if (open.size >= OPEN_MAX) return;
    const one = get()
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => open.delete(one));
    open.add(one);
  }, INTERVAL_MS);
  return {
    async end() {
      clearInterval(timer);
      await Promise.all(open);
      if (failure !== undefined) throw failure;
      return delays;
    },
  };
}
