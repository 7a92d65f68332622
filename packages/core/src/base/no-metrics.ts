/** Metrics that nobody looks at: for parts that are used without them. */

import type { Metrics } from "../ports/metrics.ts";

export const NO_METRICS: Metrics = {
  counter: () => ({ add() {} }),
  histogram: () => ({ observe() {} }),
  gauge() {},
};
