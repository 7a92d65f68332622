/**
 * How many calls an address beyond loopback may make. A request is one call, over JSON-RPC each of a batch, over HTTP and
 * WebSocket alike. An allowance may be overdrawn by one batch; then the next call waits until that has been made good.
 */

import { dropOldest } from "@counterpart/core/base/drop-oldest";
import { CodedError } from "@counterpart/core/base/errors";
import { isLoopbackAddress, networkOf } from "@counterpart/core/base/ip-address";
import type { Clock } from "@counterpart/core/ports/runtime";
import { type Bucket, createBucket } from "../driver/allowances.ts";
import type { ApiMetrics } from "./api-metrics.ts";

/** Calls a second of one address, unless another number is set. */
export const API_RATE = 100;
/** After a pause an address may make as many calls at once as in so many seconds. */
const BURST_S = 10;
/** Addresses that are remembered. Those that were not seen for longest begin anew. */
const ADDRESSES_MAX = 4_096;

/** What one caller has left. */
export interface Meter {
  /** Charges calls. Returns 0, or the time until there may be any, in ms; then nothing was charged. */
  take(calls: number): number;
  /** Charges calls that were let in already. */
  add(calls: number): void;
}

export interface RateLimits {
  /** Undefined where there is no limit: on loopback, or at all. */
  meterOf(address: string | undefined): Meter | undefined;
}

export interface RateLimitsDeps {
  /** Calls a second of one address; 0 for any number. */
  readonly perSecond: number;
  readonly clock: Clock;
  readonly metrics: Pick<ApiMetrics, "limited">;
}

export function createRateLimits({ perSecond, clock, metrics }: RateLimitsDeps): RateLimits {
  const buckets = new Map<string, Bucket>();
  const bucketOf = (key: string): Bucket => {
    const bucket = buckets.get(key) ?? createBucket(perSecond, perSecond * BURST_S, clock);
    buckets.delete(key);
    buckets.set(key, bucket);
    dropOldest(buckets, ADDRESSES_MAX);
    return bucket;
  };
  return {
    meterOf(address = "") {
      if (perSecond === 0 || isLoopbackAddress(address)) return undefined;
      const key = networkOf(address);
      return {
        take(calls) {
          const bucket = bucketOf(key);
          const waitMs = bucket.waitMs();
          if (waitMs > 0) metrics.limited.add({});
          else bucket.spend(calls);
          return waitMs;
        },
        add: (calls) => bucketOf(key).spend(calls),
      };
    },
  };
}

/** @throws CodedError `RATE_LIMITED`, with `retryAfterMs` */
export function checkRate(meter: Meter | undefined): void {
  const retryAfterMs = meter?.take(1) ?? 0;
  if (retryAfterMs === 0) return;
  throw new CodedError("RATE_LIMITED", "this address makes more calls than this node answers", { retryAfterMs });
}
