/** Numbers about a running node, for whoever watches it: modules declare and count, an adapter shows. Types only. */

/** A value for each label of a metric. Values are of small, fixed sets: never what a peer or a caller chose. */
export type Labels<L extends string> = Readonly<Record<L, string>>;

export interface MetricOptions<L extends string> {
  /** Prefixed `counterpart_`, with its unit at the end; counters end with `_total`. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly L[];
}

export interface HistogramOptions<L extends string> extends MetricOptions<L> {
  /** Upper bounds, rising. */
  readonly buckets: readonly number[];
}

export interface Counter<L extends string = never> {
  /** @param amount 1 when absent; never negative */
  add(labels: Labels<L>, amount?: number): void;
}

export interface Histogram<L extends string = never> {
  observe(labels: Labels<L>, value: number): void;
}

/** Each name is declared once for a node. */
export interface Metrics {
  counter<L extends string = never>(options: MetricOptions<L>): Counter<L>;
  histogram<L extends string = never>(options: HistogramOptions<L>): Histogram<L>;
  /** @param read gives the present value; asked whenever somebody looks */
  gauge(options: MetricOptions<never>, read: () => number): void;
}
