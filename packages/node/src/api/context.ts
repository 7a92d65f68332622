/** What the routes are given, and the server type that they are registered on. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { CodedError } from "@counterpart/core/base/errors";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from "fastify";
import type { ApiMetrics } from "./api-metrics.ts";
import type { Backend } from "./backend.ts";
import type { RateLimits } from "./rate-limits.ts";
import type { RpcLimits } from "./rpc/limits.ts";
import type { LogLimits } from "./rpc/logs.ts";

/** Who vouches for the head: nobody on the open development chain, a listed signer where the genesis has signers. */
export type Certified = "none" | "signer";

export interface ApiContext {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ApiMetrics;
  readonly certified: Certified;
  readonly rpcLimits: RpcLimits;
  readonly logLimits: LogLimits;
  readonly rateLimits: RateLimits;
  /** Whether the node serves: false while it starts or stops. */
  readonly ready: () => boolean;
  /** Damage that a read of the database came upon. */
  readonly damage: () => CodedError | undefined;
}

export type ApiInstance = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
